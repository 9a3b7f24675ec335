/** Reads a file log, also from another thread than the writer's: sees only what the tail says is durable, opens
 *  files by itself and shares nothing else with the writer. Each `read` has its own place and its own open file,
 *  so that trimming takes no file from under it. Batches are at most 1 MB, or one entry that is larger. */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { type Checksum, crc32c } from '../model/crc32c.ts';
import {
  ARRIVAL_DISORDER_MS_MAX,
  LogCorruptError,
  type LogEntry,
  type LogReader,
  LogUnavailableError,
} from '../model/log.ts';
import { fileHeader, type LogFileName, logFileNames } from './log-directory.ts';
import type { DurableTail } from './log-tail.ts';
import { decodeRecord, FILE_HEADER_BYTES, peekRecord, RECORD_HEADER_BYTES } from './record.ts';
import { type Mark, SparseIndex } from './sparse-index.ts';

/** Bytes read at a time, and so of one batch. */
const READ_BYTES = 1024 * 1024;

export function openFileLogReader(
  directory: string,
  tail: DurableTail,
  checksum: Checksum = crc32c,
): LogReader {
  return new FileLogReader(directory, tail, checksum);
}

class FileLogReader implements LogReader {
  readonly #directory: string;
  readonly #tail: DurableTail;
  readonly #checksum: Checksum;
  readonly #index = new SparseIndex();
  readonly #closed = new AbortController();

  constructor(directory: string, tail: DurableTail, checksum: Checksum) {
    this.#directory = directory;
    this.#tail = tail;
    this.#checksum = checksum;
  }

