/** Prometheus with native histograms, by remote write (protobuf in snappy): cumulative, as it wants them, of its own
 *  schema 5, whose buckets differ from ours: each of our buckets is counted where its middle lies. Settled is a
 *  block of the TSDB's snapshot. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Type from 'typebox';
import { bucketMiddle, LL5, LL5_BUCKETS } from '../../src/model/grid.ts';
import { eventsOf, type Fleet, histogramAt, type TimeRange } from './fleet.ts';
import { fetchBody, hostLanes, readJson, sendInLanes } from './http.ts';
import { occupiedBytes } from './machine.ts';
import { debianPackage } from './package-cache.ts';
import type { PercentileLines, Peer, Place, Session } from './peer.ts';
import { RemoteWrite, type WrittenSeries } from './remote-write.ts';
import { freePort, type ServerProcess, startServer } from './server-process.ts';

const NS = 1e-9;
/** Buckets of schema 5: 32 a doubling, bucket i ends at 2 ^ (i / 32). */
const PER_DOUBLING = 32;

const Sample = Type.Tuple([Type.Number(), Type.String()]);
const Histogram = Type.Tuple([Type.Number(), Type.Object({ count: Type.String() })]);
const Matrix = Type.Object({
  data: Type.Object({
    result: Type.Array(
      Type.Object({
        values: Type.Optional(Type.Array(Sample)),
        histograms: Type.Optional(Type.Array(Histogram)),
      }),
    ),
  }),
});
const Vector = Type.Object({
  data: Type.Object({ result: Type.Array(Type.Object({ value: Sample })) }),
});

