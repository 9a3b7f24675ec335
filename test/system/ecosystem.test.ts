/** What others measure, brought to the real server as they bring it: StatsD over UDP, a scraped registry of prom-client,
 *  a log file that `tailglow tail` follows through kill -9 and a rename. Each sender knows how many it sent. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Counter, Histogram, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Exporter, exporterOf } from './exporter.ts';
import { eventually, MAIN, queryJson, type RunningServer, startServer } from './server.ts';

const registry = new Registry();
const registers = [registry];
const orders = new Counter({ name: 'shop_orders_total', help: '-', registers });
const waits = new Histogram({
  name: 'shop_wait_seconds',
  help: '-',
  labelNames: ['route'],
  buckets: [0.01, 0.1, 1],
  registers,
});
/** A name without a module, which every Prometheus has. */
registry.registerMetric(new Counter({ name: 'up', help: '-', registers: [] }));

let directory: string;
let server: RunningServer;
let exporter: Exporter;
let statsdPort: number;
const tails: ChildProcess[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tg-ecosystem-'));
  exporter = await exporterOf(registry);
  server = await startServer([
    '--data',
    join(directory, 'data'),
    '--socket',
    join(directory, 'node.sock'),
    '--statsd',
    '127.0.0.1:0',
    '--scrape',
    `shop-eu=http://127.0.0.1:${exporter.port}/metrics`,
  ]);
  statsdPort = await eventually(5000, async () => {
    const line = server.notices.find((notice) => notice.includes('statsd: listens on'));
    return line === undefined ? undefined : Number(/:(\d+)$/.exec(line)![1]);
  });
});
afterAll(async () => {
  for (const tail of tails) tail.kill('SIGKILL');
  await server.kill9();
  exporter.close();
  rmSync(directory, { recursive: true, force: true });
});

interface MetricJson {
  readonly name: string;
  readonly available: boolean;
}

/** Once a sender made it known. */
const known = (metric: string): Promise<MetricJson> =>
  eventually(60_000, async () => {
    const response = await fetch(`${server.url}/api/v1/metrics`);
    const { metrics } = (await response.json()) as { metrics: MetricJson[] };
    return metrics.find(({ name }) => name === metric);
  });

async function measure(statement: string, id: string): Promise<void> {
  const body = `instrument ${statement} as ${id}`;
  const headers = { 'content-type': 'text/plain' };
  const made = await fetch(`${server.url}/api/v1/query`, { method: 'POST', body, headers });
  if (!made.ok) throw new Error(await made.text());
  await eventually(20_000, async () => {
    const response = await fetch(`${server.url}/api/v1/instrumentations/${id}`);
    return ((await response.json()) as { state: string }).state === 'enabled' ? true : undefined;
  });
}

async function countOf(statement: string): Promise<number> {
  const { series } = (await queryJson(server.url, `${statement} last 10m | count`)) as {
    series: { values: (number | null)[] }[];
  };
  return series.flatMap(({ values }) => values).reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/** As many as `expected`, and no more a little later. */
async function settlesAt(statement: string, expected: number): Promise<void> {
  await eventually(60_000, async () => ((await countOf(statement)) >= expected ? true : undefined));
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await countOf(statement)).toBe(expected);
}

describe('a server in its ecosystem', () => {
  it('counts what StatsD clients send, from the first line after it was asked', async () => {
    const socket = createSocket('udp4');
    const send = (line: string): void => socket.send(line, statsdPort, '127.0.0.1');
    send('shop.checkout:48|ms|#route:/pay');
    expect(await known('statsd.shop_checkout')).toMatchObject({ available: true });
    await measure('statsd.shop_checkout by route, latency', 'sent');
    for (let i = 0; i < 300; i++) send(`shop.checkout:${i}|ms|#route:/${i % 3 === 0 ? 'pay' : 'cart'}`);
    await settlesAt('statsd.shop_checkout by route, latency', 300);
    expect(await countOf('statsd.shop_checkout where route == "/pay" by latency')).toBe(100);
    socket.close();
  });

  it('counts what a scraped registry counts, after it was asked', async () => {
    orders.inc(1);
    waits.observe({ route: '/a' }, 0.05);
    await known('shop.wait_seconds');
    await known('prometheus.up');
    await measure('shop.orders_total', 'orders');
    await measure('shop.wait_seconds by route, latency', 'waits');
    // A series is counted from the first scrape after it was asked for.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    for (let i = 0; i < 250; i++) {
      orders.inc(2);
      waits.observe({ route: i % 5 === 0 ? '/a' : '/b' }, 0.05);
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    await settlesAt('shop.orders_total', 500);
    await settlesAt('shop.wait_seconds by route, latency', 250);
    expect(await countOf('shop.wait_seconds where route == "/a" by latency')).toBe(50);
  });

  it('counts each line of a log once, whatever kills who follows it', async () => {
    const file = join(directory, 'access.log');
    writeFileSync(file, '');
    const write = (lines: number): void => {
      const [, month, day, year, time] = /^\w+, (\d+) (\w+) (\d+) (\S+)/.exec(new Date().toUTCString())!;
      const at = `${month}/${day}/${year}:${time} +0000`;
      for (let i = 0; i < lines; i++)
        appendFileSync(
          file,
          `10.0.0.1 - - [${at}] "GET /item/${i} HTTP/1.1" 200 12 "-" "-" rt=0.0${10 + (i % 90)}\n`,
        );
    };
    const follow = (): ChildProcess => {
      const args = ['tail', '--url', server.url, '--from-start', '--state', join(directory, 'state'), file];
      const tail = spawn(process.execPath, [MAIN, ...args], { stdio: 'ignore' });
      tails.push(tail);
      return tail;
    };
    const lines = 'access.requests by route, latency';
    const upTo = (count: number): Promise<true> =>
      eventually(60_000, async () => ((await countOf(lines).catch(() => 0)) >= count ? true : undefined));
    write(100);
    let tail = follow();
    await upTo(100);
    write(400);
    tail.kill('SIGKILL');
    write(200);
    tail = follow();
    await upTo(300);
    renameSync(file, `${file}.1`);
    tail.kill('SIGKILL');
    write(300);
    follow();
    await settlesAt(lines, 1000);
  });
});
