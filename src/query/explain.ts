/** A plan as a table that a person reads: which instrumentation answers, over which seconds, how. */
import { instantText } from './moment.ts';
import { namingText } from './naming.ts';
import type { Plan } from './plan.ts';
import { measureText, printInstrumentation, printPredicate } from './print.ts';
import type { TableResult } from './result.ts';
import type { Touched } from './scan.ts';
import { secondsText } from './unit.ts';

export type ExplainRow = [what: string, plan: string | number];

export function explainPlan(plan: Plan): TableResult {
  const { metric, instrumentation, keyFilter, buckets, fields, numeric, draw, pick, naming } = plan;
  const stored = buckets?.map(([first, until]) => `${first}..${until - 1}`).join(', ');
  const by = numeric === undefined ? fields : [...fields, numeric];
  const rows: ExplainRow[] = [
    ['instrumentation', instrumentation.id],
    ['statement', printInstrumentation(instrumentation, metric)],
    ['from', instantText(plan.fromSecond)],
    ['to', instantText(plan.untilSecond)],
    ['step', secondsText(plan.columnSeconds)],
    ['columns', plan.columns],
    ['live', plan.live ? 'yes' : 'no'],
    ...(plan.asOfSecond === undefined ? [] : [['as of', instantText(plan.asOfSecond)] as ExplainRow]),
    ...(by.length === 0 ? [] : [['by', by.join(', ')] as ExplainRow]),
    ...(keyFilter === undefined ? [] : [['filter of keys', printPredicate(keyFilter, metric)] as ExplainRow]),
    ...(stored === undefined ? [] : [['buckets', stored === '' ? 'none' : stored] as ExplainRow]),
    ...(pick === undefined
      ? []
      : [['keys', `the top ${pick.count} by ${measureText(pick.measure, metric, numeric)}`] as ExplainRow]),
    ...(naming === undefined ? [] : [['names', namingText(naming)] as ExplainRow]),
    ['shown as', draw.kind],
  ];
  return { kind: 'table', columns: [{ name: 'what' }, { name: 'plan' }], rows, notes: plan.notes };
}

/** What was read to answer it, the coarsest level first. */
export function touchedRows(touched: readonly Touched[]): ExplainRow[] {
  if (touched.length === 0) return [['read', 'nothing']];
  return touched.map(({ stepSeconds, stored, open, cells }) => {
    const opened = open === 0 ? '' : ` and ${counted(open, 'open block')}`;
    return [
      `read in steps of ${secondsText(stepSeconds)}`,
      `${counted(stored, 'segment')}${opened}, ${counted(cells, 'cell')}`,
    ];
  });
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
