/** Files that the kernel makes up as they are read (/proc, cgroups): one that is read again and again is kept open, and
 *  a pread from its start gives its present text. Such a read does not wait for any disk, so it is synchronous: that
 *  costs a tenth of the thread pool. What a read gives lies in one buffer for all, and is good until the next read. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** A longer file is cut; the longest here, /proc/stat, is 30 KB with 500 CPUs. */
const FILE_BYTES_MAX = 1024 * 1024;

let buffer = Buffer.allocUnsafeSlow(16_384);

export class KeptFile {
  readonly path: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.path = path;
  }

  /** Throws the system's error; then the file is opened anew at the next read. */
  read(): Buffer {
    try {
      this.#descriptor ??= openSync(this.path, 'r');
      return readWhole(this.#descriptor);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Who owns the file; it was read before. */
  uid(): number {
    return this.#descriptor === undefined ? Number.NaN : fstatSync(this.#descriptor).uid;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** Opens, reads and closes. Throws the system's error. */
export function readOnce(path: string): Buffer {
  const file = new KeptFile(path);
  try {
    return file.read();
  } finally {
    file.close();
  }
}

function readWhole(descriptor: number): Buffer {
  let length = 0;
  // The kernel gives a page or so at a time: the end is where it gives nothing.
  for (;;) {
    if (length === buffer.length) {
      if (length >= FILE_BYTES_MAX) break;
      buffer = Buffer.concat([buffer], length * 2);
    }
    const got = readSync(descriptor, buffer, length, buffer.length - length, length);
    if (got === 0) break;
    length += got;
  }
  return buffer.subarray(0, length);
}
