/** VictoriaMetrics: a series per host, key and bucket (its own `vmrange` buckets, here with our edges), each second's
 *  counts as they are and only of buckets that are not empty, which is kinder than its usual cumulative counters.
 *  Asked past its result cache; merged by force before its bytes are counted. */
import { join } from 'node:path';
import Type from 'typebox';
import { bucketEdge, LL5, LL5_BUCKETS } from '../../src/model/grid.ts';
import { type Fleet, histogramAt, type TimeRange } from './fleet.ts';
import { fetchBody, hostLanes, readJson, sendInLanes } from './http.ts';
import { occupiedBytes } from './machine.ts';
import { debianPackage } from './package-cache.ts';
import type { PercentileLines, Peer, Place, Session } from './peer.ts';
import { freePort, quiet, type ServerProcess, startServer } from './server-process.ts';

const NS = 1e-9;

const Sample = Type.Tuple([Type.Number(), Type.String()]);
const Matrix = Type.Object({
  data: Type.Object({
    result: Type.Array(
      Type.Object({ metric: Type.Record(Type.String(), Type.String()), values: Type.Array(Sample) }),
    ),
  }),
});
const Vector = Type.Object({
  data: Type.Object({ result: Type.Array(Type.Object({ value: Sample })) }),
});

export const victoriaMetrics: Peer = {
  id: 'victoria-metrics',
  label: 'VictoriaMetrics',
  place: 'server',
  takes: 'one period',
  percentileLoss: 0,
  open: async (place) => {
    const { root, version } = debianPackage('victoria-metrics');
    const url = `http://127.0.0.1:${await freePort()}`;
    const server = await startServer({
      program: join(root, 'usr/bin/victoria-metrics'),
      args: [
        `-httpListenAddr=${new URL(url).host}`,
        `-storageDataPath=${join(place.directory, 'data')}`,
        // By default it hides the newest 30 s, and refuses to read so much at once.
        '-search.latencyOffset=0s',
        '-search.maxSamplesPerQuery=1000000000',
        '-search.maxQueryDuration=120s',
      ],
      directory: place.directory,
      ready: () => fetchBody(`${url}/health`),
    });
    return new VictoriaMetricsSession(place, server, url, `VictoriaMetrics ${version}`);
  },
};

/** Lower and upper edge, seconds, as its own client writes them but with all digits. */
const RANGES = Array.from(
  { length: LL5_BUCKETS },
  (_, bucket) => `${bucketEdge(LL5, bucket) * NS}...${bucketEdge(LL5, bucket + 1) * NS}`,
);

class VictoriaMetricsSession implements Session {
  readonly version: string;
  readonly pid: number;
  readonly #place: Place;
  readonly #server: ServerProcess;
  readonly #url: string;

  constructor(place: Place, server: ServerProcess, url: string, version: string) {
    this.version = version;
    this.pid = server.pid;
    this.#place = place;
    this.#server = server;
    this.#url = url;
  }

  prepare(fromSecond: number, untilSecond: number): () => Promise<void> {
    const { fleet } = this.#place;
    const lanes = hostLanes(fleet, fromSecond, untilSecond, (second, hosts) => lines(fleet, second, hosts));
    return () =>
      sendInLanes(lanes, (body) =>
        fetchBody(`${this.#url}/api/v1/import/prometheus`, { method: 'POST', body }),
      );
  }

  async settle(): Promise<void> {
    await fetchBody(`${this.#url}/internal/force_flush`);
    await fetchBody(`${this.#url}/internal/force_merge`);
    await quiet(this.pid);
  }

  diskBytes(): number {
    return occupiedBytes(join(this.#place.directory, 'data'));
  }

  async heatmap(range: TimeRange, byKey: boolean, signal: AbortSignal): Promise<() => number> {
    const by = byKey ? 'vmrange, key' : 'vmrange';
    const query = `sum(sum_over_time(lat_bucket[${range.stepSeconds}s])) by (${by})`;
    const body = await this.#range(query, range, signal);
    return () =>
      readJson(Matrix, body).data.result.reduce(
        (sum, { values }) => values.reduce((total, [, count]) => total + Number(count), sum),
        0,
      );
  }

  async percentiles(range: TimeRange, signal: AbortSignal): Promise<() => PercentileLines> {
    const counts = `sum(sum_over_time(lat_bucket[${range.stepSeconds}s])) by (vmrange)`;
    const body = await this.#range(`histogram_quantiles("q", 0.5, 0.99, ${counts})`, range, signal);
    return () => {
      const { result } = readJson(Matrix, body).data;
      const line = (q: string): number[] =>
        (result.find(({ metric }) => metric['q'] === q)?.values ?? []).map(([, value]) => Number(value) / NS);
      return { p50: line('0.5'), p99: line('0.99') };
    };
  }

  async visible(second: number, events: number): Promise<boolean> {
    const query = 'sum(sum_over_time(lat_bucket[1s]))';
    const parameters = new URLSearchParams({ query, time: String(second), nocache: '1' });
    const body = await fetchBody(`${this.#url}/api/v1/query?${parameters.toString()}`);
    return Number(readJson(Vector, body).data.result[0]?.value[1]) === events;
  }

  async close(): Promise<void> {
    await this.#server.stop();
  }

  /** A value at t is of the step that ends with the second t. */
  #range(
    query: string,
    { fromSecond, untilSecond, stepSeconds }: TimeRange,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const parameters = new URLSearchParams({
      query,
      start: String(fromSecond + stepSeconds - 1),
      end: String(untilSecond - 1),
      step: `${stepSeconds}s`,
      nocache: '1',
    });
    return fetchBody(`${this.#url}/api/v1/query_range`, { method: 'POST', body: parameters, signal });
  }
}

/** In Prometheus' text form, with milliseconds. */
function lines(fleet: Fleet, second: number, hosts: readonly number[]): string {
  let text = '';
  for (const host of hosts) {
    for (let key = 0; key < fleet.keys; key++) {
      const head = `lat_bucket{host="web${host}",key="/route/${key}",vmrange="`;
      const h = histogramAt(fleet, second, host, key);
      for (let i = fleet.start[h]!; i < fleet.start[h + 1]!; i++) {
        text += `${head}${RANGES[fleet.bucket[i]!]!}"} ${fleet.count[i]!} ${second}000\n`;
      }
    }
  }
  return text;
}
