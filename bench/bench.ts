/** What a bench is. A bench answers one question with numbers from one run, beside a rival or a limit measured
 *  in the same run; absolute times wander with the machine, ratios hold. Its input comes from a fixed seed, and
 *  its digest covers what was computed, so that a wrong result does not pass as a fast one. */

/** smoke: runs inside the unit tests, in well under a second. full: what a document may cite. */
export type BenchSize = 'smoke' | 'full';

export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What `value` is the median of, in the order in which they were measured: the first is the cold one. */
  readonly runs?: readonly number[];
  /** `ratio` of the row's value to the rival's, in words `what`: "7.1 x the speed of reference". */
  readonly versus?: { readonly name: string; readonly ratio: number; readonly what: string };
}

export interface BenchResult {
  readonly bench: string;
  readonly question: string;
  readonly size: BenchSize;
  readonly rows: readonly BenchRow[];
  /** Rows that are not there, and why. */
  readonly unmeasured?: readonly { readonly name: string; readonly reason: string }[];
  /** In Markdown, where the rows are read better across than down; printed instead of them. */
  readonly table?: string;
  /** Hexadecimal; the same on every machine and in every run of one size. */
  readonly digest: string;
}

/** A file bench/<name>.ts exports these; its header says its question and its command. */
export interface Bench {
  readonly question: string;
  /** The digest of the smoke size: the unit tests compare it. */
  readonly smokeDigest: string;
  /** `only`: of what is compared, these; all where it is left out. Not every bench can choose. */
  run(size: BenchSize, only?: readonly string[]): Promise<BenchResult>;
}
