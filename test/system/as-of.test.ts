/** What was known, asked of a real server with its file log: late data are told from what was there before, also
 *  after a kill -9. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeBatch } from '../../src/model/batch.ts';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import { encodeReportEntry } from '../../src/model/report.ts';
import { eventually, queryJson, type RunningServer, startServer } from './server.ts';

let directory: string;
let server: RunningServer;
let sequence = 0;

const start = (): Promise<RunningServer> =>
  startServer(['--data', join(directory, 'data'), '--socket', join(directory, 'node.sock')]);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tailglow-as-of-'));
  server = await start();
  await change('instrument http.requests by route, latency idle never as requests');
});
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function change(statement: string): Promise<Response> {
  const headers = { 'content-type': 'text/plain' };
  return fetch(`${server.url}/api/v1/query`, { method: 'POST', headers, body: statement });
}

async function report(second: number, latencies: readonly number[]): Promise<void> {
  const rows = [{ key: ['/pay'], histogram: histogramOf(LL5, latencies) }];
  const reports = [{ instrumentation: 'requests', grid: LL5, partial: false, dropped: 0, rows }];
  const source = { host: 'web9', driver: 'test', incarnation: '00000000000000aa' };
  const body = encodeReportEntry([encodeBatch({ source, sequence: sequence++, second, reports })]);
  const headers = { 'content-type': 'application/vnd.tailglow.report' };
  const response = await fetch(`${server.url}/api/v1/batches`, { method: 'POST', headers, body });
  expect(response.status).toBe(200);
}

const iso = (second: number): string => new Date(second * 1000).toISOString();

it('tells late data from what was known, and does so after a kill -9', async () => {
  const from = Math.floor(Date.now() / 1000) - 300;
  const range = `http.requests by route, latency from ${iso(from)} to ${iso(from + 20)}`;
  const rows = async (more = ''): Promise<unknown[]> =>
    (await queryJson(server.url, `${range} ${more} | histograms`))['rows'] as unknown[];
  for (let i = 0; i < 20; i++) await report(from + i, [1e6, 2e6]);
  const before = await eventually(10_000, async () => {
    const found = await rows();
    return found.length === 40 ? found : undefined;
  });
  // A second that is over before the late data come.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const then = `as of ${iso(Math.floor(Date.now() / 1000))}`;
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await report(from + 7, [900e6]);
  await report(from + 20, [1e6]);
  const after = await eventually(10_000, async () => {
    const found = await rows();
    return found.length === 41 ? found : undefined;
  });
  expect(await rows(then)).toEqual(before);
  expect((await change('pin requests last 10m as incident')).status).toBe(200);
  await server.kill9();
  server = await start();
  await eventually(10_000, async () => ((await rows()).length === 41 ? true : undefined));
  expect(await rows()).toEqual(after);
  expect(await rows(then)).toEqual(before);
  expect(await rows('as of now')).toEqual(after);
  expect((await queryJson(server.url, 'show pins'))['rows']).toEqual([
    ['incident', 'requests', expect.any(String), expect.any(String), expect.any(String)],
  ]);
  expect((await change('drop requests')).status).toBe(409);
});
