/** A raster: the matrix that a heatmap is drawn from. Two stages: exact integer counts per bucket, and rows of
 *  the picture over which buckets are spread by overlap. Hues partition the counts: no count is in two. */
import type { Coverage } from './coverage.ts';
import type { Grid } from './grid.ts';
import type { Key, KeyNames } from './key.ts';

/** Exact counts, [hue][column][bucket - bucketFirst]; counts outside the bucket range are in `under`, `over`. */
export interface BucketRaster {
  readonly hues: number;
  readonly columns: number;
  readonly bucketFirst: number;
  readonly buckets: number;
  readonly counts: Float64Array;
  /** [hue][column] */
  readonly under: Float64Array;
  readonly over: Float64Array;
}

export function newBucketRaster(shape: {
  hues: number;
  columns: number;
  bucketFirst: number;
  buckets: number;
}): BucketRaster {
  const { hues, columns, buckets } = shape;
  return {
    ...shape,
    counts: new Float64Array(hues * columns * buckets),
    under: new Float64Array(hues * columns),
    over: new Float64Array(hues * columns),
  };
}

/** What is drawn of each column. `cells` is [hue][column][row], row 0 at the bottom; `under` and `over` are [column], over
 *  all hues: counts below and above the rows. */
export interface DrawnCells {
  readonly cells: Float64Array;
  readonly under: Float64Array;
  readonly over: Float64Array;
}

/** What a picture shows of the hues of a cell, [column][row]: their sum, and 1 + the hue with the largest count (the
 *  lowest on a tie), 0 where nothing is counted. */
export interface Mix {
  readonly sums: Float64Array;
  readonly strongest: Uint8Array;
}

/** Room for what a kernel draws: as DrawnCells, of which the cells of each hue may be unwanted, and what is seen of them. */
export interface DrawnRoom {
  readonly mix: Mix;
  readonly cells: Float64Array | undefined;
  readonly under: Float64Array;
  readonly over: Float64Array;
}

export function newMix(cells: number): Mix {
  return { sums: new Float64Array(cells), strongest: new Uint8Array(cells) };
}

export type Scale = 'linear' | 'log';

/** The y axis: `edges[r]` is the lower edge of row r (from the bottom), edges has rows + 1 members, ascending,
 *  in the metric's base unit. */
export interface YAxis {
  readonly scale: Scale;
  readonly unit: string;
  readonly base: 2 | 10;
  readonly power: number;
  readonly edges: readonly number[];
}

export interface HueLabel {
  /** The key that this hue stands for; undefined for the remainder, or where there is no hue dimension. */
  readonly key: Key | undefined;
  readonly names?: KeyNames;
  /** Exact total of its counts over the whole range, also of those above and below the y axis. */
  readonly count: number;
}

/** What the columns and rows of a picture stand for. */
export interface RasterGeometry {
  readonly metric: string;
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly columnSeconds: number;
  readonly columns: number;
  readonly rows: number;
  readonly y: YAxis;
  readonly grid: Grid;
}

/** Fractions arise only from spreading. Counts below and above the rows are drawn as marks, never lost. */
export interface Raster extends RasterGeometry, DrawnCells {
  /** Fields that the hues tell apart; empty for one hue. */
  readonly hueFields: readonly string[];
  /** Hue fields whose values are named. */
  readonly named?: readonly string[];
  readonly hues: readonly HueLabel[];
  /** Of `cells`, where it is known already. */
  readonly mix?: Mix;
  readonly total: number;
  readonly coverage: Coverage;
  readonly overlays: readonly Overlay[];
}

/** A named line over the picture: one value per column in the base unit, NaN where there is none. */
export interface Overlay {
  readonly name: string;
  readonly values: Float64Array;
  /** Bounds of what was measured, from the edges of the buckets. */
  readonly low?: Float64Array;
  readonly high?: Float64Array;
  /** Bounds of what the system does at large, from the number of events too; NaN where that bounds nothing. */
  readonly sampleLow?: Float64Array;
  readonly sampleHigh?: Float64Array;
  /** The counts that a value was read from. */
  readonly counts?: Float64Array;
}

/** One of the two that a diff sets against each other. */
export interface DiffLayer {
  readonly label: string;
  /** All of its counts over the range, also those above and below the y axis: what its shares are of. */
  readonly total: number;
  /** Its own range; that of `a` is the raster's. */
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly coverage: Coverage;
  /** [column]: counts below and above the y axis. */
  readonly under: Float64Array;
  readonly over: Float64Array;
}

/** Two layers over the same columns and rows. All arrays of cells are [column][row], row 0 at the bottom. */
export interface DiffRaster extends RasterGeometry {
  readonly a: DiffLayer;
  readonly b: DiffLayer;
  readonly countsA: Float64Array;
  readonly countsB: Float64Array;
  /** (share of a - share of b) / (their sum), -1..1, of the counts' shares of their totals: above 0 where a has
   *  more. 0 where both are 0 or equal; also cells that are not significant have their score. */
  readonly score: Float64Array;
  /** 1 where the difference is significant: at most `falseShare` of these are expected to be chance. */
  readonly significant: Uint8Array;
  /** The false discovery rate. */
  readonly falseShare: number;
  /** Cells that hold a count of either: as many tests were made. */
  readonly tested: number;
}
