/** The preload in real Node programs, against an instrumenter that is a process too: what is counted equals what
 *  the program itself counted, second by second, through its beginning, its end, and the death of either. */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LL5 } from '../../src/model/grid.ts';
import { total } from '../../src/model/histogram.ts';
import { type Batch, decodeEntry, readBatch } from '../../src/model/report.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { asked } from '../ingest/asked.ts';

const PRELOAD = join(process.cwd(), 'dist/src/ingest/node/preload.js');
const programs = join(import.meta.dirname, 'ingest-programs');

let directory: string;
const started: Child[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tg-node-'));
  writeFileSync(logFile(), '');
});
afterEach(async () => {
  for (const child of started.splice(0)) await child.kill();
  rmSync(directory, { recursive: true, force: true });
});

/** A child process that answers each message with one. */
class Child {
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  #answer: (message: unknown) => void = () => {};

  private constructor(child: ChildProcess) {
    this.process = child;
    this.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    child.on('message', (message) => this.#answer(message));
    started.push(this);
  }

  static async start(
    script: string,
    args: readonly string[],
    options: { execArgv?: string[]; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Child> {
    const { execArgv = [], env = {} } = options;
    const child = new Child(
      fork(join(programs, script), args, { execArgv, env: { ...process.env, ...env } }),
    );
    await child.#next();
    return child;
  }

  async ask(command: string, argument?: unknown): Promise<unknown> {
    const answer = this.#next();
    this.process.send([command, argument]);
    return ((await answer) as { readonly done: unknown }).done;
  }

  #next(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#answer = resolve;
      void this.exited.then((code) => reject(new Error(`the process ended with ${code}`)));
    });
  }

  async kill(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.exited;
  }
}

const socketPath = (): string => join(directory, 'node.sock');
const logFile = (): string => join(directory, 'log');

const startInstrumenter = (): Promise<Child> =>
  Child.start('instrumenter.mjs', [join(directory, 'spool'), socketPath(), logFile()]);

