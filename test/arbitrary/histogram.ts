/** Random histograms of a grid. */
import fc from 'fast-check';
import { bucketCount, type Grid } from '../../src/model/grid.ts';
import { fromCounts, type Histogram } from '../../src/model/histogram.ts';

/** Counts are small mostly, and now and then up to `countMax`. The default keeps sums of thousands exact. */
export function arbitraryCount(countMax = 2 ** 40): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: Math.min(300, countMax) }) },
    { weight: 1, arbitrary: fc.maxSafeNat().map((n) => 1 + (n % countMax)) },
  );
}

export function arbitraryHistogram(grid: Grid, options: { countMax?: number } = {}): fc.Arbitrary<Histogram> {
  const bucket = fc.oneof(fc.nat(bucketCount(grid) - 1), fc.nat(Math.min(bucketCount(grid) - 1, 40)));
  return fc
    .array(fc.tuple(bucket, arbitraryCount(options.countMax)), { maxLength: 40 })
    .map((pairs) => fromCounts(new Map(pairs)));
}
