/** What the commands read of a server's JSON, checked where it comes in. */
import Type from 'typebox';
import Value from 'typebox/value';
import { instrumentationSchema, metricSchema } from '../model/control.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Table } from '../service/table.ts';
import { CommandFailure, EXIT, request, type Target } from './client.ts';

type Init = RequestInit & { readonly text?: string };

const Metrics = Type.Object({ metrics: Type.Array(Type.Unsafe<MetricDescription>(metricSchema)) });
const Offer = Type.Object({
  driver: Type.String(),
  available: Type.Boolean(),
  reason: Type.Optional(Type.String()),
  remedy: Type.Optional(Type.String()),
});
const ListedMetric = Type.Object({
  name: Type.String(),
  unit: Type.String(),
  cost: Type.String(),
  costNs: Type.Optional(Type.Number()),
  fields: Type.Array(Type.Object({ name: Type.String() })),
  available: Type.Optional(Type.Boolean()),
  offers: Type.Optional(Type.Array(Offer)),
});
const ListedMetrics = Type.Object({ metrics: Type.Array(ListedMetric) });
const Load = Type.Object({
  cpuShare: Type.Optional(Type.Number()),
  remark: Type.Optional(Type.String()),
});
const Estimate = Type.Object({
  source: Type.String(),
  measurable: Type.Boolean(),
  sharedWith: Type.Optional(Type.String()),
  costNs: Type.Optional(Type.Number()),
  eventsPerSecond: Type.Optional(Type.Number()),
  cpuShare: Type.Optional(Type.Number()),
  cpuShareMax: Type.Optional(Type.Number()),
});
const Listed = Type.Object({
  estimates: Type.Optional(Type.Array(Estimate)),
  id: Type.String(),
  statement: Type.String(),
  state: Type.String(),
  createdSecond: Type.Integer(),
  idleSeconds: Type.Integer(),
  lookedSecond: Type.Optional(Type.Integer()),
  pausedSecond: Type.Optional(Type.Integer()),
  sources: Type.Array(
    Type.Object({
      source: Type.String(),
      state: Type.String(),
      reason: Type.Optional(Type.String()),
      enabledAfterMs: Type.Optional(Type.Number()),
      load: Type.Optional(Load),
    }),
  ),
});
const AllListed = Type.Object({
  instrumentations: Type.Array(Listed),
  expired: Type.Optional(Type.Array(Listed)),
});
const Created = Type.Unsafe<Instrumentation>(instrumentationSchema);
const Sources = Type.Object({
  sources: Type.Array(
    Type.Object({
      host: Type.String(),
      driver: Type.String(),
      incarnation: Type.String(),
      lastSequence: Type.Integer(),
      missing: Type.Integer(),
    }),
  ),
});
const Explained = Type.Object({ rows: Type.Array(Type.Tuple([Type.String(), Type.Unknown()])) });
const Lines = Type.Object({
  instrumentation: Type.String(),
  series: Type.Array(Type.Object({ values: Type.Array(Type.Union([Type.Number(), Type.Null()])) })),
});
/** Rows are as long as the columns, and their cells are what JSON has: as our own server writes them. */
const Tabled = Type.Object({
  kind: Type.Literal('table'),
  columns: Type.Array(Type.Unsafe<Table['columns'][number]>(Type.Object({ name: Type.String() }))),
  rows: Type.Unsafe<Table['rows']>(Type.Array(Type.Array(Type.Unknown()))),
});

export type SourceState = Type.Static<typeof Sources>['sources'][number];

export type ListedMetric = Type.Static<typeof ListedMetric>;
export type ListedEstimate = Type.Static<typeof Estimate>;
export type ListedInstrumentation = Type.Static<typeof Listed>;

/** Metrics with whether and why not each can be had. */
export async function listedMetrics(target: Target): Promise<readonly ListedMetric[]> {
  return (await requestJson<Type.Static<typeof ListedMetrics>>(target, '/api/v1/metrics', ListedMetrics))
    .metrics;
}

/** Those that live, then those that expired and have a history still. */
export async function listedInstrumentations(target: Target): Promise<readonly ListedInstrumentation[]> {
  const { instrumentations, expired = [] } = await requestJson<Type.Static<typeof AllListed>>(
    target,
    instrumentationsPath,
    AllListed,
  );
  return [...instrumentations, ...expired];
}

