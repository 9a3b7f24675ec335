/** What is past its retention goes: whole files where they hold nothing else, rows elsewhere, in bounded steps so
 *  that no seal takes long. What is not deleted yet is not served either (reader.ts), so the pace shows nowhere. */
import { BLOCK_STEPS } from '../model/limits.ts';
import type { Fold } from './fold.ts';
import type { Partition, Span } from './partition.ts';
import type { Partitions } from './partitions.ts';

/** Rows deleted after one seal: more than a seal writes. */
const ROWS_MAX = 2048;

export function enforceRetention(partitions: Partitions, fold: Fold): void {
  let left = ROWS_MAX;
  for (const partition of partitions.all()) {
    const spans = [...partition.spans.values()];
    const over = spans.every(({ instrumentation, level, lastStart }) =>
      fold.isExpired(instrumentation, lastStart, level),
    );
    if (over && partition !== partitions.newest?.partition) {
      partitions.remove(partition);
      continue;
    }
    for (const span of spans) left -= deleteExpired(partition, span, fold, left);
    if (left <= 0) return;
  }
}

/** What a crash left between a commit and the deletions that follow it. */
export function finishDeletions(partitions: Partitions, fold: Fold): void {
  const stored = new Set(
    partitions.all().flatMap(({ spans }) => [...spans.values()].map((s) => s.instrumentation)),
  );
  for (const id of stored) if (!fold.isKnown(id)) partitions.deleteAll(id);
  enforceRetention(partitions, fold);
}

function deleteExpired(
  partition: Partition,
  { instrumentation, level }: Span,
  fold: Fold,
  limit: number,
): number {
  const untilStart = fold.horizonSecond(instrumentation) - BLOCK_STEPS * level + 1;
  return limit <= 0 ? 0 : partition.deleteBefore(instrumentation, level, untilStart, limit);
}
