/** The first minute of a person, word for word: the demo server as a real process, asked over HTTP. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodePng } from '../render/decode-png.ts';
import {
  countedBy,
  demoShopOf,
  disagreements,
  eventually,
  MAIN,
  queryJson,
  type RunningServer,
  servedBy,
  startServer,
} from './server.ts';

const run = promisify(execFile);
const iso = (second: number): string => new Date(second * 1000).toISOString();
const HEATMAP = 'http.requests by route, latency last 5m | heatmap';
let data: string;
let server: RunningServer;
let startedMs: number;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'tailglow-serve-'));
  startedMs = Date.now();
  server = await startServer(['--demo', '--data', data, '--socket', join(data, 'node.sock')]);
});
afterAll(async () => {
  await server?.stop();
  rmSync(data, { recursive: true, force: true });
});

it('gives a picture with several hues within 15 s', async () => {
  await eventually(15_000, async () => {
    const json = await queryJson(server.url, HEATMAP);
    const hues = json['hues'] as { count: number }[];
    return hues.filter((h) => h.count > 0).length >= 3 ? json : undefined;
  });
  const response = await fetch(`${server.url}/api/v1/query?q=${encodeURIComponent(HEATMAP)}`, {
    headers: { accept: 'image/png' },
  });
  expect(response.headers.get('content-type')).toBe('image/png');
  const { width, height, pixels } = decodePng(new Uint8Array(await response.arrayBuffer()));
  expect(width).toBeGreaterThan(900);
  expect(height).toBeGreaterThan(300);
  expect(new Set(pixels).size).toBeGreaterThan(20);
  expect(Date.now() - startedMs).toBeLessThan(30_000);
});

it('keeps up with the clock, and never takes a finished second back', async () => {
  const totals = new Map<number, number>();
  const statement = 'http.requests by route last 1m step 1s | count';
  for (let poll = 0; poll < 40; poll++) {
    const json = await queryJson(server.url, statement);
    const newest = (json['to'] as number) - 1;
    expect(Math.floor(Date.now() / 1000) - newest).toBeLessThanOrEqual(2);
    const series = json['series'] as { values: (number | null)[] }[];
    for (let i = 0; i < (json['columns'] as number); i++) {
      const second = (json['from'] as number) + i;
      const known = series.map((s) => s.values[i]).filter((v) => v !== null && v !== undefined);
      if (known.length === 0) continue;
      const total = known.reduce((a, b) => a + b, 0);
      expect(total, `second ${second}`).toBe(totals.get(second) ?? total);
      totals.set(second, total);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  expect(totals.size).toBeGreaterThan(10);
});

it('counts what the shop itself says it served, second by second', async () => {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, startedMs + 30_000 - Date.now())));
  const until = Math.floor(Date.now() / 1000) - 3;
  const from = until - 15;
  const served = await servedBy(demoShopOf(server), from, until);
  expect(disagreements(await countedBy(server.url, from, until), served, from)).toEqual([]);
});

it('answers the command line: JSON lines into a pipe, a picture into a file, a mistake with its place', async () => {
  const cli = (...args: string[]) => run(process.execPath, [MAIN, '--url', server.url, ...args]);
  const lines = (await cli('query', 'http.requests by route last 10s | count')).stdout.trim().split('\n');
  expect(JSON.parse(lines[0]!)).toMatchObject({ second: expect.any(Number), route: expect.any(String) });
  const png = join(data, 'tail.png');
  await cli('query', HEATMAP, '-o', png);
  expect(decodePng(readFileSync(png)).width).toBeGreaterThan(900);
  const list = (await cli('instrumentations')).stdout;
  expect(list).toMatch(/^requests +enabled +\d+\/\d+ /m);
  const { instrumentations } = JSON.parse((await cli('instrumentations', '--json')).stdout) as {
    instrumentations: { id: string }[];
  };
  expect(instrumentations.map(({ id }) => id)).toContain('requests');
  expect((await cli('metrics')).stdout).toMatch(/^http\.requests +requests /m);
  const made = await cli('instrument', 'node.gc by kind, latency as collections');
  expect(made.stdout).toMatch(/^collections +enabled +(\d+)\/\1 /m);
  expect((await cli('pause', 'collections')).stdout).toMatch(/^collections +paused /m);
  expect((await cli('resume', 'collections')).stdout).toMatch(/^collections +enabled /m);
  await cli('drop', 'collections');
  expect((await cli('instrumentations')).stdout).not.toContain('collections ');
  const mistake = await cli('query', 'http.requests by rout').catch(
    (error: { code: number; stderr: string }) => error,
  );
  expect(mistake).toMatchObject({ code: 1, stderr: expect.stringContaining('^^^^') });
  const nobody = await run(process.execPath, [
    MAIN,
    '--url',
    'http://127.0.0.1:1',
    'query',
    'show metrics',
  ]).catch((error: { code: number }) => error);
  expect(nobody).toMatchObject({ code: 3 });
});

it('measures what was never asked before, and stops on drop', async () => {
  const created = await fetch(`${server.url}/api/v1/instrumentations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ q: 'instrument http.client by peer, latency as outgoing' }),
  });
  expect(created.status).toBe(201);
  await eventually(5000, async () => {
    const json = await queryJson(server.url, 'http.client by peer, latency last 10s', '&cells=0');
    const { reporting } = json['coverage'] as { reporting: number[] };
    return reporting.some((n) => n > 0) ? json : undefined;
  });
  const dropped = await fetch(`${server.url}/api/v1/instrumentations/outgoing`, { method: 'DELETE' });
  expect(dropped.status).toBe(204);
  await expect(queryJson(server.url, 'http.client by peer, latency last 10s')).rejects.toThrow(
    'NOT_INSTRUMENTED',
  );
});

it('has what was before a question nobody asked: it is filled back, and equals what was counted', async () => {
  const created = await fetch(`${server.url}/api/v1/instrumentations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ q: 'instrument http.requests by app, method, latency as asked' }),
  });
  expect(created.status).toBe(201);
  const createdSecond = Math.floor(Date.now() / 1000);
  const covers = await eventually(5000, async () => {
    const response = await fetch(`${server.url}/api/v1/instrumentations/asked`);
    const { sources } = (await response.json()) as { sources: { coversFromSecond?: number }[] };
    return sources.find(({ coversFromSecond }) => coversFromSecond !== undefined)?.coversFromSecond;
  });
  expect(covers).toBeLessThan(createdSecond - 5);
  const range = `from ${iso(Math.max(covers, createdSecond - 40))} to ${iso(createdSecond + 2)} step 1s`;
  const sums = (json: Record<string, unknown>): number[] => {
    const series = json['series'] as { values: (number | null)[] }[];
    return Array.from({ length: json['columns'] as number }, (_, i) =>
      series.reduce((sum, { values }) => sum + (values[i] ?? Number.NaN), 0),
    );
  };
  await eventually(10_000, async () => {
    const asked = await queryJson(server.url, `http.requests by app, method ${range} | count`);
    const known = await queryJson(server.url, `http.requests ${range} | count`);
    expect(sums(asked)).toEqual(sums(known));
    expect(sums(known).filter((sum) => sum > 0).length).toBeGreaterThan(3);
    const { missing } = asked['coverage'] as { missing: unknown[] };
    expect(missing).toEqual([]);
    return true;
  });
});

it('ends in good order and has it all after a restart', async () => {
  const before = await queryJson(server.url, 'http.requests last 20s step 1s | count');
  expect(await server.stop()).toBe(0);
  server = await startServer(['--data', data, '--socket', join(data, 'node.sock')]);
  const from = new Date((before['from'] as number) * 1000).toISOString();
  const to = new Date((before['to'] as number) * 1000).toISOString();
  const after = await queryJson(server.url, `http.requests from ${from} to ${to} step 1s | count`);
  expect(after['series']).toEqual(before['series']);
  expect(await server.stop()).toBe(0);
  const { stdout } = await run(process.execPath, [MAIN, 'verify', '--data', data]);
  expect(stdout).toContain('nothing damaged, nothing differs');
  const again = join(data, 'again');
  await run(process.execPath, [MAIN, 'replay', '--data', data, '--into', again]);
  const compared = await run(process.execPath, [MAIN, 'verify', '--data', data, '--against', again]);
  expect(compared.stdout).toMatch(/^equal$/m);
});
