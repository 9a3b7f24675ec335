/** A plan as a table that a person reads: which instrumentation answers, over which seconds, how. */
import { instantText } from './moment.ts';
import type { Plan } from './plan.ts';
import { printInstrumentation, printPredicate } from './print.ts';
import type { TableResult } from './result.ts';
import { secondsText } from './unit.ts';

export function explainPlan(plan: Plan): TableResult {
  const { metric, instrumentation, keyFilter, buckets, fields, numeric, draw, pick } = plan;
  const stored = buckets?.map(([first, until]) => `${first}..${until - 1}`).join(', ');
  const by = numeric === undefined ? fields : [...fields, numeric];
  const rows: [string, string | number][] = [
    ['instrumentation', instrumentation.id],
    ['statement', printInstrumentation(instrumentation, metric)],
    ['from', instantText(plan.fromSecond)],
    ['to', instantText(plan.untilSecond)],
    ['step', secondsText(plan.columnSeconds)],
    ['columns', plan.columns],
    ['live', plan.live ? 'yes' : 'no'],
    ...(plan.asOfSecond === undefined ? [] : [['as of', instantText(plan.asOfSecond)] as [string, string]]),
    ...(by.length === 0 ? [] : [['by', by.join(', ')] as [string, string]]),
    ...(keyFilter === undefined
      ? []
      : [['filter of keys', printPredicate(keyFilter, metric)] as [string, string]]),
    ...(stored === undefined ? [] : [['buckets', stored === '' ? 'none' : stored] as [string, string]]),
    ...(pick === undefined
      ? []
      : [['keys', `the top ${pick.count} by ${measureText(pick.measure)}`] as [string, string]]),
    ['shown as', draw.kind],
  ];
  return { kind: 'table', columns: [{ name: 'what' }, { name: 'plan' }], rows, notes: plan.notes };
}

function measureText(measure: NonNullable<Plan['pick']>['measure']): string {
  return measure.kind === 'percentile' ? `p${measure.percent}` : measure.kind;
}
