/** The Prometheus of others against the real server: a Prometheus server that scrapes a target of the test's own and
 *  sends on what it has by remote write, and a node_exporter of this host that Tailglow scrapes itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Exporter, exporterOf } from './exporter.ts';
import { eventually, queryJson, type RunningServer, startServer } from './server.ts';

const registry = new Registry();
const registers = [registry];
const orders = new Counter({ name: 'shop_orders_total', help: '-', labelNames: ['region'], registers });
const stock = new Gauge({ name: 'shop_stock', help: '-', registers });
const waits = new Histogram({
  name: 'shop_wait_seconds',
  help: '-',
  labelNames: ['route'],
  buckets: [0.01, 0.1, 1],
  registers,
});

let directory: string;
let target: Exporter;
let server: RunningServer;
const children: ChildProcess[] = [];
/** Before the first scrape: what is counted first may reach back to the scrape before it was asked for. */
let switchesBefore: number;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tg-prometheus-'));
  target = await exporterOf(registry);
  const [exporterPort, prometheusPort] = [await freePort(), await freePort()];
  switchesBefore = switches();
  server = await startServer([
    '--data',
    join(directory, 'data'),
    '--socket',
    join(directory, 'node.sock'),
    '--scrape',
    `node=http://127.0.0.1:${exporterPort}/metrics`,
  ]);
  run('/usr/bin/prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${exporterPort}`]);
  const config = {
    global: { scrape_interval: '1s' },
    scrape_configs: [{ job_name: 'shop', static_configs: [{ targets: [`127.0.0.1:${target.port}`] }] }],
    remote_write: [{ url: `${server.url}/api/v1/write`, queue_config: { batch_send_deadline: '500ms' } }],
  };
  writeFileSync(join(directory, 'prometheus.yml'), JSON.stringify(config)); // JSON is YAML
  run('/usr/bin/prometheus', [
    `--config.file=${join(directory, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(directory, 'tsdb')}`,
    `--web.listen-address=127.0.0.1:${prometheusPort}`,
  ]);
});
afterAll(async () => {
  for (const child of children) {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
  await server?.kill9();
  target?.close();
  rmSync(directory, { recursive: true, force: true });
});

function run(program: string, args: readonly string[]): void {
  const child = spawn(program, args, { cwd: directory, stdio: 'ignore' });
  children.push(child);
  process.once('exit', () => child.kill('SIGKILL'));
}

async function listening(of: Server): Promise<number> {
  of.listen(0, '127.0.0.1');
  await once(of, 'listening');
  return (of.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await listening(probe);
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Of the kernel's threads, since it booted. */
function switches(): number {
  return Number(/^ctxt (\d+)/m.exec(readFileSync('/proc/stat', 'utf8'))![1]);
}

/** Metrics by name, as the server offers them. */
async function offered(): Promise<string[]> {
  const response = await fetch(`${server.url}/api/v1/metrics`);
  return ((await response.json()) as { metrics: { name: string }[] }).metrics.map(({ name }) => name);
}

async function measure(metric: string, clauses: string, id: string): Promise<void> {
  await eventually(60_000, async () => ((await offered()).includes(metric) ? true : undefined));
  const body = `instrument ${metric} ${clauses} as ${id}`;
  const headers = { 'content-type': 'text/plain' };
  const made = await fetch(`${server.url}/api/v1/query`, { method: 'POST', body, headers });
  if (!made.ok) throw new Error(await made.text());
  await eventually(20_000, async () => {
    const response = await fetch(`${server.url}/api/v1/instrumentations/${id}`);
    return ((await response.json()) as { state: string }).state === 'enabled' ? true : undefined;
  });
}

async function valuesOf(statement: string): Promise<Record<string, readonly (number | null)[]>> {
  const { series } = (await queryJson(server.url, `${statement} last 5m | count`)) as {
    series: { key: string[] | null; values: (number | null)[] }[];
  };
  return Object.fromEntries(series.map(({ key, values }) => [(key ?? []).join(' '), values]));
}

async function countsOf(statement: string): Promise<Record<string, number>> {
  const of = await valuesOf(statement);
  const sum = (values: readonly (number | null)[]): number =>
    values.reduce<number>((total, value) => total + (value ?? 0), 0);
  return Object.fromEntries(Object.entries(of).map(([key, values]) => [key, sum(values)]));
}

/** Comes to what is expected, and is that still a little later. */
async function settlesAt(statement: string, expected: Record<string, number>): Promise<void> {
  const isThere = (found: Record<string, number>): boolean =>
    Object.entries(expected).every(([key, count]) => found[key]! >= count);
  await eventually(60_000, async () => (isThere(await countsOf(statement)) ? true : undefined)).catch(
    () => {},
  );
  await sleep(1500);
  expect(await countsOf(statement)).toEqual(expected);
}

describe("Prometheus' own programs", () => {
  it('send on what they scrape, by remote write: the totals are those of the target', async () => {
    for (const region of ['eu', 'us']) orders.inc({ region });
    for (const route of ['/a', '/b']) waits.observe({ route }, 0.05);
    stock.set(12.5);
    await measure('shop.orders_total', 'by region', 'orders');
    await measure('shop.wait_seconds', 'by route, latency', 'waits');
    await measure('shop.stock', '', 'stock');
    // What a series had at its first sample is where it begins.
    await sleep(3000);
    for (let i = 0; i < 200; i++) {
      orders.inc({ region: 'eu' }, 3);
      orders.inc({ region: 'us' });
      waits.observe({ route: i % 4 === 0 ? '/a' : '/b' }, i % 2 === 0 ? 0.05 : 0.5);
      await sleep(5);
    }
    await settlesAt('shop.orders_total by region', { eu: 600, us: 200 });
    await settlesAt('shop.wait_seconds by route', { '/a': 50, '/b': 150 });
    // (10 ms, 100 ms] and (100 ms, 1 s] have 100 each, spread over their grid's buckets.
    await settlesAt('shop.wait_seconds where latency >= 9ms and latency <= 1.1s by route', {
      '/a': 50,
      '/b': 150,
    });
    const levels = (await valuesOf('shop.stock'))['']!.filter((value) => value !== null && value > 0);
    expect(new Set(levels)).toEqual(new Set([1250]));
  });

  it('are scraped: a node_exporter, whose figures are those of /proc', async () => {
    await measure('node.memory_mem_total_bytes', '', 'memory');
    await measure('node.context_switches_total', '', 'switches');
    const names = (await offered()).filter((name) => name.startsWith('node.'));
    expect(names.length).toBeGreaterThan(50);
    expect(names.filter((name) => !/^node\.[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
    const memory = await eventually(30_000, async () =>
      (await valuesOf('node.memory_mem_total_bytes'))['']?.find((value) => value !== null && value > 0),
    );
    const kib = Number(/^MemTotal:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))![1]);
    expect(memory).toBe(kib * 1024);
    const counted = await eventually(30_000, async () => {
      const count = (await countsOf('node.context_switches_total'))[''];
      return count !== undefined && count > 100 ? count : undefined;
    });
    expect(counted).toBeLessThanOrEqual(switches() - switchesBefore);
    // A time since 1970 is no level that can be kept in nanoseconds: it is refused, not shown cut off.
    const body = 'instrument node.boot_time_seconds as boot';
    const headers = { 'content-type': 'text/plain' };
    await fetch(`${server.url}/api/v1/query`, { method: 'POST', body, headers });
    const state = await eventually(20_000, async () => {
      const response = await fetch(`${server.url}/api/v1/instrumentations/boot`);
      const { sources } = (await response.json()) as { sources: { state: unknown }[] };
      return sources[0];
    });
    expect(JSON.stringify(state)).toContain('beyond 2^53');
  });
});
