/** Scraping of a real prom-client registry over HTTP, remote write, and the forms that they come in. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { EncodedBatch } from '../../../src/ingest/driver.ts';
import { protoField } from '../../../src/ingest/foreign/protobuf.ts';
import { pointsOf } from '../../../src/ingest/prometheus/exposition.ts';
import { protobufFamilies } from '../../../src/ingest/prometheus/families-protobuf.ts';
import { ScrapeDriver } from '../../../src/ingest/prometheus/scrape-driver.ts';
import { unsnappy } from '../../../src/ingest/prometheus/snappy.ts';
import { parseText } from '../../../src/ingest/prometheus/text.ts';
import { systemClock } from '../../../src/model/clock.ts';
import { byKey, instrumentationOf, lehmer, sum, told } from '../foreign/told.ts';

describe('the text format', () => {
  it('is read with escapes, exemplars, times and odd lines', () => {
    const { families, oddLines } = parseText(
      [
        '# HELP a_total what',
        '# TYPE a_total counter',
        'a_total{x="b\\"c\\\\d\\ne",y=""} 1.5e3 1700000000000',
        '# TYPE h histogram',
        'h_bucket{le="0.5",} 2 # {trace_id="abc"} 0.3 1.2',
        'h_bucket{le="+Inf"} 5',
        'h_sum 9',
        'h_count 5',
        'lonely 7',
        'torn{x="',
        '9lives 1',
        '# EOF',
      ].join('\n'),
    );
    expect(oddLines).toBe(2);
    expect(families.map(({ name, type, series }) => [name, type, series.length])).toEqual([
      ['a_total', 'counter', 1],
      ['h', 'histogram', 4],
      ['lonely', 'untyped', 1],
    ]);
    expect([...families[0]!.series[0]!.labels]).toEqual([
      ['x', 'b"c\\d\ne'],
      ['y', ''],
    ]);
    expect([...pointsOf(families[1]!, 1)]).toMatchObject([
      { value: { kind: 'explicit', bounds: [0.5], counts: [2, 3] } },
    ]);
  });
});

describe('native histograms', () => {
  const double = (value: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return bytes;
  };

  it('are exponential buckets, one lower: theirs are named after their upper edge', () => {
    // schema 3; spans (offset 2, length 2) (gap 1, length 1); deltas 1, 2, -1: counts 1, 3, 2.
    const histogram = Buffer.concat([
      protoField(1, 8),
      protoField(5, 6),
      Buffer.of(6 * 8 + 1),
      double(0.001),
      protoField(7, 2),
      protoField(12, Buffer.concat([protoField(1, 4), protoField(2, 2)])),
      protoField(12, Buffer.concat([protoField(1, 2), protoField(2, 1)])),
      protoField(13, Buffer.of(2, 4, 1)),
    ]);
    const family = Buffer.concat([
      protoField(1, 'rpc_seconds'),
      protoField(3, 4),
      protoField(4, protoField(7, histogram)),
    ]);
    const [read] = [...protobufFamilies(Buffer.concat([Buffer.of(family.length), family]))];
    expect([...pointsOf(read!, 1)]).toMatchObject([
      {
        value: {
          kind: 'exponential',
          scale: 3,
          zeroThreshold: 0.001,
          zeroCount: 2,
          offset: 1,
          counts: [1, 3, 0, 2],
        },
      },
    ]);
  });
});

describe('remote write', () => {
  it('undoes snappy, also copies that overlap what they write', () => {
    // 9 bytes: literal "abc", then a copy of 6 from 3 back.
    expect(Buffer.from(unsnappy(Buffer.of(9, 2 << 2, 97, 98, 99, (2 << 2) | 1, 3), 100)).toString()).toBe(
      'abcabcabc',
    );
    expect(() => unsnappy(Buffer.of(9, 2 << 2, 97), 100)).toThrow('ends in the middle');
    expect(() => unsnappy(Buffer.of(0xff, 0x7f, 0), 100)).toThrow('at most 100');
  });
});

describe('scraping', () => {
  const registry = new Registry();
  const orders = new Counter({
    name: 'shop_orders_total',
    help: '-',
    labelNames: ['region'],
    registers: [registry],
  });
  const queue = new Gauge({ name: 'shop_queue', help: '-', registers: [registry] });
  const latency = new Histogram({
    name: 'shop_request_duration_seconds',
    help: '-',
    labelNames: ['route'],
    buckets: [0.01, 0.1, 1],
    registers: [registry],
  });
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((_request, response) => {
      void registry.metrics().then((text) => response.end(text));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  });
  afterAll(() => server.close());

  it('counts what a target counted between scrapes, and is not delayed by one that is gone', async () => {
    const driver = new ScrapeDriver({
      host: 'web1',
      random: lehmer(),
      clock: systemClock,
      isTaken: () => false,
      targets: [
        { name: 'gone', url: 'http://127.0.0.1:1/metrics', everySeconds: 1 },
        { name: 'shop', url, everySeconds: 1 },
      ],
    });
    const batches: EncodedBatch[] = [];
    const until = async (holds: () => boolean): Promise<void> => {
      const start = Date.now();
      while (!holds()) {
        if (Date.now() - start > 15_000) throw new Error('not within 15 s');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    orders.inc({ region: 'eu' }, 1000);
    queue.set(3);
    latency.observe({ route: '/a' }, 0.05);
    await driver.start({ late: (more) => batches.push(...more), offline: () => {}, note: () => {} });
    await until(() => driver.metrics.length === 3);
    for (const metric of driver.metrics) {
      const isHistogram = metric.fields.some(({ name }) => name === 'latency');
      const by = isHistogram ? { by: ['route', 'job'], numeric: 'latency' } : { by: ['job'] };
      await driver.enable(instrumentationOf(metric, by));
    }
    await until(() => batches.length > 0);
    orders.inc({ region: 'eu' }, 7);
    orders.inc({ region: 'us' }, 5);
    for (let i = 0; i < 12; i++) latency.observe({ route: '/a' }, i % 3 === 0 ? 0.005 : 0.5);
    const lines = (id: string) => told(batches).filter(({ instrumentation }) => instrumentation === id);
    await until(
      () => sum(lines('shop_request_duration_seconds')) >= 12 && sum(lines('shop_orders_total')) >= 12,
    );
    await driver.close();
    expect(byKey(lines('shop_request_duration_seconds'))).toEqual({ '/a shop': 12 });
    // The series of "us" was not there at the scrape before: all that it has is new.
    expect(byKey(lines('shop_orders_total'))).toEqual({ shop: 12 });
    expect(
      new Set(
        lines('shop_queue')
          .filter(({ count }) => count > 0)
          .map(({ count }) => count),
      ),
    ).toEqual(new Set([300]));
    expect(driver.drops.entries().get('scrapes that failed')).toBeGreaterThan(0);
  });
});
