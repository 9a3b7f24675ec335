/** A store that was killed again and again while it folded half a day, rebuilt from its log by the command: both are
 *  equal byte for byte, and a store that is not is found out. */
import Database from 'better-sqlite3';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from './server.ts';

const directory = mkdtempSync(join(tmpdir(), 'tailglow-replay-'));
const data = join(directory, 'data');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Reports of two sources over twelve hours, one in twenty seconds, some of them late; said again after each kill, as
 *  what was said before is told by its number. */
const PROGRAM = `
import { openTailglow } from ${JSON.stringify(resolve('dist/src/service/library.js'))};
const START = 256 * 7_000_000;
let now = START;
const clock = { nowMs: () => now * 1000, sleep: (_, signal) => new Promise((done) => signal?.addEventListener('abort', () => done())) };
const metric = { name: 'job.runs', label: 'runs', unit: 'runs', scope: 'interval', cost: '',
  fields: [{ name: 'queue', label: 'queue', type: 'string' }, { name: 'latency', label: 'latency', type: 'time' }] };
const tailglow = await openTailglow({ metrics: [metric], directory: ${JSON.stringify(data)}, clock });
await tailglow.instrument('instrument job.runs by queue, latency keep 48h as runs');
let sequence = 0;
for (let step = 0; step < 12 * 180; step++) {
  now = START + (step + 1) * 20;
  const batches = ['a', 'b'].map((host) => {
    const late = step % 97 === 5 ? 2000 : step % 31 === 3 ? 300 : 0;
    const second = Math.max(START, START + step * 20 - late);
    const rows = ['mail', 'push', 'sms'].map((queue, q) => ({ key: [queue], histogram: {
      buckets: [600 + q * 30 + (step % 7), 700 + ((step * q) % 90)], counts: [1 + (step % 5), 2] } }));
    const report = { instrumentation: 'runs', grid: { kind: 'log-linear', bits: 5 }, partial: false, dropped: 0, rows };
    return { source: { host, driver: 'test', incarnation: '0000000000000001' }, sequence, second, reports: [report] };
  });
  sequence++;
  await tailglow.report(...batches);
  if (step % 20 === 0) console.log(step);
}
await tailglow.close();
console.log('done');
`;

/** Runs it; kills it when it has come past `killAt`. */
function run(killAt: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(directory, 'program.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    if (Number(line) >= killAt) child.kill('SIGKILL');
  });
  return new Promise((done) => child.once('exit', () => done(lines)));
}

async function tailglow(...args: string[]): Promise<{ code: number; text: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args]);
    return { code: 0, text: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}

beforeAll(async () => {
  writeFileSync(join(directory, 'program.mjs'), PROGRAM);
  for (const killAt of [400, 1000, 1700]) await run(killAt);
  expect((await run(Number.POSITIVE_INFINITY)).at(-1)).toBe('done');
}, 300_000);

describe('replay', () => {
  it('gives the store again, byte for byte', async () => {
    const into = join(directory, 'again');
    expect(await tailglow('replay', '--data', data, '--into', into)).toMatchObject({ code: 0 });
    const { code, text } = await tailglow('verify', '--data', data, '--against', into);
    expect({ code, text }).toMatchObject({ code: 0 });
    expect(text).toMatch(/\nequal\n$/);
    expect(Number(/: (\d+) segments/.exec(text)?.[1])).toBeGreaterThan(150);
    const files = readdirSync(join(into, 'aggregator-0')).filter((name) => name.startsWith('rollup-'));
    expect(new Set(files.map((name) => name.split('-')[1]))).toEqual(new Set(['10', '60']));
  }, 120_000);

  it('leaves what is there alone', async () => {
    const { code, text } = await tailglow('replay', '--data', data, '--into', data);
    expect(code).toBe(1);
    expect(text).toContain('is not empty');
  }, 60_000);

  it('keeps nothing finer than it is asked to', async () => {
    const into = join(directory, 'coarse');
    expect(await tailglow('replay', '--data', data, '--into', into, '--step', '10s')).toMatchObject({
      code: 0,
    });
    const [fine, coarse] = [data, into].map((of) => secondsKept(join(of, 'aggregator-0')));
    expect(fine).toBeGreaterThan(12 * 3600 - 512);
    expect(coarse).toBeLessThan(2560 + 512 + 256);
  }, 120_000);
});

describe('verify', () => {
  it('finds log, segments, roll-ups and catalogue to be of one mind', async () => {
    const { code, text } = await tailglow('verify', '--data', data);
    expect({ code, text }).toMatchObject({ code: 0 });
    expect(text).toContain('nothing damaged, nothing differs');
    expect(Number(/roll-ups: (\d+) equal/.exec(text)?.[1])).toBeGreaterThan(10);
    expect(text).toContain('catalogue: equal');
  }, 120_000);

  it('names what differs', async () => {
    const into = join(directory, 'again');
    if (!existsSync(into)) await tailglow('replay', '--data', data, '--into', into);
    const store = join(into, 'aggregator-0');
    const name = readdirSync(store).find((file) => /^segments-.*\.db$/.test(file))!;
    const db = new Database(join(store, name));
    db.exec('DELETE FROM segment WHERE id = (SELECT min(id) FROM segment)');
    db.close();
    const { code, text } = await tailglow('verify', '--data', data, '--against', into);
    expect(code).toBe(1);
    expect(text).toMatch(/differs: aggregator-0.*runs\/1\/\d+: .* counts \d+, in the other 0/);
  }, 120_000);
});

/** Seconds from the first to the last block of whole seconds. */
function secondsKept(store: string): number {
  const starts = readdirSync(store)
    .filter((name) => /^segments-.*\.db$/.test(name))
    .flatMap((name) => {
      const db = new Database(join(store, name), { readonly: true });
      const rows = db.prepare<[], number>('SELECT start_second FROM segment WHERE level = 1').pluck().all();
      db.close();
      return rows;
    });
  return Math.max(...starts) - Math.min(...starts) + 256;
}
