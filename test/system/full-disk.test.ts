/** A really full file system: a small one in memory, mounted for the server alone, filled and given room again. What
 *  was confirmed is there afterwards, once; meanwhile the server answers, and says what is wrong. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBatch, type Report } from '../../src/model/batch.ts';
import { LL5 } from '../../src/model/grid.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import { encodeReportEntry } from '../../src/model/report.ts';
import { eventually, queryJson, type RunningServer, startServer } from './server.ts';

const MOUNT = 'mount -t tmpfs -o size=$1 tailglow "$2" && shift 2 && exec "$@"';
const mounting = spawnSync('unshare', ['-m', 'sh', '-c', MOUNT, 'sh', '1m', tmpdir(), 'true']);
const reason = mounting.status === 0 ? '' : ' (skipped: this machine does not let us mount a file system)';

const INSTRUMENT = 'instrument http.requests by route, latency keep 24h idle never as requests';
const SOURCE = { host: 'test', driver: 'by-hand', incarnation: '00112233445566ff' };
/** Seconds between two reports: sixteen a block. */
const STEP = BLOCK_STEPS / 16;
const PER_REPORT = 40;
const RANGE_SECONDS = 20 * 3600;

let data: string;
let server: RunningServer;
let sent: number;
let firstSecond: number;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'tailglow-full-'));
  sent = 0;
  firstSecond = Math.floor(Date.now() / 1000) - RANGE_SECONDS;
});
afterEach(async () => {
  await server?.kill9();
  rmSync(data, { recursive: true, force: true });
});

/** The server, with a file system of its own at `directory`. */
async function startOn(directory: string, size: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const args = ['--data', data, '--socket', join(data, 'node.sock'), '--aggregators', '1'];
  const environment = { TAILGLOW_INSTRUMENT: JSON.stringify([INSTRUMENT]) };
  const mount = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', MOUNT, 'sh', size, directory];
  server = await startServer(args, environment, (command) => [...mount, ...command]);
}

/** A file of the mounted file system, as the server sees it. */
function inside(path: string): string {
  return join('/proc', String(server.child.pid), 'root', path);
}

/** Takes all the room there is, whatever the server does. */
function fill(directory: string): void {
  const file = openSync(inside(join(directory, 'ballast')), 'a');
  try {
    for (let bytes = 65_536; bytes >= 1;) {
      try {
        writeSync(file, Buffer.alloc(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        bytes = Math.floor(bytes / 2);
      }
    }
  } finally {
    closeSync(file);
  }
}

function makeRoom(directory: string): void {
  rmSync(inside(join(directory, 'ballast')));
}

/** Reports one more step; the status of the answer. What is not taken is not counted. */
async function report(): Promise<number> {
  const buckets = Array.from({ length: PER_REPORT }, (_, i) => 300 + i);
  const row = { key: [`/${sent % 7}`], histogram: { buckets, counts: buckets.map(() => 1) } };
  const reports: Report[] = [
    { instrumentation: 'requests', grid: LL5, partial: false, dropped: 0, rows: [row] },
  ];
  const second = firstSecond + sent * STEP;
  const body = encodeReportEntry([encodeBatch({ source: SOURCE, sequence: sent, second, reports })]);
  const response = await fetch(`${server.url}/api/v1/batches`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.tailglow.report' },
    body: Buffer.from(body),
  });
  await response.arrayBuffer();
  if (response.status === 200) sent++;
  return response.status;
}

async function reportBlocks(blocks: number): Promise<void> {
  for (let i = 0; i < 16 * blocks; i++) expect(await report()).toBe(200);
}

async function counted(): Promise<number> {
  const until = firstSecond + RANGE_SECONDS;
  const iso = (second: number): string => new Date(second * 1000).toISOString();
  const json = await queryJson(
    server.url,
    `http.requests from ${iso(firstSecond)} to ${iso(until)} step 1m | count`,
  );
  const values = (json['series'] as { values: (number | null)[] }[])[0]?.values ?? [];
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

function all(): Promise<true> {
  return eventually(20_000, async () => ((await counted()) === sent * PER_REPORT ? true : undefined));
}

interface Readiness {
  readonly status: number;
  readonly detail?: string;
}

async function ready(): Promise<Readiness> {
  const response = await fetch(`${server.url}/readyz`);
  return { ...((await response.json()) as object), status: response.status };
}

async function isReady(): Promise<true | undefined> {
  return (await ready()).status === 200 ? true : undefined;
}

describe.skipIf(reason !== '')(`a full file system${reason}`, () => {
  it('under the stores: the log takes all, what is stored is answered, and all is there once there is room', async () => {
    const directory = join(data, 'aggregator-0');
    await startOn(directory, '8m');
    await reportBlocks(3);
    await all();
    fill(directory);
    const before = sent;
    // The store's write-ahead log has some room left in itself.
    const said = await eventually(40_000, async () => {
      await reportBlocks(1);
      const { status, detail } = await ready();
      return status === 503 && detail?.includes('aggregator-0') === true ? detail : undefined;
    });
    expect(said).toMatch(/aggregator-0: cannot write: .*(full|space)/);
    expect(await counted()).toBeGreaterThanOrEqual((before - 16) * PER_REPORT);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/^tailglow_stalled\{aggregator="0"\} 1$/m);
    makeRoom(directory);
    await eventually(20_000, isReady);
    await all();
    await reportBlocks(2);
    await all();
    const told = server.notices.filter((line) => line.includes('aggregator 0'));
    expect(told).toEqual([
      expect.stringMatching(/cannot write: .*; what comes waits in the log, what is stored is answered/),
      expect.stringMatching(/writes again, after \d+ s/),
    ]);
    expect(await server.stop()).toBe(0);
  });

  it('under everything: nothing that was confirmed is lost or doubled, and it goes on by itself', async () => {
    await startOn(data, '48m');
    await reportBlocks(2);
    await all();
    fill(data);
    const refused = await eventually(20_000, async () => {
      const status = await report();
      return status === 200 ? undefined : status;
    });
    expect(refused).toBe(503);
    const { status, detail } = await ready();
    expect(status).toBe(503);
    expect(detail).toMatch(/log: .*(ENOSPC|no space)/);
    expect(await counted()).toBeGreaterThanOrEqual((sent - 16) * PER_REPORT);
    makeRoom(data);
    await eventually(20_000, isReady);
    await reportBlocks(3);
    await all();
    expect(await server.stop()).toBe(0);
  });
});
