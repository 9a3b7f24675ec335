/** Buckets of elsewhere on our grid. A bucket [lower, upper) of n counts is spread by overlap, as if its counts lay
 *  evenly in it, in whole counts whose sum is n exactly: the share below each edge is rounded, so the number of counts
 *  below any edge differs from the even spread by at most half a count. What is not known is where in
 *  [lower, upper) the counts lay: no count moves out of the grid buckets that overlap it. A bucket that lies within
 *  one of the grid's, as all that were exported from here do, is exact. */
import { assert } from '../../model/assert.ts';
import { bucketEdge, bucketIndex, type Grid } from '../../model/grid.ts';
import type { Histogram } from '../../model/histogram.ts';

/** `lower` and `upper` are integers in base units; `upper` undefined: open above, counted where it begins. */
export function spreadBucket(
  grid: Grid,
  { lower, upper }: { readonly lower: number; readonly upper: number | undefined },
  count: number,
): Histogram {
  assert(Number.isSafeInteger(count) && count > 0, () => `a bucket of ${count} counts`);
  const first = bucketIndex(grid, lower);
  const last = upper === undefined || upper <= lower ? first : bucketIndex(grid, upper - 1);
  const buckets: number[] = [];
  const counts: number[] = [];
  let below = 0;
  for (let bucket = first; bucket <= last; bucket++) {
    const reached =
      bucket === last
        ? count
        : Math.round(count * ((bucketEdge(grid, bucket + 1) - lower) / (upper! - lower)));
    if (reached > below) {
      buckets.push(bucket);
      counts.push(reached - below);
    }
    below = reached;
  }
  return { buckets, counts };
}
