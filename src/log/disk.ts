/** The disk, as far as the log's writer changes it: the one narrow place where writing fails. Two users: the
 *  real disk, and in the tests one that fails after so many operations. */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';

export interface DiskFile {
  /** Writes the first bytes of `bytes` at `positionBytes`; says how many it took. */
  write(bytes: Uint8Array, positionBytes: number): Promise<number>;
  truncate(lengthBytes: number): Promise<void>;
  /** Resolves when the file's bytes and length are durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  makeDirectory(path: string): Promise<void>;
  list(directory: string): Promise<string[]>;
  read(path: string): Promise<Buffer>;
  /** An empty file, also where one of that name was. */
  create(path: string): Promise<DiskFile>;
  update(path: string): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Resolves when the directory's names are durable. */
  syncDirectory(path: string): Promise<void>;
}

async function openFile(path: string, flags: 'w' | 'r+'): Promise<DiskFile> {
  const handle = await open(path, flags);
  return {
    write: async (bytes, positionBytes) =>
      (await handle.write(bytes, 0, bytes.length, positionBytes)).bytesWritten,
    truncate: (lengthBytes) => handle.truncate(lengthBytes),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

export const realDisk: Disk = {
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  list: (directory) => readdir(directory),
  read: (path) => readFile(path),
  create: (path) => openFile(path, 'w'),
  update: (path) => openFile(path, 'r+'),
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  syncDirectory: async (path) => {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** Writes all of `bytes`, however few the disk takes at a time. */
export async function writeWhole(file: DiskFile, bytes: Uint8Array, positionBytes: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const taken = await file.write(bytes.subarray(done), positionBytes + done);
    if (taken === 0) throw new Error(`Cannot write ${bytes.length - done} bytes: the disk took none`);
    done += taken;
  }
}
