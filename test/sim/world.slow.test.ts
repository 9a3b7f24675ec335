/** Worlds of many seeds. More with TAILGLOW_SEEDS=10000; one again with TAILGLOW_SEED=17. */
import { afterEach, describe, expect, it } from 'vitest';
import { TemporaryDirectories } from './directory.ts';
import type { SimEntry } from './entries.ts';
import { CRASH_POINTS, World } from './world.ts';

const SECONDS = 900;
const seeds = Number(process.env['TAILGLOW_SEEDS'] ?? 60);
const only = process.env['TAILGLOW_SEED'];

const directories = new TemporaryDirectories();
afterEach(() => directories.removeAll());

describe('a world in which everything fails now and then', () => {
  it('ends with stores that serve what the log kept', { timeout: 20_000 + seeds * 500 }, () => {
    const crashes = new Map<string, number>();
    const list = only === undefined ? Array.from({ length: seeds }, (_, i) => i + 1) : [Number(only)];
    for (const seed of list) {
      const { fault, world } = World.check({ seed, directories }, SECONDS);
      directories.removeAll();
      expect(fault, `seed ${seed}`).toBeUndefined();
      for (const [point, count] of world.crashes) crashes.set(point, (crashes.get(point) ?? 0) + count);
    }
    if (only === undefined) expect([...crashes.keys()].toSorted()).toEqual([...CRASH_POINTS].toSorted());
  });

  it('notices repeats that are counted twice', () => {
    const unseen = (entry: SimEntry): SimEntry =>
      entry.content.kind !== 'batches'
        ? entry
        : {
            ...entry,
            content: {
              kind: 'batches',
              batches: entry.content.batches.map((batch) => ({
                ...batch,
                source: { ...batch.source, incarnation: entry.offset.toString(16).padStart(16, '0') },
              })),
            },
          };
    const { fault } = World.check({ seed: 1, directories, faults: { repeat: 1 }, tamper: unseen }, SECONDS);
    expect(fault).toMatch(/^served only: .* cell /);
  });

  it('notices an entry that is lost', () => {
    const losing = (entry: SimEntry): SimEntry =>
      entry.content.kind !== 'batches'
        ? entry
        : {
            ...entry,
            content: {
              kind: 'batches',
              batches: entry.content.batches.filter(({ sequence }) => sequence !== 7),
            },
          };
    const { fault } = World.check({ seed: 2, directories, tamper: losing }, SECONDS);
    expect(fault).toBeDefined();
  });
});
