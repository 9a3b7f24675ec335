/** Counts events that say themselves when they happened, and tells them second by second as one source. They come
 *  late and out of order: a second is told as soon as something is known of it, marked partial, and again when more
 *  came; once it is settled it is told in full, also where nothing was in it, so that none is not unknown. The fold
 *  adds what is told of a second. Owns: the tallies of the seconds that were not told yet, the numbering.
 *  Invariants: what was counted is in the rows (or `dropped`) of exactly one batch; each second from the first one
 *  measured on is told in full once, in order. */
import { encodeBatch, type Report, type Source } from '../../model/batch.ts';
import type { Checksum } from '../../model/crc32c.ts';
import type { Instrumentation } from '../../model/instrumentation.ts';
import { REPORT_KEYS_MAX } from '../../model/limits.ts';
import { compilePredicate, type FieldReader } from '../../model/predicate.ts';
import { inParts } from '../batch-parts.ts';
import type { EncodedBatch } from '../driver.ts';
import { newIncarnation } from '../source-sequence.ts';
import { Tally } from '../tally.ts';

/** Keys in all tallies not told yet, about a kilobyte each; past that they are told at once. */
const OPEN_KEYS_MAX = 64 * REPORT_KEYS_MAX;
/** Tallies not told yet. */
const OPEN_TALLIES_MAX = 16_384;
/** A jump of the clock by more is no silence of which seconds could be told. */
const SILENT_SECONDS_MAX = 600;

interface Measure {
  readonly instrumentation: Instrumentation;
  readonly where: ((read: FieldReader) => boolean) | undefined;
  /** The first second that is measured whole. */
  readonly sinceSecond: number;
  readonly tallies: Map<number, Tally>;
}

export interface TellerOptions {
  readonly host: string;
  readonly driver: string;
  readonly random: () => number;
  readonly checksum?: Checksum;
}

export class Teller {
  readonly source: Source;
  readonly #checksum: Checksum | undefined;
  readonly #measures = new Map<string, Measure>();
  readonly #byMetric = new Map<string, Measure[]>();
  #sequence = 0;
  #settled: number | undefined;
  #lastSecond: number | undefined;

  constructor({ host, driver, random, checksum }: TellerOptions) {
    this.source = { host, driver, incarnation: newIncarnation(random) };
    this.#checksum = checksum;
  }

  /** The newest second that was told. */
  get lastSecond(): number | undefined {
    return this.#lastSecond;
  }

  get isIdle(): boolean {
    return this.#measures.size === 0;
  }

  measures(metric: string): boolean {
    return this.#byMetric.has(metric);
  }

  /** The first second of which all is measured; undefined where it is not measured. */
  sinceSecond(id: string): number | undefined {
    return this.#measures.get(id)?.sinceSecond;
  }

  add(instrumentation: Instrumentation, nowSecond: number): void {
    if (this.#measures.has(instrumentation.id)) return;
    const { id, where } = instrumentation;
    this.#measures.set(id, {
      instrumentation,
      where: where && compilePredicate(where),
      sinceSecond: nowSecond + 1,
      tallies: new Map(),
    });
    this.#index();
  }

  remove(id: string): void {
    this.#measures.delete(id);
    this.#index();
    if (this.#measures.size === 0) this.#settled = undefined;
  }

  /** Counts one event, or an amount, that happened in `second`. */
  count(metric: string, second: number, read: FieldReader, amount = 1): void {
    const measures = this.#byMetric.get(metric);
    if (measures === undefined) return;
    for (const { instrumentation, where, tallies } of measures) {
      let tally = tallies.get(second);
      if (tally === undefined) tallies.set(second, (tally = new Tally(instrumentation, where)));
      tally.count(read, amount);
    }
  }

  /** Whether so much is counted that it should be told now. */
  isFull(): boolean {
    let keys = 0;
    let tallies = 0;
    for (const measure of this.#measures.values()) {
      tallies += measure.tallies.size;
      for (const tally of measure.tallies.values()) keys += tally.keyCount;
    }
    return keys > OPEN_KEYS_MAX || tallies > OPEN_TALLIES_MAX;
  }

  /** The seconds up to `untilSecond` of which something is new, `untilSecond` itself even where nothing is, and those
   *  up to `settledSecond` that are settled since the last call. */
  tell(untilSecond: number, settledSecond: number): EncodedBatch[] {
    if (this.#measures.size === 0) return [];
    const before = this.#settled ?? settledSecond - 1;
    const from = settledSecond - before > SILENT_SECONDS_MAX ? settledSecond - 1 : before;
    const seconds = new Set<number>([untilSecond]);
    for (let second = from + 1; second <= settledSecond; second++) seconds.add(second);
    for (const { tallies } of this.#measures.values())
      for (const second of tallies.keys()) if (second <= untilSecond) seconds.add(second);
    this.#settled = Math.max(before, settledSecond);
    const isSettling = (second: number): boolean => second > from && second <= settledSecond;
    return [...seconds]
      .toSorted((a, b) => a - b)
      .flatMap((second) => this.#batches(second, isSettling(second), second === untilSecond));
  }

  /** All that is counted up to `untilSecond`, as parts of their seconds: where there is no room to wait. */
  spill(untilSecond: number): EncodedBatch[] {
    const seconds = new Set<number>();
    for (const { tallies } of this.#measures.values())
      for (const second of tallies.keys()) seconds.add(second);
    return [...seconds]
      .filter((second) => second <= untilSecond)
      .toSorted((a, b) => a - b)
      .flatMap((second) => this.#batches(second, false, false));
  }

  #batches(second: number, isSettling: boolean, isNewest: boolean): EncodedBatch[] {
    const reports: Report[] = [];
    for (const { instrumentation, sinceSecond, tallies } of this.#measures.values()) {
      const { id, grid } = instrumentation;
      const isDue = (isSettling && second >= sinceSecond) || (isNewest && second >= sinceSecond - 1);
      const tally = tallies.get(second);
      if (tally === undefined && !isDue) continue;
      tallies.delete(second);
      const { rows, dropped } = tally?.drain() ?? { rows: [], dropped: 0 };
      if (rows.length === 0 && dropped === 0 && !isDue) continue;
      const partial = !(isSettling && second >= sinceSecond);
      reports.push({ instrumentation: id, grid, partial, dropped, rows });
    }
    return reports.length === 0 ? [] : this.#encode(second, reports);
  }

  #encode(second: number, reports: readonly Report[]): EncodedBatch[] {
    const { source } = this;
    const batches: EncodedBatch[] = [];
    const encode = (part: readonly Report[]): Uint8Array =>
      encodeBatch({ source, sequence: this.#sequence, second, reports: part }, this.#checksum);
    inParts(reports, encode, (bytes) => {
      batches.push({ source, sequence: this.#sequence, second, bytes });
      this.#sequence++;
    });
    this.#lastSecond = Math.max(this.#lastSecond ?? 0, second);
    return batches;
  }

  #index(): void {
    this.#byMetric.clear();
    for (const measure of this.#measures.values()) {
      const { metric } = measure.instrumentation;
      this.#byMetric.set(metric, [...(this.#byMetric.get(metric) ?? []), measure]);
    }
  }
}
