/** What the system says of itself, as tables and as JSON: metrics, instrumentations with their state, sources. */
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

export interface SourceStateJson {
  readonly source: string;
  readonly state: SourceState['state'];
  readonly sinceSecond?: number;
  readonly reason?: string;
}

export function instrumentationJson(context: GatewayContext, instrumentation: Instrumentation) {
  const states = context.states(instrumentation.id);
  const sources = states.map(({ source, state }): SourceStateJson => ({ source, ...state }));
  return {
    ...instrumentation,
    statement: printInstrumentation(instrumentation, metricOf(context, instrumentation)),
    state: overallState(states.map((s) => s.state)),
    sources,
  };
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
    return [i.id, state, `${enabled}/${sources.length}`, statement, failed.join('; ')];
  });
  const columns = ['name', 'state', 'sources', 'statement', 'reason'].map((name) => ({ name }));
  return { columns, rows };
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

export function metricTable(metrics: readonly MetricDescription[]): Table {
  return {
    columns: ['metric', 'unit', 'scope', 'fields', 'cost'].map((name) => ({ name })),
    rows: metrics.map((m) => [m.name, m.unit, m.scope, m.fields.map((f) => f.name).join(' '), m.cost]),
  };
}

export function metricsJson(metrics: readonly MetricDescription[]) {
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
      if (!known.has(name)) known.set(name, { name, ...source });
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
  ] as const;
  const sources = await sourcesOf(context);
  return {
    columns: names.map((name) => ({ name })),
    rows: sources.map((s) => names.map((name) => s[name])),
  };
}
