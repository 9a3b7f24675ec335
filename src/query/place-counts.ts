/** What each group counts inside a place and over the whole range. A place takes of a bucket the part that it
 *  overlaps, as a row of a picture does. */
import { bucketEdge, bucketIndex, type Grid } from '../model/grid.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Box } from './place.ts';
import { spreadBuckets } from './rows.ts';
import {
  type Buckets,
  forEachHistogram,
  type Hues,
  hueTotals,
  occupiedBuckets,
  type Scan,
  withinColumns,
} from './scan.ts';

/** [low, high), base units. */
export interface Values {
  readonly low: number;
  readonly high: number;
}

export interface PlaceCounts {
  /** Per group. */
  readonly inside: Float64Array;
  /** Per group, over the whole range, the place included. */
  readonly all: Float64Array;
}

export function placeCounts(scan: Scan, box: Box, values: Values | undefined, kernel: Kernel): PlaceCounts {
  const hues = eachGroup(scan);
  const all = hueTotals(scan, hues, kernel);
  const columns = withinColumns(scan, box.firstColumn, box.untilColumn);
  if (values === undefined) return { inside: hueTotals(columns, hues, kernel), all };
  const inside = new Float64Array(hues.count);
  const buckets = overlapping(columns, values, kernel);
  if (buckets === undefined) return { inside, all };
  const weights = weightsOf(scan.grid, buckets, values);
  forEachHistogram(columns, { hues, buckets, kernel }, (counts, group) => {
    let sum = 0;
    for (let b = 0; b < counts.length; b++) sum += counts[b]! * weights[b]!;
    inside[group] = sum;
  });
  return { inside, all };
}

/** What all groups together count within the values, as the row of a picture has it: their sum takes its part of a bucket,
 *  where adding up the parts of each could round otherwise. */
export function countWithin(scan: Scan, values: Values, kernel: Kernel): number {
  const buckets = overlapping(scan, values, kernel);
  if (buckets === undefined) return 0;
  const weights = weightsOf(scan.grid, buckets, values);
  let sum = 0;
  forEachHistogram(scan, { hues: allGroups(scan), buckets, kernel }, (counts) => {
    for (let b = 0; b < counts.length; b++) sum += counts[b]! * weights[b]!;
  });
  return sum;
}

function eachGroup({ groups }: Scan): Hues {
  return { count: groups.length, hueOfGroup: Int32Array.from(groups, (_, group) => group) };
}

export function allGroups({ groups }: Scan): Hues {
  return { count: 1, hueOfGroup: new Int32Array(groups.length) };
}

/** The occupied buckets that overlap the values. */
export function overlapping(scan: Scan, { low, high }: Values, kernel: Kernel): Buckets | undefined {
  const occupied = occupiedBuckets(scan, allGroups(scan), kernel);
  if (occupied === undefined) return undefined;
  const last = bucketIndex(scan.grid, high);
  const first = Math.max(occupied.first, bucketIndex(scan.grid, low));
  const end = bucketEdge(scan.grid, last) < high ? last + 1 : last;
  const until = Math.min(occupied.first + occupied.count, end);
  return first < until ? { first, count: until - first } : undefined;
}

/** Per bucket the part of it that lies within the values. */
export function weightsOf(grid: Grid, buckets: Buckets, { low, high }: Values): Float64Array {
  const { start, weight } = spreadBuckets(grid, buckets, [low, high]);
  return Float64Array.from({ length: buckets.count }, (_, b) =>
    start[b]! < start[b + 1]! ? weight[start[b]!]! : 0,
  );
}
