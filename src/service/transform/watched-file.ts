/** A file of the user's that is held as what it says, and read anew when it changes. Owns: what the file said last, when
 *  it is looked at. Does not: wait; a changed file is read while what it said before answers, and where it cannot be read
 *  that stays. */
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../../model/clock.ts';

/** Such files change a few times a day at most; a look costs one system call. */
const LOOK_MS = 10_000;

export interface WatchedFileOptions<T> {
  readonly path: string;
  readonly bytesMax: number;
  /** What its bytes say. Throws an error whose message says what is wrong. */
  readonly read: (bytes: Buffer) => T;
  /** The error that names the file; `why` is a message of `read`, or of the system. */
  readonly error: (why: string, cause: unknown) => Error;
  readonly clock: Clock;
  /** One line for a person: the file changed, and cannot be read. */
  readonly notice: (line: string) => void;
}

export class WatchedFile<T> {
  readonly #options: WatchedFileOptions<T>;
  #content: T;
  /** Of the file that was looked at last. */
  #version: string;
  #lookedMs: number;
  #looking: Promise<void> | undefined;

  /** Reads the file. Throws the error of the options. */
  constructor(options: WatchedFileOptions<T>) {
    this.#options = options;
    this.#lookedMs = options.clock.nowMs();
    try {
      const found = statSync(options.path);
      this.#version = versionOf(found);
      this.#checkSize(found);
      this.#content = options.read(readFileSync(options.path));
    } catch (cause) {
      throw this.#error(cause);
    }
  }

  /** What it said when it was read last; looks whether it changed since, for the next time. */
  content(): T {
    const nowMs = this.#options.clock.nowMs();
    if (this.#looking === undefined && Math.abs(nowMs - this.#lookedMs) >= LOOK_MS) {
      this.#lookedMs = nowMs;
      this.#looking = this.#look().finally(() => (this.#looking = undefined));
    }
    return this.#content;
  }

  /** When the file is read that is looked at just now. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { path, read, notice } = this.#options;
    try {
      const found = await stat(path);
      const version = versionOf(found);
      if (version === this.#version) return;
      this.#version = version;
      this.#checkSize(found);
      this.#content = read(await readFile(path));
    } catch (cause) {
      notice(`${this.#error(cause).message}; the one before goes on to answer`);
    }
  }

  #checkSize({ size }: { readonly size: number }): void {
    const { bytesMax } = this.#options;
    if (size > bytesMax) throw new Error(`it has ${size} bytes, expected at most ${bytesMax}`);
  }

  #error(cause: unknown): Error {
    return this.#options.error(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function versionOf({ mtimeMs, size, ino }: { mtimeMs: number; size: number; ino: number }): string {
  return `${ino} ${size} ${mtimeMs}`;
}
