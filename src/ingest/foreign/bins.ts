/** The buckets of others: explicit bounds, or powers of a base (OpenTelemetry's exponential, Prometheus' native).
 *  Their buckets are open below and closed above, (lower, upper]; ours hold integers from their lower edge on, so
 *  (l, u] of base units is the integers from floor(l) + 1 to floor(u). Counts are whole and not negative.
 *  Owns: their difference in time, their cells on our grid. Pure. */
import { type Grid, VALUE_MAX } from '../../model/grid.ts';
import { spreadBucket } from '../backfill/spread.ts';

export type Bins =
  | {
      readonly kind: 'explicit';
      /** Ascending; the last bucket is open above. */
      readonly bounds: readonly number[];
      /** One more than bounds. */
      readonly counts: readonly number[];
    }
  | {
      readonly kind: 'exponential';
      /** Bucket i is (base^i, base^(i+1)], base = 2^(2^-scale). */
      readonly scale: number;
      readonly zeroThreshold: number;
      readonly zeroCount: number;
      /** Index of the first of counts. */
      readonly offset: number;
      readonly counts: readonly number[];
      /** Of values below zero. */
      readonly negativeCount: number;
    };

/** Buckets of one histogram: OpenTelemetry's default is 160, Prometheus' explicit ones are tens. */
export const BINS_MAX = 4096;
/** Scales that the protocols know. */
const SCALE_MIN = -10;
const SCALE_MAX = 20;

/** Undefined where these can be counted; else what is wrong. */
export function binsFault(bins: Bins): string | undefined {
  if (bins.counts.length > BINS_MAX) return `${bins.counts.length} buckets, at most ${BINS_MAX} are taken`;
  const odd = bins.counts.find((count) => !Number.isSafeInteger(count) || count < 0);
  if (odd !== undefined) return `a bucket of ${odd} counts`;
  if (bins.kind === 'explicit') {
    if (bins.counts.length !== bins.bounds.length + 1)
      return `${bins.counts.length} buckets for ${bins.bounds.length} bounds`;
    const { bounds } = bins;
    return bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!))
      ? undefined
      : 'its bounds do not ascend';
  }
  if (!Number.isInteger(bins.scale) || bins.scale < SCALE_MIN || bins.scale > SCALE_MAX)
    return `scale ${bins.scale}, expected ${SCALE_MIN} to ${SCALE_MAX}`;
  if (!Number.isInteger(bins.offset) || Math.abs(bins.offset) > 2 ** 31) return `offset ${bins.offset}`;
  const beside = [bins.zeroCount, bins.negativeCount].find((n) => !Number.isSafeInteger(n) || n < 0);
  if (beside !== undefined) return `${beside} zeros or values below zero`;
  return bins.zeroThreshold >= 0 ? undefined : `zero threshold ${bins.zeroThreshold}`;
}

/** What `now` has more than `before`. 'reset': it has less somewhere, so it began anew in between. 'other': the
 *  layouts cannot be told in each other's terms. */
export function binsSince(now: Bins, before: Bins): Bins | 'reset' | 'other' {
  if (now.kind === 'explicit') {
    if (before.kind !== 'explicit' || !sameNumbers(now.bounds, before.bounds)) return 'other';
    const counts = now.counts.map((count, i) => count - before.counts[i]!);
    return counts.some((count) => count < 0) ? 'reset' : { ...now, counts };
  }
  if (before.kind !== 'exponential') return 'other';
  const scale = Math.min(now.scale, before.scale);
  const a = coarser(now, scale);
  const b = coarser(before, scale);
  const counts = [...a.counts];
  for (const [i, count] of b.counts.entries()) {
    if (count === 0) continue;
    const at = b.offset + i - a.offset;
    if (at < 0 || at >= counts.length || counts[at]! < count) return 'reset';
    counts[at]! -= count;
  }
  const zeroCount = now.zeroCount - before.zeroCount;
  const negativeCount = now.negativeCount - before.negativeCount;
  return zeroCount < 0 || negativeCount < 0 ? 'reset' : { ...a, zeroCount, counts, negativeCount };
}

type Exponential = Extract<Bins, { kind: 'exponential' }>;

/** The same counts at a scale that is not finer: each step down merges pairs of buckets. */
function coarser(bins: Exponential, scale: number): Exponential {
  if (scale === bins.scale) return bins;
  const width = 2 ** (bins.scale - scale);
  const offset = Math.floor(bins.offset / width);
  const last = Math.floor((bins.offset + bins.counts.length - 1) / width);
  const counts = Array.from({ length: Math.max(0, last - offset + 1) }, () => 0);
  for (const [i, count] of bins.counts.entries())
    counts[Math.floor((bins.offset + i) / width) - offset]! += count;
  return { ...bins, scale, offset, counts };
}

export interface Cells {
  readonly buckets: readonly number[];
  readonly counts: readonly number[];
  /** Of values below zero, which the grid has no place for. */
  readonly negative: number;
}

/** What is known of the values beside their buckets, in base units. */
export interface Extremes {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** The cells on `grid`, where `scale` is base units in one of theirs. Each bucket's counts are spread over the grid's
 *  buckets that it overlaps, as backfill/spread.ts has it: none is lost, none leaves its bucket. */
export function cellsOf(bins: Bins, grid: Grid, scale: number, { min, max }: Extremes = {}): Cells {
  const cells = new Map<number, number>();
  let negative = bins.kind === 'explicit' ? 0 : bins.negativeCount;
  const add = (low: number, high: number, count: number): void => {
    if (count === 0) return;
    if (high < 0) {
      negative += count;
      return;
    }
    const range = {
      lower: low < 0 ? 0 : whole(low) + 1,
      upper: high === Infinity ? undefined : whole(high) + 1,
    };
    const { buckets, counts } = spreadBucket(grid, narrowed(range, min, max), count);
    buckets.forEach((bucket, i) => cells.set(bucket, (cells.get(bucket) ?? 0) + counts[i]!));
  };
  if (bins.kind === 'explicit') {
    bins.counts.forEach((count, i) =>
      add((bins.bounds[i - 1] ?? -Infinity) * scale, (bins.bounds[i] ?? Infinity) * scale, count),
    );
  } else {
    add(-1, bins.zeroThreshold * scale, bins.zeroCount);
    const edge = (index: number): number => 2 ** (index * 2 ** -bins.scale) * scale;
    bins.counts.forEach((count, i) => add(edge(bins.offset + i), edge(bins.offset + i + 1), count));
  }
  const buckets = [...cells.keys()].toSorted((a, b) => a - b);
  return { buckets, counts: buckets.map((bucket) => cells.get(bucket)!), negative };
}

interface WholeRange {
  readonly lower: number;
  readonly upper: number | undefined;
}

/** The part of a bucket in which values can lie, given the least and the greatest of all. */
function narrowed(
  { lower, upper }: WholeRange,
  min: number | undefined,
  max: number | undefined,
): WholeRange {
  const low = Math.min(min === undefined ? lower : Math.max(lower, whole(min)), VALUE_MAX);
  const open = upper === undefined ? undefined : Math.min(upper, VALUE_MAX + 1);
  const high = max === undefined ? open : Math.min(open ?? Infinity, whole(max) + 1, VALUE_MAX + 1);
  if (high === undefined || high > low) return { lower: low, upper: high };
  return { lower: Math.min(lower, VALUE_MAX), upper: open };
}

/** The integer at or below, where a product is an integer but for its last binary digits that integer. */
function whole(value: number): number {
  const nearest = Math.round(value);
  return Math.abs(value - nearest) <= Math.abs(value) * 1e-12 ? nearest : Math.floor(value);
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
