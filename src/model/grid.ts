/** The bucket schemes. A grid maps a non-negative integer value in its metric's base unit to a bucket index,
 *  lower edge inclusive. Owns: index and edges. Does not: count.
 *
 *  log-linear: 2^bits buckets per power of two. With 5 bits (LL5): 0..2^53-1 -> 0..1567, a bucket is at most
 *  3.13 % wide, its middle at most 1.6 % from any value in it. Same edges as bpftrace `hist(x, 5)`; after
 *  HdrHistogram (G. Tene) and DTrace's llquantize.
 *  linear: buckets of `width`, for percent and offsets within a second; the last bucket takes all above.
 *  count: one bucket. A histogram on it is a plain number. */
import { assert } from './assert.ts';

export type Grid =
  | { readonly kind: 'log-linear'; readonly bits: 5 }
  | { readonly kind: 'linear'; readonly width: number }
  | { readonly kind: 'count' };

export const LL5: Grid = { kind: 'log-linear', bits: 5 };
export const COUNT: Grid = { kind: 'count' };

/** Largest value: the integers that a double holds exactly. */
export const VALUE_MAX = Number.MAX_SAFE_INTEGER;
/** Buckets of LL5 over 0..2^53-1. */
export const LL5_BUCKETS = 1568;
/** Buckets of a linear grid. */
export const LINEAR_BUCKETS = 1024;
/** No grid has more. */
export const GRID_BUCKETS_MAX = Math.max(LL5_BUCKETS, LINEAR_BUCKETS);

assert(GRID_BUCKETS_MAX <= 0xffff, 'a bucket index is stored in two bytes');

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** LL5 index of an integer 0..2^53-1. The top 5 mantissa bits and the exponent of the double are the index:
 *  for v >= 32 the high word shifted right by 15 counts 32 steps an octave. */
export function ll5Index(value: number): number {
  if (value < 32) return value | 0;
  float[0] = value;
  return (words[1]! >>> 15) - 32864;
}

/** Width of an LL5 bucket from 32 on, by octave. */
const ll5Widths = Float64Array.from({ length: 1 + (LL5_BUCKETS >> 5) }, (_, octave) => 2 ** (octave - 1));

/** Lower edge of an LL5 bucket, an integer. Bucket i holds [edge(i), edge(i+1)). */
export function ll5Edge(index: number): number {
  return index < 32 ? index : (32 + (index & 31)) * ll5Widths[index >> 5]!;
}

export function bucketCount(grid: Grid): number {
  switch (grid.kind) {
    case 'log-linear':
      return LL5_BUCKETS;
    case 'linear':
      return LINEAR_BUCKETS;
    case 'count':
      return 1;
  }
}

/** Index of a value. The value is clamped into 0..2^53-1 and cut to an integer: a source's odd value is
 *  counted in the nearest bucket rather than lost. */
export function bucketIndex(grid: Grid, value: number): number {
  const v = value > 0 ? Math.min(Math.floor(value), VALUE_MAX) : 0;
  switch (grid.kind) {
    case 'log-linear':
      return ll5Index(v);
    case 'linear':
      return Math.min(Math.floor(v / grid.width), LINEAR_BUCKETS - 1);
    case 'count':
      return 0;
  }
}

/** Lower edge, in the metric's base unit. `index` may be bucketCount(grid): the upper end of the grid. */
export function bucketEdge(grid: Grid, index: number): number {
  switch (grid.kind) {
    case 'log-linear':
      return index >= LL5_BUCKETS ? VALUE_MAX + 1 : ll5Edge(index);
    case 'linear':
      return index * grid.width;
    case 'count':
      return index;
  }
}

export function bucketMiddle(grid: Grid, index: number): number {
  const low = bucketEdge(grid, index);
  const high = bucketEdge(grid, index + 1);
  return high - low <= 1 ? low : (low + high) / 2;
}

/** Greatest relative distance of a value from the middle of its bucket, the bound that answers state. */
export function relativeBound(grid: Grid): number {
  return grid.kind === 'log-linear' ? 1 / 64 : 0;
}

export function sameGrid(a: Grid, b: Grid): boolean {
  if (a.kind === 'linear' && b.kind === 'linear') return a.width === b.width;
  return a.kind === b.kind;
}
