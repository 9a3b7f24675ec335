/** What a statement is checked and planned against: what can be measured, and what is. A plain value. */
import type { Instrumentation } from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Pin } from '../model/pin.ts';

export interface Catalogue {
  readonly metrics: readonly MetricDescription[];
  readonly instrumentations: readonly Instrumentation[];
  readonly pins: readonly Pin[];
  /** Ways in which keys are named; none where they are left out. */
  readonly transformations?: readonly { readonly name: string; readonly label: string }[];
}
