/** What a peer is: one way to keep per-second histograms and to ask them, with what the bench measures of it.
 *  A peer takes the fleet's seconds in order, and answers in numbers that are checked against the fleet. */
import type { Fleet, TimeRange } from './fleet.ts';

export interface Peer {
  /** What --only takes. */
  readonly id: string;
  /** One or two words for the head of its column. */
  readonly label: string;
  /** A server is asked over HTTP and has its own process; the rest runs in the bench's process and pays none of that. */
  readonly place: 'server' | 'in process';
  /** What it is given: all periods one after another, or only the last one, because more would take too long. */
  readonly takes: 'all periods' | 'one period';
  /** Its files are kept until the end of the run: another peer goes on with them. */
  readonly keepsFiles?: boolean;
  /** Greatest relative distance of a percentile from the bucket that it lies in: 0 where it keeps our buckets. */
  readonly percentileLoss: number;
  /** Throws CannotError where it is not to be had. */
  open(place: Place): Promise<Session>;
}

/** Where a session runs. */
export interface Place {
  /** Its own, empty, removed afterwards. */
  readonly directory: string;
  readonly fleet: Fleet;
  /** The first second that it will be given in turn. */
  readonly fromSecond: number;
  /** The first of all periods. */
  readonly historySecond: number;
}

export interface Session {
  /** Name and version, as it says itself. */
  readonly version: string;
  /** Whose CPU and memory count; another one after `diskBytes` or `extend` started it anew. */
  readonly pid: number;
  /** Brings in the periods before the first second that it is given, before that, not timed. */
  preload?(): Promise<void>;
  /** What a client would send for these seconds, encoded now; the function sends it, and resolves when a query can
   *  find it, or, with a server, when it was accepted. Seconds come in order. */
  prepare(fromSecond: number, untilSecond: number): () => Promise<void>;
  /** Waits for, or asks for, what it does in quiet moments: merging, compacting, rolling up. */
  settle(): Promise<void>;
  /** Of what was sent, after settling. */
  diskBytes(): Promise<number> | number;
  /** Counts by column and bucket, and by key too; resolves when the whole answer is there. The function reads its
   *  total, not timed. */
  heatmap(range: TimeRange, byKey: boolean, signal: AbortSignal): Promise<() => number>;
  /** A heatmap by key as a PNG; absent where it draws none. */
  picture?(range: TimeRange, signal: AbortSignal): Promise<void>;
  /** p50 and p99 over all hosts and keys; the function reads them. */
  percentiles(range: TimeRange, signal: AbortSignal): Promise<() => PercentileLines>;
  /** Whether all of the newest second's `events` can be found. */
  visible(second: number, events: number): Promise<boolean>;
  /** The same, after all that it is given. */
  extend?(): Promise<void>;
  /** One more thing to know of it. */
  remark?(): string;
  /** Ends its process, releases its files. */
  close(): Promise<void>;
}

/** Per step of the range, ns. */
export interface PercentileLines {
  readonly p50: readonly number[];
  readonly p99: readonly number[];
}

/** A peer cannot do this, or not here: the message is what its cell says. */
export class CannotError extends Error {
  readonly code = 'CANNOT';
}
