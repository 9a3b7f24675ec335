/** What the system says of itself, as tables and as JSON: metrics, instrumentations with their state, sources. */
import type { SourceLoad } from '../ingest/budget.ts';
import type { MetricOffer } from '../ingest/instrumenter.ts';
import { type Instrumentation, overallState, type SourceState } from '../model/instrumentation.ts';
import { type MetricDescription, TYPES } from '../model/metric.ts';
import type { Pin } from '../model/pin.ts';
import { sourceName } from '../model/report.ts';
import { instantText } from '../query/moment.ts';
import { printInstrumentation, printPin } from '../query/print.ts';
import type { SourceStatus } from '../store/store.ts';
import type { AggregatorStatus } from './answer.ts';
import type { GatewayContext } from './gateway-context.ts';
import type { Table } from './tables.ts';

/** Of those that expired, a list has the newest. */
const EXPIRED_LISTED_MAX = 50;

export interface SourceStateJson {
  readonly source: string;
  readonly state: SourceState['state'];
  readonly sinceSecond?: number;
  readonly coversFromSecond?: number;
  readonly reason?: string;
  readonly enabledAfterMs?: number;
  readonly load?: SourceLoad;
}

export function instrumentationJson(context: GatewayContext, instrumentation: Instrumentation) {
  const states = context.states(instrumentation.id);
  const sources = states.map(({ source, state, ...told }): SourceStateJson => ({
    source,
    ...state,
    ...told,
  }));
  const lookedSecond = context.configuration.lookedSecond(instrumentation.id);
  return {
    ...instrumentation,
    ...(lookedSecond === undefined ? {} : { lookedSecond }),
    statement: printInstrumentation(instrumentation, metricOf(context, instrumentation)),
    state: overallState(
      instrumentation,
      states.map((s) => s.state),
    ),
    sources,
  };
}

/** Those that expired and have a history still, the newest first. */
export function expiredJson(context: GatewayContext) {
  return context.configuration
    .expired()
    .toSorted((a, b) => b.expiredSecond - a.expiredSecond)
    .slice(0, EXPIRED_LISTED_MAX)
    .map(({ instrumentation, expiredSecond }) => ({
      ...instrumentation,
      expiredSecond,
      statement: printInstrumentation(instrumentation, metricOf(context, instrumentation)),
      state: 'expired' as const,
      sources: [],
    }));
}

/** Where a host offers it still: without it, bounds print as integers in base units. */
function metricOf(context: GatewayContext, { metric }: Instrumentation): MetricDescription | undefined {
  return context.configuration.metrics().find((m) => m.name === metric);
}

export function instrumentationTable(context: GatewayContext, list: readonly Instrumentation[]): Table {
  const rows = list.map((i) => {
    const { state, sources, statement } = instrumentationJson(context, i);
    const failed = sources.filter((s) => s.state === 'failed').map((s) => `${s.source}: ${s.reason}`);
    const enabled = sources.filter((s) => s.state === 'enabled').length;
    return [i.id, state, `${enabled}/${sources.length}`, coversText(sources), statement, failed.join('; ')];
  });
  const columns = ['name', 'state', 'sources', 'covers', 'statement', 'reason'].map((name) => ({ name }));
  return { columns, rows };
}

/** How far back before they measured the sources filled back: the least and the most. */
function coversText(sources: readonly SourceStateJson[]): string {
  const seconds = sources
    .filter(({ state }) => state === 'enabled')
    .map(({ sinceSecond = 0, coversFromSecond = sinceSecond }) => sinceSecond - coversFromSecond);
  const [least, most] = [Math.min(...seconds), Math.max(...seconds)];
  if (!(most > 0)) return '';
  return least === most ? `${most} s before` : `${least} to ${most} s before`;
}

export function pinTable(pins: readonly Pin[]): Table {
  const columns = ['name', 'instrumentation', 'from', 'to', 'statement'].map((name) => ({ name }));
  const rows = pins.map((pin) => [
    pin.id,
    pin.instrumentation,
    instantText(pin.fromSecond),
    instantText(pin.untilSecond),
    printPin(pin),
  ]);
  return { columns, rows };
}

