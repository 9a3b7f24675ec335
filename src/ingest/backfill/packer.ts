/** Packs counts into batches and batches into log entries. A function of the rows in their order: the same file gives
 *  the same bytes, so that a repeated import is a repeat to the fold, which drops it. Bounded: what is held is packed
 *  when it reaches a limit; counts of a second that come later make a further batch of that second, which adds up.
 *  Nothing becomes "(other)" here: more keys than a report may have become several batches.
 *  Seconds between two that are at most FILL_SECONDS apart get empty reports: a file that has something to say every
 *  minute says that nothing happened in between. What is in longer gaps is unknown. */
import { assert } from '../../model/assert.ts';
import { encodeBatch, type Row, type Source } from '../../model/batch.ts';
import type { Grid } from '../../model/grid.ts';
import { fromCounts, type Histogram } from '../../model/histogram.ts';
import { type Key, keyText } from '../../model/key.ts';
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX, REPORT_KEYS_MAX } from '../../model/limits.ts';
import { encodeReportEntry } from '../../model/report.ts';
import type { Closings } from './closings.ts';
import { ROW_COUNT_MAX } from './row.ts';

/** A change of how rows are packed is another version: what was imported by it is another import. */
export const PACKING_VERSION = 1;

/** A second that is filled costs about 80 bytes of log: a file that is silent for longer leaves its seconds unknown. */
const FILL_SECONDS = 60;
/** Held bytes at most, as they will be written, before the row that passes it: entries stay small, so that one is
 *  appended and folded in a few milliseconds. */
const HELD_BYTES_MAX = 512 * 1024;
const CELL_BYTES_MAX = 11;
const BATCH_BYTES_MAX = 1024;

assert(
  HELD_BYTES_MAX + ENTRY_BATCHES_MAX * BATCH_BYTES_MAX < ENTRY_BYTES_MAX / 2,
  'what is held fits an entry, with the row that passed the limit',
);

export interface Packed {
  readonly payload: Uint8Array;
  readonly fromSequence: number;
  readonly untilSequence: number;
}

export interface PackerOptions {
  readonly instrumentation: string;
  readonly grid: Grid;
  readonly everySeconds: number;
  readonly source: Source;
  /** Of the first batch; 0 where it is left out. */
  readonly sequence?: number;
  /** The newest second that was packed before. */
  readonly lastSecond?: number | undefined;
  /** Of a source that goes on: a window is a part until it is over. A file is whole as it is. */
  readonly closings?: Closings;
}

interface Held {
  readonly key: Key;
  readonly counts: Map<number, number>;
}

export class Packer {
  readonly #options: PackerOptions;
  #seconds = new Map<number, Map<string, Held>>();
  #bytes = 0;
  #total = 0;
  #keysMost = 0;
  #sequence: number;
  #lastSecond: number | undefined;

  constructor(options: PackerOptions) {
    this.#options = options;
    this.#sequence = options.sequence ?? 0;
    this.#lastSecond = options.lastSecond;
  }

  /** Of the next batch. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The newest second that was packed. */
  get lastSecond(): number | undefined {
    return this.#lastSecond;
  }

  /** True when `take` must be called before the next row. */
  add(second: number, key: Key, { buckets, counts }: Histogram): boolean {
    let keys = this.#seconds.get(second);
    if (keys === undefined) this.#seconds.set(second, (keys = new Map()));
    const text = keyText(key);
    let held = keys.get(text);
    if (held === undefined) {
      keys.set(text, (held = { key, counts: new Map() }));
      this.#bytes += key.reduce((n, value) => n + Buffer.byteLength(value) + 2, 2);
      this.#keysMost = Math.max(this.#keysMost, keys.size);
    }
    for (let i = 0; i < buckets.length; i++) {
      const before = held.counts.get(buckets[i]!);
      if (before === undefined) this.#bytes += CELL_BYTES_MAX;
      held.counts.set(buckets[i]!, (before ?? 0) + counts[i]!);
      this.#total += counts[i]!;
    }
    return this.#full();
  }

  /** Packs what is held, the oldest second first. `knownUntil`, of a source that goes on: the second before which all has
   *  come; undefined where it is behind. Windows without a count are said to have none. */
  *take(knownUntil?: number): Generator<Packed> {
    const seconds = [...this.#seconds].toSorted(([a], [b]) => a - b);
    this.#seconds = new Map();
    this.#bytes = this.#total = this.#keysMost = 0;
    let batches: Uint8Array[] = [];
    for (const batch of this.#batches(seconds, knownUntil)) {
      batches.push(batch);
      if (batches.length < ENTRY_BATCHES_MAX) continue;
      yield this.#packed(batches);
      batches = [];
    }
    if (batches.length > 0) yield this.#packed(batches);
  }

  *#batches(
    seconds: readonly (readonly [number, Map<string, Held>])[],
    knownUntil: number | undefined,
  ): Generator<Uint8Array> {
    const { closings } = this.#options;
    if (closings !== undefined) return yield* this.#windows(seconds, closings, knownUntil);
    for (const [second, keys] of seconds) {
      for (const empty of this.#gap(second)) yield this.#batch(empty, []);
      yield this.#batch(second, rowsOf(keys));
    }
  }

  *#windows(
    seconds: readonly (readonly [number, Map<string, Held>])[],
    closings: Closings,
    knownUntil: number | undefined,
  ): Generator<Uint8Array> {
    const held = new Map(seconds);
    const whole = new Set(closings.take([...held.keys()], knownUntil));
    for (const second of [...new Set([...held.keys(), ...whole])].toSorted((a, b) => a - b))
      yield this.#batch(second, rowsOf(held.get(second)), !whole.has(second));
  }

  #full(): boolean {
    return (
      this.#seconds.size >= ENTRY_BATCHES_MAX ||
      this.#bytes >= HELD_BYTES_MAX ||
      this.#keysMost >= REPORT_KEYS_MAX ||
      this.#total >= ROW_COUNT_MAX
    );
  }

  /** Steps without a row since the newest second that was packed. */
  *#gap(second: number): Generator<number> {
    const { everySeconds } = this.#options;
    const last = this.#lastSecond;
    if (last === undefined || second - last > FILL_SECONDS) return;
    for (let missing = last + everySeconds; missing < second; missing += everySeconds) yield missing;
  }

  #batch(second: number, rows: readonly Row[], partial = false): Uint8Array {
    const { instrumentation, grid, source } = this.#options;
    this.#lastSecond = Math.max(second, this.#lastSecond ?? 0);
    const reports = [{ instrumentation, grid, partial, dropped: 0, rows }];
    return encodeBatch({ source, sequence: this.#sequence++, second, reports });
  }

  #packed(batches: readonly Uint8Array[]): Packed {
    const payload = encodeReportEntry(batches);
    assert(payload.length <= ENTRY_BYTES_MAX, () => `an entry of ${payload.length} bytes`);
    return { payload, fromSequence: this.#sequence - batches.length, untilSequence: this.#sequence };
  }
}

function rowsOf(keys: ReadonlyMap<string, Held> = new Map()): Row[] {
  return [...keys.values()]
    .filter(({ counts }) => counts.size > 0)
    .map(({ key, counts }) => ({ key, histogram: fromCounts(counts) }));
}
