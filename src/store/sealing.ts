/** From a seal to the rows that its commit writes: what was sealed, as segments of seconds; what came late, at the
 *  coarser levels too; and the work that becomes due. Pure but for reading coverage of what is stored. */
import type { CoverageBlock } from '../model/coverage.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { dueCompactions, dueRollUps, type Sealed } from './due.ts';
import type { Fold, SealCause } from './fold.ts';
import type { SealedBlock } from './head.ts';
import { lateRows } from './late-rows.ts';
import type { HeadRow } from './partition.ts';
import { ADDED, type SegmentIndex, type SegmentRef, type SegmentRow } from './place.ts';
import { encodeSegment, segmentCodec } from './segment.ts';

export interface SealingContext {
  readonly index: SegmentIndex;
  readonly kernel: Kernel;
  readonly coverageOf: (ref: SegmentRef) => CoverageBlock;
}

export interface SealRows {
  /** Of level 1. */
  readonly seconds: readonly SegmentRow[];
  /** Of the coarser levels, for what came late. */
  readonly late: readonly SegmentRow[];
  /** How many became due. */
  readonly tasks: number;
}

/** Seals, and notes in the fold what becomes due. */
export function sealRows(fold: Fold, cause: SealCause, context: SealingContext): SealRows {
  const { index, kernel, coverageOf } = context;
  const openBefore = openSeconds(fold);
  const blocks = fold.seal(cause);
  const revision = fold.counters.seals;
  const { pending } = fold;
  const isExpired = fold.isExpired.bind(fold);
  const sealed = [...openSeconds(fold)].map(([instrumentation, openNow]): Sealed => ({
    instrumentation,
    openBefore: openBefore.get(instrumentation) ?? openNow,
    openNow,
  }));
  const seconds = blocks.map((block) => secondsRow(block, revision, kernel));
  const late = sealed.flatMap((each) => {
    const own = blocks.filter((block) => block.instrumentation === each.instrumentation);
    const rows = lateRows(each, own, { index, pending, revision, kernel, isExpired, coverageOf });
    return rows.map(({ content, ...place }): SegmentRow => {
      const bytes = encodeSegment(content, kernel);
      return { ...place, codec: segmentCodec(bytes), bytes };
    });
  });
  const due = { index, pending, revision, isExpired };
  const tasks = sealed.flatMap((each) => {
    const own = [...seconds, ...late].filter((row) => row.instrumentation === each.instrumentation);
    return [...dueRollUps(each, own, due), ...dueCompactions(each, own, due)];
  });
  pending.add(tasks);
  return { seconds, late, tasks: tasks.length };
}

/** The open blocks as rows. */
export function headRows(fold: Fold, kernel: Kernel): HeadRow[] {
  return fold.images().map(({ content, mergedCells, tailCells }) => {
    const { instrumentation, startSecond } = content;
    const bytes = encodeSegment({ ...content, stepSeconds: 1 }, kernel);
    return { instrumentation, startSecond, mergedCells, tailCells, bytes };
  });
}

function openSeconds(fold: Fold): Map<string, number> {
  return new Map(fold.heads().map((head) => [head.instrumentation.id, fold.openSecond(head)]));
}

function secondsRow(block: SealedBlock, revision: number, kernel: Kernel): SegmentRow {
  const bytes = encodeSegment({ ...block, stepSeconds: 1 }, kernel);
  return {
    instrumentation: block.instrumentation,
    level: 1,
    startSecond: block.startSecond,
    revision,
    whole: ADDED,
    part: 0,
    codec: segmentCodec(bytes),
    bytes,
  };
}
