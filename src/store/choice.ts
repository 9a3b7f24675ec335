/** Which stored places answer for a range: of each stretch the coarsest level that answers it exactly, is made and
 *  still counts. Pure over an index of rows.
 *  A step s is answered by the levels that divide it, and they are the first ones of LEVELS. Where a coarser level that
 *  counts is not rolled up yet, finer rows answer in its place, also where the finer level counts no more: they stay
 *  until then. A roll-up that is due is read as what it will be made of, and what was added to it since. So the choice
 *  changes what is read, never what is said. */
import { assert } from '../model/assert.ts';
import { type Level, LEVELS, levelSpan, levelStart } from '../model/level.ts';
import type { SecondRange } from '../model/series.ts';
import type { Task } from './pending.ts';
import { byStart, countingRows, type SegmentIndex, type SegmentRef } from './place.ts';

/** One place and what of it counts. */
export interface Chosen {
  readonly level: Level;
  readonly startSecond: number;
  readonly rows: readonly SegmentRef[];
  /** Of a roll-up that is due: what it will be made of, beside its own rows. */
  readonly finer: readonly Chosen[];
  readonly window: SecondRange;
}

export interface Choosing extends SecondRange {
  readonly instrumentation: string;
  readonly stepSeconds: number;
}

export interface ChoiceContext {
  readonly index: SegmentIndex;
  /** What is due of a level. */
  readonly due: (level: Level) => readonly Task[];
  readonly isExpired: (level: Level, startSecond: number) => boolean;
  /** Start of the level's first block that counts, pins aside. */
  readonly firstStart: (level: Level) => number;
}

/** The levels whose steps make whole steps of `stepSeconds`. */
export function levelsOf(stepSeconds: number): readonly Level[] {
  const levels = LEVELS.filter((level) => stepSeconds % level === 0);
  assert(levels.at(-1) === LEVELS[levels.length - 1], 'the levels that divide a step are the first ones');
  return levels;
}

export function choose(what: Choosing, context: ChoiceContext): Chosen[] {
  const { instrumentation, stepSeconds, fromSecond, untilSecond } = what;
  const chooser = new Chooser(instrumentation, Number.POSITIVE_INFINITY, context);
  chooser.choose({ fromSecond: Math.max(0, fromSecond), untilSecond }, levelsOf(stepSeconds), false);
  return chooser.chosen;
}

/** What of [fromSecond, untilSecond) counts of what lies in one block of seconds, whatever has been rolled up; undefined
 *  for nothing. For blocks that are not stored yet. */
export function countingWindow(
  startSecond: number,
  { fromSecond, untilSecond, stepSeconds }: SecondRange & { readonly stepSeconds: number },
  { isExpired }: Pick<ChoiceContext, 'isExpired'>,
): SecondRange | undefined {
  let from = Number.POSITIVE_INFINITY;
  let until = 0;
  for (const level of levelsOf(stepSeconds)) {
    if (isExpired(level, levelStart(level, startSecond))) continue;
    from = Math.min(from, ceil(fromSecond, level));
    until = Math.max(until, floor(untilSecond, level));
  }
  return from < until ? { fromSecond: from, untilSecond: until } : undefined;
}

class Chooser {
  readonly chosen: Chosen[] = [];
  readonly #instrumentation: string;
  /** Rows of later seals are left out. */
  readonly #revision: number;
  readonly #context: ChoiceContext;

  constructor(instrumentation: string, revision: number, context: ChoiceContext) {
    this.#instrumentation = instrumentation;
    this.#revision = revision;
    this.#context = context;
  }

  /** `counts`: a coarser level that counts is not made here, so finer rows answer in its place. */
  choose(range: SecondRange, levels: readonly Level[], counts: boolean): void {
    const { fromSecond, untilSecond } = range;
    if (fromSecond >= untilSecond) return;
    const level = levels.at(-1)!;
    if (level === 1) return this.#seconds(range, counts);
    const finer = levels.slice(0, -1);
    const from = ceil(fromSecond, level);
    const until = floor(untilSecond, level);
    if (from >= until) return this.choose(range, finer, counts);
    this.choose({ fromSecond, untilSecond: from }, finer, counts);
    let at = from;
    for (const made of this.#made(levels, { fromSecond: from, untilSecond: until }, counts)) {
      this.#gap({ fromSecond: at, untilSecond: made.startSecond }, levels, counts);
      at = made.window.untilSecond;
      this.chosen.push(made);
    }
    this.#gap({ fromSecond: at, untilSecond: until }, levels, counts);
    this.choose({ fromSecond: until, untilSecond }, finer, counts);
  }

  /** Places of the coarsest level that are made, or due, and count; ascending. */
  #made(levels: readonly Level[], { fromSecond, untilSecond }: SecondRange, counts: boolean): Chosen[] {
    const level = levels.at(-1)!;
    const { index, due, firstStart } = this.#context;
    const first = levelStart(level, fromSecond);
    const from = counts ? first : Math.max(first, firstStart(level));
    const rows = byStart(index.find(this.#instrumentation, level, from, untilSecond));
    const tasks = due(level).filter(
      ({ kind, startSecond, revision }) =>
        kind === 'roll-up' && startSecond >= from && startSecond < untilSecond && revision <= this.#revision,
    );
    const taskAt = new Map(tasks.map((task) => [task.startSecond, task]));
    const starts = [...new Set([...rows.keys(), ...taskAt.keys()])].toSorted((a, b) => a - b);
    return starts.flatMap((startSecond): Chosen[] => {
      const counting = countingRows(rows.get(startSecond) ?? [], this.#revision);
      const task = taskAt.get(startSecond);
      if (!counting.whole && task === undefined) return [];
      const window = {
        fromSecond: Math.max(fromSecond, startSecond),
        untilSecond: Math.min(untilSecond, startSecond + levelSpan(level)),
      };
      const place = { level, startSecond, rows: counting.rows, window };
      if (counting.whole) return [{ ...place, finer: [] }];
      const inner = new Chooser(this.#instrumentation, task!.revision, this.#context);
      inner.choose(window, levels.slice(0, -1), true);
      return [{ ...place, finer: inner.chosen }];
    });
  }

  /** Where the level is not made: up to its first block that counts its word is not asked for. */
  #gap(range: SecondRange, levels: readonly Level[], counts: boolean): void {
    const level = levels.at(-1)!;
    const finer = levels.slice(0, -1);
    const first = counts ? 0 : this.#context.firstStart(level);
    const middle = Math.min(Math.max(range.fromSecond, first), range.untilSecond);
    this.choose({ fromSecond: range.fromSecond, untilSecond: middle }, finer, false);
    this.choose({ fromSecond: middle, untilSecond: range.untilSecond }, finer, true);
  }

  #seconds(window: SecondRange, counts: boolean): void {
    const { index, isExpired } = this.#context;
    const from = levelStart(1, window.fromSecond);
    // To the end of a block: what is asked for stays the same while a live range moves on within it.
    const until = ceil(window.untilSecond, levelSpan(1));
    const found = index.find(this.#instrumentation, 1, from, until);
    for (const [startSecond, all] of byStart(found)) {
      if (!counts && isExpired(1, startSecond)) continue;
      const { rows } = countingRows(all, this.#revision);
      if (rows.length > 0) this.chosen.push({ level: 1, startSecond, rows, finer: [], window });
    }
  }
}

function ceil(second: number, step: number): number {
  return Math.ceil(second / step) * step;
}

function floor(second: number, step: number): number {
  return Math.floor(second / step) * step;
}
