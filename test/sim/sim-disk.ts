/** A spool's disk in memory. It outlives the process that writes to it; it may be full for a while, and then takes
 *  the first half of what is written. */
import type { SpoolDisk } from '../../src/ingest/spool-disk.ts';

export class SimDisk {
  readonly #files = new Map<string, Buffer>();
  full = false;

  /** The disk as one process sees it, until `ends` says that it is dead: then its writes reach nothing. */
  open(ends: AbortSignal): SpoolDisk {
    const files = this.#files;
    const check = (): void => {
      if (ends.aborted) throw new Error('the process is dead');
      if (this.full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    const bytes = (name: string): Buffer => files.get(name) ?? Buffer.alloc(0);
    return {
      list: async () => [...files.keys()].toSorted(),
      read: async (name) => Buffer.from(bytes(name)),
      readAt: async (name, offsetBytes, lengthBytes) =>
        Buffer.from(bytes(name).subarray(offsetBytes, offsetBytes + lengthBytes)),
      async create(name) {
        check();
        files.set(name, Buffer.alloc(0));
      },
      append: async (name, more) => {
        if (this.full && !ends.aborted) {
          files.set(name, Buffer.concat([bytes(name), more.subarray(0, more.length >> 1)]));
        }
        check();
        files.set(name, Buffer.concat([bytes(name), more]));
      },
      async sync() {
        check();
      },
      async clear(name) {
        check();
        files.set(name, Buffer.alloc(0));
      },
      async remove(name) {
        check();
        files.delete(name);
      },
      async close() {},
    };
  }
}
