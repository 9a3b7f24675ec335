/** What is measured of each peer, in the order of the table, and what a measurement is. */

export interface Measure {
  readonly name: string;
  readonly unit: string;
  /** Of two values, the better one. */
  readonly better: 'more' | 'less';
}

const measure = (name: string, unit: string, better: Measure['better'] = 'less'): Measure => ({
  name,
  unit,
  better,
});

export const MEASURES = {
  ingest: measure('ingest', 'histograms/s', 'more'),
  ingestCells: measure('ingest, cells', 'cells/s', 'more'),
  ingestCpu: measure('ingest per CPU-second, settling too', 'histograms/CPU-s', 'more'),
  disk: measure('on disk, settled', 'B/histogram'),
  heat10m: measure('heatmap 10 min, 1 s columns', 'ms'),
  hue10m: measure('... by key', 'ms'),
  png10m: measure('... by key, drawn as a PNG', 'ms'),
  heat1h: measure('heatmap 1 h, 10 s columns', 'ms'),
  hue1h: measure('... by key, 1 h', 'ms'),
  heat24h: measure('heatmap 24 h, 2 min columns', 'ms'),
  hue24h: measure('... by key, 24 h', 'ms'),
  percentiles: measure('p50 and p99 over 1 h, 10 s steps', 'ms'),
  fresh: measure('write to visible', 'ms'),
  memoryIngest: measure('peak memory, ingest', 'MB'),
  memoryQueries: measure('peak memory, queries', 'MB'),
} as const satisfies Record<string, Measure>;

export type MeasureId = keyof typeof MEASURES;

/** One cell of the table. */
export interface Finding {
  readonly measure: MeasureId;
  /** The median of `runs`; absent where `words` say why. */
  readonly value?: number;
  /** In the order in which they were made: the first is the cold one. */
  readonly runs?: readonly number[];
  readonly words?: string;
}

/** What it is, and how it was measured. */
export interface About {
  readonly version: string;
  /** Of data that it was given. */
  readonly seconds: number;
  /** Share of all cores that other processes used meanwhile, percent; NaN where it is not known. */
  readonly othersPercent: number;
  readonly remark?: string;
}

/** What a peer's process says of it. */
export type News =
  | { readonly kind: 'finding'; readonly finding: Finding }
  | ({ readonly kind: 'about' } & About)
  /** It could not go on: why there is nothing more. */
  | { readonly kind: 'ended'; readonly words: string }
  | { readonly kind: 'progress'; readonly line: string };
