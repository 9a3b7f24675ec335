/** Question: what does the probe cost a Node program, for each request that it serves?
 *  Command: npm run bench -- node-probe
 *  What Node's HTTP server says of a request is said here without a server, so that only the probe is timed: with
 *  nobody listening, then counted into a histogram by route, method and status, then with a predicate besides, then
 *  with the flight recorder. The full size then measures whole programs, paired windows of one run, beside
 *  OpenTelemetry's SDK, whose packages are installed into the bench's own cache. */
import { channel } from 'node:diagnostics_channel';
import { FlightRecorder } from '../src/ingest/node/flight.ts';
import { FLIGHT_DEFAULT } from '../src/ingest/node/flight-settings.ts';
import { NODE_METRICS } from '../src/ingest/node/metrics.ts';
import { PROBES } from '../src/ingest/node/probes.ts';
import { OpenSeconds } from '../src/ingest/node/seconds.ts';
import { assert } from '../src/model/assert.ts';
import { crc32c } from '../src/model/crc32c.ts';
import { LL5 } from '../src/model/grid.ts';
import { total } from '../src/model/histogram.ts';
import type { Instrumentation } from '../src/model/instrumentation.ts';
import { compilePredicate } from '../src/model/predicate.ts';
import type { BenchResult, BenchSize } from './bench.ts';
import { medianMs } from './measure.ts';
import { compareWays } from './node-probe/windows.ts';

export const question = 'What does the probe cost a Node program, for each request that it serves?';
export const smokeDigest = 'e456b321';

const SECOND = 1_700_000_000;
const URLS = ['/', '/cart', '/items/17?page=2', '/users/6ba7b810-9dad-11d1-80b4-00c04fd430c8/orders'];
const STATUSES = [200, 200, 200, 404, 503];

const instrumentation: Instrumentation = {
  id: 'requests',
  metric: 'http.requests',
  by: ['route', 'method', 'status'],
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 3600,
  idleSeconds: 0,
  createdSecond: 0,
};
const where = compilePredicate({
  op: 'and',
  terms: [
    { op: 'prefix', field: 'route', value: '/' },
    { op: 'ge', field: 'status', value: 200 },
  ],
});

export async function run(size: BenchSize): Promise<BenchResult> {
  const requests = { smoke: 2_000, full: 100_000 }[size];
  const rounds = { smoke: 3, full: 21 }[size];
  const seen: string[] = [];
  const times = medianMs(
    [
      () => serve(requests),
      () => seen.push(measured(undefined, requests)),
      () => seen.push(measured(where, requests)),
      () => seen.push(measured(undefined, requests, true)),
    ],
    rounds,
  );
  assert(new Set(seen).size === 1, 'every round counts the same');
  const [nobodyNs, countedNs, filteredNs, recordedNs] = times.map((ms) => (ms * 1e6) / requests) as [
    number,
    number,
    number,
    number,
  ];
  const versus = (ns: number) => ({
    name: 'nobody listening',
    ratio: ns / nobodyNs,
    what: 'x the time with',
  });
  const whole = size === 'full' ? await compareWays(instrumentation) : { rows: [] };
  return {
    ...whole,
    bench: 'node-probe',
    question,
    size,
    rows: [
      { name: 'a request announced, nobody listening', value: nobodyNs, unit: 'ns' },
      { name: 'and counted', value: countedNs, unit: 'ns', versus: versus(countedNs) },
      {
        name: 'and counted where a predicate holds',
        value: filteredNs,
        unit: 'ns',
        versus: versus(filteredNs),
      },
      {
        name: 'and counted and recorded',
        value: recordedNs,
        unit: 'ns',
        versus: versus(recordedNs),
      },
      ...whole.rows,
    ],
    digest: crc32c(Buffer.from(seen[0]!)).toString(16).padStart(8, '0'),
  };
}

/** Says what the server says, of requests that have what the probe reads. */
function serve(requests: number): void {
  const started = channel('http.server.request.start');
  const finished = channel('http.server.response.finish');
  for (let i = 0; i < requests; i++) {
    const message = {
      request: { method: 'GET', url: URLS[i % URLS.length] },
      response: { statusCode: STATUSES[i % STATUSES.length], on: () => {} },
    };
    if (started.hasSubscribers) started.publish(message);
    if (finished.hasSubscribers) finished.publish(message);
  }
}

/** Serves with the probe on, and gives what it counted: events by key. */
function measured(test: typeof where | undefined, requests: number, recorded = false): string {
  const fixed = new Map([['host', 'h']]);
  const flight = recorded ? new FlightRecorder(FLIGHT_DEFAULT, fixed) : undefined;
  const { name, fields } = NODE_METRICS.find((metric) => metric.name === instrumentation.metric)!;
  flight?.start(name, fields, SECOND);
  const seconds = new OpenSeconds(SECOND, flight);
  seconds.enable(instrumentation, test, SECOND);
  const probe = PROBES.get('http.requests')!(
    fixed,
    (_endMs, read) => seconds.count('http.requests', SECOND, read),
    (error) => {
      throw error;
    },
  );
  serve(requests);
  probe.stop();
  const [sealed] = seconds.seal(SECOND + 1);
  return sealed!.reports[0]!.rows.map((row) => `${row.key.join(' ')} ${total(row.histogram)}\n`).join('');
}
