/** Numbers read off histograms whose counts stand densely, each with its bounds: `low` and `high` from the edges of
 *  buckets, between which the number that was measured lies; `sampleLow` and `sampleHigh` from the number of events
 *  too, between which that of the system at large does (sample.ts). NaN where there is none.
 *  Hot loops: a reading is made once, and read for every place. */
import { bucketCount, bucketEdge, bucketMiddle, type Grid, VALUE_MAX } from '../model/grid.ts';
import type { Measure, ValueBound } from './checked.ts';
import { meanSpread, proportionInterval, quantileRanks } from './sample.ts';
import { type Ranges, valueSet, valuesOf } from './value-set.ts';

/** Numbers in `out` for each that is read: value, low, high, sampleLow, sampleHigh. */
export const PARTS = 5;

/** Columns of one number and of its bounds. */
export interface Parts {
  readonly values: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly sampleLow?: Float64Array;
  readonly sampleHigh?: Float64Array;
}

export function writeParts(parts: Parts, column: number, out: Float64Array, at: number): void {
  parts.values[column] = out[at]!;
  parts.low[column] = out[at + 1]!;
  parts.high[column] = out[at + 2]!;
  if (parts.sampleLow !== undefined) parts.sampleLow[column] = out[at + 3]!;
  if (parts.sampleHigh !== undefined) parts.sampleHigh[column] = out[at + 4]!;
}

/** Counts of buckets first, first + 1, ... stand at counts[at], counts[at + 1], ... */
export interface Shape {
  readonly grid: Grid;
  readonly first: number;
  readonly length: number;
  /** Whether the counts are of events one by one, so that their number bounds anything. */
  readonly sampled: boolean;
}

/** Writes PARTS numbers each; gives the counts' total. */
export type Reading = (counts: Float64Array, at: number, out: Float64Array) => number;

export type Readable = Exclude<Measure, { kind: 'count' | 'rate' }>;

export function isReadable(measure: Measure): measure is Readable {
  return measure.kind !== 'count' && measure.kind !== 'rate';
}

/** Of `tail` it reads counts, not parts: only all keys together say what the whole is. */
export function readingOf(measure: Readable, shape: Shape): Reading {
  switch (measure.kind) {
    case 'percentile':
      return quantileReading([measure.percent], shape);
    case 'average':
      return averageReading(shape);
    case 'maximum':
      return maximumReading(shape);
    case 'share':
      return scoreReading([[boundSet(measure), 1]], shape, 100);
    case 'apdex':
      return scoreReading(satisfaction(measure.target), shape, 1);
    case 'tail':
      return tailReading(measure, shape);
  }
}

/** Lower and upper edges by bucket; equal where the bucket holds one value. */
function edgesOf({ grid, first, length }: Shape): { lows: Float64Array; highs: Float64Array } {
  const lows = Float64Array.from({ length }, (_, b) => bucketEdge(grid, first + b));
  const highs = lows.map((low, b) => {
    // The last bucket of a linear grid takes all above.
    if (grid.kind === 'linear' && first + b === bucketCount(grid) - 1) return VALUE_MAX;
    const high = bucketEdge(grid, first + b + 1);
    return high - low <= 1 ? low : high;
  });
  return { lows, highs };
}

/** As the model's `quantile`, of each percent. */
export function quantileReading(percents: readonly number[], shape: Shape): Reading {
  const { lows, highs } = edgesOf(shape);
  const { length, sampled } = shape;
  const upTo = new Float64Array(length);
  return (counts, at, out) => {
    let total = 0;
    for (let b = 0; b < length; b++) upTo[b] = total += counts[at + b]!;
    if (total === 0) {
      out.fill(Number.NaN, 0, PARTS * percents.length);
      return 0;
    }
    for (let p = 0; p < percents.length; p++) {
      const rank = percents[p]! / 100;
      const target = rank * total;
      const b = holder(upTo, target, total);
      const low = lows[b]!;
      const width = highs[b]! === VALUE_MAX ? 0 : highs[b]! - low;
      const inside = Math.max(0, target - (b === 0 ? 0 : upTo[b - 1]!)) / counts[at + b]!;
      out[PARTS * p] = low + width * inside;
      out[PARTS * p + 1] = low;
      out[PARTS * p + 2] = highs[b]!;
      const [from, to] = sampled ? quantileRanks(total, rank) : [0, Number.POSITIVE_INFINITY];
      out[PARTS * p + 3] = from < 1 ? Number.NaN : lows[holder(upTo, from, total)]!;
      out[PARTS * p + 4] = to > total ? Number.NaN : highs[holder(upTo, to, total)]!;
    }
    return total;
  };
}

