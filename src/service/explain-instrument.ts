/** What an `instrument` statement would do, as a table that a person reads: nothing is created for it. Figures that are
 *  not known are said to be. Does not: measure, weigh (ingest/budget.ts). */
import type { SourceEstimate } from '../ingest/instrumenter.ts';
import type { Draft } from '../query/checked.ts';
import type { ExplainRow } from '../query/explain.ts';
import { printInstrumentation } from '../query/print.ts';
import type { TableResult } from '../query/result.ts';
import { secondsText } from '../query/unit.ts';
import type { GatewayContext } from './gateway-context.ts';
import { ProblemException } from './problem.ts';

type Context = Pick<GatewayContext, 'configuration' | 'estimates'>;

/** Sources that are told one by one: a screen or two; of the rest how many there are. */
const SOURCES_MAX = 100;

export function explainInstrument({ configuration, estimates }: Context, draft: Draft): TableResult {
  const metric = configuration.metrics().find(({ name }) => name === draft.metric);
  const told = estimates?.(draft) ?? [];
  const can = told.filter(({ measurable }) => measurable);
  const rows: ExplainRow[] = [
    ['statement', printInstrumentation(draft, metric)],
    ['outcome', outcomeText(configuration, draft)],
    ['cost', metric === undefined || metric.cost === '' ? 'not said' : metric.cost],
    ['an event costs', metric?.costNs === undefined ? 'not measured' : `about ${metric.costNs} ns`],
    [
      'sources',
      `${can.length} can measure it${can.length === told.length ? '' : `, ${told.length - can.length} cannot`}`,
    ],
    ...told.slice(0, SOURCES_MAX).flatMap((one) => sourceRows(one, draft)),
  ];
  if (told.length > SOURCES_MAX) rows.push(['more sources', told.length - SOURCES_MAX]);
  return { kind: 'table', columns: [{ name: 'what' }, { name: 'answer' }], rows, notes: [] };
}

function outcomeText(configuration: Context['configuration'], draft: Draft): string {
  try {
    const planned = configuration.planned(draft);
    if ('id' in planned) return `would be created as "${planned.id}"`;
    return `nothing new: "${planned.same.id}" lives and measures the same`;
  } catch (error) {
    if (error instanceof ProblemException) return `would be refused: ${error.problem.detail}`;
    throw error;
  }
}

/** What one source would say of it. */
function sourceRows(one: SourceEstimate, { everySeconds }: Draft): ExplainRow[] {
  const { source } = one;
  if (!one.measurable) {
    const help: ExplainRow[] = one.remedy === undefined ? [] : [[`${source} remedy`, one.remedy]];
    return [[source, `cannot measure it: ${one.reason}`], ...help];
  }
  const rows = one.rowsMax === undefined ? 'unknown' : `at most ${one.rowsMax}`;
  return [
    [source, one.refusal === undefined ? 'can measure it' : `would refuse it: ${one.refusal}`],
    [`${source} cpu`, cpuText(one)],
    [`${source} rows`, `${rows} every ${secondsText(everySeconds)}, a row a key`],
    [`${source} budget`, budgetText(one)],
  ];
}

type Measurable = Extract<SourceEstimate, { measurable: true }>;

function cpuText({ sharedWith, cpuShare, eventsPerSecond, costNs }: Measurable): string {
  if (sharedWith !== undefined) return `shares the probe of "${sharedWith}", costs nothing more`;
  const rate =
    eventsPerSecond === undefined
      ? 'their rate is unknown'
      : `at least ${Math.round(eventsPerSecond)} a second`;
  const each =
    costNs === undefined ? 'what an event costs is not measured' : `${costNs} ns an event, ${rate}`;
  return cpuShare === undefined ? `unknown: ${each}` : `at least ${percent(cpuShare)} of a core: ${each}`;
}

function budgetText({ cpuShareNow, cpuShareMax }: Measurable): string {
  const budget = cpuShareMax === undefined ? 'no budget' : `budget ${percent(cpuShareMax)}`;
  return `${percent(cpuShareNow)} of a core is measured there already, ${budget}`;
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}
