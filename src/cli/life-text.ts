/** Lists for a person at a terminal: instrumentations with their state at each source, and metrics with why those that
 *  cannot be had here cannot. Pure: JSON of the server in, text out. Does not: ask, print. */
import { tableText } from '../render/terminal.ts';
import { cleanText, wrapText } from '../render/text-width.ts';
import { secondsText } from '../query/unit.ts';
import type { ListedEstimate, ListedInstrumentation, ListedMetric } from './server-json.ts';

export interface Page {
  readonly nowSecond: number;
  /** Of the terminal. */
  readonly columns: number;
}

/** A table of all, and below it what those say that do not measure as asked. */
export function instrumentationsText(all: readonly ListedInstrumentation[], page: Page): string {
  if (all.length === 0) return 'Nothing is instrumented.\n';
  const heads = ['name', 'state', 'sources', 'age', 'ends in', 'cpu', 'measures'];
  const rows = all.map((one) => {
    const enabled = one.sources.filter(({ state }) => state === 'enabled').length;
    return [
      one.id,
      one.state,
      one.state === 'expired' ? '' : `${enabled}/${one.sources.length}`,
      ageText(page.nowSecond - one.createdSecond),
      endsIn(one, page.nowSecond),
      costOf(one),
      measured(one),
    ];
  });
  const table = tableText({ columns: heads.map((name) => ({ name })), rows }, { columns: page.columns });
  const remarks = all.flatMap((one) => remarksOf(one, page).map((text) => `${one.id}: ${text}`));
  if (remarks.length === 0) return table;
  const paragraphs = remarks.map((text) => `${wrapText(cleanText(text), page.columns)}\n`);
  return `${table}\n${paragraphs.join('')}`;
}

/** A table of those that can be had, and of the rest each reason once. */
export function metricsText(metrics: readonly ListedMetric[], columns: number): string {
  const available = metrics.filter((metric) => metric.available !== false);
  const rows = available.map((m) => [
    m.name,
    m.unit,
    m.fields.map(({ name }) => name).join(' '),
    eventCostText(m.costNs),
    m.cost,
  ]);
  const heads = ['metric', 'unit', 'fields', 'an event', 'cost'].map((name) => ({ name }));
  const table = rows.length === 0 ? '' : tableText({ columns: heads, rows }, { columns });
  return [table, unavailableText(metrics, columns)].filter((part) => part !== '').join('\n');
}

/** CPU time of an event, where a bench measured it. */
function eventCostText(costNs: number | undefined): string {
  return costNs === undefined ? 'not measured' : `${costNs} ns`;
}

interface Group {
  readonly names: string[];
  readonly why: readonly string[];
  readonly remedies: readonly string[];
}

/** Metrics that cannot be had here: why, and what would make them so. Those of one reason stand together. Empty where
 *  there are none. */
export function unavailableText(metrics: readonly ListedMetric[], columns: number): string {
  const groups = new Map<string, Group>();
  for (const metric of metrics) {
    if (metric.available !== false) continue;
    const group = { names: [], ...whyNot(metric) };
    const place = JSON.stringify([group.why, group.remedies]);
    if (!groups.has(place)) groups.set(place, group);
    groups.get(place)!.names.push(metric.name);
  }
  if (groups.size === 0) return '';
  const blocks = [...groups.values()].map(({ names, why, remedies }) =>
    [
      wrapText(names.join(', '), columns, '  '),
      ...why.map((text) => wrapText(`why:    ${cleanText(text)}`, columns, '    ')),
      ...remedies.map((text) => wrapText(`remedy: ${cleanText(text)}`, columns, '    ')),
    ].join('\n'),
  );
  return `Not to be had here:\n${blocks.join('\n')}\n`;
}

