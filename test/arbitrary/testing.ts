/** `tailglow/testing`: what a project that builds on Tailglow tests itself with: fast-check arbitraries of its values,
 *  fault schedules, a clock that is moved by hand, matchers on distributions and the measures under them. Needs
 *  fast-check, which the using project brings; `tailglow/testing/vitest` does not. */
import type fc from 'fast-check';
import type { MetricDescription } from '../../src/model/metric.ts';
import { printStatement } from '../../src/query/print.ts';
import { arbitraryControlEvent, arbitraryInstrumentation, arbitraryMetric } from './control.ts';
import {
  type Bounds,
  type CountedRows,
  type CountedValues,
  type Distance,
  distance,
  type Distribution,
  distributionOf,
  type Interval,
  type Measurable,
  NotMeasurableError,
  percentileBounds,
  shareAbove,
} from './distribution.ts';
import {
  applyFaults,
  arbitraryFaultSchedule,
  type DeliveryStep,
  type Fault,
  type FaultSchedule,
} from './faults.ts';
import { arbitraryGrid, arbitraryValue } from './grid.ts';
import { arbitraryHistogram } from './histogram.ts';
import { arbitraryKey } from './key.ts';
import { type Limit, LimitError } from './limit.ts';
import { ManualClock, settle } from './manual-clock.ts';
import {
  type MatcherOutcome,
  type NumberLimits,
  type ShareLimits,
  type TailglowMatchers,
  tailglowMatchers,
  type ValueLimits,
} from './matchers.ts';
import { arbitraryEvent, arbitraryPredicate } from './predicate.ts';
import { arbitraryRead, arbitraryStatement } from './query.ts';
import { arbitraryBatch, arbitraryReport, arbitrarySource } from './report.ts';
import { arbitraryCells } from './series.ts';
import { arbitraryStream, type StreamShape } from './stream.ts';

export type {
  Bounds,
  CountedRows,
  CountedValues,
  DeliveryStep,
  Distance,
  Distribution,
  Fault,
  FaultSchedule,
  Interval,
  Limit,
  MatcherOutcome,
  Measurable,
  NumberLimits,
  ShareLimits,
  StreamShape,
  TailglowMatchers,
  ValueLimits,
};
export {
  applyFaults,
  distance,
  distributionOf,
  LimitError,
  ManualClock,
  NotMeasurableError,
  percentileBounds,
  settle,
  shareAbove,
  tailglowMatchers,
};

/** Text of a read statement that is right for these metrics: it parses, and every name and unit in it fits. Whether
 *  something measures it is another matter. */
function arbitraryQuery(metrics: readonly MetricDescription[]): fc.Arbitrary<string> {
  return arbitraryRead(metrics).map(printStatement);
}

/** Values of Tailglow's own types, as they come in practice and at their edges; they shrink to small ones. */
export const arbitraries = {
  batch: arbitraryBatch,
  cells: arbitraryCells,
  controlEvent: arbitraryControlEvent,
  event: arbitraryEvent,
  faultSchedule: arbitraryFaultSchedule,
  grid: arbitraryGrid,
  histogram: arbitraryHistogram,
  instrumentation: arbitraryInstrumentation,
  key: arbitraryKey,
  metric: arbitraryMetric,
  predicate: arbitraryPredicate,
  query: arbitraryQuery,
  report: arbitraryReport,
  source: arbitrarySource,
  statement: arbitraryStatement,
  stream: arbitraryStream,
  value: arbitraryValue,
} as const;
