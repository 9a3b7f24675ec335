/** Question: what does a traced system call cost, counted by grid and key, beside bpftrace's plain hist() and beside no
 *  tracing; and how soon after enabling is the first whole second there?
 *  Command: npm run bench -- bpf   (as root, with bpftrace; where that is missing the rows say so)
 *  A program of the bench's own (dd under a name of its own, two system calls a byte) is timed in turn with nothing
 *  attached, under hist(), and under our program; all probes are filtered to it by its name. */
import { execFile, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BpfDriver } from '../src/ingest/bpf/driver.ts';
import { bpfCatalogue } from '../src/ingest/bpf/catalogue.ts';
import { compileProgram } from '../src/ingest/bpf/compile.ts';
import { hostNames } from '../src/ingest/bpf/host-names.ts';
import { lookAtMachine } from '../src/ingest/bpf/machine.ts';
import { systemClock } from '../src/model/clock.ts';
import { crc32c } from '../src/model/crc32c.ts';
import { LL5 } from '../src/model/grid.ts';
import type { Instrumentation } from '../src/model/instrumentation.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { median } from './measure.ts';

export const question = 'What does a traced system call cost, and how soon is the first whole second there?';
export const smokeDigest = '3efbff53';

const NAME = 'tg-benched';
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
const asked: Instrumentation = {
  id: 'calls',
  metric: 'syscall.ops',
  where: { op: 'eq', field: 'execname', value: NAME },
  by: ['syscall', 'execname'],
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 60,
  idleSeconds: 0,
  createdSecond: 0,
};

/** What people write by hand for the same question, without keys. */
const HIST =
  `tracepoint:raw_syscalls:sys_enter /comm == "${NAME}"/ { @s[tid] = nsecs; } ` +
  'tracepoint:raw_syscalls:sys_exit /@s[tid]/ { @h = hist(nsecs - @s[tid]); delete(@s[tid]); } ' +
  'BEGIN { printf("ready"); } END { clear(@s); clear(@h); }';

export async function run(size: BenchSize): Promise<BenchResult> {
  const { missing } = lookAtMachine();
  const rows = [await compileRow(size)];
  const names = ['nothing attached', 'hist()', 'grid and key', 'enabled to first whole second'];
  if (size === 'full' && missing === undefined) rows.push(...(await tracedRows()));
  const why = size === 'smoke' ? 'the small size loads no probe' : (missing?.reason ?? '');
  const unmeasured = rows.length > 1 ? [] : names.map((name) => ({ name, reason: why }));
  return {
    bench: 'bpf',
    question,
    size,
    rows,
    unmeasured,
    digest: crc32c(Buffer.from(program())).toString(16).padStart(8, '0'),
  };
}

const catalogue = bpfCatalogue({ arch: 'x64', names: hostNames(), paths: {}, hasTracepoint: () => true });

function program(): string {
  const metric = catalogue.find((one) => one.description.name === asked.metric)!;
  return compileProgram(metric, asked as Instrumentation & { numeric: string }, { host: 'h' }).text;
}

async function compileRow(size: BenchSize): Promise<BenchRow> {
  const rounds = size === 'smoke' ? 20 : 500;
  const startMs = performance.now();
  for (let i = 0; i < rounds; i++) program();
  return { name: 'a question compiled', value: ((performance.now() - startMs) * 1000) / rounds, unit: 'us' };
}

async function tracedRows(): Promise<BenchRow[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tg-bench-'));
  try {
    const copier = join(directory, NAME);
    copyFileSync('/usr/bin/dd', copier);
    const times = { none: [] as number[], hist: [] as number[], ours: [] as number[] };
    const readyMs: number[] = [];
    for (let round = 0; round < 9; round++) {
      times.none.push(await callNs(copier));
      times.hist.push(await underHist(() => callNs(copier)));
      times.ours.push(await underOurs(() => callNs(copier), readyMs));
    }
    const [none, hist, ours] = [times.none, times.hist, times.ours].map(median) as [number, number, number];
    return [
      { name: 'a system call, nothing attached', value: none, unit: 'ns', runs: times.none },
      { name: 'added by hist()', value: hist - none, unit: 'ns', runs: times.hist },
      {
        name: 'added by grid and key',
        value: ours - none,
        unit: 'ns',
        runs: times.ours,
        versus: { name: 'hist()', ratio: (ours - none) / (hist - none), what: 'x the cost of' },
      },
      { name: 'enabled to first whole second, p50', value: median(readyMs), unit: 'ms', runs: readyMs },
    ];
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Two system calls a byte; the best of three, as others run too. */
async function callNs(copier: string): Promise<number> {
  const bytes = 300_000;
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const startMs = performance.now();
    await promisify(execFile)(copier, [
      'if=/dev/zero',
      'of=/dev/null',
      'bs=1',
      `count=${bytes}`,
      'status=none',
    ]);
    best = Math.min(best, ((performance.now() - startMs) * 1e6) / (2 * bytes));
  }
  return best;
}

async function underHist(measure: () => Promise<number>): Promise<number> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'bpftrace', '-f', 'json', '-e', HIST], {
    env: { PATH },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (text: Buffer) => text.includes('ready') && resolve());
      child.once('exit', () => reject(new Error('bpftrace ended')));
    });
    return await measure();
  } finally {
    child.kill('SIGINT');
    await ended;
  }
}

async function underOurs(measure: () => Promise<number>, readyMs: number[]): Promise<number> {
  const driver = new BpfDriver({ host: 'h', clock: systemClock, random: Math.random });
  await driver.start({ late: () => {}, offline: () => {}, note: () => {} });
  try {
    const startMs = Date.now();
    await driver.enable(asked);
    const state = driver.states(asked.id)[0]!.state;
    if (state.state !== 'enabled') throw new Error(`it is ${state.state}`);
    // The first second that is whole ends one second after it begins.
    readyMs.push((state.sinceSecond + 1) * 1000 - startMs);
    return await measure();
  } finally {
    await driver.close();
  }
}