/** What a driver here says of a metric. */
export type OfferJson = Omit<MetricOffer, 'metric'>;

export interface MetricJson extends MetricDescription {
  /** Whether any driver here can measure it now. Absent where no drivers run. */
  readonly available?: boolean;
  /** Of each driver that knows it; none for one that only an import or another host knows. */
  readonly offers?: readonly OfferJson[];
}

export function metricsOf({ configuration, offers }: GatewayContext): readonly MetricJson[] {
  const metrics = configuration.metrics();
  if (offers === undefined) return metrics;
  const byMetric = new Map<string, OfferJson[]>();
  for (const { metric, ...offer } of offers(metrics.map((known) => known.name)))
    byMetric.set(metric, [...(byMetric.get(metric) ?? []), offer]);
  return metrics.map((metric) => {
    const own = byMetric.get(metric.name) ?? [];
    return { ...metric, available: own.some((offer) => offer.available), offers: own };
  });
}

/** Those that can be had first; of those that cannot, why and what would make it so. */
export function metricTable(context: GatewayContext): Table {
  const metrics = metricsOf(context).toSorted(
    (a, b) => Number(a.available === false) - Number(b.available === false),
  );
  return {
    columns: ['metric', 'unit', 'scope', 'fields', 'costNs', 'cost', 'available', 'why', 'remedy'].map(
      (name) => ({ name }),
    ),
    rows: metrics.map((m) => {
      const fields = m.fields.map((f) => f.name).join(' ');
      const available = m.available === false ? 'no' : 'yes';
      return [m.name, m.unit, m.scope, fields, m.costNs ?? null, m.cost, available, ...whyNot(m)];
    }),
  };
}

/** Why it cannot be had here and what would make it so; empty where it can. */
function whyNot({ available, offers = [] }: MetricJson): [string, string] {
  if (available !== false) return ['', ''];
  if (offers.length === 0) return ['no driver here measures it: another host or an import made it known', ''];
  const said = (of: 'reason' | 'remedy'): string =>
    offers.flatMap((offer) => (offer[of] === undefined ? [] : [`${offer.driver}: ${offer[of]}`])).join('; ');
  return [said('reason'), said('remedy')];
}

export function metricsJson(context: GatewayContext) {
  const metrics = metricsOf(context);
  const modules = [...new Set(metrics.map((m) => m.name.split('.')[0]!))];
  return { modules, metrics, types: TYPES };
}

export async function statuses(context: GatewayContext): Promise<AggregatorStatus[]> {
  const answers = await Promise.all(context.aggregators.map((a) => a.ask({ kind: 'status' })));
  return answers.filter((a) => a.kind === 'status');
}

export type SourceJson = SourceStatus & { readonly name: string };

/** Sources over all aggregators. Each reads the whole log: what the one furthest behind knows of a source is folded
 *  everywhere. One that has failed falls behind for good and is asked last. */
export async function sourcesOf(context: GatewayContext): Promise<SourceJson[]> {
  const known = new Map<string, SourceJson>();
  const behindFirst = (await statuses(context)).toSorted(
    (a, b) =>
      Number(a.failed !== undefined) - Number(b.failed !== undefined) || a.foldedOffset - b.foldedOffset,
  );
  for (const { sources } of behindFirst) {
    for (const source of sources) {
      const name = sourceName(source);
      const { dropped = 0, ...first } = known.get(name) ?? { name, ...source, dropped: 0 };
      // Each aggregator knows of what it folds itself.
      known.set(name, { ...first, dropped: dropped + (source.dropped ?? 0) });
    }
  }
  return [...known.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export async function sourceTable(context: GatewayContext): Promise<Table> {
  const names = [
    'name',
    'lastSecond',
    'lastSequence',
    'lagMs',
    'skewMs',
    'batches',
    'repeats',
    'missing',
    'dropped',
  ] as const;
  const sources = await sourcesOf(context);
  return {
    columns: names.map((name) => ({ name })),
    rows: sources.map((s) => names.map((name) => s[name] ?? null)),
  };
}
