/** Reads one store's series: what is stored, at the levels that choice.ts takes, and the head as one. Owns: that a
 *  reading which lets time pass still gets each second's cells once. Does not: change anything, wait, or draw.
 *  Blocks of one instrumentation that have the same keys have the same array of them. */
import type { CoverageBlock } from '../model/coverage.ts';
import type { Grid } from '../model/grid.ts';
import { type Level, levelSpan } from '../model/level.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import type { CellBlock, KeyValues, SecondRange, SeriesReader } from '../model/series.ts';
import { type ChoiceContext, choose, type Choosing, type Chosen, countingWindow } from './choice.ts';
import type { Fold } from './fold.ts';
import type { Head } from './head.ts';
import { KnownCoverage } from './known-coverage.ts';
import { LateCoverage } from './late-coverage.ts';
import type { Leases } from './leases.ts';
import { ADDED, type SegmentIndex, type SegmentRef } from './place.ts';
import type { SegmentCache } from './segment-cache.ts';
import { SeriesGoneError } from './store-errors.ts';

/** Segments whose keys are looked through for completion: the newest of so many seconds. */
const KEY_SEGMENTS_MAX = 4;
const KEY_SECONDS = 3600;
/** Values offered for completion. */
const KEY_VALUES_MAX = 1000;

export class StoreReader implements SeriesReader {
  readonly #fold: Fold;
  readonly #index: SegmentIndex;
  readonly #cache: SegmentCache;
  readonly #leases: Leases;

  constructor(fold: Fold, index: SegmentIndex, cache: SegmentCache, leases: Leases) {
    this.#fold = fold;
    this.#index = index;
    this.#cache = cache;
    this.#leases = leases;
  }

  grid(instrumentation: string): Grid | undefined {
    return this.#fold.head(instrumentation)?.instrumentation.grid;
  }

  *blocks(
    instrumentation: string,
    fromSecond: number,
    untilSecond: number,
    stepSecondsMax: number,
  ): Generator<CellBlock> {
    const head = this.#fold.head(instrumentation);
    if (head === undefined) return;
    const what = { instrumentation, fromSecond, untilSecond, stepSeconds: stepSecondsMax };
    const context = this.#context(head);
    let seal = this.#fold.counters.seals;
    const lease = this.#leases.take(seal);
    const mayGoOn = (): void => {
      this.#leases.check(lease, instrumentation);
      this.#checkAlive(head);
    };
    try {
      for (const chosen of choose(what, context).flatMap(withFiner)) {
        const shown = windowOf(chosen);
        for (const ref of chosen.rows) {
          yield* this.#stored(ref, shown);
          mayGoOn();
        }
      }
      // What was open at the start may have been sealed since.
      while (seal < this.#fold.counters.seals) {
        const since = seal;
        seal = this.#fold.counters.seals;
        for (const { ref, window } of this.#sealedSince(since, what, context)) {
          yield* this.#stored(ref, window);
          mayGoOn();
        }
      }
      yield* openBlocks(head, what, context);
    } finally {
      this.#leases.end(lease);
    }
  }

