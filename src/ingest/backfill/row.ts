/** A row of a file becomes counts: which second, which key, which buckets. Owns: the meaning of a row. Does not: read
 *  files, choose what is measured. A row is one of
 *  - an event: time, fields, the value; `count` says how many, 1 where it is absent
 *  - a histogram: time, fields, `buckets`: [[lower, upper, count], ...]
 *  - a bucket of a histogram: time, fields, `lower`, `upper`, `count`
 *  A column is looked for by its name, then as a path into nested objects (`req.route`). */
import type { Grid } from '../../model/grid.ts';
import { bucketIndex } from '../../model/grid.ts';
import { boundedValue, type Key } from '../../model/key.ts';
import type { Histogram } from '../../model/histogram.ts';
import type { ValueType } from '../../model/metric.ts';
import { compilePredicate, type Literal, type Predicate, predicateFields } from '../../model/predicate.ts';
import { isUnit, nearestBase, type Unit } from '../../query/unit.ts';
import { spreadBucket } from './spread.ts';
import { readTime, type TimeScale } from './time.ts';

/** Counts of one row; with what a batch holds at most, sums stay exact. */
export const ROW_COUNT_MAX = 2 ** 52;

export type RowRecord = Readonly<Record<string, unknown>>;

export interface RowShape {
  readonly by: readonly string[];
  readonly numeric?: { readonly field: string; readonly type: ValueType };
  readonly grid: Grid;
  readonly where?: Predicate;
  readonly everySeconds: number;
}

/** How a file says things. */
export interface Mapping {
  /** Columns that are not named as what they hold; '' for none. */
  readonly columns: Readonly<Record<string, string>>;
  /** Of bare numbers: '' says that they are numbers without a unit. */
  readonly unit?: Unit | '';
  readonly timeScale?: TimeScale;
}

export type ReadRow =
  | { readonly kind: 'counts'; readonly second: number; readonly key: Key; readonly histogram: Histogram }
  /** The condition leaves it out. */
  | { readonly kind: 'left-out'; readonly second: number }
  | { readonly kind: 'fault'; readonly why: string };

/** Names under which a row's parts are looked for where the mapping names none. */
const TIME_COLUMNS = ['time', 'second', 'timestamp', 'ts', '@timestamp'];

class RowFault extends Error {}

/** `seen` gets the fields that some row has. */
export function rowReader(
  shape: RowShape,
  mapping: Mapping,
  seen: Set<string>,
): (record: RowRecord) => ReadRow {
  const column = (name: string): Column => columnOf(mapping.columns[name] ?? name);
  const times = mapping.columns['time'] === undefined ? TIME_COLUMNS.map(columnOf) : [column('time')];
  const fields = shape.by.map((name) => ({ name, column: column(name) }));
  const part = {
    count: column('count'),
    buckets: column('buckets'),
    lower: column('lower'),
    upper: column('upper'),
  };
  const numeric = shape.numeric && { ...shape.numeric, column: column(shape.numeric.field) };
  const passes = compilePredicate(shape.where);
  const asksValue = numeric !== undefined && predicateFields(shape.where).includes(numeric.field);
  const asked = new Map(predicateFields(shape.where).map((name) => [name, column(name)]));

  const read = (record: RowRecord): ReadRow => {
    const second = secondOf(times, record, mapping.timeScale);
    const key = fields.map(({ name, column: of }) => {
      const value = find(record, of);
      if (value !== undefined) seen.add(name);
      return keyValue(name, value);
    });
    const buckets = numeric && bucketsOf(record, part);
    if (buckets !== undefined && asksValue)
      throw new RowFault(`a condition on ${numeric!.field} cannot be tested on a histogram`);
    const value = numeric && buckets === undefined ? find(record, numeric.column) : undefined;
    const base = value === undefined ? undefined : baseValue(value, numeric!, mapping.unit);
    const literal = (name: string): Literal | undefined => {
      if (name === numeric?.field) return base;
      const found = find(record, asked.get(name)!);
      return typeof found === 'number' ? found : scalarText(found);
    };
    if (!passes(literal)) return { kind: 'left-out', second: stepOf(second, shape.everySeconds) };
    if (numeric !== undefined && buckets === undefined && base === undefined)
      throw new RowFault(`it has no ${numeric.column.name}`);
    if (numeric !== undefined) seen.add(numeric.field);
    const histogram =
      buckets === undefined
        ? eventHistogram(shape.grid, base ?? 0, countOf(find(record, part.count) ?? 1))
        : spreadAll(shape.grid, buckets, numeric!, mapping.unit);
    return { kind: 'counts', second: stepOf(second, shape.everySeconds), key, histogram };
  };
  return (record) => {
    try {
      return read(record);
    } catch (error) {
      if (error instanceof RowFault) return { kind: 'fault', why: error.message };
      throw error;
    }
  };
}

interface Column {
  readonly name: string;
  /** More than one where it may be a path. */
  readonly path: readonly string[];
}

export function columnOf(name: string): Column {
  return { name, path: name.split('.') };
}

