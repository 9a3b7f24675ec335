/** A disk that fails: the real one until told otherwise. A failed write may have taken a part of its bytes; a
 *  failed sync loses what was written since the last good one, as a kernel does that drops what it could not
 *  write. */
import { type Disk, type DiskFile, realDisk } from '../../src/log/disk.ts';

export function systemError(code: 'ENOSPC' | 'EIO'): Error {
  return Object.assign(new Error(code === 'ENOSPC' ? 'no space left on device' : 'i/o error'), { code });
}

export class FailingDisk implements Disk {
  /** Asked before every operation that changes the disk; what it returns is thrown. */
  fault: (operation: string) => Error | undefined = () => undefined;
  /** Syncs wait for this. */
  gate: Promise<void> = Promise.resolve();
  operations = 0;

  #check(operation: string): void {
    this.operations += 1;
    const error = this.fault(operation);
    if (error !== undefined) throw error;
  }

  #file(file: DiskFile): DiskFile {
    let unsynced: { at: number; length: number }[] = [];
    return {
      write: async (bytes, at) => {
        try {
          this.#check('write');
        } catch (error) {
          await file.write(bytes.subarray(0, bytes.length >> 1), at);
          throw error;
        }
        // Also a good write may take less than it was given.
        const part = this.operations % 3 === 0 ? Math.max(1, bytes.length >> 1) : bytes.length;
        unsynced.push({ at, length: part });
        return file.write(bytes.subarray(0, part), at);
      },
      truncate: async (length) => {
        this.#check('truncate');
        unsynced = unsynced.filter(({ at }) => at < length);
        return file.truncate(length);
      },
      sync: async () => {
        await this.gate;
        try {
          this.#check('sync');
        } catch (error) {
          for (const { at, length } of unsynced) await file.write(new Uint8Array(length), at);
          throw error;
        }
        unsynced = [];
        return file.sync();
      },
      close: () => file.close(),
    };
  }

  makeDirectory(path: string): Promise<void> {
    return realDisk.makeDirectory(path);
  }
  list(directory: string): Promise<string[]> {
    return realDisk.list(directory);
  }
  read(path: string): Promise<Buffer> {
    return realDisk.read(path);
  }
  async create(path: string): Promise<DiskFile> {
    this.#check('create');
    return this.#file(await realDisk.create(path));
  }
  async update(path: string): Promise<DiskFile> {
    this.#check('update');
    return this.#file(await realDisk.update(path));
  }
  async rename(from: string, to: string): Promise<void> {
    this.#check('rename');
    return realDisk.rename(from, to);
  }
  async remove(path: string): Promise<void> {
    this.#check('remove');
    return realDisk.remove(path);
  }
  async syncDirectory(path: string): Promise<void> {
    // The names are on the disk, though it says they may not be: the worse of the two cases.
    this.#check('sync-directory');
    return realDisk.syncDirectory(path);
  }
}
