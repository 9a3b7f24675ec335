/** Late data at coarser levels: the rows that a seal writes for blocks that came after their range was sealed, so that
 *  a roll-up which is made, or is due, stays true without being made again. Pure but for reading coverage.
 *  A place of which nothing was known is whole with its first late row. */
import { type CoverageBlock, emptyBits } from '../model/coverage.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { type Level, LEVELS, levelStart } from '../model/level.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import { hasEnded, type Sealed } from './due.ts';
import type { SealedBlock } from './head.ts';
import { KnownCoverage } from './known-coverage.ts';
import { LateCoverage } from './late-coverage.ts';
import type { Pending } from './pending.ts';
import {
  ADDED,
  type Extent,
  PART,
  type SegmentIndex,
  type SegmentPlace,
  type SegmentRef,
  WHOLE,
} from './place.ts';
import { rolledUp } from './roll-up.ts';
import type { SegmentContent } from './segment.ts';

export interface LateRow extends SegmentPlace {
  readonly content: SegmentContent;
}

export interface LateSeal {
  readonly index: SegmentIndex;
  readonly pending: Pending;
  readonly revision: number;
  readonly kernel: Kernel;
  readonly isExpired: (instrumentation: string, level: Level, startSecond: number) => boolean;
  readonly coverageOf: (ref: SegmentRef) => CoverageBlock;
}

/** Rows of coarser levels for those of `blocks`, of one instrumentation, that start below `openBefore`. */
export function lateRows(
  { instrumentation, openBefore }: Sealed,
  blocks: readonly SealedBlock[],
  context: LateSeal,
): LateRow[] {
  const late = blocks.filter((block) => block.startSecond < openBefore);
  if (late.length === 0) return [];
  const isExpired = (level: Level, start: number): boolean =>
    context.isExpired(instrumentation, level, start);
  const coverage = new LateCoverage({
    instrumentation,
    known: new KnownCoverage(context.index, context.pending, context.coverageOf),
    late: late.map((block) => block.coverage),
    isExpired,
  });
  return LEVELS.slice(1).flatMap((level) => {
    const starts = new Set(late.map((block) => levelStart(level, block.startSecond)));
    return [...starts]
      .filter((start) => isWritten(level, start, openBefore, isExpired))
      .flatMap((startSecond) => {
        const inside = late.filter((block) => levelStart(level, block.startSecond) === startSecond);
        const said = { instrumentation, level, startSecond };
        return rowsOf(said, inside, coverage.correction(level, startSecond), context);
      });
  });
}

/** What comes later is rolled up; what counts no more, and no roll-up will need, is not written. */
function isWritten(
  level: Level,
  startSecond: number,
  openBefore: number,
  isExpired: (level: Level, startSecond: number) => boolean,
): boolean {
  if (!hasEnded(level, startSecond, openBefore)) return false;
  if (!isExpired(level, startSecond)) return true;
  const coarser = LEVELS[LEVELS.indexOf(level) + 1];
  return coarser !== undefined && !hasEnded(coarser, levelStart(coarser, startSecond), openBefore);
}

function rowsOf(
  place: { readonly instrumentation: string; readonly level: Level; readonly startSecond: number },
  blocks: readonly SealedBlock[],
  coverage: CoverageBlock,
  { index, pending, revision, kernel }: LateSeal,
): LateRow[] {
  const { instrumentation, level, startSecond } = place;
  const isKnown =
    pending.at(place).length > 0 ||
    index.find(instrumentation, level, startSecond, startSecond + 1).length > 0;
  const { grid, fieldCount } = blocks[0]!;
  const added = blocks.map(({ startSecond: start, keys, cells }) => ({
    startSecond: start,
    stepSeconds: 1,
    keys,
    cells,
  }));
  return rolledUp(place, added, kernel).map(({ fromStep, untilStep, keys, cells }): LateRow => {
    const isLast = untilStep === BLOCK_STEPS;
    const whole: Extent = isKnown ? ADDED : isLast ? WHOLE : PART;
    const said = isLast ? coverage : { ...coverage, sources: [], revised: emptyBits() };
    const content = { grid, fieldCount, startSecond, stepSeconds: level, keys, cells, coverage: said };
    return { ...place, revision, whole, part: fromStep, content };
  });
}
