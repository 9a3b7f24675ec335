/** A distribution as counts of intervals: what every matcher measures. Query results, histograms and plain values
 *  become one, each with what is known of its values and no more. Owns: the conversions, and percentiles, shares and
 *  distances with exact bounds. Does not: assert, format.
 *  A value that was counted is known to lie in [low, high] of its interval, both ends included: the edges of its
 *  bucket, in whole base units; of a plain value both ends are the value. Intervals ascend in both ends. */
import { bucketCount, bucketEdge, bucketIndex, type Grid, VALUE_MAX } from '../../src/model/grid.ts';
import { fromCounts, type Histogram } from '../../src/model/histogram.ts';
import { TYPES, type TypeName, type ValueType } from '../../src/model/metric.ts';
import type {
  HeatmapResult,
  LinesResult,
  QueryResult,
  TableResult,
  ValueUnit,
} from '../../src/query/result.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

export interface Distribution {
  readonly intervals: readonly Interval[];
  readonly total: number;
  /** What values are in; undefined for plain numbers. */
  readonly type?: ValueType;
  /** The statement that it answers, where it is a query's. */
  readonly query?: string;
}

/** A number that is known up to its bounds: the true one lies in [low, high]. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** A histogram and the grid that it counts on; `type` says what its values are in. */
export interface CountedValues {
  readonly grid: Grid;
  readonly histogram: Histogram;
  readonly type?: TypeName;
}

/** A report of a source, or anything of its shape: all its rows together. */
export interface CountedRows {
  readonly grid: Grid;
  readonly rows: readonly { readonly histogram: Histogram }[];
}

/** What matchers take. Plain values are finite numbers in any order. */
export type Measurable = QueryResult | CountedValues | CountedRows | ArrayLike<number>;

/** A value has no distribution, or none that is asked for; says what to give instead. */
export class NotMeasurableError extends Error {
  readonly code = 'NOT_MEASURABLE';
}

/** Throws NotMeasurableError. */
export function distributionOf(value: unknown): Distribution {
  if (isPlain(value)) return ofValues(value);
  if (isCounted(value)) return ofCounted(value);
  if (isRows(value)) return ofRows(value);
  if (!isResult(value)) {
    throw new NotMeasurableError(
      `Cannot measure ${describe(value)}: expected a query's result, an array of numbers, or a grid with a histogram`,
    );
  }
  const { query } = value as { query?: string };
  const said = query === undefined ? {} : { query };
  switch (value.kind) {
    case 'heatmap':
      return { ...ofHeatmap(value), ...said };
    case 'table':
      return { ...ofTable(value), ...said };
    case 'lines':
      throw new NotMeasurableError(
        `Cannot measure the distribution of lines of ${value.measure}: ask with "| histograms" or as a heatmap`,
      );
    case 'cell':
    case 'compare':
    case 'diff':
      throw new NotMeasurableError(
        `Cannot measure the distribution of a ${value.kind}: ask with "| histograms" or as a heatmap`,
      );
  }
}

export function isResult(value: unknown): value is QueryResult {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  return ['heatmap', 'lines', 'table', 'cell', 'compare', 'diff'].includes(String(value.kind));
}

/** The value below or at which `rank` (0..1) of the values lie: of n values the ceil(rank * n)-th smallest, the
 *  smallest for rank 0. Undefined for no values. */
export function percentileBounds({ intervals, total }: Distribution, rank: number): Bounds | undefined {
  const target = rank * total;
  let before = 0;
  for (const { low, high, count } of intervals) {
    before += count;
    if (reaches(before, target)) return { low, high };
  }
  return intervals.at(-1);
}

/** The share of the values that are larger than `value`. */
export function shareAbove({ intervals, total }: Distribution, value: number): Bounds {
  let surely = 0;
  let maybe = 0;
  for (const { low, high, count } of intervals) {
    if (low > value) surely += count;
    if (high > value) maybe += count;
  }
  return total === 0 ? { low: 0, high: 0 } : { low: surely / total, high: maybe / total };
}

export interface Distance extends Bounds {
  /** Where the distributions are surely so far apart: of each the share at or below. */
  readonly at: number;
  readonly found: Bounds;
  readonly expected: Bounds;
}

/** The two-sample Kolmogorov-Smirnov distance: the largest difference between the shares of both that lie at or
 *  below one value, over all values (A. Kolmogorov 1933, N. Smirnov 1948). 0 for equal, 1 for apart; no unit, and
 *  no scale: it is the same of x and of log x. Of counted values both shares are known at the edges of buckets,
 *  and within a bucket up to its count: so the distance has exact bounds. */
