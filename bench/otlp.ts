/** Question: how many spans a second does one core decode from OTLP and fold into tallies, beside reading the same
 *  spans with JSON.parse alone?
 *  Command: npm run bench -- otlp
 *  Bodies of 512 spans, as an SDK's batch is, of six attributes each; one instrumentation by route, status and
 *  latency. The rival only parses: it decodes no attribute and counts nothing. */
import { protoField } from '../src/ingest/foreign/protobuf.ts';
import { OtlpDriver, TRACE_SPANS } from '../src/ingest/otlp/otlp-driver.ts';
import { assert } from '../src/model/assert.ts';
import { crc32c } from '../src/model/crc32c.ts';
import { LL5 } from '../src/model/grid.ts';
import { decodeBatch, readBatch } from '../src/model/report.ts';
import { CellsBuffer } from '../src/model/series.ts';
import type { BenchResult, BenchSize } from './bench.ts';
import { median } from './measure.ts';
import { latencyNs, seededRandom } from './workload.ts';

export const question = 'How many OTLP spans a second does one core decode and fold into tallies?';
export const smokeDigest = '17f11869';

const NOW_SECOND = 1_800_000_000;
const BATCH_SPANS = 512;
const SHAPES: Readonly<Record<BenchSize, { readonly bodies: number; readonly rounds: number }>> = {
  smoke: { bodies: 2, rounds: 1 },
  full: { bodies: 400, rounds: 7 },
};

interface Bodies {
  readonly protobuf: readonly Uint8Array[];
  readonly json: readonly Uint8Array[];
}

export async function run(size: BenchSize): Promise<BenchResult> {
  const { bodies, rounds } = SHAPES[size];
  const wire = makeBodies(bodies);
  const times: Record<'protobuf' | 'json' | 'parse', number[]> = { protobuf: [], json: [], parse: [] };
  let digest = '';
  for (let round = 0; round <= rounds; round++) {
    for (const form of ['protobuf', 'json'] as const) {
      const { ms, counted } = await fold(wire[form], form);
      assert(digest === '' || digest === counted, 'both forms count the same');
      digest = counted;
      if (round > 0) times[form].push(ms);
    }
    const start = performance.now();
    for (const body of wire.json) JSON.parse(Buffer.from(body).toString('utf8'));
    if (round > 0) times.parse.push(performance.now() - start);
  }
  const rate = (ms: readonly number[]): number => (bodies * BATCH_SPANS) / median(ms);
  const rival = rate(times.parse);
  const row = (name: string, value: number) => ({
    name,
    value,
    unit: 'kspans/s',
    versus: { name: 'JSON.parse alone', ratio: value / rival, what: 'x the speed of' },
  });
  const rows = [
    row('protobuf -> tallies', rate(times.protobuf)),
    row('JSON -> tallies', rate(times.json)),
    { name: 'JSON.parse alone', value: rival, unit: 'kspans/s' },
  ];
  return { bench: 'otlp', question, size, rows, digest };
}

async function fold(bodies: readonly Uint8Array[], form: 'protobuf' | 'json') {
  const clock = { nowMs: () => NOW_SECOND * 1000, sleep: async () => {} };
  const random = seededRandom(1);
  const driver = new OtlpDriver({ host: 'bench', random, clock, isTaken: () => false });
  await driver.start({ late: () => {}, offline: () => {}, note: () => {} });
  await driver.enable({
    id: 'spans',
    metric: TRACE_SPANS.name,
    by: ['http_route', 'http_response_status_code'],
    numeric: 'latency',
    grid: LL5,
    scope: 'interval',
    everySeconds: 1,
    keepSeconds: 60,
    idleSeconds: 0,
    createdSecond: 0,
  });
  const start = performance.now();
  for (const body of bodies) await driver.takeSpans(body, form);
  const ms = performance.now() - start;
  const lines = driver.teller.spill(NOW_SECOND + 1).flatMap(({ bytes }) => {
    const { second, reports } = readBatch(decodeBatch(bytes), () => new CellsBuffer());
    return reports.map(({ rows }) => JSON.stringify([second, rows]));
  });
  return { ms, counted: crc32c(Buffer.from(lines.join())).toString(16).padStart(8, '0') };
}

function makeBodies(count: number): Bodies {
  const random = seededRandom(23);
  const protobuf: Uint8Array[] = [];
  const json: Uint8Array[] = [];
  for (let body = 0; body < count; body++) {
    const spans = Array.from({ length: BATCH_SPANS }, (_, i) => makeSpan(random, i));
    const scope = Buffer.concat(spans.map((span) => protoField(2, span.protobuf)));
    protobuf.push(protoField(1, protoField(2, scope)));
    json.push(
      Buffer.from(JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans: spans.map((s) => s.json) }] }] })),
    );
  }
  return { protobuf, json };
}

function makeSpan(random: () => number, i: number) {
  const route = i % 10;
  const tookNs = Math.floor(latencyNs(random, route, 0)) % 1_000_000_000;
  const end = BigInt(NOW_SECOND - 1 - (i % 3)) * 1_000_000_000n + 500_000_000n;
  const start = end - BigInt(tookNs);
  const attributes: readonly (readonly [string, string | number])[] = [
    ['http.route', `/route/${route}`],
    ['http.request.method', 'GET'],
    ['http.response.status_code', i % 50 === 0 ? 503 : 200],
    ['url.scheme', 'https'],
    ['server.address', 'shop.example.com'],
    ['user_agent.original', 'Mozilla/5.0 (X11; Linux x86_64)'],
  ];
  const id = Buffer.alloc(16, i);
  const protobuf = Buffer.concat([
    protoField(1, id),
    protoField(2, id.subarray(8)),
    protoField(5, `GET /route/${route}`),
    protoField(6, 2),
    fixed(7, start),
    fixed(8, end),
    ...attributes.map(([key, value]) =>
      protoField(
        9,
        Buffer.concat([
          protoField(1, key),
          protoField(2, protoField(typeof value === 'number' ? 3 : 1, value)),
        ]),
      ),
    ),
  ]);
  const json = {
    traceId: id.toString('hex'),
    spanId: id.toString('hex', 8),
    name: `GET /route/${route}`,
    kind: 2,
    startTimeUnixNano: String(start),
    endTimeUnixNano: String(end),
    attributes: attributes.map(([key, value]) => ({
      key,
      value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
    })),
  };
  return { protobuf, json };
}

function fixed(field: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = field * 8 + 1;
  bytes.writeBigUInt64LE(value, 1);
  return bytes;
}
