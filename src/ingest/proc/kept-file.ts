/** A file of /proc that is read again and again through one descriptor: pread from its start gives its present
 *  text. Such a read does not wait for any disk, so it is synchronous: that costs a tenth of the thread pool. */
import { closeSync, openSync, readSync } from 'node:fs';

/** A file of /proc that is longer is cut; the longest here, /proc/stat, is 30 KB with 500 CPUs. */
const FILE_BYTES_MAX = 1024 * 1024;

export class KeptFile {
  readonly path: string;
  #descriptor: number | undefined;
  #buffer = Buffer.allocUnsafe(8192);

  constructor(path: string) {
    this.path = path;
  }

  /** Throws the system's error; then the file is opened anew at the next read. */
  read(): string {
    try {
      this.#descriptor ??= openSync(this.path, 'r');
      let length = 0;
      // The kernel gives a page or so at a time: the end is where it gives nothing.
      for (;;) {
        if (length === this.#buffer.length) {
          if (length >= FILE_BYTES_MAX) break;
          this.#buffer = Buffer.concat([this.#buffer], length * 2);
        }
        const got = readSync(this.#descriptor, this.#buffer, length, this.#buffer.length - length, length);
        if (got === 0) break;
        length += got;
      }
      return this.#buffer.toString('latin1', 0, length);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
