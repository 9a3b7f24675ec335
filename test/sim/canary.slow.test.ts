/** The worlds find what is wrong: each of these stores is, in one way, and is found within few seeds and shrunk to
 *  few steps. */
import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { emptyBits } from '../../src/model/coverage.ts';
import type { Batch } from '../../src/model/report.ts';
import type { Store } from '../../src/store/store.ts';
import { checkSeeds } from './check-seeds.ts';
import type { SimEntry } from './entries.ts';
import type { WorldOptions } from './world.ts';

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);
const STEPS_MAX = 8;

/** The store with some of it put in the place of its own. */
function changed(store: Store, own: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      if (Object.hasOwn(own, name)) return Reflect.get(own, name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function batches(entry: SimEntry, change: (batch: Batch) => Batch): SimEntry {
  const { content } = entry;
  if (content.kind !== 'batches') return entry;
  return { ...entry, content: { kind: 'batches', batches: content.batches.map(change) } };
}

const forgetful: Kernel = {
  ...referenceKernel,
  encodeColumns: (cells) =>
    referenceKernel.encodeColumns({ ...cells, length: Math.max(0, cells.length - 1) }),
};

const wrong: readonly (readonly [what: string, options: WorldOptions])[] = [
  [
    'counts a repeat twice',
    {
      tamper: (entry) =>
        batches(entry, (batch) => {
          const incarnation = entry.offset.toString(16).padStart(16, '0');
          return { ...batch, source: { ...batch.source, incarnation } };
        }),
    },
  ],
  [
    'loses the first report of a batch',
    { tamper: (entry) => batches(entry, (batch) => ({ ...batch, reports: batch.reports.slice(1) })) },
  ],
  ['drops the last cell of what it seals', { kernel: forgetful }],
  [
    'lets go of what it has not committed',
    { wrap: (store) => changed(store, { trimOffset: () => store.resumeOffset }) },
  ],
  [
    'does not say what was revised',
    {
      wrap: (store) => {
        const { reader } = store;
        const silent: Store['reader'] = {
          grid: (id) => reader.grid(id),
          keyValues: (...of) => reader.keyValues(...of),
          blocks: (...range) => reader.blocks(...range),
          *coverage(...range) {
            for (const block of reader.coverage(...range)) yield { ...block, revised: emptyBits() };
          },
        };
        return changed(store, { reader: silent });
      },
    },
  ],
  ['is fed by hosts that believe every confirm', { trusting: true }],
];

describe('a store', () => {
  it.each(wrong)('that %s is found, and its world made small', async (_what, options) => {
    const { failure } = await checkSeeds(SEEDS, options);
    expect(failure).toBeDefined();
    expect(failure!.shrunk.steps.length).toBeLessThanOrEqual(STEPS_MAX);
  });
});
