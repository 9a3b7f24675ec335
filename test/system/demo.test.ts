/** The demo as real processes: it counts what it serves, it ends when told and when its parent is gone, and it
 *  leaves no process and no file behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';

const MAIN = 'dist/demo/main.js';
let data: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'tailglow-demo-'));
});
afterEach(async () => {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
  await rm(data, { recursive: true, force: true });
});

async function startDemo(...args: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [MAIN, '--data', data, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  started.push(child);
  return { child, url: await listening(child) };
}

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const told: unknown = JSON.parse(line);
    if (typeof told === 'object' && told !== null && 'listening' in told)
      return `http://127.0.0.1:${String(told.listening)}`;
  }
  throw new Error('the demo ended before it listened');
}

/** Process ids of a process's children. */
async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').filter(Boolean).map(Number);
}

/** A zombie, which only waits for its parent to be told, runs no more. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean | Promise<boolean>, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    if (await condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return condition();
}

interface Served {
  readonly seconds: readonly { readonly total: number; readonly routes: Readonly<Record<string, number>> }[];
  readonly load: { readonly scheduled: number; readonly answered: number; readonly failed: number } | null;
}

async function served(url: string): Promise<Served> {
  return (await (await fetch(`${url}/__served`)).json()) as Served;
}

function routeSums({ seconds }: Served): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { routes } of seconds) {
    for (const [route, n] of Object.entries(routes)) sums[route] = (sums[route] ?? 0) + n;
  }
  return sums;
}

test('the shop served what its client was answered, route by route', async () => {
  const { url } = await startDemo('--rate', '0');
  const visit = async (path: string, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await (await fetch(url + path)).arrayBuffer();
  };
  await Promise.all([visit('/health', 40), visit('/products/3', 60), visit('/search?q=co', 10)]);
  expect(routeSums(await served(url))).toEqual({ '/health': 40, '/products/:id': 60, '/search': 10 });
});

test("the load keeps its rate, and its answers are the shop's", async () => {
  const { url } = await startDemo('--rate', '100');
  const seen = await until(async () => ((await served(url)).load?.answered ?? 0) >= 300, 20_000);
  expect(seen).toBe(true);
  const { seconds, load } = await served(url);
  const total =
    seconds.reduce((sum, s) => sum + s.total, 0) - (routeSums({ seconds, load })['/__served'] ?? 0);
  // The load tells its counts once a second: the shop is ahead by at most that and what is under way.
  expect(load!.failed).toBe(0);
  expect(total).toBeGreaterThanOrEqual(load!.answered);
  expect(total - load!.answered).toBeLessThan(300);
});

test('SIGTERM ends it within a second, with its visitors and its files', async () => {
  const { child } = await startDemo();
  const visitors = await childrenOf(child.pid!);
  expect(visitors).toHaveLength(1);
  const told = performance.now();
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  expect(performance.now() - told).toBeLessThan(1000);
  expect(code).toBe(0);
  expect(await until(() => !runs(visitors[0]!), 1000)).toBe(true);
  expect(await readdir(data)).toEqual([]);
});

test('it ends when its stdin does', async () => {
  const { child } = await startDemo('--rate', '0');
  child.stdin!.end();
  const [code] = await once(child, 'exit');
  expect(code).toBe(0);
});

test('no orphan stays when it is killed, nor when its parent is', async () => {
  // A parent with an IPC channel, as the service is; it tells the demo's pid and then only waits.
  const parent = spawn(
    process.execPath,
    [
      '-e',
      `const { fork } = require('node:child_process');
       const demo = fork(${JSON.stringify(MAIN)}, ['--data', ${JSON.stringify(data)}], { stdio: 'ignore' });
       demo.once('message', ({ listening }) => console.log(JSON.stringify({ listening, pid: demo.pid })));
       setInterval(() => {}, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  started.push(parent);
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
  const { pid } = JSON.parse(line) as { pid: number };
  const family = [pid, ...(await childrenOf(pid))];
  expect(family).toHaveLength(2);
  parent.kill('SIGKILL');
  expect(await until(() => family.every((p) => !runs(p)), 3000)).toBe(true);

  const { child } = await startDemo();
  const visitors = await childrenOf(child.pid!);
  child.kill('SIGKILL');
  expect(await until(() => visitors.every((p) => !runs(p)), 3000)).toBe(true);
});

test('a preload is told of one server, in one process', async () => {
  const child = spawn(
    process.execPath,
    [
      '--import',
      `data:text/javascript,${encodeURIComponent(`
        import { subscribe } from 'node:diagnostics_channel';
        import { isMainThread } from 'node:worker_threads';
        console.log(JSON.stringify({ preloaded: process.pid, isMainThread }));
        let n = 0;
        subscribe('http.server.response.finish', () => { if (++n === 20) console.log(JSON.stringify({ served: process.pid })); });
        subscribe('http.client.request.start', () => console.log(JSON.stringify({ client: process.pid })));
      `)}`,
      MAIN,
      '--data',
      data,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  started.push(child);
  const told: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    told.push(JSON.parse(line) as Record<string, unknown>);
    if ('served' in told.at(-1)!) break;
  }
  expect(told.filter((t) => 'preloaded' in t)).toEqual([{ preloaded: child.pid, isMainThread: true }]);
  expect(told.filter((t) => 'client' in t)).toEqual([]);
  expect(told.at(-1)).toEqual({ served: child.pid });
});

test('a wrong argument is named, and nothing starts', async () => {
  const child = spawn(process.execPath, [MAIN, '--rate', 'many'], { stdio: ['ignore', 'ignore', 'pipe'] });
  started.push(child);
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = await once(child, 'close');
  expect(code).toBe(1);
  expect(text).toContain('--rate "many"');
});
