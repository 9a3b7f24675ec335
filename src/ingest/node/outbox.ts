/** The batches of one program that the instrumenter has not called safe. Owns: which are kept, which must be sent
 *  (again), what was lost. Does not: send.
 *  Bound: BATCHES_MAX batches, and as many besides that fill back as `roomToFill` allows. The oldest go first. One that was never written is lost, and its events are told;
 *  one that was written may yet arrive, so only its events are remembered until it is acknowledged or the
 *  connection ends. */
import type { Report } from '../../model/batch.ts';

/** Seconds that a program holds for an instrumenter that is away. */
export const BATCHES_MAX = 10;
/** Batches that fill back, which wait for room; bytes of them past which there is none. */
const FILLING_MAX = 16;
const FILLING_BYTES_MAX = 1024 * 1024;
/** Batches that are gone from here and may have arrived. */
const DOUBTFUL_MAX = 600;

export interface OutboxBatch {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly reports: readonly Report[];
  /** It speaks of a second before, which is never lost here: who fills back waits instead. */
  readonly fills: boolean;
  written: boolean;
}

/** Events by instrumentation. */
export type Events = ReadonlyMap<string, number>;

export class Outbox {
  readonly #batches = new Map<number, OutboxBatch>();
  readonly #doubtful = new Map<number, Events>();
  readonly #onLost: (events: Events) => void;

  constructor(onLost: (events: Events) => void) {
    this.#onLost = onLost;
  }

  get size(): number {
    return this.#batches.size;
  }

  /** Whether another batch that fills back may be added. */
  get roomToFill(): boolean {
    const filling = [...this.#batches.values()].filter((batch) => batch.fills);
    const bytes = filling.reduce((sum, batch) => sum + batch.bytes.length, 0);
    return filling.length < FILLING_MAX && bytes < FILLING_BYTES_MAX;
  }

  fill(sequence: number, bytes: Uint8Array, reports: readonly Report[]): void {
    this.#batches.set(sequence, { sequence, bytes, reports, fills: true, written: false });
  }

  add(sequence: number, bytes: Uint8Array, reports: readonly Report[]): void {
    this.#batches.set(sequence, { sequence, bytes, reports, fills: false, written: false });
    const kept = [...this.#batches.values()].filter((batch) => !batch.fills);
    for (const batch of kept.slice(0, -BATCHES_MAX)) {
      this.#batches.delete(batch.sequence);
      if (batch.written) this.#doubtful.set(batch.sequence, eventsOf(batch.reports));
      else this.#onLost(eventsOf(batch.reports));
    }
    for (const [old, events] of this.#doubtful) {
      if (this.#doubtful.size <= DOUBTFUL_MAX) break;
      this.#doubtful.delete(old);
      this.#onLost(events);
    }
  }

  /** Those to write, in order. */
  unwritten(): OutboxBatch[] {
    return [...this.#batches.values()].filter((batch) => !batch.written);
  }

  acknowledge(sequence: number): void {
    this.#batches.delete(sequence);
    this.#doubtful.delete(sequence);
  }

  /** The connection ended: what is kept is to be written again, what is not is lost. */
  disconnected(): void {
    for (const batch of this.#batches.values()) batch.written = false;
    for (const events of this.#doubtful.values()) this.#onLost(events);
    this.#doubtful.clear();
  }

  clear(): void {
    this.#batches.clear();
    this.#doubtful.clear();
  }
}

export function eventsOf(reports: readonly Report[]): Events {
  return new Map(reports.map((report) => [report.instrumentation, report.dropped + eventsInRows(report)]));
}

export function eventsInRows(report: Report): number {
  let events = 0;
  for (const { histogram } of report.rows) for (const count of histogram.counts) events += count;
  return events;
}
