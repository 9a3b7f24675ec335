/** A store in memory answers as one on disk does, through seals, roll-ups and retention. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import { type Answer, openTailglow } from '../../src/service/library.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { FROM, METRIC } from './fault-world.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tailglow-memory-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Which level answers, and so how coarsely coverage is told, depends on how far the work behind the fold is. */
function numbersOf(answer: Answer): unknown {
  return { ...answer, coverage: undefined };
}

it('seals, rolls up and forgets in memory as on disk', async () => {
  const answers: Answer[] = [];
  for (const where of [{}, { directory }]) {
    const clock = new ManualClock(FROM * 1000);
    await using tailglow = await openTailglow({ metrics: [METRIC], clock, kernel: 'reference', ...where });
    await tailglow.instrument(
      'instrument job.runs by queue, latency keep 1h, 7d at 10s, 60d at 1m idle never as runs',
    );
    // Twenty days: more files than are open at a time.
    for (let i = 0; i < 160; i++) {
      const second = FROM + i * 10_800;
      clock.set((second + 1) * 1000);
      const rows = [{ key: ['mail'], histogram: histogramOf(LL5, [1e6 * (1 + (i % 97)), 5e9]) }];
      const reports = [{ instrumentation: 'runs', grid: LL5, partial: false, dropped: 0, rows }];
      const source = { host: 'test', driver: 'test', incarnation: '0123456789abcdef' };
      await tailglow.report({ source, sequence: i, second, reports });
    }
    const range = `from ${FROM} to ${FROM + 20 * 86_400}`;
    for (const stage of ['count', 'percentiles 50, 99', 'histograms'])
      answers.push(await tailglow.query(`job.runs by latency ${range} step 1d | ${stage}`));
    answers.push(await tailglow.query('job.runs by queue, latency last 10m | histograms'));
  }
  expect(answers.slice(0, 4).map(numbersOf)).toEqual(answers.slice(4).map(numbersOf));
  expect(answers[0]).toMatchObject({ series: [{ values: expect.toSatisfy(isFull) }] });
});

/** FROM is 08:00, so the first and the last day are cut. */
function isFull(values: Float64Array): boolean {
  return values.reduce((sum, n) => sum + n, 0) === 320;
}
