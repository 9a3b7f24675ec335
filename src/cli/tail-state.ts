/** What a tail remembers beyond its own life: who it is, where it is in each file, and the entries that the server may not
 *  have yet. Written before anything is sent: begun again, the same entries are sent under the same numbers, of which the
 *  fold drops what it has, and reading goes on behind them. So a line counts once, whatever is killed when.
 *  One small file, replaced as a whole. One tail at a time has it. */
import { closeSync, fdatasyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Type from 'typebox';
import Value from 'typebox/value';
import type { Packed } from '../ingest/backfill/packer.ts';
import { type DirectoryLock, lockDirectory, LogLockedError } from '../log/directory-lock.ts';
import { CommandFailure, EXIT } from './client.ts';

const Place = Type.Object({ inode: Type.Number(), offset: Type.Number(), head: Type.String() });
const Remembered = Type.Object({
  version: Type.Literal(1),
  incarnation: Type.String(),
  /** When what takes the lines was created: another one of its name is another beginning. */
  createdSecond: Type.Integer(),
  /** Of the next batch. */
  sequence: Type.Integer({ minimum: 0 }),
  lastSecond: Type.Optional(Type.Integer()),
  /** By path. */
  places: Type.Record(Type.String(), Type.Array(Place)),
  pending: Type.Array(
    Type.Object({ payload: Type.String(), fromSequence: Type.Integer(), untilSequence: Type.Integer() }),
  ),
});

export type Remembered = Type.Static<typeof Remembered>;

export class TailState {
  readonly #path: string;
  readonly #lock: DirectoryLock;

  private constructor(directory: string, lock: DirectoryLock) {
    this.#path = join(directory, 'tail.json');
    this.#lock = lock;
  }

  /** Throws CommandFailure where another tail has it. */
  static async open(directory: string): Promise<TailState> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    try {
      return new TailState(directory, await lockDirectory(directory));
    } catch (error) {
      if (!(error instanceof LogLockedError)) throw error;
      const who = error.pid === undefined ? 'another process' : `process ${error.pid}`;
      throw new CommandFailure(
        EXIT.refused,
        `Cannot follow these files: ${who} follows them into the same already`,
      );
    }
  }

  /** Undefined at the first time, and where it cannot be read. */
  read(): Remembered | undefined {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      return Value.Check(Remembered, value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  /** When this returns it outlives a crash. */
  write(remembered: Remembered): void {
    const file = openSync(`${this.#path}.new`, 'w', 0o600);
    try {
      writeSync(file, JSON.stringify(remembered));
      fdatasyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(`${this.#path}.new`, this.#path);
  }

  close(): Promise<void> {
    return this.#lock.release();
  }
}

export function remembered({ payload, fromSequence, untilSequence }: Packed): Remembered['pending'][number] {
  return { payload: Buffer.from(payload).toString('base64'), fromSequence, untilSequence };
}

export function packedOf({ payload, fromSequence, untilSequence }: Remembered['pending'][number]): Packed {
  return { payload: Buffer.from(payload, 'base64'), fromSequence, untilSequence };
}
