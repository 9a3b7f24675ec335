/** InfluxDB 1.6 with the bucket as a tag and its count as an integer field, by line protocol; index tsi1. It reads no
 *  percentile from buckets. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Type from 'typebox';
import { type Fleet, histogramAt, type TimeRange } from './fleet.ts';
import { fetchBody, hostLanes, readJson, sendInLanes } from './http.ts';
import { occupiedBytes } from './machine.ts';
import { debianPackage } from './package-cache.ts';
import { CannotError, type PercentileLines, type Peer, type Place, type Session } from './peer.ts';
import { freePort, quiet, type ServerProcess, startServer } from './server-process.ts';

const Answer = Type.Object({
  results: Type.Array(
    Type.Object({
      series: Type.Optional(
        Type.Array(Type.Object({ values: Type.Array(Type.Tuple([Type.Number(), Type.Number()])) })),
      ),
    }),
  ),
});

export const influxdb: Peer = {
  id: 'influxdb',
  label: 'InfluxDB, bucket as tag',
  place: 'server',
  takes: 'one period',
  percentileLoss: 0,
  open: async (place) => {
    const { root, version } = debianPackage('influxdb');
    const [address, rpc] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const config = join(place.directory, 'influxdb.conf');
    mkdirSync(join(place.directory, 'data'));
    writeFileSync(config, configuration(join(place.directory, 'data'), address, rpc));
    const url = `http://${address}`;
    const server = await startServer({
      program: join(root, 'usr/bin/influxd'),
      args: ['run', '-config', config],
      directory: place.directory,
      ready: () => fetchBody(`${url}/ping`),
    });
    await fetchBody(`${url}/query`, {
      method: 'POST',
      body: new URLSearchParams({ q: 'CREATE DATABASE bench' }),
    });
    return new InfluxSession(place, server, url, `InfluxDB ${version}`);
  },
};

function configuration(data: string, address: string, rpc: string): string {
  return `reporting-disabled = true
bind-address = "${rpc}"
[meta]
  dir = "${data}/meta"
[data]
  dir = "${data}/data"
  wal-dir = "${data}/wal"
  index-version = "tsi1"
  cache-max-memory-size = "4g"
  cache-snapshot-write-cold-duration = "5s"
  compact-full-write-cold-duration = "5s"
  max-series-per-database = 0
  max-values-per-tag = 0
  query-log-enabled = false
[http]
  bind-address = "${address}"
  log-enabled = false
  max-row-limit = 0
[coordinator]
  max-select-point = 0
[monitor]
  store-enabled = false
`;
}

class InfluxSession implements Session {
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
    const url = `${this.#url}/write?db=bench&precision=s`;
    return () => sendInLanes(lanes, (body) => fetchBody(url, { method: 'POST', body }));
  }

  async settle(): Promise<void> {
    // It begins to compact only when nothing came for the 5 s that the configuration says.
    await new Promise((resolve) => setTimeout(resolve, 7000));
    await quiet(this.pid);
  }

  diskBytes(): number {
    return occupiedBytes(join(this.#place.directory, 'data'));
  }

  async heatmap(range: TimeRange, byKey: boolean, signal: AbortSignal): Promise<() => number> {
    const key = byKey ? ', "key"' : '';
    const body = await this.#query(
      `SELECT sum("count") FROM lat WHERE time >= ${range.fromSecond}s AND time < ${range.untilSecond}s
       GROUP BY time(${range.stepSeconds}s), bucket${key} fill(none)`,
      signal,
    );
    return () => totalOf(body);
  }

  async percentiles(): Promise<() => PercentileLines> {
    throw new CannotError('no percentile of buckets');
  }

  async visible(second: number, events: number): Promise<boolean> {
    return totalOf(await this.#query(`SELECT sum("count") FROM lat WHERE time = ${second}s`)) === events;
  }

  async close(): Promise<void> {
    await this.#server.stop();
  }

  #query(q: string, signal?: AbortSignal): Promise<Buffer> {
    const parameters = new URLSearchParams({ db: 'bench', epoch: 's', q });
    return fetchBody(`${this.#url}/query?${parameters.toString()}`, signal === undefined ? {} : { signal });
  }
}

function totalOf(body: Buffer): number {
  const series = readJson(Answer, body).results[0]?.series ?? [];
  return series.reduce((sum, { values }) => values.reduce((total, [, count]) => total + count, sum), 0);
}

function lines(fleet: Fleet, second: number, hosts: readonly number[]): string {
  let text = '';
  for (const host of hosts) {
    for (let key = 0; key < fleet.keys; key++) {
      const head = `lat,host=web${host},key=/route/${key},bucket=`;
      const h = histogramAt(fleet, second, host, key);
      for (let i = fleet.start[h]!; i < fleet.start[h + 1]!; i++) {
        text += `${head}${fleet.bucket[i]!} count=${fleet.count[i]!}i ${second}\n`;
      }
    }
  }
  return text;
}