/** By an `instrument` statement; one that measures the same may be there already. */
export async function startInstrumentation(
  target: Target,
  statement: string,
): Promise<ListedInstrumentation> {
  return requestJson<Type.Static<typeof Listed>>(target, instrumentationsPath, Listed, {
    ...jsonBody({ q: statement }),
    text: statement,
  });
}

export async function instrumentationNamed(target: Target, name: string): Promise<ListedInstrumentation> {
  return requestJson<Type.Static<typeof Listed>>(target, instrumentationPath(name), Listed);
}

export async function changeInstrumentation(
  target: Target,
  name: string,
  change: { readonly keepSeconds?: number; readonly paused?: boolean },
): Promise<ListedInstrumentation> {
  return requestJson<Type.Static<typeof Listed>>(target, instrumentationPath(name), Listed, {
    ...jsonBody(change),
    method: 'PATCH',
  });
}

export async function dropInstrumentation(target: Target, name: string): Promise<void> {
  await request(target, instrumentationPath(name), { method: 'DELETE' });
}

const instrumentationsPath = '/api/v1/instrumentations';

function instrumentationPath(name: string): string {
  return `${instrumentationsPath}/${encodeURIComponent(name)}`;
}

export async function metricsOf(target: Target): Promise<readonly MetricDescription[]> {
  return (await requestJson<Type.Static<typeof Metrics>>(target, '/api/v1/metrics', Metrics)).metrics;
}

export async function describeMetric(target: Target, metric: MetricDescription): Promise<void> {
  await request(target, '/api/v1/metrics', jsonBody(metric));
}

export async function createInstrumentation(target: Target, statement: string): Promise<Instrumentation> {
  const init = { ...jsonBody({ q: statement }), text: statement };
  return requestJson<Type.Static<typeof Created>>(target, instrumentationsPath, Created, init);
}

export async function sourcesOf(target: Target): Promise<readonly SourceState[]> {
  return (await requestJson<Type.Static<typeof Sources>>(target, '/api/v1/sources', Sources)).sources;
}

export async function endSource(
  target: Target,
  source: { readonly host: string; readonly driver: string; readonly second: number },
): Promise<void> {
  await request(target, '/api/v1/sources/end', jsonBody(source));
}

/** The plan of a read statement, or what an `instrument` statement would do, by what its rows are called. */
export async function explained(target: Target, statement: string): Promise<ReadonlyMap<string, string>> {
  const { rows } = await requestJson<Type.Static<typeof Explained>>(
    target,
    queryPath,
    Explained,
    statementBody(`explain ${statement}`),
  );
  return new Map(rows.map(([what, plan]) => [what, String(plan)]));
}

/** The sum of a `count` statement, and which instrumentation answered. */
export async function countedBy(
  target: Target,
  statement: string,
): Promise<{ readonly instrumentation: string; readonly total: number }> {
  const { instrumentation, series } = await requestJson<Type.Static<typeof Lines>>(
    target,
    queryPath,
    Lines,
    statementBody(statement),
  );
  const total = series.flatMap(({ values }) => values).reduce((sum: number, value) => sum + (value ?? 0), 0);
  return { instrumentation, total };
}

export function tableOf(response: unknown): Table {
  return checked<Type.Static<typeof Tabled>>(Tabled, response, 'the query');
}

const queryPath = '/api/v1/query?format=json';

export function statementBody(statement: string): Init {
  return { method: 'POST', headers: { 'content-type': 'text/plain' }, body: statement, text: statement };
}

function jsonBody(value: unknown): Init {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/** `V` is the schema's static type, said by name: inferred from the schema it costs the compiler seconds. */
async function requestJson<V>(
  target: Target,
  path: string,
  schema: Type.TSchema,
  init: Init = {},
): Promise<V> {
  return checked<V>(schema, await (await request(target, path, init)).json(), path);
}

function checked<V>(schema: Type.TSchema, value: unknown, what: string): V {
  if (Value.Check(schema, value)) return value as V;
  const [error] = Value.Errors(schema, value);
  throw new CommandFailure(
    EXIT.refused,
    `Cannot read the answer to ${what}: at "${error?.instancePath ?? ''}" it ${error?.message ?? 'is odd'}; is the server of another version?`,
  );
}
