/** The rows of a heatmap's y axis, and how buckets spread over them.
 *  Axes are stable: ends snap to round values around what there is, so they rarely move between refreshes, and
 *  every count lies inside them (but zeros on a log axis). An explicit range is kept to the letter.
 *  A bucket spreads over the rows it overlaps as if its counts lay evenly in it. */
import { bucketEdge, type Grid } from '../model/grid.ts';
import type { RowSpread } from '../kernel/kernel.ts';
import { keptLately } from '../model/kept.ts';
import type { Scale } from '../model/raster.ts';
import type { ValueType } from '../model/metric.ts';

/** Rows where nobody names their number: two to three pixels each. */
export function defaultRows(height: number): number {
  return Math.max(1, Math.round(height / 2.5));
}

export interface AxisWish {
  readonly scale: Scale;
  readonly type: ValueType;
  readonly grid: Grid;
  /** The picture's; no more rows than this. */
  readonly height: number;
  /** Rows, where asked for. */
  readonly buckets?: number;
  /** Ends, where asked for: base units. */
  readonly range?: { readonly low: number; readonly high: number };
  /** Occupied buckets: the least, the least that holds no zero, the largest. Undefined where there is none. */
  readonly occupied?: { readonly low: number; readonly lowPositive: number; readonly high: number };
}

/** Axes kept, some KB each: a live picture has the same one for minutes. */
const AXES_MAX = 64;

/** Edges from the bottom: rows + 1 ascending values in base units. Frozen: answers share them. */
export const axisEdges = keptLately(
  AXES_MAX,
  (wish: AxisWish) => JSON.stringify(wish),
  (wish): readonly number[] => Object.freeze(wish.scale === 'log' ? logEdges(wish) : linearEdges(wish)),
);

function logEdges(wish: AxisWish): number[] {
  const { type, grid, occupied, range, height } = wish;
  const ends = emptyEnds(type);
  const low =
    range?.low ?? (occupied ? roundDown(bucketEdge(grid, occupied.lowPositive), type.base) : ends.low);
  const top = range?.high ?? (occupied ? roundUp(bucketEdge(grid, occupied.high + 1), type.base) : ends.high);
  const high = top > low ? top : low * 10;
  const rows = wish.buckets ?? defaultRows(height);
  return Array.from({ length: rows + 1 }, (_, r) => {
    if (r === 0) return low;
    return r === rows ? high : low * (high / low) ** (r / rows);
  });
}

/** Where there is nothing to go by: 1 us to 1 s, 1 B to 1 MiB. */
function emptyEnds({ unit, power }: ValueType): { low: number; high: number } {
  if (unit === 's') return { low: 10 ** Math.max(0, -6 - power), high: 10 ** -power };
  return { low: 1, high: unit === 'B' ? 2 ** 20 : 1000 };
}

function linearEdges(wish: AxisWish): number[] {
  const { type, grid, occupied, range, height, buckets } = wish;
  if (range !== undefined) return evenly(range.low, range.high, buckets ?? defaultRows(height));
  const end = occupied === undefined ? emptyEnds(type).high : bucketEdge(grid, occupied.high + 1);
  // All of 0 % to 100 %: the bucket of 100 % ends at 101.
  const high = type.unit === '%' && end <= 101 ? 101 : roundUp(end, type.base);
  if (buckets !== undefined) return evenly(0, high, buckets);
  const step = roundUp(Math.max(high / Math.max(1, height / 2), grid.kind === 'linear' ? grid.width : 1), 10);
  const rows = Math.max(1, Math.ceil(high / step));
  return Array.from({ length: rows + 1 }, (_, r) => r * step);
}

function evenly(low: number, high: number, rows: number): number[] {
  return Array.from({ length: rows + 1 }, (_, r) => (r === rows ? high : low + ((high - low) * r) / rows));
}

/** Round values: 1, 2, 5 times a power of ten; a power of two where the type counts in them. */
function roundUp(value: number, base: 2 | 10): number {
  const power = base ** Math.floor(Math.log(Math.max(1, value)) / Math.log(base) + 1e-9);
  return [1, 2, 5, 10].map((m) => m * power).find((round) => round >= value * (1 - 1e-12)) ?? 10 * power;
}

function roundDown(value: number, base: 2 | 10): number {
  const power = base ** Math.floor(Math.log(Math.max(1, value)) / Math.log(base) + 1e-9);
  const steps = base === 2 ? [1] : [5, 2, 1];
  return steps.map((m) => m * power).find((round) => round <= value * (1 + 1e-12)) ?? power;
}

export interface BucketSpan {
  readonly first: number;
  readonly count: number;
}

const texts = new WeakMap<readonly number[], string>();

/** The same for the same edges, another one for others. */
export function edgesText(edges: readonly number[]): string {
  const text = texts.get(edges) ?? edges.join(' ');
  texts.set(edges, text);
  return text;
}

interface KeptSpread extends BucketSpan {
  readonly grid: Grid;
  readonly spread: RowSpread;
}

/** Of each axis the spread that was asked for last. */
const spreads = new WeakMap<readonly number[], KeptSpread>();

/** Of counts as they are; must not be changed. */
export function spreadCounts(grid: Grid, span: BucketSpan, edges: readonly number[]): RowSpread {
  const known = spreads.get(edges);
  if (known !== undefined && known.grid === grid && known.first === span.first && known.count === span.count)
    return known.spread;
  const spread = spreadBuckets(grid, span, edges);
  spreads.set(edges, { ...span, grid, spread });
  return spread;
}

/** Weights of the buckets over the rows between the edges, times the bucket's `factor`. */
export function spreadBuckets(
  grid: Grid,
  { first, count }: BucketSpan,
  edges: readonly number[],
  factor: (bucket: number) => number = () => 1,
): RowSpread {
  const rows = edges.length - 1;
  const start = new Int32Array(count + 1);
  const row: number[] = [];
  const weight: number[] = [];
  const under = new Float64Array(count);
  const over = new Float64Array(count);
  let r = 0;
  for (let b = 0; b < count; b++) {
    start[b] = row.length;
    const times = factor(first + b);
    if (times === 0) continue;
    const low = bucketEdge(grid, first + b);
    const high = bucketEdge(grid, first + b + 1);
    const width = high - low;
    under[b] = (times * Math.min(width, Math.max(0, edges[0]! - low))) / width;
    over[b] = (times * Math.min(width, Math.max(0, high - edges[rows]!))) / width;
    while (r < rows - 1 && edges[r + 1]! <= low) r++;
    for (let at = r; at < rows && edges[at]! < high; at++) {
      const overlap = Math.min(high, edges[at + 1]!) - Math.max(low, edges[at]!);
      if (overlap <= 0) continue;
      row.push(at);
      weight.push((times * overlap) / width);
    }
  }
  start[count] = row.length;
  return { rows, start, row: Int32Array.from(row), weight: Float64Array.from(weight), under, over };
}
