/** A series reader over plain events, for tests: what a store would answer, built the slow and obvious way.
 *  Cells are spread over blocks in odd order and may repeat a place, as the port allows. */
import { setBit, emptyBits, type CoverageBlock } from '../../src/model/coverage.ts';
import { bucketIndex } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import type { Literal } from '../../src/model/predicate.ts';
import { compilePredicate } from '../../src/model/predicate.ts';
import {
  type CellBlock,
  CellsBuffer,
  type KeyValues,
  type SecondRange,
  type SeriesReader,
} from '../../src/model/series.ts';

export interface Event {
  /** Any metric unless told. */
  readonly metric?: string;
  readonly second: number;
  readonly fields: ReadonlyMap<string, Literal>;
  /** How often; an amount where the metric has amounts. */
  readonly count: number;
}

export interface MemoryOptions {
  /** Seconds in which the one source reported; all unless told. */
  readonly isReported?: (second: number) => boolean;
  /** Steps of the roll-ups there are. */
  readonly rollups?: readonly number[];
  /** Roll-ups reach to here; later seconds are whole ones. To the end unless told. */
  readonly rolledUntil?: number;
  /** Blocks of whole seconds that start here or later are open. None unless told. */
  readonly openFrom?: number;
  /** Blocks that one stretch of time is spread over. */
  readonly split?: number;
}

/** Whether the instrumentation counts the event, as its source decides. */
export function counts(instrumentation: Instrumentation, event: Event): boolean {
  if (event.metric !== undefined && event.metric !== instrumentation.metric) return false;
  return compilePredicate(instrumentation.where)((field) => event.fields.get(field));
}

export class MemorySeries implements SeriesReader {
  readonly #instrumentations: ReadonlyMap<string, Instrumentation>;
  readonly #events: readonly Event[];
  readonly #options: MemoryOptions;

  constructor(
    instrumentations: readonly Instrumentation[],
    events: readonly Event[],
    options: MemoryOptions = {},
  ) {
    this.#instrumentations = new Map(instrumentations.map((i) => [i.id, i]));
    this.#events = events;
    this.#options = options;
  }

  grid(id: string) {
    return this.#instrumentations.get(id)?.grid;
  }

  keyValues(id: string, field: string): KeyValues {
    const stored = this.#instrumentations.get(id)!;
    if (!stored.by.includes(field)) return { values: [], complete: true };
    const events = this.#events.filter((event) => counts(stored, event));
    const values = new Set(events.map(({ fields }) => String(fields.get(field) ?? '')));
    return { values: [...values].toSorted(), complete: true };
  }

  *blocks(id: string, fromSecond: number, untilSecond: number, stepSecondsMax: number): Iterable<CellBlock> {
    const instrumentation = this.#instrumentations.get(id)!;
    for (const { stepSeconds, window } of this.#parts(fromSecond, untilSecond, stepSecondsMax)) {
      const length = stepSeconds * BLOCK_STEPS;
      for (
        let start = window.fromSecond - (window.fromSecond % length);
        start < window.untilSecond;
        start += length
      ) {
        const events = this.#events.filter(
          (e) => e.second >= start && e.second < start + length && counts(instrumentation, e),
        );
        const split = this.#options.split ?? 1;
        const open = stepSeconds === 1 && start >= (this.#options.openFrom ?? Number.POSITIVE_INFINITY);
        for (let part = 0; part < split; part++) {
          const own = events.filter((_, i) => i % split === part).toReversed();
          yield { ...blockOf(instrumentation, own, start, stepSeconds), window, open };
        }
      }
    }
  }

  *coverage(
    _id: string,
    fromSecond: number,
    untilSecond: number,
    stepSecondsMax: number,
  ): Iterable<CoverageBlock> {
    const isReported = this.#options.isReported ?? (() => true);
    for (const { stepSeconds, window } of this.#parts(fromSecond, untilSecond, stepSecondsMax)) {
      const length = stepSeconds * BLOCK_STEPS;
      for (
        let startSecond = window.fromSecond - (window.fromSecond % length);
        startSecond < window.untilSecond;
        startSecond += length
      ) {
        const expected = emptyBits().fill(0xff);
        const reported = emptyBits();
        for (let step = 0; step < BLOCK_STEPS; step++) {
          const seconds = Array.from({ length: stepSeconds }, (_, i) => startSecond + step * stepSeconds + i);
          if (seconds.every(isReported)) setBit(reported, step);
        }
        const sources = [{ name: 'web1/test', expected, reported }];
        yield { startSecond, stepSeconds, window, sources, revised: emptyBits() };
      }
    }
  }

  /** The range in stretches, each by the coarsest roll-up that fits it. */
  #parts(fromSecond: number, untilSecond: number, stepSecondsMax: number) {
    const { rollups = [], rolledUntil = untilSecond } = this.#options;
    const parts: { stepSeconds: number; window: SecondRange }[] = [];
    let from = fromSecond;
    for (const stepSeconds of [...rollups, 1].toSorted((a, b) => b - a)) {
      if (stepSecondsMax % stepSeconds !== 0 || from % stepSeconds !== 0) continue;
      const end = stepSeconds === 1 ? untilSecond : Math.min(untilSecond, rolledUntil);
      const until = end - (end % stepSeconds);
      if (until <= from) continue;
      parts.push({ stepSeconds, window: { fromSecond: from, untilSecond: until } });
      from = until;
    }
    return parts;
  }
}

function blockOf(
  { by, numeric, grid }: Instrumentation,
  events: readonly Event[],
  startSecond: number,
  stepSeconds: number,
): CellBlock {
  const keys: string[][] = [];
  const cells = new CellsBuffer(8);
  for (const { second, fields, count } of events) {
    const key = by.map((field) => String(fields.get(field) ?? ''));
    let index = keys.findIndex((k) => k.every((value, i) => value === key[i]));
    if (index < 0) index = keys.push(key) - 1;
    const bucket = numeric === undefined ? 0 : bucketIndex(grid, Number(fields.get(numeric)));
    cells.push(Math.floor((second - startSecond) / stepSeconds), index, bucket, count);
  }
  return { startSecond, stepSeconds, keys, cells };
}