  *coverage(
    instrumentation: string,
    fromSecond: number,
    untilSecond: number,
    stepSecondsMax: number,
  ): Generator<CoverageBlock> {
    const head = this.#fold.head(instrumentation);
    if (head === undefined) return;
    const what = { instrumentation, fromSecond, untilSecond, stepSeconds: stepSecondsMax };
    const context = this.#context(head);
    const late = head.lateCoverage(this.#fold.openSecond(head));
    const known = new KnownCoverage(this.#index, this.#fold.pending, (ref) => this.#cache.coverage(ref));
    const { isExpired } = context;
    const corrections =
      late.length === 0 ? undefined : new LateCoverage({ instrumentation, known, late, isExpired });
    const coarse: SecondRange[] = [];
    for (const each of choose(what, context)) {
      const { level, startSecond, rows } = each;
      const window = windowOf(each);
      if (level === 1) {
        for (const ref of rows) yield framed(this.#cache.coverage(ref), window);
        continue;
      }
      const place = known.of({ instrumentation, level, startSecond }, undefined, each.window);
      if (corrections !== undefined) place.add(corrections.correction(level, startSecond));
      coarse.push(each.window);
      yield framed(place.block(), window);
    }
    const ending = this.#fold.ending(instrumentation);
    for (const block of head.coverage(fromSecond, untilSecond, this.#fold.openSecond(head), ending)) {
      const window = countingWindow(block.startSecond, what, context);
      if (window === undefined) continue;
      for (const left of without(within(window, block.startSecond), coarse)) yield framed(block, left);
    }
  }

  /** In the head and the newest segments, those of an hour or so; at most KEY_VALUES_MAX. */
  keyValues(instrumentation: string, field: string): KeyValues {
    const head = this.#fold.head(instrumentation);
    const index = head?.instrumentation.by.indexOf(field) ?? -1;
    if (head === undefined || index < 0) return { values: [], complete: true };
    const newest = this.#fold.largestSecond;
    const range = { fromSecond: newest - KEY_SECONDS, untilSecond: newest + 1 };
    const refs = choose({ instrumentation, ...range, stepSeconds: 1 }, this.#context(head))
      .flatMap(({ rows }) => rows)
      .slice(-KEY_SEGMENTS_MAX);
    const values = new Set<string>();
    for (const { keys } of [...head.blocks(), ...refs.map((ref) => this.#cache.block(ref))]) {
      for (const key of keys) values.add(key[index]!);
    }
    const all = [...values].toSorted();
    return { values: all.slice(0, KEY_VALUES_MAX), complete: all.length <= KEY_VALUES_MAX };
  }

  #checkAlive(head: Head): void {
    const { id } = head.instrumentation;
    if (this.#fold.head(id) !== head) throw new SeriesGoneError(id, 'it was dropped');
  }

  #context({ instrumentation: { id }, horizon }: Head): ChoiceContext {
    return {
      index: this.#index,
      due: (level: Level) => this.#fold.pending.of(id, level),
      isExpired: (level: Level, startSecond: number) => this.#fold.isExpired(id, level, startSecond),
      firstStart: (level: Level) => horizon.firstStart(level, this.#fold.largestSecond),
    };
  }

  *#stored(ref: SegmentRef, window: SecondRange | undefined): Generator<CellBlock> {
    const block = this.#cache.block(ref);
    if (block.cells.length > 0) yield window === undefined ? block : { ...block, window };
  }

  /** What the seals after `seal` wrote of seconds, each once: what is merged of it meanwhile is not it. */
  #sealedSince(
    seal: number,
    what: Choosing,
    context: ChoiceContext,
  ): { ref: SegmentRef; window: SecondRange }[] {
    const { instrumentation, fromSecond, untilSecond } = what;
    const from = Math.max(0, fromSecond - BLOCK_STEPS);
    return this.#index
      .find(instrumentation, 1, from, untilSecond)
      .filter((ref) => ref.revision > seal && ref.whole === ADDED)
      .flatMap((ref) => {
        const window = countingWindow(ref.startSecond, what, context);
        return window === undefined ? [] : [{ ref, window }];
      });
  }
}

/** Blocks that still take reports, in order. */
function* openBlocks(head: Head, what: Choosing, context: ChoiceContext): Generator<CellBlock> {
  for (const block of head.blocks()) {
    const { startSecond, stepSeconds, keys, cells, generation } = block;
    const counting = cells.length === 0 ? undefined : countingWindow(startSecond, what, context);
    const window = counting && within(counting, startSecond);
    if (window === undefined || window.fromSecond >= window.untilSecond) continue;
    if (isAll(window, startSecond, BLOCK_STEPS)) yield block;
    else yield { startSecond, stepSeconds, keys, cells, generation, open: true, window };
  }
}

/** A roll-up that is due, after what it will be made of. */
function withFiner(chosen: Chosen): Chosen[] {
  return [...chosen.finer.flatMap(withFiner), chosen];
}

/** Absent where it is all of the place. */
function windowOf({ level, startSecond, window }: Chosen): SecondRange | undefined {
  return isAll(window, startSecond, levelSpan(level)) ? undefined : window;
}

function isAll({ fromSecond, untilSecond }: SecondRange, startSecond: number, spanSeconds: number): boolean {
  return fromSecond <= startSecond && untilSecond >= startSecond + spanSeconds;
}

/** What of the range lies in the block of seconds. */
function within({ fromSecond, untilSecond }: SecondRange, startSecond: number): SecondRange {
  return {
    fromSecond: Math.max(fromSecond, startSecond),
    untilSecond: Math.min(untilSecond, startSecond + BLOCK_STEPS),
  };
}

/** What is left of a range without others. */
function without(range: SecondRange, others: readonly SecondRange[]): SecondRange[] {
  return others.reduce(
    (left, { fromSecond, untilSecond }) =>
      left.flatMap((each) =>
        [
          { fromSecond: each.fromSecond, untilSecond: Math.min(each.untilSecond, fromSecond) },
          { fromSecond: Math.max(each.fromSecond, untilSecond), untilSecond: each.untilSecond },
        ].filter((part) => part.fromSecond < part.untilSecond),
      ),
    [range].filter((part) => part.fromSecond < part.untilSecond),
  );
}

function framed(block: CoverageBlock, window: SecondRange | undefined): CoverageBlock {
  return window === undefined ? block : { ...block, window };
}
