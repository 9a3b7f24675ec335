/** The statements of the language as data: what the parser makes, the printer prints, the checker reads.
 *  Plain JSON values; every node carries its span in the text, in UTF-16 units. Owns shapes only: whether a
 *  name exists or a unit fits is the checker's business. A stage to come is a new member of `Stage`. */
import type { Scale } from '../model/raster.ts';
import type { Unit } from './unit.ts';

export interface Span {
  readonly offset: number;
  readonly length: number;
}

interface Node {
  readonly span: Span;
}

export interface Name extends Node {
  readonly text: string;
}

/** A number with its unit, as written; `1h30m` is 90 m. */
export interface Quantity extends Node {
  readonly value: number;
  /** Empty for a bare number. */
  readonly unit: Unit | '';
}

export interface Count extends Node {
  readonly value: number;
}

export interface Choice<T extends string> extends Node {
  readonly value: T;
}

export type LiteralNode = ({ readonly kind: 'text' } & Name) | ({ readonly kind: 'number' } & Quantity);

export type CompareOp = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
export type TextOp = 'match' | 'nomatch' | 'prefix' | 'contains';

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Condition[]; readonly span: Span }
  | { readonly kind: 'not'; readonly term: Condition; readonly span: Span }
  | {
      readonly kind: 'compare';
      readonly op: CompareOp;
      readonly field: Name;
      readonly value: LiteralNode;
      readonly span: Span;
    }
  | {
      readonly kind: 'in';
      readonly field: Name;
      readonly values: readonly LiteralNode[];
      readonly span: Span;
    }
  | {
      readonly kind: 'text';
      readonly op: TextOp;
      readonly field: Name;
      readonly value: Name;
      readonly span: Span;
    };

/** A point in time as written: an instant (Unix second), a time of day in UTC, or `now` less a duration. */
export type Moment =
  | { readonly kind: 'instant'; readonly second: number; readonly span: Span }
  | { readonly kind: 'clock'; readonly secondOfDay: number; readonly span: Span }
  | { readonly kind: 'now'; readonly back?: Quantity; readonly span: Span };

export type TimeRange =
  | { readonly kind: 'last'; readonly duration: Quantity; readonly span: Span }
  | { readonly kind: 'between'; readonly from: Moment; readonly to: Moment; readonly span: Span };

/** What the values of a field are called, by the name of a transformation. */
export interface NamingNode extends Node {
  readonly field: Name;
  readonly by: Name;
}

export interface ReadStatement extends Node {
  readonly kind: 'read';
  readonly metric: Name;
  readonly where?: Condition;
  readonly by: readonly Name[];
  readonly range?: TimeRange;
  readonly step?: Quantity;
  readonly offset?: Quantity;
  readonly asOf?: Moment;
  readonly name?: readonly NamingNode[];
  readonly stages: readonly Stage[];
}

/** One hue's key: a literal per hue field. */
export interface KeyNode extends Node {
  readonly values: readonly LiteralNode[];
}

export interface KeyList extends Node {
  readonly keys: readonly KeyNode[];
}

export type Weight = 'count' | 'value';
export type ColorScale = 'rank' | 'linear' | 'sqrt' | 'log';
export type Theme = 'dark' | 'light';

export interface ValueRange extends Node {
  readonly low: Quantity;
  readonly high: Quantity;
}

export interface HeatmapStage extends Node {
  readonly kind: 'heatmap';
  readonly size?: Node & { readonly width: number; readonly height: number };
  readonly y?: Node & {
    readonly scale?: Scale;
    readonly range?: ValueRange;
  };
  /** No fields: `hue none`. */
  readonly hue?: Node & { readonly fields: readonly Name[] };
  readonly top?: HueTop;
  readonly select?: KeyList;
  readonly isolate?: KeyList;
  readonly exclude?: KeyList;
  readonly weight?: Choice<Weight>;
  readonly color?: Choice<ColorScale>;
  readonly palette?: Name;
  readonly theme?: Choice<Theme>;
  readonly overlay?: readonly Count[];
  readonly buckets?: Count;
  readonly title?: Name;
}

