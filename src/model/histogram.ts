/** A sparse histogram: ascending bucket indices with positive integer counts. A value, never changed.
 *  The readable form for tests, sources and single answers; stored series use columns (series.ts). */
import { assert } from './assert.ts';
import { bucketEdge, bucketIndex, bucketMiddle, type Grid } from './grid.ts';

export interface Histogram {
  /** Ascending, distinct. */
  readonly buckets: readonly number[];
  /** Positive safe integers, one per bucket. */
  readonly counts: readonly number[];
}

export const EMPTY: Histogram = { buckets: [], counts: [] };

export function histogramOf(grid: Grid, values: Iterable<number>): Histogram {
  const counts = new Map<number, number>();
  for (const value of values) {
    const index = bucketIndex(grid, value);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return fromCounts(counts);
}

export function fromCounts(counts: ReadonlyMap<number, number>): Histogram {
  const buckets = [...counts.keys()].filter((b) => counts.get(b)! > 0).toSorted((a, b) => a - b);
  return { buckets, counts: buckets.map((b) => counts.get(b)!) };
}

/** Adds two histograms of the same grid. Commutes and associates; EMPTY is neutral. */
export function merge(a: Histogram, b: Histogram): Histogram {
  const counts = new Map<number, number>();
  for (const h of [a, b]) h.buckets.forEach((k, i) => counts.set(k, (counts.get(k) ?? 0) + h.counts[i]!));
  return fromCounts(counts);
}

export function total(h: Histogram): number {
  return h.counts.reduce((sum, c) => sum + c, 0);
}

/** The value below which `rank` (0..1) of the counts lie, read linearly inside its bucket, with the bucket's
 *  edges as bounds: the true order statistic lies in [low, high]. Undefined for no counts. */
export function quantile(
  grid: Grid,
  h: Histogram,
  rank: number,
): { value: number; low: number; high: number } | undefined {
  assert(rank >= 0 && rank <= 1, () => `rank is ${rank}, expected 0..1`);
  const n = total(h);
  if (n === 0) return undefined;
  const target = rank * n;
  let before = 0;
  for (let i = 0; i < h.buckets.length; i++) {
    const count = h.counts[i]!;
    if (before + count >= target && count > 0) {
      const low = bucketEdge(grid, h.buckets[i]!);
      const high = bucketEdge(grid, h.buckets[i]! + 1);
      const inside = high - low <= 1 ? low : low + ((high - low) * Math.max(0, target - before)) / count;
      return { value: inside, low, high: high - low <= 1 ? low : high };
    }
    before += count;
  }
  const last = h.buckets.at(-1)!;
  return { value: bucketMiddle(grid, last), low: bucketEdge(grid, last), high: bucketEdge(grid, last + 1) };
}
