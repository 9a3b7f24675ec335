/** What late reports change of the coverage of coarser steps, which cannot be added up: whether a step is complete
 *  now, only its seconds tell. Owns: working that out, from the finest level that still counts there.
 *  Where none does, a step that missed something before is still said to miss it: never more is claimed than is known.
 *  Nothing changes here: it is asked at a seal, for what is stored, and by readers, for what is still open. */
import { type CoverageBlock, emptyBits, hasBit, setBit } from '../model/coverage.ts';
import { finerLevel, type Level, levelSpan, levelStart } from '../model/level.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import type { KnownCoverage } from './known-coverage.ts';
import { placeName } from './place.ts';
import type { PlaceCoverage } from './place-coverage.ts';

export interface LateContext {
  readonly instrumentation: string;
  readonly known: KnownCoverage;
  /** Late blocks, of seconds; not among what is known. */
  readonly late: readonly CoverageBlock[];
  /** Whether rows of this place may be gone. */
  readonly isExpired: (level: Level, startSecond: number) => boolean;
}

/** Of one source's step: how it was touched. */
const TOUCHED = 1;
const CUT = 2;

export class LateCoverage {
  readonly #context: LateContext;
  readonly #after = new Map<string, PlaceCoverage>();

  constructor(context: LateContext) {
    this.#context = context;
  }

  /** What the late blocks say of a place of a coarser level, for PlaceCoverage.add. */
  correction(level: Level, startSecond: number): CoverageBlock {
    const place = { instrumentation: this.#context.instrumentation, level, startSecond };
    const revised = emptyBits();
    const touched = new Map<string, Uint8Array>();
    for (const block of this.#context.late) touch(block, { level, startSecond, revised, touched });
    const before = this.#context.known.of(
      place,
      undefined,
      spanOf([...touched.values()], level, startSecond),
    );
    const sources = [...touched].map(([name, how]) => {
      const expected = emptyBits();
      const reported = emptyBits();
      for (let step = 0; step < BLOCK_STEPS; step++) {
        if (how[step] === 0) continue;
        setBit(expected, step);
        const full = how[step] === TOUCHED && !before.misses(name, step);
        if (this.#isComplete(name, level, startSecond + step * level) ?? full) setBit(reported, step);
      }
      return { name, expected, reported };
    });
    return {
      startSecond,
      stepSeconds: level,
      sources: sources.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      revised,
    };
  }

  /** Whether the source reported all that was expected of it in the step at `second`; undefined where the finer
   *  rows may be gone. */
  #isComplete(name: string, level: Level, second: number): boolean | undefined {
    const finer = finerLevel(level)!;
    for (let start = levelStart(finer, second); start < second + level; start += levelSpan(finer)) {
      if (this.#context.isExpired(finer, start)) return undefined;
    }
    for (let at = second; at < second + level; at += finer) {
      const place = this.#placeAfter(finer, levelStart(finer, at));
      if (place.misses(name, (at - place.startSecond) / finer)) return false;
    }
    return true;
  }

  /** A place with what came late. */
  #placeAfter(level: Level, startSecond: number): PlaceCoverage {
    const place = { instrumentation: this.#context.instrumentation, level, startSecond };
    const name = placeName(place);
    let after = this.#after.get(name);
    if (after !== undefined) return after;
    after = this.#context.known.of(place);
    if (level > 1) after.add(this.correction(level, startSecond));
    else for (const block of this.#context.late) if (block.startSecond === startSecond) after.add(block);
    this.#after.set(name, after);
    return after;
  }
}

/** Marks the steps that a late block speaks of. */
function touch(
  block: CoverageBlock,
  to: {
    readonly level: Level;
    readonly startSecond: number;
    readonly revised: Uint8Array;
    readonly touched: Map<string, Uint8Array>;
  },
): void {
  const stepOf = (i: number): number => Math.floor((block.startSecond + i - to.startSecond) / to.level);
  const first = Math.max(0, to.startSecond - block.startSecond);
  const until = Math.min(BLOCK_STEPS, to.startSecond + levelSpan(to.level) - block.startSecond);
  if (first >= until) return;
  for (let i = first; i < until; i++) if (hasBit(block.revised, i)) setBit(to.revised, stepOf(i));
  for (const { name, expected, reported } of block.sources) {
    const steps = to.touched.get(name) ?? new Uint8Array(BLOCK_STEPS);
    for (let i = first; i < until; i++) {
      if (hasBit(expected, i)) steps[stepOf(i)]! |= hasBit(reported, i) ? TOUCHED : CUT;
    }
    if (steps.some((how) => how !== 0)) to.touched.set(name, steps);
  }
}

/** The seconds of all steps that are touched. */
function spanOf(touched: readonly Uint8Array[], level: Level, startSecond: number) {
  let first = BLOCK_STEPS;
  let last = -1;
  for (const steps of touched) {
    first = Math.min(
      first,
      steps.findIndex((how) => how !== 0),
    );
    last = Math.max(
      last,
      steps.findLastIndex((how) => how !== 0),
    );
  }
  return { fromSecond: startSecond + first * level, untilSecond: startSecond + (last + 1) * level };
}