export function distance(a: Distribution, b: Distribution): Distance {
  const places = [...new Set([...a.intervals, ...b.intervals].flatMap(({ low, high }) => [low, high]))];
  let low = 0;
  let high = 0;
  let at = places[0] ?? 0;
  for (const place of places.toSorted((x, y) => x - y)) {
    const [fa, fb] = [shareUpTo(a, place), shareUpTo(b, place)];
    const surely = Math.max(fa.low - fb.high, fb.low - fa.high);
    if (surely > low) [low, at] = [surely, place];
    high = Math.max(high, fa.high - fb.low, fb.high - fa.low);
  }
  return { low, high, at, found: shareUpTo(a, at), expected: shareUpTo(b, at) };
}

/** The share at or below. */
function shareUpTo({ intervals, total }: Distribution, value: number): Bounds {
  let surely = 0;
  let maybe = 0;
  for (const { low, high, count } of intervals) {
    if (high <= value) surely += count;
    if (low <= value) maybe += count;
  }
  return total === 0 ? { low: 0, high: 0 } : { low: surely / total, high: maybe / total };
}

/** Sums of a heatmap's rows have fractions: a count is spread over rows, and rounding is no evidence. */
function reaches(sum: number, target: number): boolean {
  return sum >= target - 1e-9 * Math.max(1, target);
}

/** An integer type that a value of this unit has: what literals of it are read with. */
export function typeOfUnit({ unit, base, power }: Omit<ValueUnit, 'type'>): ValueType | undefined {
  return Object.values(TYPES).find(
    (type) => type.arity === 'numeric' && type.unit === unit && type.base === base && type.power === power,
  );
}

function isPlain(value: unknown): value is ArrayLike<number> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value);
}

function isCounted(value: unknown): value is CountedValues {
  return typeof value === 'object' && value !== null && 'grid' in value && 'histogram' in value;
}

function isRows(value: unknown): value is CountedRows {
  return (
    typeof value === 'object' && value !== null && 'grid' in value && 'rows' in value && !('kind' in value)
  );
}

function ofValues(values: ArrayLike<number>): Distribution {
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i++) {
    const value: unknown = values[i];
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new NotMeasurableError(
        `Cannot measure ${describe(value)} at index ${i}: expected a finite number`,
      );
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const intervals = [...counts]
    .toSorted(([a], [b]) => a - b)
    .map(([value, count]) => ({ low: value, high: value, count }));
  return { intervals, total: values.length };
}

function ofCounted({ grid, histogram, type }: CountedValues): Distribution {
  const intervals = histogram.buckets.map((bucket, i) => ({
    ...bucketBounds(grid, bucket),
    count: histogram.counts[i]!,
  }));
  return { ...summed(intervals), ...(type === undefined ? {} : { type: TYPES[type] }) };
}

function ofRows({ grid, rows }: CountedRows): Distribution {
  const counts = new Map<number, number>();
  for (const { histogram } of rows) {
    histogram.buckets.forEach((b, i) => counts.set(b, (counts.get(b) ?? 0) + histogram.counts[i]!));
  }
  return ofCounted({ grid, histogram: fromCounts(counts) });
}

/** The values that a bucket holds: whole base units, both ends included. */
export function bucketBounds(grid: Grid, bucket: number): Bounds {
  const isOpen = grid.kind === 'linear' && bucket === bucketCount(grid) - 1;
  return { low: bucketEdge(grid, bucket), high: isOpen ? VALUE_MAX : bucketEdge(grid, bucket + 1) - 1 };
}

/** A row of the picture holds parts of the buckets that it overlaps: its values lie between their outer edges. */
function ofHeatmap({ raster, weight }: HeatmapResult): Distribution {
  if (weight === 'value')
    throw new NotMeasurableError(
      'Cannot measure a heatmap of weight value: its cells are amounts, not counts',
    );
  const { grid, y, rows, columns, cells, hues, under, over } = raster;
  const low = (edge: number): number => bucketBounds(grid, bucketIndex(grid, Math.floor(edge))).low;
  const high = (edge: number): number => bucketBounds(grid, bucketIndex(grid, Math.ceil(edge) - 1)).high;
  const counts = new Float64Array(rows);
  for (let place = 0; place < hues.length * columns; place++) {
    for (let r = 0; r < rows; r++) counts[r]! += cells[place * rows + r]!;
  }
  const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
  const intervals = [
    { low: 0, high: high(y.edges[0]!), count: sum(under) },
    ...Array.from(counts, (count, r) => ({ low: low(y.edges[r]!), high: high(y.edges[r + 1]!), count })),
    { low: low(y.edges[rows]!), high: VALUE_MAX, count: sum(over) },
  ];
  const type = typeOfUnit(y);
  return { ...summed(intervals), ...(type === undefined ? {} : { type }) };
}

