/** An answer is what was known when it was given, whenever its parts are looked at. */
import { expect, it } from 'vitest';
import { openTailglow } from '../../src/service/library.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { FROM, METRIC } from './fault-world.ts';

it.each(['count', 'value'])('keeps the cells of a heatmap of weight %s', async (weight) => {
  const clock = new ManualClock(FROM * 1000);
  await using tailglow = await openTailglow({ metrics: [METRIC], clock, kernel: 'reference' });
  await tailglow.instrument('instrument job.runs by queue, latency idle never');
  const record = (times: number): void => {
    for (let i = 1; i <= times; i++) tailglow.record('job.runs', { queue: 'mail', latency: i * 1e6 });
  };
  const ask = () => tailglow.query(`job.runs by queue, latency last 10s | heatmap weight ${weight}`);
  record(5);
  const answer = await ask();
  record(20);
  const later = await ask();
  const drawn = [answer, later].map((one) => {
    if (one.kind !== 'heatmap') throw new Error(one.kind);
    const { cells, under, over, total } = one.raster;
    const sum = [cells, under, over].flatMap((members) => [...members]).reduce((a, b) => a + b, 0);
    expect(sum / total).toBeCloseTo(1, 9);
    return total;
  });
  expect(drawn[1]! / drawn[0]!).toBeGreaterThan(4);
});
