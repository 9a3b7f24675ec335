/** Answers. Numbers only; drawing and encoding are render's and service's. */
import type { Coverage } from '../model/coverage.ts';
import type { Key } from '../model/key.ts';
import type { TypeName } from '../model/metric.ts';
import type { Raster } from '../model/raster.ts';
import type { Weight } from './ast.ts';
import type { PictureOptions } from './checked.ts';

/** What values are in: an integer value times base ^ power is in `unit`. */
export interface ValueUnit {
  readonly unit: string;
  readonly base: 2 | 10;
  readonly power: number;
  /** The type of a field's values; absent for numbers of things. */
  readonly type?: TypeName;
}

export interface HeatmapResult {
  readonly kind: 'heatmap';
  readonly raster: Raster;
  /** What the statement says of the picture; the drawer's defaults hold for the rest. */
  readonly options: PictureOptions;
  /** Of `value` the cells are amounts: counts times their values. */
  readonly weight: Weight;
  readonly notes: readonly string[];
}

export interface Series {
  readonly name: string;
  /** The values of the statement's discrete fields; undefined for all or for the remainder. */
  readonly key: Key | undefined;
  /** One a column; NaN where nothing is known. */
  readonly values: Float64Array;
  /** Bounds of the values, from the edges of the buckets. */
  readonly low?: Float64Array;
  readonly high?: Float64Array;
}

export interface LinesResult extends ValueUnit {
  readonly kind: 'lines';
  readonly metric: string;
  readonly measure: 'percentiles' | 'count' | 'rate' | 'average';
  readonly fields: readonly string[];
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly columnSeconds: number;
  readonly columns: number;
  readonly series: readonly Series[];
  readonly coverage: Coverage;
  readonly notes: readonly string[];
}

export interface TableColumn {
  readonly name: string;
  /** What its cells are, where a reader should not have to guess: Unix seconds, values of a discrete field, whole
   *  numbers of things, or any numbers. Each cell may be null. */
  readonly holds?: 'second' | 'key' | 'count' | 'value';
  readonly unit?: string;
  readonly base?: 2 | 10;
  readonly power?: number;
}

export interface TableResult {
  readonly kind: 'table';
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  readonly notes: readonly string[];
  /** Where the rows come from stored series. */
  readonly coverage?: Coverage;
}

export type QueryResult = HeatmapResult | LinesResult | TableResult;

/** The answer is larger than one may be; the message says what would be smaller. */
export class AnswerTooLargeError extends Error {
  readonly code = 'TOO_LARGE';
}