const startProgram = (script: string, execArgv: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Child> =>
  Child.start(script, [], {
    execArgv: ['--import', PRELOAD, ...execArgv],
    env: { TAILGLOW_SOCKET: socketPath(), TAILGLOW_APP: 'shop', ...env },
  });

function logLines(kind: string): string[] {
  const text = readFileSync(logFile(), 'utf8');
  return text
    .split('\n')
    .flatMap((line) => (line.startsWith(`${kind} `) ? [line.slice(kind.length + 1)] : []));
}

/** The batches of the log, repeats dropped as a fold drops them; a repeat that differs is an error. */
function loggedBatches(): Batch[] {
  const batches = new Map<string, Batch>();
  for (const line of logLines('entry')) {
    const entry = decodeEntry(Buffer.from(line, 'hex'));
    if (entry.kind !== 'reports') continue;
    for (const view of entry.batches) {
      const batch = readBatch(view, () => new CellsBuffer());
      const name = `${batch.source.driver} ${batch.source.incarnation} ${batch.sequence}`;
      if (batches.has(name)) expect(batch).toEqual(batches.get(name));
      batches.set(name, batch);
    }
  }
  return [...batches.values()];
}

/** Events by second and key, and the seconds that were reported at all. */
function counted(id: string): { counts: Record<string, number>; seconds: number[] } {
  const counts: Record<string, number> = {};
  const seconds: number[] = [];
  for (const { second, reports } of loggedBatches()) {
    for (const report of reports.filter((r) => r.instrumentation === id)) {
      expect(report.dropped).toBe(0);
      seconds.push(second);
      for (const { key, histogram } of report.rows) {
        const name = `${second} ${key.join(' ')}`;
        counts[name] = (counts[name] ?? 0) + total(histogram);
      }
    }
  }
  return { counts, seconds: seconds.toSorted((a, b) => a - b) };
}

const perKey = (counts: Record<string, number>): Record<string, number> => {
  const sums: Record<string, number> = {};
  for (const [name, count] of Object.entries(counts)) {
    const key = name.slice(name.indexOf(' ') + 1);
    sums[key] = (sums[key] ?? 0) + count;
  }
  return sums;
};

const within = (
  served: Record<string, number>,
  fromSecond: number,
  untilSecond: number,
): Record<string, number> =>
  Object.fromEntries(
    Object.entries(served).filter(
      ([name]) => Number(name.split(' ')[0]) >= fromSecond && Number(name.split(' ')[0]) < untilSecond,
    ),
  );

interface State {
  readonly source: string;
  readonly state: {
    readonly state: string;
    readonly sinceSecond: number;
    readonly coversFromSecond?: number;
  };
}

async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 15_000,
): Promise<void> {
  const deadlineMs = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error(`did not come about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The second since which all programs measure. */
async function measuring(instrumenter: Child, id: string, sources = 1): Promise<number> {
  let since = 0;
  await until(async () => {
    const states = (await instrumenter.ask('states', id)) as State[];
    since = Math.max(0, ...states.map(({ state }) => state.sinceSecond));
    return states.length === sources && states.every(({ state }) => state.state === 'enabled');
  }, `${id} is enabled`);
  return since;
}

/** The time at which `second` has ended and its batch is in the log. */
const logged = (second: number): Promise<void> =>
  until(() => loggedBatches().some((batch) => batch.second >= second), `second ${second} is logged`);

const nowSecond = (): number => Math.floor(Date.now() / 1000);

test('counts every request of a program, second by second, from enabling to disabling', async () => {
  const instrumenter = await startInstrumenter();
  const program = await startProgram('served.cjs');
  expect(await program.ask('watched')).toBe(false);
  await program.ask('go');
  await instrumenter.ask('enable', asked('http.requests', { by: ['route'], numeric: 'latency', grid: LL5 }));
  const since = await measuring(instrumenter, 'http_requests');
  expect(await program.ask('watched')).toBe(true);
  await logged(since + 3);
  await instrumenter.ask('disable', 'http_requests');
  await until(async () => (await program.ask('watched')) === false, 'unsubscribed');
  await program.ask('rest');
  const { counts, seconds } = counted('http_requests');
  expect(seconds.length).toBeGreaterThanOrEqual(4);
  expect(seconds).toEqual(seconds.map((_, i) => since + i));
  const served = (await program.ask('served')) as Record<string, number>;
  expect(counts).toEqual(within(served, since, since + seconds.length));
  expect(Object.keys(counts).length).toBeGreaterThanOrEqual(8);

  // Enabled anew, it goes on under the same source.
  await instrumenter.ask(
    'enable',
    asked('http.requests', { id: 'again', where: { op: 'match', field: 'route', value: '^/li' } }),
  );
  await program.ask('go');
  const again = await measuring(instrumenter, 'again');
  await logged(again + 1);
  await program.ask('rest');
  await logged(nowSecond());
  const servedNow = (await program.ask('served')) as Record<string, number>;
  const lists = Object.fromEntries(
    Object.entries(within(servedNow, again, nowSecond())).filter(([name]) => name.endsWith(' /list')),
  );
  expect(perKey(counted('again').counts)['']).toBe(Object.values(lists).reduce((a, b) => a + b, 0));
  const incarnations = new Set(loggedBatches().map((batch) => batch.source.incarnation));
  expect(incarnations.size).toBe(1);

  await program.ask('end');
  expect(await program.exited).toBe(0);
  await until(() => logLines('event').length === 1, 'offline');
  expect(JSON.parse(logLines('event')[0]!)).toMatchObject({
    kind: 'source-offline',
    host: 'here',
    driver: `node:shop[${program.process.pid}]`,
  });
  expect(logLines('note')).toEqual([]);
});

test('loses and doubles nothing when the instrumenter is killed and comes again', async () => {
  let instrumenter = await startInstrumenter();
  const program = await startProgram('served.cjs');
  const wanted = asked('http.requests', { by: ['route'] });
  await instrumenter.ask('enable', wanted);
  const since = await measuring(instrumenter, 'http_requests');
  await program.ask('go');
  for (const afterMs of [1300, 1750]) {
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await instrumenter.kill();
    await new Promise((resolve) => setTimeout(resolve, 2200));
    instrumenter = await startInstrumenter();
    await instrumenter.ask('enable', wanted);
    await measuring(instrumenter, 'http_requests');
  }
  await program.ask('rest');
  const end = nowSecond() + 1;
  await logged(end);
  const { counts, seconds } = counted('http_requests');
  const served = (await program.ask('served')) as Record<string, number>;
  expect(counts).toEqual(within(served, since, end));
  const unique = [...new Set(seconds)];
  expect(unique).toEqual(unique.map((_, i) => since + i));
  expect(seconds.length).toBe(unique.length);
  await program.ask('end');
  expect(await program.exited).toBe(0);
});

test('loses and doubles nothing when either stands still for a while', async () => {
  const instrumenter = await startInstrumenter();
  const program = await startProgram('served.cjs');
  await instrumenter.ask('enable', asked('http.requests', { by: ['route'] }));
  const since = await measuring(instrumenter, 'http_requests');
  await program.ask('go');
  for (const stopped of [instrumenter, program]) {
    await new Promise((resolve) => setTimeout(resolve, 1400));
    stopped.process.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 2600));
    stopped.process.kill('SIGCONT');
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
  await program.ask('rest');
  const end = nowSecond() + 1;
  await logged(end);
  const { counts, seconds } = counted('http_requests');
  expect(counts).toEqual(within((await program.ask('served')) as Record<string, number>, since, end));
  const until = seconds.at(-1)! + 1;
  expect(seconds).toEqual(Array.from({ length: until - since }, (_, i) => since + i));
});

test('fills a new instrumentation back, each second once and none lost at the boundary', async () => {
  const instrumenter = await startInstrumenter();
  const program = await startProgram('served.cjs');
  await program.ask('go');
  await instrumenter.ask('enable', asked('http.requests'));
  const recorded = await measuring(instrumenter, 'http_requests');
  await logged(recorded + 3);
  const late = asked('http.requests', {
    id: 'late',
    by: ['route'],
    where: { op: 'prefix', field: 'route', value: '/' },
    createdSecond: nowSecond(),
  });
  await instrumenter.ask('enable', late);
  await measuring(instrumenter, 'late');
  const [{ state } = { state: undefined }] = (await instrumenter.ask('states', 'late')) as State[];
  expect(state?.coversFromSecond).toBe(recorded);
  await until(() => counted('late').seconds.includes(state!.sinceSecond + 1), 'it is filled back');
  // Dropped and wanted again, it says nothing a second time.
  await instrumenter.ask('disable', 'late');
  await instrumenter.ask('enable', late);
  await measuring(instrumenter, 'late');
  await program.ask('rest');
  const end = nowSecond() + 1;
  await logged(end);
  const { counts, seconds } = counted('late');
  expect(seconds).toEqual(Array.from({ length: seconds.length }, (_, i) => recorded + i));
  expect(seconds.at(-1)).toBeGreaterThanOrEqual(end);
  expect(counts).toEqual(within((await program.ask('served')) as Record<string, number>, recorded, end));
  await program.ask('end');
  expect(await program.exited).toBe(0);
});

test('records what nobody asks for where it is told to, and nothing where it is told not to', async () => {
  const instrumenter = await startInstrumenter();
  const recording = await startProgram('served.cjs', [], { TAILGLOW_FLIGHT: '30s,1MiB' });
  await until(async () => (await recording.ask('watched')) as boolean, 'it records');
  const silent = await startProgram('served.cjs', [], { TAILGLOW_FLIGHT: 'off', TAILGLOW_APP: 'silent' });
  await recording.ask('go');
  await new Promise((resolve) => setTimeout(resolve, 3300));
  await instrumenter.ask('enable', asked('http.requests', { by: ['route'] }));
  let states: State[] = [];
  await until(async () => {
    states = (await instrumenter.ask('states', 'http_requests')) as State[];
    return states.length === 2 && states.every(({ state }) => state.state === 'enabled');
  }, 'both measure');
  const from = (name: string): number | undefined =>
    states.find(({ source }) => source.includes(name))!.state.coversFromSecond;
  expect(from('silent')).toBe(undefined);
  const covered = from('shop')!;
  expect(covered).toBeLessThan(nowSecond());
  await recording.ask('rest');
  const end = nowSecond() + 1;
  await logged(end);
  expect(counted('http_requests').counts).toEqual(
    within((await recording.ask('served')) as Record<string, number>, covered, end),
  );
  expect(await silent.ask('watched')).toBe(true);
});

test('hands over at its end what it counted in the second at hand', async () => {
  const instrumenter = await startInstrumenter();
  const program = await startProgram('served.cjs');
  await instrumenter.ask('enable', asked('http.requests', { by: ['route'] }));
  const since = await measuring(instrumenter, 'http_requests');
  await until(() => Date.now() >= since * 1000 + 300, 'measuring');
  const served = (await program.ask('endAfter', 17)) as Record<string, number>;
  expect(await program.exited).toBe(0);
  await until(() => logLines('event').length === 1, 'offline');
  await until(() => perKey(counted('http_requests').counts)['/last'] === 17, 'all are counted');
  expect(perKey(counted('http_requests').counts)).toEqual(perKey(served));
});

test('measures a framework, a client, collections and delays in an ES module, each of its threads by itself', async () => {
  const instrumenter = await startInstrumenter();
  const program = await startProgram('framework.mjs', ['--expose-gc']);
  await instrumenter.ask('enable', asked('http.requests', { by: ['route', 'status'] }));
  await instrumenter.ask('enable', asked('http.client', { by: ['peer', 'method', 'status'] }));
  await instrumenter.ask('enable', asked('http.requests', { id: 'by_thread', by: ['thread'] }));
  await instrumenter.ask('enable', asked('node.gc', { by: ['kind'] }));
  await instrumenter.ask(
    'enable',
    asked('node.loop', { where: { op: 'ge', field: 'latency', value: 250e6 } }),
  );
  const since = await measuring(instrumenter, 'node_loop', 2);
  await until(() => Date.now() >= since * 1000 + 50, 'measuring');
  await program.ask('ask', 20);
  await program.ask('collect', 5);
  await program.ask('hold', 300);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await logged(nowSecond() + 1);
  expect(perKey(counted('http_requests').counts)).toEqual({
    '/people/:name 200': 20,
    '/slow/* 200': 20,
  });
  const peer = (await program.ask('peer')) as string;
  expect(perKey(counted('http_client').counts)).toEqual({ [`${peer} GET 200`]: 40 });
  expect(perKey(counted('node_gc').counts)['major']).toBeGreaterThanOrEqual(5);
  expect(perKey(counted('node_loop').counts)['']).toBeGreaterThanOrEqual(1);
  const sources = (await instrumenter.ask('sources')) as { source: { driver: string } }[];
  const { pid } = program.process;
  expect(sources.map(({ source }) => source.driver)).toEqual([`node:shop[${pid}]`, `node:shop[${pid}.1]`]);
  expect(perKey(counted('by_thread').counts)).toMatchObject({ '0': 40 });
  // A thread that is ended from outside is expected no more, while its program goes on.
  await program.ask('endThread');
  await until(() => logLines('event').length === 1, 'the thread is offline');
  expect(JSON.parse(logLines('event')[0]!)).toMatchObject({ driver: `node:shop[${pid}.1]` });
  await program.ask('end');
  expect(await program.exited).toBe(0);
});

test('attaches by NODE_OPTIONS, and says when the program was killed', async () => {
  const instrumenter = await startInstrumenter();
  const env = { NODE_OPTIONS: `--import ${PRELOAD}`, TAILGLOW_SOCKET: socketPath(), TAILGLOW_APP: '' };
  const program = await Child.start('served.cjs', [], { env });
  await instrumenter.ask('enable', asked('http.requests'));
  const since = await measuring(instrumenter, 'http_requests');
  await logged(since + 1);
  await program.kill();
  await until(() => logLines('event').length === 1, 'offline');
  expect(JSON.parse(logLines('event')[0]!)).toMatchObject({
    kind: 'source-offline',
    driver: `node:served[${program.process.pid}]`,
  });
});

test('a program without an instrumenter runs, serves and ends as ever', async () => {
  const program = await startProgram('served.cjs');
  await program.ask('go');
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(await program.ask('watched')).toBe(false);
  await program.ask('rest');
  expect(Object.values((await program.ask('served')) as Record<string, number>).length).toBeGreaterThan(0);
  const beforeMs = performance.now();
  await program.ask('end');
  expect(await program.exited).toBe(0);
  expect(performance.now() - beforeMs).toBeLessThan(2_000);
});

test('a script ends at once, with its own output and exit code, whatever is at the socket', async () => {
  const script = 'console.log("mine"); process.exitCode = 3';
  const run = (env: NodeJS.ProcessEnv): { status: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', PRELOAD, '-e', script], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
      timeout: 10_000,
    });
    return { status, output: stdout + stderr };
  };
  expect(run({ TAILGLOW_SOCKET: join(directory, 'nobody.sock') })).toEqual({ status: 3, output: 'mine\n' });
  expect(run({ TAILGLOW_SOCKET: directory })).toEqual({ status: 3, output: 'mine\n' });
  expect(run({ TAILGLOW_SOCKET: 'x'.repeat(5000) })).toEqual({ status: 3, output: 'mine\n' });
  expect(run({ TAILGLOW_SOCKET: '', TMPDIR: directory })).toEqual({ status: 3, output: 'mine\n' });
  await startInstrumenter();
  expect(run({ TAILGLOW_SOCKET: socketPath() })).toEqual({ status: 3, output: 'mine\n' });
});
