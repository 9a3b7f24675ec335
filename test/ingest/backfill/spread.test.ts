import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bucketEdge, bucketIndex, type Grid, LL5 } from '../../../src/model/grid.ts';
import { total } from '../../../src/model/histogram.ts';
import { spreadBucket } from '../../../src/ingest/backfill/spread.ts';
import { arbitraryGrid } from '../../arbitrary/grid.ts';

const edge = fc.oneof(fc.nat(2000), fc.integer({ min: 0, max: 2 ** 40 }));
const bucket = fc
  .tuple(edge, edge)
  .filter(([a, b]) => a !== b)
  .map(([a, b]) => ({ lower: Math.min(a, b), upper: Math.max(a, b) }));
const count = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 2 ** 50 }));

it('keeps the total, stays inside the bucket, and is within half a count of the even spread at every edge', () => {
  fc.assert(
    fc.property(arbitraryGrid, bucket, count, (grid, { lower, upper }, n) => {
      const spread = spreadBucket(grid, { lower, upper }, n);
      expect(total(spread)).toBe(n);
      expect(spread.buckets).toEqual(spread.buckets.toSorted((a, b) => a - b));
      const [first, last] = [bucketIndex(grid, lower), bucketIndex(grid, upper - 1)];
      expect(spread.buckets[0]).toBeGreaterThanOrEqual(first);
      expect(spread.buckets.at(-1)).toBeLessThanOrEqual(last);
      let below = 0;
      let farthest = 0;
      spread.buckets.forEach((index, i) => {
        const even = (n * (bucketEdge(grid, index) - lower)) / (upper - lower);
        if (index > first) farthest = Math.max(farthest, Math.abs(below - even));
        below += spread.counts[i]!;
      });
      expect(farthest).toBeLessThanOrEqual(0.5 + n * 2 ** -50);
    }),
  );
});

it('leaves the buckets of a grid as they are', () => {
  fc.assert(
    fc.property(fc.nat(1567), count, (index, n) => {
      const upper = Math.min(bucketEdge(LL5, index + 1), Number.MAX_SAFE_INTEGER);
      const spread = spreadBucket(LL5, { lower: bucketEdge(LL5, index), upper }, n);
      expect(spread).toEqual({ buckets: [index], counts: [n] });
    }),
  );
});

it('puts one count in the middle, and what is open above where it begins', () => {
  const grid: Grid = { kind: 'linear', width: 10 };
  expect(spreadBucket(grid, { lower: 0, upper: 100 }, 1)).toEqual({ buckets: [4], counts: [1] });
  expect(spreadBucket(grid, { lower: 50, upper: undefined }, 7)).toEqual({ buckets: [5], counts: [7] });
  expect(spreadBucket(grid, { lower: 50, upper: 50 }, 7)).toEqual({ buckets: [5], counts: [7] });
});