/** A stretch of time, and of values where it is said. */
export interface BoxNode extends Node {
  readonly from: Moment;
  readonly to: Moment;
  readonly y?: ValueRange;
}

type YNode = NonNullable<HeatmapStage['y']>;

/** Who made a cell of the heatmap (`at`), or a box over it. */
export type CellStage = Node & { readonly kind: 'cell' } & (
    | {
        readonly at: Moment;
        /** One value of the row, or the row's edges; none: the column. */
        readonly value?: Quantity | ValueRange;
        readonly step?: Quantity;
        readonly y?: YNode;
        readonly buckets?: Count;
      }
    | { readonly box: BoxNode }
  );

/** The same read at two times, or two keys of it, against each other. */
export interface DiffStage extends Node {
  readonly kind: 'diff';
  readonly against:
    | { readonly kind: 'offset'; readonly duration: Quantity; readonly span: Span }
    | {
        readonly kind: 'keys';
        readonly fields: readonly Name[];
        readonly first: KeyNode;
        readonly second: KeyNode;
        readonly span: Span;
      };
  readonly size?: NonNullable<HeatmapStage['size']>;
  readonly y?: YNode;
  readonly buckets?: Count;
  readonly theme?: Choice<Theme>;
  readonly title?: Name;
}

export type OrderOp = 'lt' | 'le' | 'gt' | 'ge';

/** A part of a numeric field's values: `latency > 100ms`. */
export interface Bound extends Node {
  readonly field: Name;
  readonly op: OrderOp;
  readonly value: Quantity;
}

/** share: of a key's counts those within the bound. tail: of all counts within the bound those of the key. */
export type MeasureNode =
  | { readonly kind: 'count' | 'rate' | 'average' | 'maximum'; readonly span: Span }
  | { readonly kind: 'percentile'; readonly percent: number; readonly span: Span }
  | { readonly kind: 'share'; readonly bound: Bound; readonly span: Span }
  | { readonly kind: 'tail'; readonly bound: Bound; readonly span: Span }
  | { readonly kind: 'apdex'; readonly target: Quantity; readonly span: Span };

/** How many hues, and the keys of which largest measure; of counts where it names none. */
export interface HueTop extends Count {
  readonly by?: MeasureNode;
}

export type Stage =
  | HeatmapStage
  | CellStage
  | { readonly kind: 'compare'; readonly box: BoxNode; readonly span: Span }
  | DiffStage
  | { readonly kind: 'percentiles'; readonly percents: readonly Count[]; readonly span: Span }
  | { readonly kind: 'histograms'; readonly span: Span }
  /** Lines of one measure. */
  | Exclude<MeasureNode, { readonly kind: 'percentile' | 'tail' }>
  | { readonly kind: 'top'; readonly count: Count; readonly by: MeasureNode; readonly span: Span };

/** How long the roll-up of one step is kept. */
export interface KeepLevel extends Node {
  readonly duration: Quantity;
  readonly step: Quantity;
}

/** Of whole seconds, and of roll-ups where it is said. */
export interface Keep extends Quantity {
  readonly levels?: readonly KeepLevel[];
}

export interface InstrumentStatement extends Node {
  readonly kind: 'instrument';
  readonly metric: Name;
  readonly where?: Condition;
  readonly by: readonly Name[];
  readonly every?: Quantity;
  readonly keep?: Keep;
  /** No duration: `never`. */
  readonly idle?: Node & { readonly duration?: Quantity };
  readonly as?: Name;
}

export interface PinStatement extends Node {
  readonly kind: 'pin';
  readonly id: Name;
  readonly range: TimeRange;
  readonly as?: Name;
}

export type Listing = 'metrics' | 'instrumentations' | 'sources' | 'pins';

export type Statement =
  | ReadStatement
  | InstrumentStatement
  | PinStatement
  | { readonly kind: 'drop' | 'pause' | 'resume' | 'unpin'; readonly id: Name; readonly span: Span }
  | { readonly kind: 'show'; readonly what: Listing; readonly span: Span }
  | { readonly kind: 'explain'; readonly read: ReadStatement; readonly span: Span }
  | { readonly kind: 'explain'; readonly instrument: InstrumentStatement; readonly span: Span };