function whyNot({ offers = [] }: ListedMetric): Omit<Group, 'names'> {
  if (offers.length === 0) {
    return { why: ['no driver here measures it: another host or an import made it known'], remedies: [] };
  }
  return {
    why: offers.map(({ driver, reason = 'it does not say why' }) => `${driver}: ${reason}`),
    remedies: [...new Set(offers.flatMap(({ remedy }) => (remedy === undefined ? [] : [remedy])))],
  };
}

/** How long it took until all measured that do; empty where none does. */
export function enabledText({ sources }: ListedInstrumentation): string {
  const times = sources.flatMap(({ enabledAfterMs }) => enabledAfterMs ?? []);
  return times.length === 0 ? '' : `Enabled after ${(Math.max(...times) / 1000).toFixed(1)} s`;
}

/** What measuring was expected to cost the source that it costs most, in a line; empty where no source can measure it. */
export function estimateText(estimates: readonly ListedEstimate[]): string {
  const can = estimates.filter(({ measurable }) => measurable);
  if (can.length === 0) return '';
  const dearest = can.reduce((a, b) => ((b.cpuShare ?? -1) > (a.cpuShare ?? -1) ? b : a));
  const { source, sharedWith, costNs, eventsPerSecond, cpuShare, cpuShareMax } = dearest;
  const budget = cpuShareMax === undefined ? '' : `; the budget is ${shareText(cpuShareMax)}`;
  if (sharedWith !== undefined) return `Expected cost: nothing more, it shares the probe of "${sharedWith}"`;
  if (cpuShare === undefined) {
    const why =
      costNs === undefined ? 'the cost of an event is not measured' : `${costNs} ns an event, rate unknown`;
    return `Expected cost: unknown (${why})${budget}`;
  }
  return `Expected cost: at least ${shareText(cpuShare)} of a core at ${source} (${Math.round(eventsPerSecond ?? 0)} events a second, ${costNs} ns each)${budget}`;
}

function endsIn(one: ListedInstrumentation, nowSecond: number): string {
  if (one.state === 'expired' || one.state === 'paused') return '';
  if (one.idleSeconds === 0) return 'never';
  return ageText(Math.max(0, (one.lookedSecond ?? nowSecond) + one.idleSeconds - nowSecond));
}

/** Of the source that it costs most: each measured program has a core of its own. */
function costOf({ sources }: ListedInstrumentation): string {
  const shares = sources.flatMap(({ load }) => (load?.cpuShare === undefined ? [] : [load.cpuShare]));
  return shares.length === 0 ? '' : shareText(Math.max(...shares));
}

/** The statement without what other columns say. */
function measured({ statement }: ListedInstrumentation): string {
  return statement.replace(/^instrument /, '').replace(/ idle (?:never|\S+) as \S+$/, '');
}

function remarksOf(one: ListedInstrumentation, { nowSecond }: Page): string[] {
  const { state, sources } = one;
  const own: string[] = [];
  if (state === 'created') own.push('no source measures it yet');
  if (state === 'paused') own.push(`paused for ${ageText(nowSecond - (one.pausedSecond ?? nowSecond))}`);
  if (state === 'expired') {
    own.push('nobody looked; its history is kept, and goes on where it is instrumented again under its name');
  }
  const said = sources.flatMap(({ source, state: its, reason, load }) => [
    ...(its === 'failed' ? [`${source} failed: ${reason ?? 'it does not say why'}`] : []),
    ...(its === 'enabling' ? [`${source} is enabling it`] : []),
    ...(load?.remark === undefined ? [] : [`${source}: ${load.remark}`]),
  ]);
  return [...own, ...said];
}

/** In one unit, of at least two of it: "75s", "61m", "25h", "3d". */
export function ageText(seconds: number): string {
  if (seconds < 120) return secondsText(Math.max(0, seconds));
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** A share of one core. */
export function shareText(share: number): string {
  const percent = 100 * share;
  if (percent > 0 && percent < 0.01) return '<0.01%';
  return `${percent >= 10 ? percent.toFixed(0) : Number(percent.toPrecision(2))}%`;
}
