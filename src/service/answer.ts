/** Questions to an aggregator and its answers: plain data that crosses a thread (or, later, a wire). The
 *  aggregator does all the work of an answer, down to the bytes, so the gateway's event loop only passes them
 *  on. */
import type { Instrumentation } from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Pin } from '../model/pin.ts';
import type { CheckedRead } from '../query/check.ts';
import type { SourceStatus, StoreStats } from '../store/store.ts';
import type { Problem } from './problem.ts';

export type Format = 'json' | 'csv' | 'jsonl' | 'png' | 'text' | 'arrow' | 'parquet';

export const CONTENT_TYPES: { readonly [format in Format]: string } = {
  json: 'application/json; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
  jsonl: 'application/jsonl; charset=utf-8',
  png: 'image/png',
  text: 'text/plain; charset=utf-8',
  arrow: 'application/vnd.apache.arrow.stream',
  parquet: 'application/vnd.apache.parquet',
};

/** How the answer should look; parameters beside the query text, which override its defaults, not its words. */
export interface Presentation {
  readonly format: Format;
  readonly width?: number;
  readonly height?: number;
  readonly scale?: 1 | 2;
  readonly theme?: 'dark' | 'light';
  readonly plain?: boolean;
  /** PNG and JSON of a heatmap: so many of the newest columns alone, at least 1. */
  readonly newest?: number;
  /** JSON of a heatmap: with its cells. */
  readonly cells?: boolean;
  /** Text: the terminal's size and colours. */
  readonly textColumns?: number;
  readonly textRows?: number;
  readonly textDepth?: 'truecolor' | '256' | 'ascii';
}

export interface ReadQuestion {
  readonly kind: 'read';
  readonly checked: CheckedRead;
  /** The statement as it prints itself. */
  readonly text: string;
  readonly metric: MetricDescription;
  readonly instrumentation: Instrumentation;
  /** Its pins. */
  readonly pins: readonly Pin[];
  readonly presentation: Presentation;
  /** Waits up to this long for the newest second to be complete. */
  readonly waitMs: number;
  readonly explain: boolean;
  readonly ifNoneMatch?: string;
}

export type Question =
  | ReadQuestion
  | { readonly kind: 'status' }
  | { readonly kind: 'key-values'; readonly instrumentation: string; readonly field: string };

export interface Answered {
  readonly kind: 'answered';
  readonly contentType: string;
  /** Empty where the caller's copy is still right (`notModified`). */
  readonly body: Uint8Array;
  /** A picture in words. */
  readonly description?: string;
  readonly etag: string;
  readonly notModified: boolean;
  /** Nothing that could still come changes it. */
  readonly immutable: boolean;
}

export interface AggregatorStatus {
  readonly kind: 'status';
  readonly aggregator: number;
  readonly stats: StoreStats;
  readonly sources: readonly SourceStatus[];
  readonly frontiers: readonly { readonly instrumentation: string; readonly second: number }[];
  /** Offset of the last entry folded. */
  readonly foldedOffset: number;
  /** Log entries below are not needed any more. */
  readonly trimOffset: number;
  /** All is folded that the log held when it was last looked at. */
  readonly isUp: boolean;
  /** Why nothing is folded just now: the disk is full. */
  readonly stalled?: string;
  readonly failed?: string;
}

export type Answer =
  | Answered
  | { readonly kind: 'problem'; readonly problem: Problem }
  | { readonly kind: 'key-values'; readonly values: readonly string[] }
  | AggregatorStatus;

/** One aggregator as the gateway sees it. Two implementations: a worker thread, and the same thread (tests,
 *  embedding). Every question is answered, with a problem at the latest at its deadline. */
export interface AggregatorClient {
  /** `signal` aborts when nobody waits for the answer any more: the work on it ends, and the promise rejects or
   *  resolves with a problem. */
  ask(question: Question, signal?: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
}