export const prometheus: Peer = {
  id: 'prometheus',
  label: 'Prometheus, native histograms',
  place: 'server',
  takes: 'one period',
  percentileLoss: 2 ** (1 / PER_DOUBLING) - 1,
  open: async (place) => {
    const wire = new RemoteWrite();
    const { root, version } = debianPackage('prometheus');
    const url = `http://127.0.0.1:${await freePort()}`;
    const config = join(place.directory, 'prometheus.yml');
    writeFileSync(config, 'scrape_configs: []\n');
    const server = await startServer({
      program: join(root, 'usr/bin/prometheus'),
      args: [
        `--web.listen-address=${new URL(url).host}`,
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(place.directory, 'data')}`,
        '--enable-feature=native-histograms',
        '--web.enable-remote-write-receiver',
        '--web.enable-admin-api',
        '--query.lookback-delta=10s',
        '--query.max-samples=500000000',
      ],
      directory: place.directory,
      ready: () => fetchBody(`${url}/-/ready`),
    });
    const session = new PrometheusSession({ place, server, url, version: `Prometheus ${version}`, wire });
    await session.begin();
    return session;
  },
};

/** Of each of our buckets. */
const BUCKET_OF = Array.from({ length: LL5_BUCKETS }, (_, bucket) =>
  Math.ceil(Math.log2(Math.max(1, bucketMiddle(LL5, bucket)) * NS) * PER_DOUBLING),
);
const BUCKET_MIN = Math.min(...BUCKET_OF);
const BUCKETS = Math.max(...BUCKET_OF) - BUCKET_MIN + 1;

interface Parts {
  readonly place: Place;
  readonly server: ServerProcess;
  readonly url: string;
  readonly version: string;
  readonly wire: RemoteWrite;
}

/** One host's counts of one key since the start. */
interface Counter {
  readonly counts: Float64Array;
  count: number;
  sum: number;
}

class PrometheusSession implements Session {
  readonly version: string;
  readonly pid: number;
  readonly #parts: Parts;
  readonly #counters: readonly (readonly Counter[])[];
  /** Events sent so far. */
  #sent = 0;

  constructor(parts: Parts) {
    this.version = parts.version;
    this.pid = parts.server.pid;
    this.#parts = parts;
    const { hosts, keys } = parts.place.fleet;
    this.#counters = Array.from({ length: hosts }, () =>
      Array.from({ length: keys }, () => ({ counts: new Float64Array(BUCKETS), count: 0, sum: 0 })),
    );
  }

  /** Counters that are still at zero, as a process that starts exposes them: what comes is an increase. */
  async begin(): Promise<void> {
    const { place } = this.#parts;
    const second = place.fromSecond - 1;
    const hosts = Array.from({ length: place.fleet.hosts }, (_, host) => host);
    await this.#write(this.#body(second, hosts));
  }

  prepare(fromSecond: number, untilSecond: number): () => Promise<void> {
    const { fleet } = this.#parts.place;
    const lanes = hostLanes(fleet, fromSecond, untilSecond, (second, hosts) => {
      for (const host of hosts) {
        for (let key = 0; key < fleet.keys; key++) {
          countUp(this.#counters[host]![key]!, fleet, histogramAt(fleet, second, host, key));
        }
      }
      return this.#body(second, hosts);
    });
    this.#sent += eventsOf(fleet, fromSecond, untilSecond);
    return () => sendInLanes(lanes, (body) => this.#write(body));
  }

  async settle(): Promise<void> {
    await fetchBody(`${this.#parts.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' });
  }

  diskBytes(): number {
    return occupiedBytes(join(this.#parts.place.directory, 'data/snapshots'));
  }

  async heatmap(range: TimeRange, byKey: boolean, signal: AbortSignal): Promise<() => number> {
    const by = byKey ? 'by (key) ' : '';
    const body = await this.#range(`sum ${by}(increase(lat[${range.stepSeconds}s]))`, range, signal);
    return () =>
      readJson(Matrix, body).data.result.reduce(
        (sum, { histograms = [] }) => histograms.reduce((total, [, { count }]) => total + Number(count), sum),
        0,
      );
  }

  async percentiles(range: TimeRange, signal: AbortSignal): Promise<() => PercentileLines> {
    const line = async (rank: number): Promise<() => number[]> => {
      const query = `histogram_quantile(${rank}, sum(increase(lat[${range.stepSeconds}s])))`;
      const body = await this.#range(query, range, signal);
      return () =>
        (readJson(Matrix, body).data.result[0]?.values ?? []).map(([, value]) => Number(value) / NS);
    };
    const p50 = await line(0.5);
    const p99 = await line(0.99);
    return () => ({ p50: p50(), p99: p99() });
  }

  /** What is counted since the start says whether the newest second is in. */
  async visible(second: number): Promise<boolean> {
    const parameters = new URLSearchParams({ query: 'sum(histogram_count(lat))', time: String(second) });
    const body = await fetchBody(`${this.#parts.url}/api/v1/query?${parameters.toString()}`);
    return Number(readJson(Vector, body).data.result[0]?.value[1]) === this.#sent;
  }

  async close(): Promise<void> {
    await this.#parts.server.stop();
  }

  #body(second: number, hosts: readonly number[]): Uint8Array<ArrayBuffer> {
    const series = hosts.flatMap((host) =>
      this.#counters[host]!.map(({ counts, count, sum }, key): WrittenSeries => ({
        labels: { __name__: 'lat', host: `web${host}`, key: `/route/${key}` },
        timestampMs: second * 1000,
        bucketFirst: BUCKET_MIN,
        counts,
        count,
        sum,
      })),
    );
    return this.#parts.wire.encode(series);
  }

  #write(body: Uint8Array<ArrayBuffer>): Promise<Buffer> {
    return fetchBody(`${this.#parts.url}/api/v1/write`, {
      method: 'POST',
      headers: {
        'content-encoding': 'snappy',
        'content-type': 'application/x-protobuf',
        'x-prometheus-remote-write-version': '0.1.0',
      },
      body,
    });
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
    });
    return fetchBody(`${this.#parts.url}/api/v1/query_range`, { method: 'POST', body: parameters, signal });
  }
}

function countUp(counter: Counter, fleet: Fleet, h: number): void {
  for (let i = fleet.start[h]!; i < fleet.start[h + 1]!; i++) {
    const bucket = fleet.bucket[i]!;
    const count = fleet.count[i]!;
    counter.counts[BUCKET_OF[bucket]! - BUCKET_MIN]! += count;
    counter.count += count;
    counter.sum += count * bucketMiddle(LL5, bucket) * NS;
  }
}
