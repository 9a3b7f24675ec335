/** The real server and the real exporters of OpenTelemetry: what a program records is what a query counts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtoMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, queryJson, type RunningServer, startServer } from './server.ts';

const data = mkdtempSync(join(tmpdir(), 'tailglow-otlp-'));
let server: RunningServer;

beforeAll(async () => {
  const instrument = ['instrument trace.spans by service, span, latency idle never as spans'];
  server = await startServer(['--data', data, '--socket', join(data, 'node.sock')], {
    TAILGLOW_INSTRUMENT: JSON.stringify(instrument),
  });
});
afterAll(async () => {
  await server.stop();
  rmSync(data, { recursive: true, force: true });
});

type Series = readonly { readonly key: readonly string[]; readonly values: readonly (number | null)[] }[];

/** Counts by key over the last minutes. */
async function counts(statement: string): Promise<Record<string, number>> {
  const { series } = await queryJson(server.url, statement);
  return Object.fromEntries(
    (series as Series).map(({ key, values }) => [
      key.join(' '),
      values.reduce((sum: number, value) => sum + (value ?? 0), 0),
    ]),
  );
}

const until = (statement: string, wanted: Record<string, number>) =>
  eventually(30_000, async () => {
    const found = await counts(statement);
    return JSON.stringify(found) === JSON.stringify(wanted)
      ? found
      : Promise.reject(new Error(JSON.stringify(found)));
  });

async function instrument(statement: string): Promise<void> {
  await eventually(30_000, async () => {
    const response = await fetch(`${server.url}/api/v1/instrumentations`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ q: statement }),
    });
    if (!response.ok) throw new Error(await response.text());
    return true;
  });
}

describe('the OpenTelemetry SDK', () => {
  it.each([
    ['protobuf', ProtoTraceExporter],
    ['json', JsonTraceExporter],
  ])('sends spans: each is counted once, by what it carries (%s)', async (form, Exporter) => {
    const service = `shop-${form}`;
    const exporter = new Exporter({
      url: `${server.url}/v1/traces`,
      ...(form === 'json' ? { compression: 'gzip' as never } : {}),
    });
    const provider = new TracerProvider({
      resource: resourceFromAttributes({ 'service.name': service }),
      spanProcessors: [new BatchSpanProcessor({ exporter })],
    });
    const tracer = provider.getTracer('test');
    for (let i = 0; i < 1500; i++) {
      const end = Date.now() - 3000 + i;
      const startTime = end - (i % 3 === 0 ? 20 : 400);
      const span = tracer.startSpan(i % 2 === 0 ? 'GET /a' : 'GET /b', {
        startTime,
        attributes: { 'http.route': '/a' },
      });
      span.end(end);
      if (i % 500 === 499) await provider.forceFlush();
    }
    await provider.shutdown();
    const where = `trace.spans where service == "${service}"`;
    await until(`${where} by span last 5m | count`, { 'GET /a': 750, 'GET /b': 750 });
    expect(await counts(`${where} and latency < 100ms by service last 5m | count`)).toEqual({
      [service]: 500,
    });
  });

  it.each([
    ['protobuf', ProtoMetricExporter, AggregationTemporality.DELTA],
    ['json', JsonMetricExporter, AggregationTemporality.CUMULATIVE],
  ] as const)(
    'sends metrics: sums are exact, durations in their buckets (%s)',
    async (form, Exporter, temporality) => {
      const exporter = new Exporter({
        url: `${server.url}/v1/metrics`,
        temporalityPreference: temporality as never,
      });
      const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
      const provider = new MeterProvider({
        resource: resourceFromAttributes({ 'service.name': form }),
        readers: [reader],
        views: [{ instrumentName: '*', aggregation: { type: AggregationType.DEFAULT } }],
      });
      const meter = provider.getMeter('test');
      const orders = meter.createCounter(`${form}.orders`, { unit: '{order}' });
      const duration = meter.createHistogram(`${form}.duration`, {
        unit: 's',
        advice: { explicitBucketBoundaries: [0.01, 0.1, 1] },
      });
      const record = async (n: number): Promise<void> => {
        for (let i = 0; i < n; i++) {
          orders.add(2, { region: i % 2 === 0 ? 'eu' : 'us' });
          duration.record(i % 4 === 0 ? 0.05 : 0.5, { 'http.route': '/a' });
        }
        await reader.forceFlush();
      };
      await record(4);
      await instrument(`instrument ${form}.orders by region idle never`);
      await instrument(`instrument ${form}.duration by http_route, latency idle never`);
      await record(1000);
      await record(200);
      await until(`${form}.orders by region last 5m | count`, { eu: 1200, us: 1200 });
      await until(`${form}.duration by http_route last 5m | count`, { '/a': 1200 });
      // 300 lie in (10 ms, 100 ms], spread evenly; the grid's bucket around 100 ms is no part of "< 100ms".
      const fast = await counts(`${form}.duration where latency < 100ms by http_route last 5m | count`);
      expect(fast['/a']).toBeLessThanOrEqual(300);
      expect(fast['/a']).toBeGreaterThan(300 * 0.96);
      await provider.shutdown();
    },
  );

  it('hears what cannot be taken, in its own words', async () => {
    const post = (path: string, body: Uint8Array | string, headers: Record<string, string>) =>
      fetch(`${server.url}${path}`, { method: 'POST', body, headers });
    const json = { 'content-type': 'application/json' };
    const odd = await post(
      '/v1/traces',
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}',
      json,
    );
    expect([odd.status, await odd.json()]).toEqual([
      200,
      {
        partialSuccess: { rejectedSpans: '1', errorMessage: '1: their end is missing or before their start' },
      },
    ]);
    const torn = await post('/v1/metrics', Buffer.from([0x0a, 0x7f, 0x01]), {
      'content-type': 'application/x-protobuf',
    });
    expect([torn.status, torn.headers.get('content-type')]).toEqual([400, 'application/x-protobuf']);
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const large = await post('/v1/traces', bomb, { ...json, 'content-encoding': 'gzip' });
    expect([large.status, (await large.json()) as unknown]).toEqual([
      413,
      {
        code: 3,
        message: 'Cannot read what was sent: the body is more than 16777216 bytes without its gzip',
      },
    ]);
  });
});
