/** kill -9 of the server in the middle of its work, again and again, while a measured program goes on serving:
 *  what the program counted itself is what the store has at the end, second by second; nothing is lost, nothing
 *  is counted twice. The program is the test's own child, so it outlives the server. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  countedBy,
  disagreements,
  eventually,
  MAIN,
  queryJson,
  type RunningServer,
  servedBy,
  startServer,
} from './server.ts';

const KILLS = 5;
let data: string;
let server: RunningServer;
let shop: ChildProcess;
let shopUrl: string;

const start = (): Promise<RunningServer> =>
  startServer(['--data', join(data, 'server'), '--socket', join(data, 'node.sock')], {
    TAILGLOW_INSTRUMENT: JSON.stringify([
      'instrument http.requests by route, latency idle never as requests',
    ]),
  });

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'tailglow-kill-'));
  server = await start();
  shop = spawn(
    process.execPath,
    [
      '--import',
      './dist/src/ingest/node/preload.js',
      'dist/demo/main.js',
      '--data',
      join(data, 'shop'),
      '--rate',
      '150',
    ],
    { env: { ...process.env, TAILGLOW_SOCKET: join(data, 'node.sock') }, stdio: ['pipe', 'pipe', 'inherit'] },
  );
  shopUrl = await new Promise((resolve) => {
    createInterface({ input: shop.stdout! }).on('line', (line) => {
      resolve(`http://127.0.0.1:${(JSON.parse(line) as { listening: number }).listening}`);
    });
  });
});
afterAll(async () => {
  shop?.kill('SIGKILL');
  await server?.stop();
  rmSync(data, { recursive: true, force: true });
});

it('loses nothing and counts nothing twice', async () => {
  const statement = 'http.requests by route last 10s | count';
  await eventually(15_000, async () => {
    const json = await queryJson(server.url, statement);
    return (json['series'] as unknown[]).length > 2 ? true : undefined;
  });
  const from = Math.ceil(Date.now() / 1000) + 1;
  for (let kill = 0; kill < KILLS; kill++) {
    await new Promise((resolve) => setTimeout(resolve, 2500 + ((kill * 377) % 1000)));
    await server.kill9();
    await new Promise((resolve) => setTimeout(resolve, kill * 300));
    server = await start();
  }
  await new Promise((resolve) => setTimeout(resolve, 4000));
  const until = Math.floor(Date.now() / 1000) - 2;
  const served = await servedBy(shopUrl, from, until);
  expect(disagreements(await countedBy(server.url, from, until), served, from)).toEqual([]);
  await server.stop();
  const { stdout } = await promisify(execFile)(process.execPath, [
    MAIN,
    'verify',
    '--data',
    join(data, 'server'),
  ]);
  expect(stdout).toContain('nothing damaged, nothing differs');
});
