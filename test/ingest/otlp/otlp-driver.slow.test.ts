import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { EncodedBatch } from '../../../src/ingest/driver.ts';
import { type Taken } from '../../../src/ingest/foreign/received-driver.ts';
import { OtlpDriver, TRACE_SPANS } from '../../../src/ingest/otlp/otlp-driver.ts';
import { jsonPoints } from '../../../src/ingest/otlp/metrics-json.ts';
import { protobufPoints } from '../../../src/ingest/otlp/metrics-protobuf.ts';
import { TextCache } from '../../../src/ingest/foreign/text-cache.ts';
import { SharedProbes } from '../../../src/ingest/shared-probes.ts';
import { bucketIndex, LL5 } from '../../../src/model/grid.ts';
import type { MetricDescription } from '../../../src/model/metric.ts';
import { united } from '../../../src/service/learned-metrics.ts';
import { MovableClock } from '../../service/house.ts';
import { byKey, instrumentationOf, lehmer, sum, told } from '../foreign/told.ts';
import { sdkMeter, type SdkSpan, spansOnWire, type Wire } from './sdk.ts';

const NOW = 1_800_000_000;

interface Bench {
  readonly driver: OtlpDriver;
  readonly clock: MovableClock;
  readonly late: EncodedBatch[];
  /** What it said that it learned, through the layer that it runs in. */
  readonly seen: MetricDescription[];
  /** All seconds up to this one, and what was told late. */
  readonly tellUntil: (second: number) => Promise<EncodedBatch[]>;
}

async function started(nowSecond = NOW): Promise<Bench> {
  const clock = new MovableClock(nowSecond * 1000);
  const driver = new OtlpDriver({
    host: 'web1',
    random: lehmer(),
    clock,
    isTaken: (name) => name === 'http.requests',
  });
  const late: EncodedBatch[] = [];
  const seen: MetricDescription[] = [];
  await new SharedProbes(driver, clock).start({
    late: (batches) => late.push(...batches),
    offline: () => {},
    seen: (metrics) => seen.push(...metrics),
    note: () => {},
  });
  let next = nowSecond;
  const tellUntil = async (until: number): Promise<EncodedBatch[]> => {
    const batches: EncodedBatch[] = [];
    for (; next <= until; next++) {
      clock.ms = (next + 1) * 1000;
      batches.push(...(await driver.collect(next)).batches);
    }
    return batches;
  };
  return { driver, clock, late, seen, tellUntil };
}

const spans: readonly SdkSpan[] = [
  {
    name: 'GET /a',
    start: [NOW + 1, 0],
    end: [NOW + 1, 1_000_003],
    attributes: { 'http.route': '/a', 'http.response.status_code': 200 },
  },
  {
    name: 'GET /a',
    start: [NOW + 1, 999_999_999],
    end: [NOW + 2, 0],
    attributes: { 'http.route': '/a', 'http.response.status_code': 503, 'is.cached': false },
    isError: true,
  },
  {
    name: 'job',
    start: [NOW - 5, 123_456_789],
    end: [NOW + 2, 999_999_999],
    attributes: { tags: ['a', 'b'] },
  },
];

const forms: readonly (keyof Wire)[] = ['protobuf', 'json'];

