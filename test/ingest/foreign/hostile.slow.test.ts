/** No decoder of what others send crashes, hangs or throws anything but its own error, whatever it is given. As many
 *  inputs as TAILGLOW_FUZZ says: TAILGLOW_FUZZ=1000000 npx vitest run --project slow test/ingest/foreign/hostile.slow.test.ts */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { protoField, WireError } from '../../../src/ingest/foreign/protobuf.ts';
import { TextCache } from '../../../src/ingest/foreign/text-cache.ts';
import { OtlpJsonError } from '../../../src/ingest/otlp/json.ts';
import { jsonPoints } from '../../../src/ingest/otlp/metrics-json.ts';
import { protobufPoints } from '../../../src/ingest/otlp/metrics-protobuf.ts';
import { OtlpDriver, TRACE_SPANS } from '../../../src/ingest/otlp/otlp-driver.ts';
import { pointsOf } from '../../../src/ingest/prometheus/exposition.ts';
import { protobufFamilies } from '../../../src/ingest/prometheus/families-protobuf.ts';
import { writtenPoints } from '../../../src/ingest/prometheus/remote-write.ts';
import { seriesOfVersion1 } from '../../../src/ingest/prometheus/written-series-1.ts';
import { seriesOfVersion2 } from '../../../src/ingest/prometheus/written-series-2.ts';
import { SnappyError, unsnappy } from '../../../src/ingest/prometheus/snappy.ts';
import { parseText } from '../../../src/ingest/prometheus/text.ts';
import { MovableClock } from '../../service/house.ts';
import { mutated } from './mutations.ts';
import { instrumentationOf, lehmer, told } from './told.ts';

const INPUTS = Number(process.env['TAILGLOW_FUZZ'] ?? 20_000);
const texts = new TextCache();
const fixture = (name: string): Uint8Array => readFileSync(`test/ingest/otlp/fixtures/${name}`);
const double = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
};
const label = (name: string, value: string): Buffer =>
  protoField(1, Buffer.concat([protoField(1, name), protoField(2, value)]));
const written = protoField(
  1,
  Buffer.concat([
    label('__name__', 'x_bucket'),
    label('le', '+Inf'),
    protoField(2, Buffer.concat([Buffer.of(9), double(5), protoField(2, 1_800_000_000_000)])),
    protoField(
      4,
      Buffer.concat([protoField(4, 6), protoField(11, protoField(2, 3)), protoField(12, Buffer.of(2, 2, 2))]),
    ),
  ]),
);
const written2 = Buffer.concat([
  ...['', '__name__', 'x_bucket', 'le', '+Inf', 'seconds'].map((symbol) => protoField(4, symbol)),
  protoField(
    5,
    Buffer.concat([
      protoField(1, Buffer.of(1, 2, 3, 4)),
      protoField(2, Buffer.concat([Buffer.of(9), double(5), protoField(2, 1_800_000_000_000)])),
      protoField(5, Buffer.concat([protoField(1, 3), protoField(4, 5)])),
      protoField(6, 1_700_000_000_000),
    ]),
  ),
]);
const family = Buffer.concat([
  protoField(1, 'x_seconds'),
  protoField(3, 4),
  protoField(
    4,
    Buffer.concat([
      label('a', 'b'),
      protoField(7, Buffer.concat([protoField(1, 9), protoField(3, protoField(1, 4))])),
    ]),
  ),
]);
const TEXT = `# HELP x_seconds t\n# TYPE x_seconds histogram\nx_seconds_bucket{a="b\\"\\n",le="0.5"} 3 # {trace="1"} 0.4\nx_seconds_bucket{a="b",le="+Inf"} 4 1e3\nx_seconds_count 4\n# TYPE y gauge\ny NaN\nz{} -1.5e-3 123\n`;

const drain = (points: Iterable<unknown>): void => {
  for (const point of points) void point;
};

const decoders: Readonly<
  Record<string, readonly [Uint8Array, (bytes: Uint8Array) => void, readonly unknown[]]>
> = {
  'explicit histograms': [fixture('explicit.pb'), (b) => drain(protobufPoints(b, texts)), [WireError]],
  'exponential histograms': [fixture('exponential.pb'), (b) => drain(protobufPoints(b, texts)), [WireError]],
  'metrics as JSON': [fixture('exponential.json'), (b) => drain(jsonPoints(b)), [OtlpJsonError]],
  text: [
    Buffer.from(TEXT),
    (b) => parseText(Buffer.from(b).toString()).families.forEach((f) => drain(pointsOf(f, 1))),
    [],
  ],
  'protobuf families': [
    Buffer.concat([Buffer.of(family.length), family]),
    (b) => [...protobufFamilies(b)].forEach((f) => drain(pointsOf(f, 1))),
    [WireError],
  ],
  'remote write 1.0': [written, (b) => drain(writtenPoints(seriesOfVersion1(b))), [WireError]],
  'remote write 2.0': [written2, (b) => drain(writtenPoints(seriesOfVersion2(b))), [WireError]],
  snappy: [Buffer.from('2c0c61626364fe0100', 'hex'), (b) => unsnappy(b, 4096), [SnappyError]],
};

describe('damaged input', () => {
  it.each(Object.keys(decoders))('is an error of ours, or read: %s', (name) => {
    const [good, decode, errors] = decoders[name]!;
    const random = lehmer(11);
    let read = 0;
    for (let i = 0; i < INPUTS / 10; i++) {
      const bytes = mutated(good, random);
      try {
        decode(bytes);
        read++;
      } catch (error) {
        if (errors.some((kind) => error instanceof (kind as typeof Error))) continue;
        throw new Error(`${name}: ${Buffer.from(bytes).toString('base64')}`, { cause: error });
      }
    }
    expect(read).toBeGreaterThan(0);
  });

  it.each(['protobuf', 'json'] as const)(
    'counts what it says it took, and tells it: spans as %s',
    async (form) => {
      const clock = new MovableClock(1_800_000_001_000);
      const options = { host: 'h', random: lehmer(), clock, isTaken: () => false };
      const driver = new OtlpDriver(options);
      await driver.start({ late: () => {}, offline: () => {}, note: () => {} });
      const by = ['service', 'http_route', 'status'];
      await driver.enable(instrumentationOf(TRACE_SPANS, { by, numeric: 'latency' }));
      const good = fixture(form === 'json' ? 'spans.json' : 'spans.pb');
      const random = lehmer(5);
      let taken = 0;
      for (let i = 0; i < INPUTS / 10; i++) {
        const before = driver.teller.isFull();
        expect(before).toBe(false);
        try {
          taken += (await driver.takeSpans(mutated(good, random), form)).taken;
        } catch (error) {
          if (!(error instanceof WireError || error instanceof OtlpJsonError)) throw error;
        }
      }
      expect(taken).toBeGreaterThan(0);
      const lines = told(driver.teller.spill(1_800_000_100));
      const counted = lines.reduce((sum, { count, dropped }) => sum + count + dropped, 0);
      // Spans before the place where a body turned out to be damaged are counted too.
      expect(counted).toBeGreaterThanOrEqual(taken);
      expect(driver.metrics[0]!.fields.length).toBeLessThanOrEqual(48);
    },
  );
});