/** The first bucket with counts up to which there are `target` of them. */
function holder(upTo: Float64Array, target: number, total: number): number {
  const wanted = Math.min(Math.max(target, Number.MIN_VALUE), total);
  let low = 0;
  let high = upTo.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (upTo[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Middles weighted by counts. */
function averageReading(shape: Shape): Reading {
  const { lows, highs } = edgesOf(shape);
  const { grid, first, length, sampled } = shape;
  const middles = lows.map((_, b) => bucketMiddle(grid, first + b));
  return (counts, at, out) => {
    let total = 0;
    let [middle, squares, low, high] = [0, 0, 0, 0];
    for (let b = 0; b < length; b++) {
      const count = counts[at + b]!;
      if (count === 0) continue;
      total += count;
      middle += count * middles[b]!;
      squares += count * middles[b]! * middles[b]!;
      low += count * lows[b]!;
      high += count * highs[b]!;
    }
    const mean = middle / total;
    const variance = Math.max(0, squares - total * mean * mean) / (total - 1);
    const spread = sampled ? meanSpread(total, variance) : Number.NaN;
    out[0] = mean;
    out[1] = low / total;
    out[2] = high / total;
    out[3] = Math.max(0, out[1] - spread);
    out[4] = out[2] + spread;
    return total;
  };
}

/** The end of the highest bucket that holds anything. */
function maximumReading(shape: Shape): Reading {
  const { lows, highs } = edgesOf(shape);
  return (counts, at, out) => {
    let total = 0;
    let top = -1;
    for (let b = 0; b < shape.length; b++) {
      if (counts[at + b]! === 0) continue;
      total += counts[at + b]!;
      top = b;
    }
    out[0] = out[2] = highs[top] ?? Number.NaN;
    out[1] = lows[top] ?? Number.NaN;
    out[3] = out[4] = Number.NaN;
    return total;
  };
}

/** Disjoint sets of values, and what a value in one weighs; others weigh nothing. */
type Weights = readonly (readonly [Ranges, number])[];

function boundSet({ op, value }: ValueBound): Ranges {
  return valueSet({ op, field: '', value });
}

/** Apdex: up to the target satisfied, up to four times of it tolerating, which counts half. */
function satisfaction(target: number): Weights {
  const enough = { op: 'le', field: '', value: target } as const;
  const tolerable = { op: 'le', field: '', value: Math.min(VALUE_MAX, 4 * target) } as const;
  return [
    [valueSet(enough), 1],
    [valueSet({ op: 'and', terms: [{ op: 'not', term: enough }, tolerable] }), 0.5],
  ];
}

/** What the events of each bucket weigh: at least, spread evenly, at most. */
function weigh(weights: Weights, { grid, first, length }: Shape) {
  const lows = new Float64Array(length);
  const evens = new Float64Array(length);
  const highs = new Float64Array(length);
  for (let b = 0; b < length; b++) {
    const [from, until] = valuesOf([[first + b, first + b + 1]], grid)[0]!;
    const parts = weights.map(([set, weight]) => [overlap(set, from, until), weight] as const);
    const rest = until - from - parts.reduce((sum, [part]) => sum + part, 0);
    const present = parts.filter(([part]) => part > 0).map(([, weight]) => weight);
    if (rest > 0) present.push(0);
    lows[b] = Math.min(...present);
    evens[b] = parts.reduce((sum, [part, weight]) => sum + (part * weight) / (until - from), 0);
    highs[b] = Math.max(...present);
  }
  return { lows, evens, highs };
}

function overlap(set: Ranges, from: number, until: number): number {
  return set.reduce((sum, [low, high]) => sum + Math.max(0, Math.min(high, until) - Math.max(low, from)), 0);
}

/** The mean weight of an event, times `scale`. */
function scoreReading(weights: Weights, shape: Shape, scale: number): Reading {
  const sums = weightReading(weights, shape);
  return (counts, at, out) => {
    const total = sums(counts, at, out);
    out[0]! *= scale / total;
    const low = out[1]! / total;
    const high = out[2]! / total;
    out[1] = low * scale;
    out[2] = high * scale;
    out[3] = shape.sampled ? proportionInterval(total, low)[0] * scale : Number.NaN;
    out[4] = shape.sampled ? proportionInterval(total, high)[1] * scale : Number.NaN;
    return total;
  };
}

function tailReading(bound: ValueBound, shape: Shape): Reading {
  return weightReading([[boundSet(bound), 1]], shape);
}

function weightReading(weights: Weights, shape: Shape): Reading {
  const { lows, evens, highs } = weigh(weights, shape);
  return (counts, at, out) => {
    let total = 0;
    let [low, even, high] = [0, 0, 0];
    for (let b = 0; b < shape.length; b++) {
      const count = counts[at + b]!;
      if (count === 0) continue;
      total += count;
      low += count * lows[b]!;
      even += count * evens[b]!;
      high += count * highs[b]!;
    }
    out[0] = even;
    out[1] = low;
    out[2] = high;
    out[3] = out[4] = Number.NaN;
    return total;
  };
}
