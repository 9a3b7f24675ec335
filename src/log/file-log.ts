/** The log in a directory of this machine: the embedded one. A commit group is what arrived while the group
 *  before it was being synced: one write, one fdatasync, then its promises resolve in order. Owns: the queue,
 *  group commit, the lock, coming back by itself after a failed write.
 *
 *  After a failed write all that waits is refused, and so is every append until a probe was written and synced:
 *  tried again after 100 ms, doubling to 5 s. Bounds: 64 MB or 65,536 entries wait, then appends are refused. */
import { randomUUID } from 'node:crypto';
import { assert } from '../model/assert.ts';
import type { Clock } from '../model/clock.ts';
import { type Checksum, crc32c } from '../model/crc32c.ts';
import { ENTRY_BYTES_MAX } from '../model/limits.ts';
import { LogUnavailableError, type LogWriter } from '../model/log.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { type Disk, realDisk } from './disk.ts';
import { HEALTHY, type LogHealth, reasonOf } from './health.ts';
import { type GroupEntry, LogFiles } from './log-files.ts';
import { type DurableTail, Tail } from './log-tail.ts';

/** A file is a unit of trimming: small against a disk, large against its own making. */
const FILE_BYTES = 64 * 1024 * 1024;
/** One group's bytes: a larger one would keep the first of its entries waiting. One entry may be larger. */
const GROUP_BYTES_MAX = 1024 * 1024;
/** What may wait for the disk: some seconds of a busy fleet. */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
const QUEUE_ENTRIES_MAX = 65_536;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5000;
/** A write that takes longer is reported, though it may still succeed. */
const STALLED_MS = 5000;

assert(ENTRY_BYTES_MAX <= QUEUE_BYTES_MAX, 'every entry fits the queue');

export interface FileLogOptions {
  readonly clock: Clock;
  readonly fileBytes?: number;
  readonly checksum?: Checksum;
  readonly disk?: Disk;
  /** A UUID for a log that is made. */
  readonly newIdentity?: () => string;
}

export interface FileLog extends LogWriter {
  readonly confirmsDurably: true;
  /** As LogReader.identity. */
  readonly identity: string;
  /** Bytes of a torn write that opening cut off the end. */
  readonly cutBytes: number;
  readonly tail: DurableTail;
  health(): LogHealth;
}

/** Opens the log in `directory`, which is made where it is missing. Throws LogLockedError when another process
 *  has it open, LogCorruptError when its newest file is damaged elsewhere than at a torn end. */
