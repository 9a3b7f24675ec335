/** The log: the append-only sequence of entries, the one truth that every state is folded from. This file is
 *  the port; src/log has the file log (embedded) and the RabbitMQ stream log (fleet), and one law suite runs
 *  over both. */

/** Entries are in the order of their arrival but for this much: an entry may wait a minute for a broker, and
 *  clocks differ and are set back. A clock that is set back further blurs what is found by time, no more. */
export const ARRIVAL_DISORDER_MS_MAX = 90_000;

export interface LogEntry {
  /** Position: ascending over one log, not without holes. */
  readonly offset: number;
  /** Unix milliseconds at which the log (or, with a broker, its publisher) took the entry. */
  readonly arrivedMs: number;
  readonly payload: Uint8Array;
}

export interface LogWriter {
  /** Resolves when the entry is durable, in the order of the calls. Rejects with LogUnavailableError when it
   *  may not be: the caller keeps the payload and appends it again (the fold drops repeats).
   *  A payload is 1..ENTRY_BYTES_MAX bytes; more is a bug of the caller. */
  append(payload: Uint8Array): Promise<void>;
  /** Whether a confirmed append survives a power cut. Where not, a report is safe only when a fold covers it. */
  readonly confirmsDurably: boolean;
  /** Gives up what nobody needs: entries below `offset` may go, by whole files. */
  trim(offset: number): Promise<void>;
  close(): Promise<void>;
}

export interface LogReader {
  /** Entries at `from` and after, in order, in batches as they come, for ever: waits at the end of the log.
   *  Ends when `signal` aborts, and when all below `untilOffset` is given, where it is told one. A reader that is slow is waited for; nothing is dropped.
   *  Where entries at `from` are gone (trimmed), starts at the oldest kept. Entries may repeat after a
   *  reconnect only at offsets already given, and are then left out. */
  read(from: number, signal: AbortSignal, untilOffset?: number): AsyncIterable<readonly LogEntry[]>;
  /** An offset to read from that misses no entry which arrived at `arrivedMs` or later; it may lie earlier, by
   *  what an index is coarse, and is the end where none came since. Undefined where entries of that time may be
   *  gone (trimmed). */
  seek(arrivedMs: number): Promise<number | undefined>;
  /** Which log this is, for ever: made with it, never reused. An offset means something only within one log. */
  identity(): Promise<string>;
  /** The offset that the next append would get at least: what a reader started now would wait for. */
  end(): Promise<number>;
  close(): Promise<void>;
}

/** The log is another one than this reading began with, or has lost its end: offsets read before mean nothing
 *  any more. Ask its identity anew. */
export class LogReplacedError extends Error {
  readonly code = 'LOG_REPLACED';
}

export class LogUnavailableError extends Error {
  readonly code = 'LOG_UNAVAILABLE';
}

/** Bytes on disk are not what was written: names the file and the place. */
export class LogCorruptError extends Error {
  readonly code = 'LOG_CORRUPT';
  readonly path: string;
  readonly offsetBytes: number;
  constructor(path: string, offsetBytes: number, what: string, options?: ErrorOptions) {
    super(`Cannot read log file "${path}" at byte ${offsetBytes}: ${what}`, options);
    this.path = path;
    this.offsetBytes = offsetBytes;
  }
}
