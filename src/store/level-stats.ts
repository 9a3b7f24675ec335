/** How much is stored of each level, and since when. */
import { type Level, LEVELS } from '../model/level.ts';
import type { Fold } from './fold.ts';
import type { Partition, Span } from './partition.ts';
import type { Partitions } from './partitions.ts';

/** What is stored of one level. */
export interface LevelStats {
  readonly level: Level;
  readonly segments: number;
  readonly bytes: number;
  /** Start of its oldest block that counts and that no pin keeps; absent where there is none. What space could be
   *  had from. */
  readonly oldestSecond?: number;
}

/** Finest first. */
export function levelStats(partitions: Partitions, fold: Fold): LevelStats[] {
  return LEVELS.map((level) => {
    let segments = 0;
    let bytes = 0;
    let oldestSecond = Number.POSITIVE_INFINITY;
    for (const partition of partitions.ofLevel(level)) {
      for (const span of partition.spans.values()) {
        segments += span.segments;
        bytes += span.bytes;
        if (span.firstStart < oldestSecond) {
          oldestSecond = Math.min(oldestSecond, oldestStart(partition, span, fold) ?? oldestSecond);
        }
      }
    }
    return { level, segments, bytes, ...(Number.isFinite(oldestSecond) ? { oldestSecond } : {}) };
  });
}

function oldestStart(partition: Partition, { instrumentation, level }: Span, fold: Fold): number | undefined {
  const horizon = fold.head(instrumentation)?.horizon;
  if (horizon === undefined) return undefined;
  const pinned = level === 1 ? horizon.pinned() : [];
  let from = horizon.firstStart(level, fold.largestSecond);
  for (;;) {
    const start = partition.firstStart(instrumentation, level, from);
    const pin =
      start && pinned.find(([fromSecond, untilSecond]) => start >= fromSecond && start < untilSecond);
    if (pin === undefined || pin === 0) return start;
    from = pin[1];
  }
}
