/** What is past its retention goes: whole files where they hold nothing else, rows elsewhere, in bounded steps so
 *  that no seal takes long. What is not deleted yet is not served either (reader.ts), so the pace shows nowhere. */
import { BLOCK_STEPS } from '../model/limits.ts';
import { type Fold, isExpired } from './fold.ts';
import type { Partition, Span } from './partition.ts';
import type { Partitions } from './partitions.ts';

/** Rows deleted after one seal: more than a seal writes. */
const ROWS_MAX = 2048;

export function enforceRetention(partitions: Partitions, fold: Fold): void {
  let left = ROWS_MAX;
  for (const partition of partitions.all()) {
    const spans = [...partition.spans.values()];
    if (spans.every((span) => isOver(span, fold)) && partition !== partitions.newest?.partition) {
      partitions.remove(partition);
      continue;
    }
    for (const span of spans) left -= deleteExpired(partition, span, fold, left);
    if (left <= 0) return;
  }
}

function isOver({ instrumentation, level, lastStart }: Span, fold: Fold): boolean {
  const head = fold.head(instrumentation);
  if (head === undefined) return true;
  return isExpired(head.instrumentation, { startSecond: lastStart, stepSeconds: level }, fold.largestSecond);
}

function deleteExpired(
  partition: Partition,
  { instrumentation, level }: Span,
  fold: Fold,
  limit: number,
): number {
  const head = fold.head(instrumentation);
  const untilStart =
    head === undefined
      ? Number.MAX_SAFE_INTEGER
      : fold.largestSecond - head.instrumentation.keepSeconds - BLOCK_STEPS * level + 1;
  return limit <= 0 ? 0 : partition.deleteBefore(instrumentation, level, untilStart, limit);
}