  async *read(
    from: number,
    signal: AbortSignal,
    untilOffset = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<readonly LogEntry[]> {
    const ends = AbortSignal.any([signal, this.#closed.signal]);
    let cursor: Cursor | undefined;
    let next = from;
    try {
      while (!ends.aborted && next < untilOffset) {
        const end = Math.min(this.#tail.end(), untilOffset);
        if (next >= end) {
          await this.#tail.changed(ends);
          continue;
        }
        cursor ??= await this.#cursorAt(next);
        const batch = await cursor.take(end);
        next = cursor.next;
        if (batch.length > 0) {
          yield batch;
        } else {
          const follower = await this.#cursorAt(next, cursor);
          await cursor.close();
          cursor = follower;
          next = cursor.next;
        }
      }
    } finally {
      await cursor?.close();
    }
  }

  async seek(arrivedMs: number): Promise<number | undefined> {
    const end = this.#tail.end();
    const files = await this.#files();
    // What comes before an entry of this time arrived before `arrivedMs`.
    const sureMs = arrivedMs - ARRIVAL_DISORDER_MS_MAX;
    let [low, high] = [-1, files.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      const firstMs = await this.#firstArrivedMs(files[middle]!, end);
      if (firstMs !== undefined && firstMs < sureMs) low = middle;
      else high = middle;
    }
    const file = files[Math.max(low, 0)];
    if (file === undefined || (low < 0 && file.firstOffset > 0)) return undefined;
    for (let offset = file.firstOffset; ;) {
      const cursor = await this.#cursorAt(offset);
      try {
        // Trimmed meanwhile.
        if (cursor.next > offset) return undefined;
        if (await cursor.seekTime({ offset: end, arrivedMs })) return cursor.next;
        offset = cursor.next;
      } finally {
        await cursor.close();
      }
    }
  }

  /** When the file's first entry arrived; undefined where it has none below `end`. */
  async #firstArrivedMs(file: LogFileName, end: number): Promise<number | undefined> {
    if (file.firstOffset >= end) return undefined;
    const cursor = await this.#cursorAt(file.firstOffset);
    try {
      return await cursor.arrivedMs();
    } finally {
      await cursor.close();
    }
  }

  async identity(): Promise<string> {
    const newest = (await this.#files()).at(-1);
    if (newest === undefined)
      throw new LogUnavailableError(`Cannot read log "${this.#directory}": it has no file`);
    const handle = await open(newest.path);
    try {
      return fileHeader(newest, await readAt(handle, 0, FILE_HEADER_BYTES)).identity;
    } finally {
      await handle.close();
    }
  }

  end(): Promise<number> {
    return Promise.resolve(this.#tail.end());
  }

  close(): Promise<void> {
    this.#closed.abort();
    return Promise.resolve();
  }

  async #files(): Promise<LogFileName[]> {
    return logFileNames(this.#directory, await readdir(this.#directory));
  }

  /** A cursor at `offset`, or at the oldest entry where that one is gone. `before` is the file that ended there
   *  although the log goes on. */
  async #cursorAt(offset: number, before?: Cursor): Promise<Cursor> {
    for (;;) {
      const files = await this.#files();
      this.#index.keepOnly(files.map((file) => file.firstOffset));
      const file = files.findLast(({ firstOffset }) => firstOffset <= offset) ?? files[0];
      if (file === undefined)
        throw new LogUnavailableError(`Cannot read log "${this.#directory}": it has no file`);
      if (before !== undefined && file.firstOffset < offset) {
        const what = `it ends before offset ${offset}, expected entries below ${this.#tail.end()}`;
        throw new LogCorruptError(before.path, before.positionBytes, what);
      }
      const cursor = await Cursor.open(file, this.#index, this.#checksum);
      // Undefined: trimmed between listing and opening; the next listing is without it.
      if (cursor === undefined) continue;
      try {
        await cursor.seek(Math.max(offset, file.firstOffset));
        return cursor;
      } catch (error) {
        await cursor.close();
        throw error;
      }
    }
  }
}

/** A place in one open file. */
class Cursor {
  readonly path: string;
  /** Offset and place of the record that comes next. */
  next: number;
  positionBytes = FILE_HEADER_BYTES;
  readonly #firstOffset: number;
  readonly #handle: FileHandle;
  readonly #index: SparseIndex;
  readonly #checksum: Checksum;

  private constructor(file: LogFileName, handle: FileHandle, index: SparseIndex, checksum: Checksum) {
    this.path = file.path;
    this.next = file.firstOffset;
    this.#firstOffset = file.firstOffset;
    this.#handle = handle;
    this.#index = index;
    this.#checksum = checksum;
  }

  static async open(file: LogFileName, index: SparseIndex, checksum: Checksum): Promise<Cursor | undefined> {
    let handle: FileHandle;
    try {
      handle = await open(file.path);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    try {
      fileHeader(file, await readAt(handle, 0, FILE_HEADER_BYTES));
      return new Cursor(file, handle, index, checksum);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Goes to `offset`, or to the end of the file where it ends before. */
  async seek(offset: number): Promise<void> {
    const mark = this.#index.nearest(this.#firstOffset, (at) => at.offset <= offset);
    await this.#walk(mark, { offset, arrivedMs: Number.POSITIVE_INFINITY });
  }

  /** Goes to the first record that arrived at `arrivedMs` or later, or to `offset`; false where the file ends
   *  before both. */
  seekTime(to: { readonly offset: number; readonly arrivedMs: number }): Promise<boolean> {
    const sureMs = to.arrivedMs - ARRIVAL_DISORDER_MS_MAX;
    const isBefore = (at: Mark): boolean => at.arrivedMs < sureMs && at.offset <= to.offset;
    return this.#walk(this.#index.nearest(this.#firstOffset, isBefore), to);
  }

  /** When the record at the place arrived. */
  async arrivedMs(): Promise<number> {
    const record = peekRecord(await this.#bytes(RECORD_HEADER_BYTES), 0, this.next);
    if (record.kind !== 'header') throw this.#corrupt(0, record.what);
    return record.arrivedMs;
  }

  /** Hops from `mark` to the first record that is at or after either of `to`: true; or to the end of the file. */
  async #walk(
    mark: Mark | undefined,
    to: { readonly offset: number; readonly arrivedMs: number },
  ): Promise<boolean> {
    if (mark !== undefined) [this.next, this.positionBytes] = [mark.offset, mark.positionBytes];
    while (this.next < to.offset) {
      const bytes = await this.#bytes(READ_BYTES);
      let [at, lastMs, isThere] = [0, 0, false];
      while (this.next < to.offset) {
        const record = peekRecord(bytes, at, this.next);
        if (record.kind === 'fault') throw this.#corrupt(at, record.what);
        isThere = record.kind === 'header' && record.arrivedMs >= to.arrivedMs;
        if (record.kind === 'short' || isThere) break;
        at += record.lengthBytes;
        lastMs = record.arrivedMs;
        this.next += 1;
      }
      if (at > 0) this.#hop(at, lastMs);
      if (isThere) return true;
      if (at === 0) return false;
    }
    return true;
  }

  #hop(bytes: number, arrivedMs: number): void {
    this.positionBytes += bytes;
    const { next: offset, positionBytes } = this;
    this.#index.note(this.#firstOffset, { offset, positionBytes, arrivedMs });
  }

  /** The next entries below `end`; none at the end of the file. */
  async take(end: number): Promise<LogEntry[]> {
    let bytes = await this.#bytes(READ_BYTES);
    if (bytes.length === 0) return [];
    const first = bytes.length < RECORD_HEADER_BYTES ? undefined : peekRecord(bytes, 0, this.next);
    if (first?.kind === 'header' && first.lengthBytes > bytes.length)
      bytes = await this.#bytes(first.lengthBytes);
    const batch: LogEntry[] = [];
    let at = 0;
    while (this.next < end) {
      const record = decodeRecord(bytes, at, this.next, this.#checksum);
      if (record.kind === 'short' && batch.length > 0) break;
      if (record.kind !== 'record') throw this.#corrupt(at, record.what);
      batch.push(record.entry);
      at += record.lengthBytes;
      this.next += 1;
    }
    if (batch.length > 0) this.#hop(at, batch.at(-1)!.arrivedMs);
    return batch;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #bytes(lengthBytes: number): Promise<Buffer> {
    const { size } = await this.#handle.stat();
    return readAt(this.#handle, this.positionBytes, Math.min(lengthBytes, size - this.positionBytes));
  }

  #corrupt(at: number, what: string): LogCorruptError {
    return new LogCorruptError(this.path, this.positionBytes + at, what);
  }
}

async function readAt(handle: FileHandle, positionBytes: number, lengthBytes: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Math.max(0, lengthBytes));
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, positionBytes + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}