/** Undefined where it is absent, null or empty. */
export function find(record: RowRecord, { name, path }: Column): unknown {
  let value: unknown = Object.hasOwn(record, name) ? record[name] : undefined;
  if (value === undefined && path.length > 1) {
    value = record;
    for (const step of path) value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value === null || value === '' ? undefined : value;
}

function isObject(value: unknown): value is RowRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function secondOf(times: readonly Column[], record: RowRecord, scale: TimeScale | undefined): number {
  for (const column of times) {
    const value = find(record, column);
    if (value === undefined) continue;
    const second = readTime(value, scale);
    if (typeof second === 'number') return second;
    throw new RowFault(second.fault);
  }
  throw new RowFault(`it has no ${times.length === 1 ? times[0]!.name : 'time'}`);
}

/** A step of an instrumentation speaks of the seconds that begin with a multiple of its length. */
function stepOf(second: number, everySeconds: number): number {
  return second - (second % everySeconds);
}

/** A field that the row lacks is the empty text, as in what is measured live. */
function keyValue(name: string, value: unknown): string {
  if (value === undefined) return '';
  const text = scalarText(value);
  if (text !== undefined) return boundedValue(text);
  throw new RowFault(`${name} is ${JSON.stringify(value)?.slice(0, 60)}, expected one value`);
}

function scalarText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

const QUANTITY = /^\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z%\u00b5\u03bc]*)\s*$/;

/** A number and the unit that stands with it. */
export function quantityOf(value: unknown): { readonly number: number; readonly unit: string } | undefined {
  if (typeof value === 'number') return { number: value, unit: '' };
  const match = typeof value === 'string' ? QUANTITY.exec(value) : null;
  if (match === null) return undefined;
  return { number: Number(match[1]), unit: match[2]!.replace(/[\u00b5\u03bc]/, 'u') };
}

function baseValue(
  value: unknown,
  { field, type }: { readonly field: string; readonly type: ValueType },
  unit: Unit | '' | undefined,
): number {
  const quantity = quantityOf(value);
  const text = JSON.stringify(value) ?? 'nothing';
  if (quantity === undefined) throw new RowFault(`${field} is ${text.slice(0, 60)}, expected a number`);
  const of = quantity.unit === '' ? (unit ?? '') : quantity.unit;
  if (of !== '' && !isUnit(of)) throw new RowFault(`${field} is ${text}: "${of}" is no unit`);
  const base = nearestBase(quantity.number, of, type);
  if ('fault' in base) throw new RowFault(`${field} is ${text}: ${base.fault}`);
  return base.value;
}

function countOf(value: unknown): number {
  const quantity = quantityOf(value);
  const count = quantity?.unit === '' ? quantity.number : Number.NaN;
  if (Number.isInteger(count) && count >= 0 && count <= ROW_COUNT_MAX) return count;
  throw new RowFault(`count is ${JSON.stringify(value)}, expected a whole number`);
}

function eventHistogram(grid: Grid, value: number, count: number): Histogram {
  return count === 0 ? { buckets: [], counts: [] } : { buckets: [bucketIndex(grid, value)], counts: [count] };
}

type Bucket = readonly [lower: unknown, upper: unknown, count: unknown];

function bucketsOf(
  record: RowRecord,
  part: { readonly buckets: Column; readonly lower: Column; readonly upper: Column; readonly count: Column },
): readonly Bucket[] | undefined {
  const list = find(record, part.buckets);
  if (Array.isArray(list)) return list.map(bucketOf);
  const lower = find(record, part.lower);
  const upper = find(record, part.upper);
  if (lower === undefined && upper === undefined) return undefined;
  return [[lower, upper, find(record, part.count)]];
}

function bucketOf(value: unknown): Bucket {
  if (Array.isArray(value) && value.length === 3) return [value[0], value[1], value[2]];
  throw new RowFault(`a bucket is ${JSON.stringify(value)?.slice(0, 60)}, expected [lower, upper, count]`);
}

function spreadAll(
  grid: Grid,
  buckets: readonly Bucket[],
  numeric: { readonly field: string; readonly type: ValueType },
  unit: Unit | '' | undefined,
): Histogram {
  const counts = new Map<number, number>();
  let total = 0;
  for (const [low, high, n] of buckets) {
    const lower = isOpen(low) ? 0 : baseValue(low, { ...numeric, field: 'lower' }, unit);
    const upper = isOpen(high) ? undefined : baseValue(high, { ...numeric, field: 'upper' }, unit);
    if (upper !== undefined && upper < lower)
      throw new RowFault(`upper is ${String(high)}, below lower, ${String(low)}`);
    const count = countOf(n);
    total += count;
    if (total > ROW_COUNT_MAX) throw new RowFault('its counts are above 2^52');
    if (count === 0) continue;
    const spread = spreadBucket(grid, { lower, upper }, count);
    spread.buckets.forEach((bucket, i) => counts.set(bucket, (counts.get(bucket) ?? 0) + spread.counts[i]!));
  }
  const indices = [...counts.keys()].toSorted((a, b) => a - b);
  return { buckets: indices, counts: indices.map((bucket) => counts.get(bucket)!) };
}

/** Open below or above. */
function isOpen(edge: unknown): boolean {
  return (
    edge === undefined || edge === null || edge === '' || /^[+-]?inf(inity)?$/i.test(scalarText(edge) ?? '')
  );
}
