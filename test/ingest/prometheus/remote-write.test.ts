import fastify from 'fastify';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { protoField } from '../../../src/ingest/foreign/protobuf.ts';
import { writtenPoints } from '../../../src/ingest/prometheus/remote-write.ts';
import { RemoteWriteDriver } from '../../../src/ingest/prometheus/remote-write-driver.ts';
import { seriesOfVersion1 } from '../../../src/ingest/prometheus/written-series-1.ts';
import { seriesOfVersion2 } from '../../../src/ingest/prometheus/written-series-2.ts';
import { ProblemException } from '../../../src/service/problem.ts';
import { remoteWriteRoutes } from '../../../src/service/routes/remote-write.ts';
import { ManualClock } from '../../arbitrary/manual-clock.ts';

interface Sent {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [value: number, ms: number])[];
  readonly native?: Buffer;
}

const sample = ([value, ms]: readonly [number, number]): Buffer => {
  const bytes = Buffer.alloc(9);
  bytes[0] = 9;
  bytes.writeDoubleLE(value, 1);
  return protoField(2, Buffer.concat([bytes, protoField(2, ms)]));
};
const request1 = (all: readonly Sent[]): Buffer => {
  const label = ([name, value]: [string, string]): Buffer =>
    protoField(1, Buffer.concat([protoField(1, name), protoField(2, value)]));
  const series = ({ labels, samples, native }: Sent): Buffer =>
    protoField(
      1,
      Buffer.concat([
        ...Object.entries(labels).map(label),
        ...samples.map(sample),
        ...(native ? [protoField(4, native)] : []),
      ]),
    );
  return Buffer.concat(all.map(series));
};
/** `more` follows in each series. */
const request2 = (all: readonly Sent[], more: readonly Buffer[] = [], symbolsLast = false): Buffer => {
  const symbols = ['', ...new Set(all.flatMap(({ labels }) => Object.entries(labels).flat())), 'seconds'];
  const ref = (text: string): number => symbols.indexOf(text);
  const series = ({ labels, samples, native }: Sent): Buffer =>
    protoField(
      5,
      Buffer.concat([
        protoField(1, Buffer.from(Object.entries(labels).flat().map(ref))),
        ...samples.map(sample),
        ...(native ? [protoField(3, native)] : []),
        ...more,
      ]),
    );
  const parts = [Buffer.concat(symbols.map((text) => protoField(4, text))), Buffer.concat(all.map(series))];
  return Buffer.concat(symbolsLast ? parts.toReversed() : parts);
};
const metadata = (type: number, unit = 0): Buffer =>
  protoField(5, Buffer.concat([protoField(1, type), protoField(4, unit)]));
const NATIVE = Buffer.concat([
  protoField(4, 6),
  protoField(11, protoField(2, 3)),
  protoField(12, Buffer.of(2, 2, 2)),
  protoField(15, 5000),
]);

const text = fc.constantFrom('a', 'b_total', 'h_bucket', 'h_count', 'x', 'y', '+Inf', '0.5');
const sent: fc.Arbitrary<Sent> = fc
  .record({
    name: text,
    labels: fc.dictionary(fc.constantFrom('le', 'route', 'host'), text, { maxKeys: 3 }),
    samples: fc.array(fc.tuple(fc.double(), fc.integer({ min: 0, max: 9_000_000 })), { maxLength: 3 }),
    native: fc.option(fc.constant(NATIVE), { nil: undefined }),
  })
  .map(({ name, labels, samples, native }) => {
    return { labels: { __name__: name, ...labels }, samples, ...(native === undefined ? {} : { native }) };
  });

const points1 = (bytes: Uint8Array) => [...writtenPoints(seriesOfVersion1(bytes))];
const points2 = (bytes: Uint8Array) => [...writtenPoints(seriesOfVersion2(bytes))];

