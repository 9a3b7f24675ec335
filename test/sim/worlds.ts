/** The test of worlds, in two halves so that two cores run it. 1000 seeds, more with TAILGLOW_SEEDS=10000; one again
 *  with TAILGLOW_SEED=17; what fails is written as a regression with TAILGLOW_REGRESSIONS=test/regressions. */
import { expect, it } from 'vitest';
import { STORE_STEPS } from '../../src/store/store.ts';
import { checkSeeds, failureText, seedsOf } from './check-seeds.ts';

const SHRINK_MS_MAX = 300_000;
/** Enough for all to have happened that may. */
const MANY_SEEDS = 100;

export function lawsHold(half: 0 | 1): void {
  const seeds = seedsOf(half, 2);
  it('holds its laws whatever fails', { timeout: SHRINK_MS_MAX + seeds.length * 1000 }, async () => {
    const { failure, happened, events } = await checkSeeds(seeds);
    expect(failure === undefined ? undefined : failureText(failure)).toBeUndefined();
    if (seeds.length < MANY_SEEDS) return;
    expect([...happened.keys()].toSorted()).toEqual(
      [...STORE_STEPS, 'killed', 'power-cut', 'stalled'].toSorted(),
    );
    expect(events).toBeGreaterThan(0);
  });
}