export async function openFileLog(directory: string, options: FileLogOptions): Promise<FileLog> {
  const {
    clock,
    fileBytes = FILE_BYTES,
    checksum = crc32c,
    disk = realDisk,
    newIdentity = randomUUID,
  } = options;
  await disk.makeDirectory(directory);
  const lock = await lockDirectory(directory);
  try {
    const nowMs = (): number => clock.nowMs();
    const files = await LogFiles.open(directory, { disk, fileBytes, checksum, nowMs, newIdentity });
    return new GroupCommitLog(directory, files, lock, clock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

interface Waiting extends GroupEntry {
  readonly resolve: () => void;
  readonly reject: (error: LogUnavailableError) => void;
}

class GroupCommitLog implements FileLog {
  readonly confirmsDurably = true;
  readonly #directory: string;
  readonly #files: LogFiles;
  readonly #lock: DirectoryLock;
  readonly #clock: Clock;
  readonly #tail: Tail;
  readonly #closing = new AbortController();
  readonly #ended: Promise<void>;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #wake: () => void = () => {};
  #failure: { readonly cause: unknown; readonly sinceMs: number } | undefined;
  #writingSinceMs: number | undefined;

  constructor(directory: string, files: LogFiles, lock: DirectoryLock, clock: Clock) {
    this.#directory = directory;
    this.#files = files;
    this.#lock = lock;
    this.#clock = clock;
    this.#tail = new Tail(files.end);
    this.#ended = this.#run();
  }

  get identity(): string {
    return this.#files.identity;
  }

  get cutBytes(): number {
    return this.#files.cutBytes;
  }

  get tail(): DurableTail {
    return this.#tail;
  }

  append(payload: Uint8Array): Promise<void> {
    assert(
      payload.length >= 1 && payload.length <= ENTRY_BYTES_MAX,
      () => `payload has ${payload.length} bytes`,
    );
    const refusal = this.#refusal(payload.length);
    if (refusal !== undefined) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const arrivedMs = Math.floor(this.#clock.nowMs());
      this.#queue.push({ arrivedMs, payload, resolve, reject });
      this.#queuedBytes += payload.length;
      this.#wake();
    });
  }

  async trim(offset: number): Promise<void> {
    await this.#files.trim(offset);
  }

  health(): LogHealth {
    if (this.#failure !== undefined) {
      return { ok: false, reason: reasonOf(this.#failure.cause), sinceMs: this.#failure.sinceMs };
    }
    const sinceMs = this.#writingSinceMs;
    const tookMs = sinceMs === undefined ? 0 : this.#clock.nowMs() - sinceMs;
    if (sinceMs === undefined || tookMs < STALLED_MS) return HEALTHY;
    return { ok: false, reason: `a write takes ${Math.floor(tookMs / 1000)} s`, sinceMs };
  }

  async close(): Promise<void> {
    if (!this.#closing.signal.aborted) {
      this.#closing.abort();
      this.#wake();
    }
    await this.#ended;
  }

  #refusal(lengthBytes: number): LogUnavailableError | undefined {
    if (this.#closing.signal.aborted) return this.#unavailable('it is closed');
    if (this.#failure !== undefined) return this.#unavailable('a write failed', this.#failure.cause);
    const isFull =
      this.#queue.length >= QUEUE_ENTRIES_MAX || this.#queuedBytes + lengthBytes > QUEUE_BYTES_MAX;
    if (!isFull) return undefined;
    return this.#unavailable(`${this.#queue.length} entries of ${this.#queuedBytes} bytes wait for the disk`);
  }

  #unavailable(state: string, cause?: unknown): LogUnavailableError {
    return new LogUnavailableError(`Cannot append to log "${this.#directory}": ${state}`, { cause });
  }

  /** Writes group after group until closed and empty. */
  async #run(): Promise<void> {
    for (;;) {
      if (this.#queue.length > 0) await this.#commit(this.#takeGroup());
      else if (this.#closing.signal.aborted) break;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    await this.#files.close().catch(() => {
      /* all that was confirmed is synced */
    });
    await this.#lock.release();
  }

  #takeGroup(): Waiting[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#queue.length) {
      bytes += this.#queue[count]!.payload.length;
      if (count > 0 && bytes > GROUP_BYTES_MAX) break;
      count++;
    }
    const group = this.#queue.splice(0, count);
    for (const { payload } of group) this.#queuedBytes -= payload.length;
    return group;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    this.#writingSinceMs = this.#clock.nowMs();
    try {
      await this.#files.write(group);
    } catch (cause) {
      this.#writingSinceMs = undefined;
      this.#fail(group, cause);
      return this.#recover();
    }
    this.#writingSinceMs = undefined;
    this.#tail.advance(this.#files.end);
    for (const { resolve } of group) resolve();
  }

  /** Refuses all that waits: the order of the calls would be broken by taking later ones first. */
  #fail(group: readonly Waiting[], cause: unknown): void {
    this.#failure = { cause, sinceMs: this.#clock.nowMs() };
    const refused = [...group, ...this.#queue];
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const { reject } of refused) reject(this.#unavailable('a write failed', cause));
  }

  async #recover(): Promise<void> {
    let waitMs = RETRY_MS_MIN;
    while (!this.#closing.signal.aborted) {
      await this.#clock.sleep(waitMs, this.#closing.signal);
      waitMs = Math.min(waitMs * 2, RETRY_MS_MAX);
      try {
        await this.#files.recover();
        this.#failure = undefined;
        return;
      } catch (cause) {
        this.#failure = { cause, sinceMs: this.#failure?.sinceMs ?? this.#clock.nowMs() };
      }
    }
  }
}
