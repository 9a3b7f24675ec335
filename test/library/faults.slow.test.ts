/** The law of fault schedules, of the library in a directory. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Tailglow } from '../../src/service/library.ts';
import { applyFaults } from '../arbitrary/faults.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { foundRows, FROM, modelRows, opened, play, QUERY, withSchedule } from './fault-world.ts';

it('answers the same under every schedule, in a directory, whenever it is killed', async () => {
  await fc.assert(
    fc.asyncProperty(withSchedule, async ({ batches, schedule }) => {
      const root = mkdtempSync(join(tmpdir(), 'tailglow-faults-'));
      let lives = 0;
      let directory = join(root, '0');
      const clock = new ManualClock(FROM * 1000);
      let tailglow = await opened(clock, directory);
      // What a killed process leaves is what is on the disk at that instant.
      const crash = async (): Promise<Tailglow> => {
        const image = join(root, String(++lives));
        cpSync(directory, image, { recursive: true });
        await tailglow.close();
        directory = image;
        return (tailglow = await opened(clock, directory));
      };
      try {
        await play(applyFaults(batches, schedule), clock, { tailglow, crash });
        clock.set((FROM + 20_000) * 1000);
        expect(tailglow.refused()).toEqual([]);
        expect(foundRows(await tailglow.query(QUERY))).toEqual(modelRows(batches));
      } finally {
        await tailglow.close();
        rmSync(root, { recursive: true });
      }
    }),
    { numRuns: 25 },
  );
});