/** Of "| histograms": all steps and keys together. */
function ofTable({ columns, rows }: TableResult): Distribution {
  const at = (name: string): number => columns.findIndex((column) => column.name === name);
  const [lower, upper, count] = [at('lower'), at('upper'), at('count')];
  if (lower < 0 || upper < 0 || count < 0)
    throw new NotMeasurableError('Cannot measure the distribution of this table: ask with "| histograms"');
  const byLow = new Map<number, Interval>();
  for (const row of rows) {
    const [low, next, n] = [row[lower], row[upper], row[count]];
    if (typeof low !== 'number' || typeof n !== 'number') continue;
    const high = typeof next === 'number' ? next - 1 : VALUE_MAX;
    byLow.set(low, { low, high, count: (byLow.get(low)?.count ?? 0) + n });
  }
  const { unit = '', base = 10, power = 0 } = columns[lower]!;
  const type = typeOfUnit({ unit, base, power });
  const intervals = [...byLow.values()].toSorted((a, b) => a.low - b.low);
  return { ...summed(intervals), ...(type === undefined ? {} : { type }) };
}

function summed(all: readonly Interval[]): { intervals: Interval[]; total: number } {
  const intervals = all.filter(({ count }) => count > 0);
  return { intervals, total: intervals.reduce((sum, { count }) => sum + count, 0) };
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return String(value);
  return 'kind' in value ? `a value of kind ${String(value.kind)}` : 'an object';
}

/** One number of an answer that has many: which, and between which bounds. */
export interface Place extends Bounds {
  /** The key and the time, as far as the answer tells them apart. */
  readonly name: string;
}

/** The percentile at each place of an answer: of "| percentiles", a line's every column of which something is
 *  known; of "| top N by p99", each row; of all else the one of the whole. Undefined where the answer does not hold
 *  that percentile. */
export function percentilePlaces(value: unknown, percent: number): readonly Place[] | undefined {
  if (isResult(value) && value.kind === 'lines') return linePlaces(value, percent);
  if (isResult(value) && value.kind === 'table' && !value.columns.some(({ name }) => name === 'lower'))
    return rowPlaces(value, percent);
  const bounds = percentileBounds(distributionOf(value), percent / 100);
  return bounds === undefined ? [] : [{ name: '', low: bounds.low, high: bounds.high }];
}

function linePlaces(lines: LinesResult, percent: number): Place[] | undefined {
  const name = `p${percent}`;
  const chosen = lines.series.filter((s) => s.name === name || s.name.endsWith(` ${name}`));
  if (lines.measure !== 'percentiles' || chosen.length === 0) return undefined;
  return chosen.flatMap(({ key, values, low, high }) =>
    Array.from(values, (_, column) => column)
      .filter((column) => !Number.isNaN(values[column]))
      .map((column): Place => {
        const second = lines.fromSecond + column * lines.columnSeconds;
        const at = lines.columns === 1 ? [] : [new Date(second * 1000).toISOString().replace('.000', '')];
        const of = lines.fields.length === 0 ? [] : [key === undefined ? '(other)' : key.join(', ')];
        const lowest = low![column]!;
        return { name: [...of, ...at].join(' at '), low: lowest, high: Math.max(lowest, high![column]! - 1) };
      }),
  );
}

function rowPlaces({ columns, rows }: TableResult, percent: number): Place[] | undefined {
  const at = (name: string): number => columns.findIndex((column) => column.name === name);
  const [low, high, first] = [at(`p${percent} low`), at(`p${percent} high`), at('count')];
  if (low < 0 || high < 0) return undefined;
  return rows.flatMap((row): Place[] => {
    const [lowest, next] = [row[low], row[high]];
    if (typeof lowest !== 'number' || typeof next !== 'number') return [];
    return [
      { name: row.slice(0, Math.max(0, first)).join(', '), low: lowest, high: Math.max(lowest, next - 1) },
    ];
  });
}

/** What values of an answer are in, where it says. */
export function valueTypeOf(value: unknown): ValueType | undefined {
  if (!isResult(value)) return isCounted(value) && value.type !== undefined ? TYPES[value.type] : undefined;
  if (value.kind === 'lines') return typeOfUnit(value);
  if (value.kind === 'heatmap') return typeOfUnit(value.raster.y);
  if (value.kind !== 'table') return undefined;
  const column = value.columns.find(({ name }) => name === 'lower' || name.endsWith(' low'));
  return column && typeOfUnit({ unit: column.unit ?? '', base: column.base ?? 10, power: column.power ?? 0 });
}
