/** Laws of the levels: whatever is rolled up, merged or deleted, and whenever, the same is served and in the end the
 *  same is stored. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { TemporaryDirectories } from '../sim/directory.ts';
import { EVERYTHING } from '../sim/model.ts';
import { arbitraryTraffic, entriesOf, INSTRUMENTATIONS } from '../sim/traffic.ts';
import { arbitraryCrashes, arbitraryLooks, Play } from './play.ts';

const directories = new TemporaryDirectories();
afterEach(() => directories.removeAll());

/** More by TAILGLOW_RUNS. */
const numRuns = Number(process.env['TAILGLOW_RUNS'] ?? 12);
const traffic = arbitraryTraffic(60).map(entriesOf);

describe('levels', () => {
  it('serve at every step what the model says, before, during and after the work', () => {
    fc.assert(
      fc.property(traffic, arbitraryLooks, fc.boolean(), (entries, plan, spills) => {
        const play = new Play(entries, directories.make(), spills ? { headCellsMax: 12 } : {});
        expect(play.run(plan)).toBeUndefined();
        for (const stepSeconds of [1, 10, 60, 600, 3600]) {
          const range = { ...EVERYTHING, stepSeconds };
          for (const which of INSTRUMENTATIONS.keys()) expect(play.look(which, range)).toBeUndefined();
          play.workOff();
          for (const which of INSTRUMENTATIONS.keys()) expect(play.look(which, range)).toBeUndefined();
        }
        play.store.close();
      }),
      { numRuns: numRuns * 2, endOnFailure: process.env["NOSHRINK"] !== undefined },
    );
  });

  it('are stored in the end as the entries alone say, whatever is done when, and crashes where', () => {
    fc.assert(
      fc.property(traffic, arbitraryCrashes, fc.boolean(), (entries, plan, spills) => {
        const options = spills ? { headCellsMax: 12 } : {};
        const straight = new Play(entries, directories.make(), options);
        straight.run([]);
        const bent = new Play(entries, directories.make(), options);
        bent.run(plan);
        expect(bent.settled()).toEqual(straight.settled());
      }),
      { numRuns, endOnFailure: process.env["NOSHRINK"] !== undefined },
    );
  });
});
