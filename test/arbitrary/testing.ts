/** `tailglow/testing`: fast-check arbitraries for property tests of code that works with Tailglow's values. Needs
 *  fast-check, which the using project brings. */
import { arbitraryControlEvent, arbitraryInstrumentation, arbitraryMetric } from './control.ts';
import { arbitraryGrid, arbitraryValue } from './grid.ts';
import { arbitraryHistogram } from './histogram.ts';
import { arbitraryKey } from './key.ts';
import { arbitraryEvent, arbitraryPredicate } from './predicate.ts';
import { arbitraryStatement } from './query.ts';
import { arbitraryBatch, arbitraryReport, arbitrarySource } from './report.ts';
import { arbitraryCells } from './series.ts';

export const arbitraries = {
  batch: arbitraryBatch,
  cells: arbitraryCells,
  controlEvent: arbitraryControlEvent,
  event: arbitraryEvent,
  grid: arbitraryGrid,
  histogram: arbitraryHistogram,
  instrumentation: arbitraryInstrumentation,
  key: arbitraryKey,
  metric: arbitraryMetric,
  predicate: arbitraryPredicate,
  report: arbitraryReport,
  source: arbitrarySource,
  statement: arbitraryStatement,
  value: arbitraryValue,
} as const;
