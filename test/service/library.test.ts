import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import { type Batch, type MetricDescription, openTailglow } from '../../src/service/library.ts';
import { MovableClock, START_SECOND } from './house.ts';

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

it('embeds log, store and language, and has it all when opened again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-library-'));
  const clock = new MovableClock((START_SECOND + 3) * 1000);
  const open = () => openTailglow({ metrics: METRICS, directory, clock, kernel: 'reference' });
  try {
    const first = await open();
    await first.instrument('instrument job.runs by queue, latency as runs');
    await first.report(batch(0, [5e6, 5e6, 5e6]));
    await first.report(batch(1, [90e6]));
    await first.report(batch(1, [90e6]));
    const before = await first.query('job.runs by queue last 3s step 3s | count');
    await first.close();
    const again = await open();
    const after = await again.query('job.runs by queue last 3s step 3s | count');
    expect(after).toEqual(before);
    expect(after.kind === 'lines' && [...after.series[0]!.values].reduce((a, b) => a + b, 0)).toBe(4);
    await expect(again.query('job.runs by queu last 1m')).rejects.toMatchObject({
      problem: { errors: [{ suggestion: 'queue' }] },
    });
    await again.close();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

it('answers as of a time: late data tell then from now', async () => {
  const clock = new MovableClock((START_SECOND + 3) * 1000);
  const tailglow = await openTailglow({ metrics: METRICS, clock, kernel: 'reference' });
  try {
    await tailglow.instrument('instrument job.runs by queue, latency as runs');
    await tailglow.report(batch(0, [5e6]), batch(2, [7e6]));
    const iso = (second: number): string => new Date(second * 1000).toISOString();
    const range = `from ${iso(START_SECOND)} to ${iso(START_SECOND + 3)}`;
    const counts = async (more = ''): Promise<(number | null)[]> => {
      const answer = await tailglow.query(`job.runs ${range} ${more} step 1s | count`);
      return answer.kind === 'lines' ? [...answer.series[0]!.values] : [];
    };
    const before = await counts();
    const then = `as of ${iso(START_SECOND + 10)}`;
    expect(await counts(then)).toEqual(before);
    clock.ms += 60_000;
    await tailglow.report(batch(1, [90e6, 91e6]));
    expect(await counts()).toEqual([1, 2, 1]);
    expect(await counts(then)).toEqual(before);
    expect(before).toEqual([1, Number.NaN, 1]);
    await tailglow.run('pin runs last 5m as kept');
    await expect(tailglow.run('drop runs')).rejects.toMatchObject({
      problem: { code: 'INSTRUMENTATION_PINNED' },
    });
  } finally {
    await tailglow.close();
  }
});
