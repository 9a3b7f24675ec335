/** What a store begins with: the fold that a state row and its open blocks describe, and files that hold nothing
 *  beyond it. */
import type { Kernel } from '../kernel/kernel.ts';
import { decodeFoldState, FoldStateError } from './fold-state.ts';
import { Fold } from './fold.ts';
import { dueFromTheStart } from './due.ts';
import type { Held, Partitions } from './partitions.ts';
import { decodeSegment } from './segment.ts';
import { StoreDamagedError } from './store-errors.ts';

/** 13 bytes a cell, and as much again while arrays grow. */
const HEAD_CELLS_MAX = 8_000_000;

export interface FoldOptions {
  readonly kernel: Kernel;
  /** Whether this store folds the instrumentation. */
  readonly owns: (instrumentationId: string) => boolean;
  /** Cells in open blocks; past that they are sealed early. */
  readonly headCellsMax?: number;
}

/** Throws StoreDamagedError, SegmentCorruptError. */
export function restoreFold(options: FoldOptions, held: Held | undefined): Fold {
  const { kernel, owns, headCellsMax = HEAD_CELLS_MAX } = options;
  const config = { kernel, owns, headCellsMax };
  if (held === undefined) return new Fold(config);
  const { partition, state } = held;
  const images = partition.heads().map(({ instrumentation, startSecond, mergedCells, tailCells, bytes }) => ({
    content: { instrumentation, ...decodeSegment(bytes, kernel, `${instrumentation}/head/${startSecond}`) },
    mergedCells,
    tailCells,
  }));
  try {
    return new Fold(config, decodeFoldState(state.body), images);
  } catch (error) {
    if (!(error instanceof FoldStateError)) throw error;
    throw new StoreDamagedError(partition.path, error.message, { cause: error });
  }
}

/** Deletes what a crash left of later commits than the one that holds, and of what was dropped. In a store from before
 *  there were roll-ups all of them are due. */
export function tidy(fold: Fold, partitions: Partitions): void {
  const revision = fold.counters.seals;
  for (const partition of partitions.all()) partition.deleteAfter(revision);
  const spans = partitions.all().flatMap((partition) => [...partition.spans.values()]);
  for (const id of new Set(spans.map((span) => span.instrumentation))) {
    if (!fold.isKnown(id)) partitions.deleteAll(id);
  }
  if (!fold.isFirstWithPending) return;
  const isExpired = fold.isExpired.bind(fold);
  const context = { index: partitions, pending: fold.pending, revision, isExpired };
  for (const head of fold.heads()) {
    const { id } = head.instrumentation;
    fold.pending.add(dueFromTheStart({ instrumentation: id, openNow: fold.openSecond(head) }, context));
  }
}
