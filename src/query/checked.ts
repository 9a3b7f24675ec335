/** Statements that are right: names exist, types fit, literals are integers in base units, defaults filled in.
 *  Plain data: it crosses threads. What is left open is what only the store knows: which instrumentation
 *  answers, and where its newest second lies. */
import type { Instrumentation } from '../model/instrumentation.ts';
import type { Key } from '../model/key.ts';
import type { Predicate } from '../model/predicate.ts';
import type { Scale } from '../model/raster.ts';
import type { ColorScale, Listing, Moment, OrderOp, Theme, Weight } from './ast.ts';

/** A part of the numeric field's values, in its base unit. */
export interface ValueBound {
  readonly op: OrderOp;
  readonly value: number;
}

export type Measure =
  | { readonly kind: 'count' }
  | { readonly kind: 'rate' }
  | { readonly kind: 'average' }
  | { readonly kind: 'maximum' }
  | { readonly kind: 'percentile'; readonly percent: number }
  | ({ readonly kind: 'share' } & ValueBound)
  | ({ readonly kind: 'tail' } & ValueBound)
  | { readonly kind: 'apdex'; readonly target: number };

/** How hues come to keys. top: the keys with the largest measure (counts unless it is said), and a remainder. select: those named, and a
 *  remainder. isolate: those named, nothing else. */
export type HueChoice =
  | { readonly kind: 'top'; readonly count: number; readonly measure?: Measure }
  | { readonly kind: 'select'; readonly keys: readonly Key[] }
  | { readonly kind: 'isolate'; readonly keys: readonly Key[] };

export type PaletteName = 'viridis' | 'cividis' | 'magma' | 'inferno';

/** What the statement says of the picture; a member that it does not name is absent, and the drawer's default
 *  holds. */
export interface PictureOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: Theme;
  readonly color?: ColorScale;
  readonly palette?: PaletteName;
  readonly title?: string;
}

export interface HeatmapDrawing {
  readonly kind: 'heatmap';
  readonly picture: PictureOptions;
  /** Undefined: log for time and size, linear for the rest. */
  readonly scale?: Scale;
  /** Base units; undefined: around what there is. */
  readonly y?: { readonly low: number; readonly high: number };
  /** Rows; undefined: by the height. */
  readonly buckets?: number;
  readonly hueFields: readonly string[];
  readonly hues: HueChoice;
  readonly exclude: readonly Key[];
  readonly weight: Weight;
  /** Percentiles, 0..100. */
  readonly overlay: readonly number[];
}

/** How rows are cut where a picture is only spoken of. */
export type RowWish = Pick<HeatmapDrawing, 'scale' | 'y' | 'buckets'>;

/** A cell, a column or a box of the heatmap of the same read. */
export interface Place {
  readonly from: Moment;
  /** Undefined: the end of the column that holds `from`. */
  readonly to?: Moment;
  /** A value of the row that is meant, or the values themselves, base units; undefined: all. */
  readonly values?: { readonly within: number } | { readonly low: number; readonly high: number };
}

export interface CellDrawing {
  readonly kind: 'cell';
  readonly place: Place;
  readonly rows: RowWish;
}

export interface DiffDrawing {
  readonly kind: 'diff';
  /** b is the same that many seconds earlier, or the second key. */
  readonly against:
    | { readonly kind: 'offset'; readonly seconds: number }
    | { readonly kind: 'keys'; readonly fields: readonly string[]; readonly keys: readonly [Key, Key] };
  readonly rows: RowWish;
  readonly picture: PictureOptions;
}

export type Drawing =
  | HeatmapDrawing
  | CellDrawing
  | { readonly kind: 'compare'; readonly place: Place }
  | DiffDrawing
  | { readonly kind: 'percentiles'; readonly percents: readonly number[] }
  /** Lines of one measure. */
  | Exclude<Measure, { readonly kind: 'percentile' | 'tail' }>
  /** A row for each non-empty bucket. */
  | { readonly kind: 'histograms' }
  /** The rows of `pick`, one each. */
  | { readonly kind: 'table' };

export type CheckedRange =
  | { readonly kind: 'last'; readonly seconds: number }
  | { readonly kind: 'between'; readonly from: Moment; readonly to: Moment };

export interface Naming {
  readonly field: string;
  /** The name of a transformation. */
  readonly by: string;
}

export interface CheckedRead {
  readonly kind: 'read';
  readonly metric: string;
  readonly where?: Predicate;
  /** Discrete fields to break out by, in the order asked. */
  readonly fields: readonly string[];
  readonly numeric?: string;
  readonly range: CheckedRange;
  readonly stepSeconds?: number;
  readonly offsetSeconds: number;
  readonly asOf?: Moment;
  /** Fields whose values are shown with their names. */
  readonly naming?: readonly Naming[];
  /** Only these keys by themselves, the rest as one. */
  readonly pick?: { readonly count: number; readonly measure: Measure };
  readonly draw: Drawing;
}

/** An instrumentation to be: its creator gives it a second, and a name where the statement gave none. */
export type Draft = Omit<Instrumentation, 'id' | 'createdSecond'> & { readonly id?: string };

/** A pin to be: what its range means is known when it is made, and so is its name where none was given. */
export interface CheckedPin {
  readonly kind: 'pin';
  readonly id?: string;
  readonly instrumentation: string;
  readonly range: CheckedRange;
}

export type Checked =
  | CheckedRead
  | CheckedPin
  | { readonly kind: 'instrument'; readonly instrumentation: Draft }
  | { readonly kind: 'drop' | 'pause' | 'resume' | 'unpin'; readonly id: string }
  | { readonly kind: 'show'; readonly what: Listing }
  | { readonly kind: 'explain'; readonly read: CheckedRead }
  | { readonly kind: 'explain'; readonly instrumentation: Draft };
