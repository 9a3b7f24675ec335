/** A sparse histogram: ascending bucket indices with positive integer counts. A value, never changed.
 *  The readable form for tests, sources and single answers; stored series use columns (series.ts). */
import { assert } from './assert.ts';
import { bucketEdge, bucketIndex, type Grid, LINEAR_BUCKETS, VALUE_MAX } from './grid.ts';

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
  const last = h.buckets.length - 1;
  let i = 0;
  let before = 0;
  while (i < last && before + h.counts[i]! < target) before += h.counts[i++]!;
  const bucket = h.buckets[i]!;
  const low = bucketEdge(grid, bucket);
  // The last bucket of a linear grid takes all above: there is nothing to read linearly in it.
  if (grid.kind === 'linear' && bucket === LINEAR_BUCKETS - 1) return { value: low, low, high: VALUE_MAX };
  const high = bucketEdge(grid, bucket + 1);
  if (high - low <= 1) return { value: low, low, high: low };
  const inside = Math.max(0, target - before) / h.counts[i]!;
  return { value: low + (high - low) * inside, low, high };
}
