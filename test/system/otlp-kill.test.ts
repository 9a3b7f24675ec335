/** kill -9 of the server while real exporters of OpenTelemetry send: what they were told is counted is counted, and
 *  what they sent again because they heard no answer is not counted twice. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, queryJson, type RunningServer, startServer } from './server.ts';

const KILLS = 2;
const BATCH_SPANS = 32;
/** Shorter than a server takes to start: while it is away the exporter gives up, and the batch is sent again by us. */
const TIMEOUT_MS = 250;
const data = mkdtempSync(join(tmpdir(), 'tailglow-otlp-kill-'));
let server: RunningServer;

const start = (port: string): Promise<RunningServer> =>
  startServer(['--data', join(data, 'server'), '--socket', join(data, 'node.sock'), '--port', port], {
    TAILGLOW_INSTRUMENT: JSON.stringify(['instrument trace.spans by service idle never as spans']),
  });

beforeAll(async () => {
  server = await start('0');
});
afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

type Exporter = Pick<InstanceType<typeof ProtoTraceExporter>, 'export'>;

/** Sends each batch again and again, as a queue in front of an exporter does, until it is said to be counted. Gives how
 *  many spans were, and how often a batch had to be sent again. */
async function sendUntil(
  exporter: Exporter,
  service: string,
  isOver: () => boolean,
): Promise<{ confirmed: number; repeats: number }> {
  let ended: ReadableSpan[] = [];
  const collecting: Partial<SpanProcessor> = { onStart() {}, onEnd: (span) => void ended.push(span) };
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [
      { ...collecting, forceFlush: async () => {}, shutdown: async () => {} } as SpanProcessor,
    ],
  });
  const tracer = provider.getTracer('test');
  const sent = { confirmed: 0, repeats: 0 };
  while (!isOver()) {
    ended = [];
    for (let i = 0; i < BATCH_SPANS; i++) tracer.startSpan(`GET /${i % 7}`).end();
    const batch = ended;
    const isCounted = (): Promise<boolean> =>
      new Promise((resolve) => exporter.export(batch, ({ code }) => resolve(code === 0)));
    while (!(await isCounted())) {
      sent.repeats++;
      await sleep(20);
    }
    sent.confirmed += batch.length;
  }
  return sent;
}

async function counted(): Promise<Record<string, number>> {
  const { series } = (await queryJson(server.url, 'trace.spans by service last 10m | count')) as {
    series: { key: string[]; values: (number | null)[] }[];
  };
  const sum = (values: readonly (number | null)[]): number =>
    values.reduce<number>((a, b) => a + (b ?? 0), 0);
  return Object.fromEntries(series.map(({ key, values }) => [key[0]!, sum(values)]));
}

it('counts each span of a confirmed request once, however often the server is killed', async () => {
  const { port } = new URL(server.url);
  const url = `${server.url}/v1/traces`;
  await eventually(30_000, async () => {
    const response = await fetch(`${server.url}/api/v1/instrumentations/spans`);
    return ((await response.json()) as { state: string }).state === 'enabled' ? true : undefined;
  });
  let isOver = false;
  const services = ['a', 'b', 'c', 'd'];
  const senders = services.map((service, i) =>
    sendUntil(
      new (i % 2 === 0 ? ProtoTraceExporter : JsonTraceExporter)({ url, timeoutMillis: TIMEOUT_MS }),
      service,
      () => isOver,
    ),
  );
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(700 + 130 * kill);
    await server.kill9();
    server = await start(port);
  }
  await sleep(500);
  isOver = true;
  const sent = await Promise.all(senders);
  const expected = Object.fromEntries(services.map((service, i) => [service, sent[i]!.confirmed]));
  await eventually(30_000, async () => {
    const found = await counted();
    return services.every((service) => found[service]! >= expected[service]!) ? true : undefined;
  }).catch(() => {});
  await sleep(1500);
  expect(await counted()).toEqual(expected);
  expect(sent.reduce((sum, { repeats }) => sum + repeats, 0)).toBeGreaterThanOrEqual(KILLS);
});
