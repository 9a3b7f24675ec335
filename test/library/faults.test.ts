/** The law of fault schedules, of the deliveries themselves and of the library in memory: the answer is that of the
 *  distinct batches. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { applyFaults, type FaultSchedule } from '../arbitrary/faults.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { foundRows, FROM, modelRows, opened, play, QUERY, withSchedule } from './fault-world.ts';

it('delivers every batch, repeats as they were, and a clock that forgives', () => {
  fc.assert(
    fc.property(withSchedule, ({ batches, schedule }) => {
      const steps = applyFaults(batches, schedule);
      const delivered = steps.flatMap((step) => (step.kind === 'deliver' ? [step.batch] : []));
      expect(new Set(delivered)).toEqual(new Set(batches));
      let nowMs = 0;
      for (const step of steps) {
        if (step.kind === 'clock') ({ nowMs } = step);
        if (step.kind === 'deliver') expect(step.batch.second * 1000 - nowMs).toBeLessThanOrEqual(10_000);
      }
      expect(steps.filter(({ kind }) => kind === 'crash')).toHaveLength(
        schedule.filter(({ kind }) => kind === 'crash').length,
      );
    }),
  );
});

it('delivers in order where nothing happens, and delays by as many places as it says', () => {
  const batches = [1, 2, 3, 4].map((second) => ({ second }));
  const order = (schedule: FaultSchedule): number[] =>
    applyFaults(batches, schedule).flatMap((s) => (s.kind === 'deliver' ? [s.batch.second] : []));
  expect(order([])).toEqual([1, 2, 3, 4]);
  expect(order([{ kind: 'delay', at: 0, places: 2 }])).toEqual([2, 3, 1, 4]);
  expect(order([{ kind: 'delay', at: 1, places: 9 }])).toEqual([1, 3, 4, 2]);
  expect(order([{ kind: 'repeat', at: 0, times: 2 }])).toEqual([1, 1, 1, 2, 3, 4, 1]);
});

it('answers the same under every schedule, in memory', async () => {
  await fc.assert(
    fc.asyncProperty(withSchedule, async ({ batches, schedule }) => {
      const clock = new ManualClock(FROM * 1000);
      const tailglow = await opened(clock);
      const steps = applyFaults(batches, schedule).filter(({ kind }) => kind !== 'crash');
      await play(steps, clock, { tailglow, crash: () => Promise.resolve(tailglow) });
      clock.set((FROM + 20_000) * 1000);
      expect(tailglow.refused()).toEqual([]);
      expect(foundRows(await tailglow.query(QUERY))).toEqual(modelRows(batches));
      await tailglow.close();
    }),
    { numRuns: 30 },
  );
});