describe('spans', () => {
  it.each(forms)(
    'are counted exactly, in the second in which they ended and the bucket of their ns: %s',
    async (form) => {
      const { driver, tellUntil } = await started();
      await driver.enable(instrumentationOf(TRACE_SPANS, { by: ['span'], numeric: 'latency' }));
      const taken = await driver.takeSpans(spansOnWire(spans)[form], form);
      expect(taken).toEqual<Taken>({ taken: 3, rejected: 0, reason: '' });
      const lines = told(await tellUntil(NOW + 3)).filter(({ count }) => count > 0);
      expect(lines.map(({ second, key, bucket, count }) => [second - NOW, key, bucket, count])).toEqual([
        [1, 'GET /a', bucketIndex(LL5, 1_000_003), 1],
        [2, 'GET /a', bucketIndex(LL5, 1), 1],
        [2, 'job', bucketIndex(LL5, 7_876_543_210), 1],
      ]);
    },
  );

  it.each(forms)(
    'are broken out by service, kind, status and attributes, which are offered: %s',
    async (form) => {
      const { driver, seen, tellUntil } = await started();
      const by = ['host', 'service', 'kind', 'status', 'http_route', 'is_cached', 'k8s_pod_name'];
      const where = { op: 'ge', field: 'http_response_status_code', value: 200 } as const;
      await driver.enable(instrumentationOf(TRACE_SPANS, { by, where }));
      await driver.takeSpans(spansOnWire(spans)[form], form);
      expect(byKey(told(await tellUntil(NOW + 3)))).toEqual({
        'web7 shop server unset /a  shop-1': 1,
        'web7 shop server error /a false shop-1': 1,
      });
      const fields = driver.metrics.find(({ name }) => name === 'trace.spans')!.fields;
      expect(
        fields.slice(TRACE_SPANS.fields.length).map(({ name, label, type }) => [name, label, type]),
      ).toEqual([
        ['http_route', 'http.route', 'string'],
        ['http_response_status_code', 'http.response.status_code', 'integer'],
        ['k8s_pod_name', 'k8s.pod.name', 'string'],
        ['is_cached', 'is.cached', 'string'],
      ]);
      expect(united([TRACE_SPANS], seen)).toEqual(driver.metrics);
    },
  );

  it('are told at once, again when more come, and in full once the second is settled', async () => {
    const { driver, tellUntil } = await started();
    await driver.enable(instrumentationOf(TRACE_SPANS, {}));
    const at = (second: number): SdkSpan => ({ name: 'x', start: [second, 0], end: [second, 5] });
    await tellUntil(NOW);
    await driver.takeSpans(spansOnWire([at(NOW + 1)]).protobuf, 'protobuf');
    const first = told(await tellUntil(NOW + 1));
    await driver.takeSpans(spansOnWire([at(NOW + 1), at(NOW + 1)]).protobuf, 'protobuf');
    const second = told(await tellUntil(NOW + 3));
    const rest = told(await tellUntil(NOW + 20));
    const line = (lines: typeof first) =>
      lines.filter((l) => l.second === NOW + 1).map(({ partial, count }) => [partial, count]);
    expect([line(first), line(second), line(rest)]).toEqual([[[true, 1]], [[true, 2]], [[false, 0]]]);
    const full = rest.filter(({ partial }) => !partial).map((l) => l.second - NOW);
    expect(full).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('that cannot be counted are rejected with the reason', async () => {
    const { driver } = await started();
    const odd: SdkSpan[] = [
      { name: 'future', start: [NOW + 100, 0], end: [NOW + 101, 0] },
      { name: 'old', start: [NOW - 5000, 0], end: [NOW - 4000, 0] },
    ];
    const { taken, rejected, reason } = await driver.takeSpans(spansOnWire(odd).protobuf, 'protobuf');
    expect([taken, rejected]).toEqual([0, 2]);
    expect(reason).toBe('1: their time is ahead of ours; 1: they are more than 600 s late');
    expect([...driver.drops.entries().values()]).toEqual([1, 1]);
  });
});

describe('metrics', () => {
  it.each([
    ['delta', 'explicit'],
    ['delta', 'exponential'],
    ['cumulative', 'explicit'],
    ['cumulative', 'exponential'],
  ] as const)('are counted exactly: %s, %s', async (temporality, histograms) => {
    const before = Math.floor(Date.now() / 1000) - 1;
    const { driver, clock, tellUntil } = await started(before);
    const sdk = sdkMeter(temporality, histograms);
    const duration = sdk.meter.createHistogram('http.server.duration', { unit: 'ms' });
    const requests = sdk.meter.createCounter('shop.orders', { unit: '{order}' });
    const bytes = sdk.meter.createCounter('shop.sent', { unit: 'By' });
    const queue = sdk.meter.createUpDownCounter('shop.queue');
    const record = (): void => {
      for (const ms of [3, 30, 30, 300]) duration.record(ms, { 'http.route': '/a' });
      requests.add(7, { region: 'eu' });
      bytes.add(1000.5);
      queue.add(3);
    };
    const take = async (form: keyof Wire): Promise<Taken> => {
      record();
      await sleep(2);
      return driver.takeMetrics((await sdk.collect())[form], form);
    };
    clock.ms = Date.now();
    await take('protobuf');
    for (const metric of driver.metrics) {
      const numeric =
        metric.name === 'http.server_duration' ? { numeric: 'latency', by: ['http_route'] } : {};
      await driver.enable(instrumentationOf(metric, numeric));
    }
    expect(await take('json')).toEqual({ taken: 4, rejected: 0, reason: '' });
    expect(await take('protobuf')).toEqual({ taken: 4, rejected: 0, reason: '' });
    await sdk.close();
    const lines = told(await tellUntil(Math.floor(Date.now() / 1000) + 1));
    const of = (id: string) =>
      lines.filter(({ instrumentation, count }) => instrumentation === id && count > 0);
    expect(byKey(of('http_server_duration'))).toEqual({ '/a': 8 });
    const byBucket = new Map<number, number>();
    for (const { bucket, count } of of('http_server_duration'))
      byBucket.set(bucket, (byBucket.get(bucket) ?? 0) + count);
    if (histograms === 'exponential') {
      const at = (ms: number): number => bucketIndex(LL5, ms * 1e6);
      const near = (ms: number): number =>
        [-1, 0, 1].reduce((total, off) => total + (byBucket.get(at(ms) + off) ?? 0), 0);
      expect([near(3), near(30), near(300)]).toEqual([2, 4, 2]);
    }
    expect(sum(of('shop_orders'))).toBe(14);
    expect(sum(of('shop_sent'))).toBe(2001);
    expect(of('shop_queue').at(-1)!.count).toBe(900);
  });

  it.each(['delta', 'cumulative'] as const)(
    'read the same off JSON as off protobuf: %s',
    async (temporality) => {
      for (const histograms of ['explicit', 'exponential'] as const) {
        const sdk = sdkMeter(temporality, histograms);
        const duration = sdk.meter.createHistogram('db.duration', { unit: 's' });
        for (const value of [0, 0.001, 0.5, 12]) duration.record(value, { db: 'orders', shard: 3 });
        sdk.meter.createGauge('room.temperature', { unit: 'Cel' }).record(-3.25);
        sdk.meter.createCounter('a.b').add(4, { ok: true });
        const { protobuf, json } = await sdk.collect();
        await sdk.close();
        const points = [...protobufPoints(protobuf, new TextCache())];
        expect(points.length).toBe(3);
        expect([...jsonPoints(json)]).toEqual(points);
      }
    },
  );

  it('of a name that another driver has get a name of their own', async () => {
    const { driver, clock } = await started(Math.floor(Date.now() / 1000));
    clock.ms = Date.now();
    const sdk = sdkMeter('delta', 'explicit');
    sdk.meter.createCounter('http.requests').add(1);
    await driver.takeMetrics((await sdk.collect()).protobuf, 'protobuf');
    await sdk.close();
    expect(driver.metrics.map(({ name }) => name)).toEqual(['trace.spans', 'otlp_http.requests']);
  });
});
