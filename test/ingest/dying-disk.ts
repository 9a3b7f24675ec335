/** A real directory whose disk dies: after a number of operations, in the middle of the last one if that writes,
 *  nothing works any more. Or it fails as long as it is told to. */
import { directoryDisk, type SpoolDisk } from '../../src/ingest/spool-disk.ts';

export class DyingDisk implements SpoolDisk {
  readonly #disk: SpoolDisk;
  /** Operations that still work. */
  left: number;
  /** Of the write at which it dies, the part that still reaches the file: 0 up to 1. */
  readonly #part: number;
  operations = 0;

  constructor(directory: string, left = Number.POSITIVE_INFINITY, part = 0) {
    this.#disk = directoryDisk(directory);
    this.left = left;
    this.#part = part;
  }

  #spend(): void {
    this.operations++;
    if (this.left <= 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    this.left--;
  }

  async list(): Promise<string[]> {
    return this.#disk.list();
  }

  async read(name: string): Promise<Uint8Array> {
    return this.#disk.read(name);
  }

  async readAt(name: string, offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    return this.#disk.readAt(name, offsetBytes, lengthBytes);
  }

  async create(name: string): Promise<void> {
    this.#spend();
    return this.#disk.create(name);
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    const dies = this.left <= 1;
    if (dies && this.left === 1) await this.#disk.append(name, bytes.subarray(0, bytes.length * this.#part));
    if (dies) this.left = 0;
    this.#spend();
    return this.#disk.append(name, bytes);
  }

  async sync(name: string): Promise<void> {
    this.#spend();
    return this.#disk.sync(name);
  }

  async clear(name: string): Promise<void> {
    this.#spend();
    return this.#disk.clear(name);
  }

  async remove(name: string): Promise<void> {
    this.#spend();
    return this.#disk.remove(name);
  }

  async close(): Promise<void> {
    return this.#disk.close();
  }
}
