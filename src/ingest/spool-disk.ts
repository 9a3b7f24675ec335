/** What the spool asks of a disk: whole files by name in one directory, of which the newest is written. The real
 *  one is here; in tests one fills up, or dies after a number of operations. The spool does not sync: it guards
 *  against the death of this process, and a power cut takes at most what the log had not confirmed either. */
import { type FileHandle, mkdir, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { assert } from '../model/assert.ts';

export interface SpoolDisk {
  list(): Promise<string[]>;
  read(name: string): Promise<Uint8Array>;
  /** Fewer bytes where the file is shorter. */
  readAt(name: string, offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
  /** Makes the file that is written from now on; fails where it exists. */
  create(name: string): Promise<void>;
  /** At the end of the file made last. May have written a part when it rejects. */
  append(name: string, bytes: Uint8Array): Promise<void>;
  /** Resolves when the file made last, and its name, outlive a power cut. */
  sync(name: string): Promise<void>;
  /** Empties the file made last. */
  clear(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

export function directoryDisk(directory: string): SpoolDisk {
  let current: { readonly name: string; readonly handle: FileHandle; isNamed: boolean } | undefined;
  const path = (name: string): string => join(directory, name);
  const handleOf = (name: string): FileHandle => {
    assert(current?.name === name, () => `file ${name} is not the one written`);
    return current!.handle;
  };
  const closeCurrent = async (): Promise<void> => {
    const closing = current;
    current = undefined;
    await closing?.handle.close();
  };
  return {
    async list() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      return (await readdir(directory)).toSorted();
    },
    read: (name) => readFile(path(name)),
    async readAt(name, offsetBytes, lengthBytes) {
      const handle = await open(path(name), 'r');
      try {
        const bytes = Buffer.allocUnsafe(lengthBytes);
        const { bytesRead } = await handle.read(bytes, 0, lengthBytes, offsetBytes);
        return bytes.subarray(0, bytesRead);
      } finally {
        await handle.close();
      }
    },
    async create(name) {
      await closeCurrent();
      current = { name, handle: await open(path(name), 'ax', 0o600), isNamed: false };
    },
    async append(name, bytes) {
      const handle = handleOf(name);
      for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
    },
    async sync(name) {
      const handle = handleOf(name);
      await handle.datasync();
      if (current?.isNamed !== false) return;
      const folder = await open(directory, 'r');
      try {
        await folder.sync();
      } finally {
        await folder.close();
      }
      current.isNamed = true;
    },
    clear: (name) => handleOf(name).truncate(0),
    async remove(name) {
      if (current?.name === name) await closeCurrent();
      await unlink(path(name));
    },
    close: closeCurrent,
  };
}