describe('what Prometheus writes', () => {
  it('gives counters, levels, and the buckets of a histogram together', () => {
    const all: Sent[] = [
      { labels: { __name__: 'a_total', x: 'y' }, samples: [[3, 5000]] },
      { labels: { __name__: 'h_seconds_bucket', le: '1' }, samples: [[2, 5000]] },
      { labels: { __name__: 'h_seconds_bucket', le: '+Inf' }, samples: [[5, 5000]] },
      { labels: { __name__: 'h_seconds_count' }, samples: [[5, 5000]] },
      { labels: { __name__: 'q' }, samples: [[1.5, 5000]] },
    ];
    expect(points1(request1(all))).toMatchObject([
      { metric: { name: 'h_seconds', kind: 'histogram' }, value: { bounds: [1], counts: [2, 3] }, time: 5 },
      { metric: { name: 'a_total', kind: 'count' }, value: 3, time: 5 },
      { metric: { name: 'q', kind: 'level' }, value: 1.5 },
    ]);
  });

  it('is the same in version 2 where that says no more, wherever its symbols stand', () => {
    fc.assert(
      fc.property(fc.array(sent, { maxLength: 6 }), fc.boolean(), (all, symbolsLast) => {
        expect(points2(request2(all, [], symbolsLast))).toEqual(points1(request1(all)));
      }),
    );
  });

  it('is in version 2 what the sender says it is', () => {
    const of = (name: string, ...more: Buffer[]) =>
      points2(request2([{ labels: { __name__: name }, samples: [[7, 5000]] }], more));
    expect(of('jobs', metadata(1))).toMatchObject([{ metric: { kind: 'count' } }]);
    expect(of('open_total', metadata(2))).toMatchObject([{ metric: { kind: 'level' } }]);
    expect(of('wait', metadata(2, 3))).toMatchObject([{ metric: { unit: { type: 'time', scale: 1e9 } } }]);
    expect(of('wait_count', metadata(5, 3))).toMatchObject([{ metric: { unit: { type: 'number' } } }]);
    expect(of('jobs_total', protoField(6, 4000))).toMatchObject([{ start: 4, time: 5 }]);
    expect(of('h', metadata(4))).toEqual(['gauge histograms are not counted']);
  });

  it('names the place of a reference that leads nowhere, and of half a label', () => {
    const series = (...refs: number[]): Buffer => protoField(5, protoField(1, Buffer.from(refs)));
    const symbols = Buffer.concat([protoField(4, ''), protoField(4, 'x')]);
    expect(() => points2(Buffer.concat([symbols, series(1, 2)]))).toThrow('symbol 2, and there are 2');
    expect(() => points2(Buffer.concat([symbols, series(1)]))).toThrow('1 references of labels');
  });

  it('is taken over HTTP in both versions, and the sender is told how much of it was read', async () => {
    const clock = new ManualClock(1_800_000_000_000);
    const options = { host: 'h', random: () => 0.5, clock, isTaken: () => false };
    const driver = new RemoteWriteDriver(options);
    await driver.start({ late: () => {}, offline: () => {}, note: () => {} });
    const app = fastify();
    app.setErrorHandler((error, _, reply) => {
      return reply.code(error instanceof ProblemException ? error.problem.status : 500).send();
    });
    await app.register(remoteWriteRoutes, driver);
    const all: Sent[] = [
      { labels: { __name__: 'a_total' }, samples: [[3, 1_800_000_000_000]] },
      { labels: { __name__: 'h' }, samples: [], native: NATIVE },
    ];
    const post = async (bytes: Buffer, message: string) => {
      const payload = Buffer.concat([Buffer.of(bytes.length), literalOf(bytes)]);
      const headers = {
        'content-encoding': 'snappy',
        'content-type': `application/x-protobuf${message}`,
      };
      const { statusCode, headers: said } = await app.inject({
        method: 'POST',
        url: '/api/v1/write',
        payload,
        headers,
      });
      return [
        statusCode,
        said['x-prometheus-remote-write-samples-written'],
        said['x-prometheus-remote-write-histograms-written'],
      ];
    };
    const written = [204, '1', '1'];
    expect(await post(request1(all), '')).toEqual(written);
    expect(await post(request1(all), ';proto=prometheus.WriteRequest')).toEqual(written);
    expect(await post(request2(all), ';proto=io.prometheus.write.v2.Request')).toEqual(written);
    expect((await post(request2(all), ';proto=io.prometheus.write.v3.Request'))[0]).toBe(415);
    expect(driver.metrics.map(({ name }) => name).toSorted()).toEqual(['a.total', 'remote_write.h']);
    await app.close();
  });
});

/** Snappy's literal of at most 127 bytes. */
function literalOf(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(60 << 2, bytes.length - 1), bytes]);
}
