/** Answers. Numbers only; drawing and encoding are render's and service's. */
import type { Coverage } from '../model/coverage.ts';
import type { Key, KeyNames } from '../model/key.ts';
import type { TypeName } from '../model/metric.ts';
import type { DiffRaster, Raster } from '../model/raster.ts';
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
  readonly names?: KeyNames;
  /** One a column; NaN where nothing is known. */
  readonly values: Float64Array;
  /** Bounds of what was measured, from the edges of the buckets. */
  readonly low?: Float64Array;
  readonly high?: Float64Array;
  /** Bounds of what the system does at large, from the number of events too; NaN where that bounds nothing. */
  readonly sampleLow?: Float64Array;
  readonly sampleHigh?: Float64Array;
  /** The counts that a value was read from. */
  readonly counts?: Float64Array;
  /** The same measure over the whole range. */
  readonly whole: Whole;
}

/** One number over the whole range, with the bounds that a series has. */
export interface Whole {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly sampleLow: number;
  readonly sampleHigh: number;
  readonly count: number;
}

export interface LinesResult extends ValueUnit {
  readonly kind: 'lines';
  readonly metric: string;
  readonly measure: 'percentiles' | 'count' | 'rate' | 'average' | 'maximum' | 'share' | 'apdex';
  readonly fields: readonly string[];
  /** Fields whose values are named. */
  readonly named?: readonly string[];
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

/** What of a place is a key's, beside what of all the rest of the range is. */
export interface KeyShare {
  /** Undefined: all keys that are not named. */
  readonly key: Key | undefined;
  readonly names?: KeyNames;
  readonly count: number;
  /** Of the place's count; 0 where that is 0. */
  readonly share: number;
  readonly outside: number;
  /** Of all counts outside; null where there are none. */
  readonly outsideShare: number | null;
  /** How many times its share outside its share is; null where it is counted nowhere outside. */
  readonly lift: number | null;
}

/** The keys of some fields, the largest in the place first. */
export interface KeyRanking {
  readonly fields: readonly string[];
  /** Keys counted in the place. */
  readonly keys: number;
  readonly rows: readonly KeyShare[];
}

export interface Bounded {
  readonly value: number;
  /** The true value lies within [low, high]. */
  readonly low: number;
  readonly high: number;
}

/** All values of the columns that a place is cut from. */
export interface ColumnStatistics {
  readonly total: number;
  readonly percentiles: readonly ({ readonly percent: number } & Bounded)[];
  /** Between its bounds lies the largest value; undefined where there is none. */
  readonly max?: Bounded;
  /** Their seconds only. */
  readonly coverage: Coverage;
}

/** Fields of the metric that are not stored, and the statement that would store them. */
export interface Unstored {
  readonly fields: readonly string[];
  readonly offer: string;
}

/** Who made a cell, a column or a box. */
export interface CellResult {
  readonly kind: 'cell';
  readonly metric: string;
  /** The place. */
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly columnSeconds: number;
  /** Of the numeric field; undefined where there is none. */
  readonly unit?: ValueUnit;
  /** Values [low, high) as drawn; undefined: all. `row`: which row of the picture, or below or above all of them. */
  readonly values?: {
    readonly low: number;
    readonly high: number;
    readonly row?: number | 'under' | 'over';
  };
  /** Buckets that share their counts with the place, and which part of theirs that is. */
  readonly buckets: readonly {
    readonly low: number;
    readonly high: number;
    readonly count: number;
    readonly weight: number;
  }[];
  /** What the place counts: of a level its mean. */
  readonly total: number;
  readonly outside: number;
  /** Each stored field by itself, then all of them together where there are several. */
  readonly rankings: readonly KeyRanking[];
  readonly named?: readonly string[];
  readonly column: ColumnStatistics;
  readonly unstored?: Unstored;
  readonly coverage: Coverage;
  readonly notes: readonly string[];
}

/** How much a distribution inside a box differs from that outside, and how likely that is luck. */
export interface Difference {
  /** Jensen-Shannon divergence, bits: 0 equal, 1 nothing in common. */
  readonly score: number;
  /** The chance of a difference so large by luck alone, each event by itself. */
  readonly p: number;
  /** The false discovery rate at which it is a discovery among all that was tested (Benjamini and Hochberg). */
  readonly q: number;
  /** q is at most `falseShare`. */
  readonly significant: boolean;
}

export interface CompareField extends Difference {
  readonly field: string;
  /** That it has in the range. */
  readonly values: number;
}

export interface CompareValue extends Difference, Omit<KeyShare, 'key' | 'names'> {
  readonly field: string;
  readonly value: string;
  readonly name?: string | null;
}

/** What differs inside a box from everything else in the range. */
export interface CompareResult {
  readonly kind: 'compare';
  readonly metric: string;
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly columnSeconds: number;
  readonly unit?: ValueUnit;
  readonly values?: { readonly low: number; readonly high: number };
  readonly total: number;
  readonly outside: number;
  readonly falseShare: number;
  /** Significant ones first, then by score. */
  readonly fields: readonly CompareField[];
  /** Values tested, named or not. */
  readonly tests: number;
  readonly rows: readonly CompareValue[];
  readonly named?: readonly string[];
  readonly unstored?: Unstored;
  readonly coverage: Coverage;
  readonly notes: readonly string[];
}

export interface DiffResult {
  readonly kind: 'diff';
  readonly raster: DiffRaster;
  readonly options: PictureOptions;
  readonly notes: readonly string[];
}

export type QueryResult = HeatmapResult | LinesResult | TableResult | CellResult | CompareResult | DiffResult;

/** Where the answer comes from stored series. Of two ranges it is that of the first. */
export function coverageOf(result: QueryResult): Coverage | undefined {
  switch (result.kind) {
    case 'heatmap':
      return result.raster.coverage;
    case 'diff':
      return result.raster.a.coverage;
    case 'lines':
    case 'table':
    case 'cell':
    case 'compare':
      return result.coverage;
  }
}

/** The answer is larger than one may be; the message says what would be smaller. */
export class AnswerTooLargeError extends Error {
  readonly code = 'TOO_LARGE';
}
