/** Where a segment lies, and which segments of a place count. A *place* is a block of one level of one
 *  instrumentation; several rows may speak of it.
 *  Invariant: what counts of a place as of a revision is its newest whole row up to it (with the parts of that row)
 *  and what was added after that; the sum of these is all that is known of the place. */
import type { Level } from '../model/level.ts';

/** What a row says of its place: something in addition; all of it; a part of all of it, the rest of which is in
 *  the other rows of the same revision, the last of them being WHOLE. */
export const ADDED = 0;
export const WHOLE = 1;
export const PART = 2;
export type Extent = typeof ADDED | typeof WHOLE | typeof PART;

export interface Place {
  readonly instrumentation: string;
  readonly level: Level;
  readonly startSecond: number;
}

export interface SegmentPlace extends Place {
  /** Number of the seal that wrote it, or as of which it is all there is. */
  readonly revision: number;
  readonly whole: Extent;
  /** First step of what it holds, where it lies in parts; else 0. */
  readonly part: number;
}

export interface SegmentRow extends SegmentPlace {
  readonly codec: number;
  readonly bytes: Uint8Array;
}

/** Where rows are read from: a file, or what waits to be written to one. */
export interface SegmentSource {
  readonly path: string;
  bytes(ref: SegmentRef): Uint8Array;
}

export interface SegmentRef extends SegmentPlace {
  readonly id: number;
  readonly partition: SegmentSource;
}

/** Rows of one level whose start lies in [fromStart, untilStart), in the order of compareRows. */
export interface SegmentIndex {
  find(instrumentation: string, level: Level, fromStart: number, untilStart: number): SegmentRef[];
}

/** Unique over the life of a store: a revision is the number of one seal. */
export function segmentName({
  instrumentation,
  level,
  startSecond,
  revision,
  whole,
  part,
}: SegmentPlace): string {
  const name = `${instrumentation}/${level}/${startSecond}/${revision}`;
  return whole === ADDED ? name : `${name}/${part}`;
}

export function placeName({ instrumentation, level, startSecond }: Place): string {
  return `${instrumentation}/${level}/${startSecond}`;
}

export function compareRows(a: SegmentPlace, b: SegmentPlace): number {
  return a.startSecond - b.startSecond || a.revision - b.revision || a.part - b.part || a.whole - b.whole;
}

export interface Counting<Row> {
  /** Whether they are all there is of the place, whatever finer levels say. */
  readonly whole: boolean;
  readonly rows: readonly Row[];
}

/** Of the rows of one place, in their order: those that count as of `revision`. */
export function countingRows<Row extends SegmentPlace>(
  rows: readonly Row[],
  revision = Number.POSITIVE_INFINITY,
): Counting<Row> {
  let newest = -1;
  for (const row of rows) {
    if (row.whole === WHOLE && row.revision <= revision) newest = Math.max(newest, row.revision);
  }
  const counts = (row: Row): boolean =>
    row.whole === ADDED ? row.revision > newest && row.revision <= revision : row.revision === newest;
  return { whole: newest >= 0, rows: rows.filter(counts) };
}

/** Rows by the start of their place, in their order. */
export function byStart<Row extends SegmentPlace>(rows: readonly Row[]): Map<number, Row[]> {
  const places = new Map<number, Row[]>();
  for (const row of rows) {
    const place = places.get(row.startSecond);
    if (place === undefined) places.set(row.startSecond, [row]);
    else place.push(row);
  }
  return places;
}
