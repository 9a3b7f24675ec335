/** A watermark: which sequence numbers of a source a durable commit of the fold holds. What travels back to the
 *  sources, so that a spool knows what it may forget. */
import type { Source } from './batch.ts';

export interface Watermark {
  readonly source: Source;
  /** Half-open ranges, ascending, disjoint; what lies between them is missing. */
  readonly covered: readonly (readonly [fromSequence: number, untilSequence: number])[];
}
