/** The library as a program meets it: opening, statements, closing. Its counts are in test/library. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import { type Batch, type MetricDescription, openTailglow } from '../../src/service/library.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';

const START_SECOND = 1_800_000_000;
const METRICS: readonly MetricDescription[] = [
  {
    name: 'job.runs',
    label: 'jobs run',
    unit: 'runs',
    scope: 'interval',
    fields: [
      { name: 'queue', label: 'queue', type: 'string' },
      { name: 'latency', label: 'latency', type: 'time' },
    ],
    cost: 'nothing',
  },
];
const batch = (sequence: number, latencies: readonly number[]): Batch => ({
  source: { host: 'test', driver: 'test', incarnation: '0123456789abcdef' },
  sequence,
  second: START_SECOND + sequence,
  reports: [
    {
      instrumentation: 'runs',
      grid: LL5,
      partial: false,
      dropped: 0,
      rows: [{ key: ['mail'], histogram: histogramOf(LL5, latencies) }],
    },
  ],
});

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-library-'));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

it('embeds log, store and language, and has it all when opened again', () =>
  withDirectory(async (directory) => {
    const clock = new ManualClock((START_SECOND + 3) * 1000);
    const open = () => openTailglow({ metrics: METRICS, directory, clock, kernel: 'reference' });
    const first = await open();
    await first.instrument('instrument job.runs by queue, latency as runs');
    await first.report(batch(0, [5e6, 5e6, 5e6]), batch(1, [90e6]));
    await first.report(batch(1, [90e6]));
    const before = await first.query('job.runs by queue last 3s step 3s | count');
    await expect(open()).rejects.toMatchObject({ code: 'LOG_LOCKED' });
    await first.close();
    await first.close();
    const again = await open();
    const after = await again.query('job.runs by queue last 3s step 3s | count');
    expect(after).toEqual(before);
    expect(after.kind === 'lines' && [...after.series[0]!.values]).toEqual([4]);
    await expect(again.query('job.runs by queu last 1m')).rejects.toMatchObject({
      problem: { errors: [{ suggestion: 'queue' }] },
    });
    await again.close();
  }));

it('touches no disk without a directory, and forgets all on close', async () => {
  const names = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('tailglow-library-'));
  const before = names();
  const first = await openTailglow({ metrics: METRICS, clock: new ManualClock(), kernel: 'reference' });
  await first.instrument('instrument job.runs by queue, latency as runs');
  expect(names()).toEqual(before);
  await first.close();
  await using second = await openTailglow({ metrics: METRICS, kernel: 'reference' });
  expect(second.instrumentations()).toEqual([]);
});

it('runs every statement, typed', async () => {
  const clock = new ManualClock(START_SECOND * 1000);
  await using tailglow = await openTailglow({ metrics: METRICS, clock, kernel: 'reference' });
  const made = await tailglow.run('instrument job.runs by queue, latency as runs');
  expect(made).toMatchObject({ kind: 'instrumented', created: true, instrumentation: { id: 'runs' } });
  expect(await tailglow.run('instrument job.runs by queue, latency as runs')).toMatchObject({
    created: false,
  });
  tailglow.record('job.runs', { queue: 'mail', latency: 5e6 });
  expect(await tailglow.run('job.runs last 1s | count')).toMatchObject({
    kind: 'lines',
    query: 'job.runs last 1s | count',
  });
  expect(await tailglow.run('explain job.runs last 1s | count')).toMatchObject({ kind: 'table' });
  expect(await tailglow.run('show instrumentations')).toMatchObject({
    rows: [['runs', 'enabled', '1/1', '', expect.stringContaining('as runs'), '']],
  });
  expect(await tailglow.run('show sources')).toMatchObject({
    rows: [['library/record', START_SECOND, 0, expect.anything(), 0, 1, 0, 0, 0]],
  });
  const pinned = await tailglow.run(`pin runs from ${START_SECOND} to ${START_SECOND + 60} as start`);
  expect(pinned).toMatchObject({ kind: 'pinned', pin: { id: 'start', instrumentation: 'runs' } });
  await expect(tailglow.run('drop runs')).rejects.toMatchObject({
    problem: { code: 'INSTRUMENTATION_PINNED' },
  });
  expect(await tailglow.run('unpin start')).toEqual({ kind: 'unpinned', id: 'start' });
  expect(await tailglow.run('drop runs')).toEqual({ kind: 'dropped', id: 'runs' });
  expect(tailglow.instrumentations()).toEqual([]);
  await expect(tailglow.query('show metrics')).rejects.toMatchObject({
    problem: { code: 'STATEMENT_KIND', detail: expect.stringContaining('are for run') },
  });
});

it('answers what was known, from the log in memory', async () => {
  const clock = new ManualClock((START_SECOND + 1) * 1000);
  await using tailglow = await openTailglow({ metrics: METRICS, clock, kernel: 'reference' });
  await tailglow.instrument('instrument job.runs by queue, latency as runs');
  await tailglow.report(batch(0, [5e6]));
  await clock.advance(60_000);
  await tailglow.report({ ...batch(1, [6e6, 7e6]), second: START_SECOND });
  const count = async (asOf: string): Promise<unknown> => {
    const answer = await tailglow.query(
      `job.runs from ${START_SECOND} to ${START_SECOND + 1}${asOf} | count`,
    );
    return answer.kind === 'lines' ? [...answer.series[0]!.values] : answer;
  };
  expect(await count('')).toEqual([3]);
  expect(await count(` as of ${START_SECOND + 30}`)).toEqual([1]);
});

it('lives on while somebody looks, and ends when nobody does', async () => {
  const clock = new ManualClock(START_SECOND * 1000);
  await using tailglow = await openTailglow({ metrics: METRICS, clock, kernel: 'reference' });
  await tailglow.instrument('instrument job.runs by queue, latency idle 10m as runs');
  for (let i = 0; i < 5; i++) {
    await clock.advance(300_000);
    await tailglow.query('job.runs last 1s | count');
  }
  expect(tailglow.instrumentations()).toHaveLength(1);
  await clock.advance(620_000);
  expect(tailglow.instrumentations()).toEqual([]);
});
