/** A commit that the disk had no room for: its rows are read as if they were stored, until they are. */
import type { Level } from '../model/level.ts';
import type { HeadRow, StateRow } from './partition.ts';
import {
  compareRows,
  type SegmentIndex,
  type SegmentRef,
  type SegmentRow,
  type SegmentSource,
} from './place.ts';

export interface Unwritten {
  /** The file of seals is that of this second's day. */
  readonly second: number;
  readonly revision: number;
  /** Offset up to which the commit covers the log. */
  readonly offset: number;
  /** Of level 1. */
  readonly seconds: readonly SegmentRow[];
  /** Of coarser levels. */
  readonly late: readonly SegmentRow[];
  readonly heads: readonly HeadRow[];
  readonly state: StateRow;
}

/** Stored rows, and those of a commit that waits: what of it is stored already counts once. */
export class Overlaid implements SegmentIndex {
  readonly #stored: SegmentIndex;
  #revision = Number.POSITIVE_INFINITY;
  #waiting: readonly SegmentRef[] = [];

  constructor(stored: SegmentIndex) {
    this.#stored = stored;
  }

  wait({ revision, seconds, late }: Unwritten): void {
    this.#revision = revision;
    this.#waiting = [...seconds, ...late].map((row, id) => ({ ...row, id, partition: sourceOf(row) }));
  }

  clear(): void {
    this.#revision = Number.POSITIVE_INFINITY;
    this.#waiting = [];
  }

  find(instrumentation: string, level: Level, fromStart: number, untilStart: number): SegmentRef[] {
    const stored = this.#stored.find(instrumentation, level, fromStart, untilStart);
    if (this.#waiting.length === 0) return stored;
    const waiting = this.#waiting.filter(
      (ref) =>
        ref.instrumentation === instrumentation &&
        ref.level === level &&
        ref.startSecond >= fromStart &&
        ref.startSecond < untilStart,
    );
    return [...stored.filter((ref) => ref.revision < this.#revision), ...waiting].toSorted(compareRows);
  }
}

function sourceOf({ bytes }: SegmentRow): SegmentSource {
  return { path: 'memory', bytes: () => bytes };
}
