/** What is in a file, from one reading before anything is sent: its identity, the time that it spans, how much there
 *  is and what of it cannot be read. The first rows alone tell what a metric that nobody knows would be. */
import { createHash } from 'node:crypto';
import type { Field, MetricDescription, TypeName } from '../../model/metric.ts';
import { isTimeUnit, isUnit, type Unit } from '../../query/unit.ts';
import { columnOf, find, type Mapping, quantityOf, type ReadRow, type RowRecord } from './row.ts';
import { type FileFormat, fileRows, type SourceFile } from './rows.ts';

/** Bad lines that are told with their reason. */
export const FAULTS_TOLD_MAX = 5;
/** Rows that an unknown metric is guessed from. */
const SAMPLE_ROWS = 1000;
/** Whole numbers of more values than this are measured, not names: there are fewer HTTP statuses. */
const DISCRETE_NUMBERS_MAX = 64;

export interface LineFault {
  readonly line: number;
  readonly why: string;
}

export interface Survey {
  /** SHA-256 of the bytes, hexadecimal. */
  readonly sha256: string;
  readonly rows: number;
  /** Rows that the condition leaves out. */
  readonly leftOut: number;
  /** Sum of all counts. */
  readonly counted: number;
  readonly oldestSecond: number | undefined;
  readonly newestSecond: number | undefined;
  readonly badLines: number;
  /** The first of them. */
  readonly faults: readonly LineFault[];
}

export interface SurveyOptions {
  readonly format: FileFormat;
  readonly read: (record: RowRecord) => ReadRow;
  readonly onBytes: (bytes: number) => void;
  /** Ends at the first bad line. */
  readonly strict: boolean;
}

export async function surveyFile(file: SourceFile, options: SurveyOptions): Promise<Survey> {
  const hash = createHash('sha256');
  let oldest = Number.POSITIVE_INFINITY;
  let newest = Number.NEGATIVE_INFINITY;
  const sums = { rows: 0, leftOut: 0, counted: 0, badLines: 0 };
  const faults: LineFault[] = [];
  const onBytes = (bytes: Uint8Array): void => {
    hash.update(bytes);
    options.onBytes(bytes.length);
  };
  for await (const rows of fileRows(file, options.format, onBytes)) {
    for (const { line, record, why } of rows) {
      const row = record === undefined ? fault(why) : options.read(record);
      if (row.kind === 'fault') {
        sums.badLines++;
        if (faults.length < FAULTS_TOLD_MAX) faults.push({ line, why: row.why });
        continue;
      }
      sums.rows++;
      if (row.kind === 'left-out') {
        sums.leftOut++;
        continue;
      }
      oldest = Math.min(oldest, row.second);
      newest = Math.max(newest, row.second);
      for (const count of row.histogram.counts) sums.counted += count;
    }
    if (options.strict && faults.length > 0) break;
  }
  const spanned = oldest <= newest;
  return {
    sha256: hash.digest('hex'),
    ...sums,
    oldestSecond: spanned ? oldest : undefined,
    newestSecond: spanned ? newest : undefined,
    faults,
  };
}

function fault(why = 'it cannot be read'): ReadRow {
  return { kind: 'fault', why };
}

/** The first rows of a file that can be read. */
export async function sampleRows(file: SourceFile, format: FileFormat): Promise<readonly RowRecord[]> {
  const sample: RowRecord[] = [];
  for await (const rows of fileRows(file, format, () => {})) {
    for (const { record } of rows) if (record !== undefined) sample.push(record);
    if (sample.length >= SAMPLE_ROWS) break;
  }
  return sample.slice(0, SAMPLE_ROWS);
}

/** What a metric that nobody knows is, from what is asked of it and the first rows. The last field is the numeric one
 *  where a unit is told, where its values have one, or where rows are histograms and it is no column of theirs.
 *  Numbers without a unit that look measured are asked about rather than guessed. */
export function guessMetric(
  name: string,
  asked: readonly string[],
  sample: readonly RowRecord[],
  mapping: Mapping,
): MetricDescription | { readonly fault: string } {
  const last = asked.at(-1);
  const numeric = last === undefined ? undefined : numericType(last, sample, mapping);
  if (last !== undefined && numeric === undefined) {
    const measured = measuredLook(valuesOf(last, sample, mapping));
    if (measured !== undefined) {
      return { fault: `${last} looks measured (${measured} ...), in which unit is not said` };
    }
  }
  const fields = asked.map((field): Field => {
    const type = field === last && numeric !== undefined ? numeric : discreteType(field, sample, mapping);
    return { name: field, label: field, type };
  });
  return {
    name,
    label: `${name}, imported`,
    unit: 'events',
    scope: 'interval',
    fields,
    cost: 'nothing: it is imported',
  };
}

function valuesOf(field: string, sample: readonly RowRecord[], mapping: Mapping): unknown[] {
  const column = columnOf(mapping.columns[field] ?? field);
  return sample.map((record) => find(record, column)).filter((value) => value !== undefined);
}

function numericType(field: string, sample: readonly RowRecord[], mapping: Mapping): TypeName | undefined {
  if (mapping.unit !== undefined) return typeOfUnit(mapping.unit);
  const values = valuesOf(field, sample, mapping);
  if (values.length > 0) return unitIn(values);
  const edges = ['lower', 'upper'].flatMap((name) => valuesOf(name, sample, mapping));
  const lists = valuesOf('buckets', sample, mapping);
  if (edges.length + lists.length === 0) return undefined;
  // Without a unit each row will say that one is missing.
  return unitIn([...edges, ...lists.flat(2)]) ?? 'time';
}

function unitIn(values: readonly unknown[]): TypeName | undefined {
  const units = values.map((value) => quantityOf(value)?.unit ?? '');
  const unit = units.find((text): text is Unit => text !== '' && isUnit(text));
  return unit === undefined ? undefined : typeOfUnit(unit);
}

/** Three of the values, where they are numbers with fractions or of great variety. */
function measuredLook(values: readonly unknown[]): string | undefined {
  const numbers = values.map((value) => quantityOf(value)?.number ?? Number.NaN);
  if (numbers.length === 0 || numbers.some(Number.isNaN)) return undefined;
  const distinct = new Set(numbers);
  if (numbers.every(Number.isInteger) && distinct.size <= DISCRETE_NUMBERS_MAX) return undefined;
  return [...distinct].slice(0, 3).join(', ');
}

function typeOfUnit(unit: Unit | ''): TypeName {
  if (unit === '') return 'number';
  if (unit === '%') return 'percent';
  return isTimeUnit(unit) ? 'time' : 'size';
}

function discreteType(field: string, sample: readonly RowRecord[], mapping: Mapping): TypeName {
  const values = valuesOf(field, sample, mapping);
  return values.length > 0 && values.every((value) => /^-?\d{1,15}$/.test(String(value)))
    ? 'integer'
    : 'string';
}
