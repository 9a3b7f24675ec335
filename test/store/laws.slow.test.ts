/** Laws of the fold and the store: it serves what the naive model says, however the log is cut into batches,
 *  crashed, checkpointed and reopened; a replay equals it byte for byte. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { openStore, type Store, type StoreOptions, type StoreStep } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { difference } from '../sim/difference.ts';
import { storedSegments, TemporaryDirectories } from '../sim/directory.ts';
import { type SimEntry, toLogEntry } from '../sim/entries.ts';
import { Model, type Served } from '../sim/model.ts';
import { serve } from '../sim/serve.ts';
import { arbitraryTraffic, entriesOf, FIRST_SECOND, INSTRUMENTATIONS } from '../sim/traffic.ts';

const directories = new TemporaryDirectories();
afterEach(() => directories.removeAll());

/** More by TAILGLOW_RUNS. */
const numRuns = Number(process.env['TAILGLOW_RUNS'] ?? 12);
const RUNS = { numRuns };
const traffic = arbitraryTraffic(60).map(entriesOf);

function open(directory: string, more: Partial<StoreOptions> = {}): Store {
  return openStore({ directory, kernel: referenceKernel, owns: () => true, logIdentity: 'log', ...more });
}

/** Closes the store; returns its segments, when all that is due is done: when that happens is its own affair. */
function closedSegments(store: Store, directory: string): string[] {
  store.checkpoint();
  while (store.work());
  store.close();
  const again = open(directory);
  while (again.work());
  again.close();
  return storedSegments(directory);
}

/** Opens, folds, looks, closes. */
function folded(entries: readonly SimEntry[], more: Partial<StoreOptions> = {}) {
  const directory = directories.make();
  const store = open(directory, more);
  store.fold(entries.map(toLogEntry));
  const found = { served: allServed(store), stats: store.stats(), sources: store.sources() };
  return { ...found, directory, segments: closedSegments(store, directory) };
}

function allServed(store: Store): Record<string, Served> {
  return Object.fromEntries(INSTRUMENTATIONS.map(({ id }) => [id, serve(store.reader, id)]));
}

function allModelled(model: Model): Record<string, Served> {
  return Object.fromEntries(INSTRUMENTATIONS.map(({ id }) => [id, model.served(id)]));
}

/** Folds with a crash before each of `crashes` (shares of the log), reading on from where the store says. */
function foldedWithCrashes(
  entries: readonly SimEntry[],
  crashes: readonly number[],
  more: { readonly headCellsMax?: number; readonly checkpoint?: boolean } = {},
) {
  const directory = directories.make();
  const stops = crashes.map((share) => Math.floor(share * entries.length)).toSorted((a, b) => a - b);
  const options = more.headCellsMax === undefined ? {} : { headCellsMax: more.headCellsMax };
  for (const stop of [...stops, entries.length]) {
    const store = open(directory, options);
    for (const entry of entries.slice(store.resumeOffset, stop)) store.fold([toLogEntry(entry)]);
    const last = stop === entries.length;
    if (last) {
      const found = { served: allServed(store), stats: store.stats(), sources: store.sources() };
      return { ...found, directory, segments: closedSegments(store, directory) };
    }
    if (more.checkpoint === true) store.checkpoint();
    store.close();
  }
  throw new Error('unreachable');
}

const shares = fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1, maxLength: 4 });

describe('a store', () => {
  it('serves what the naive model says', () => {
    fc.assert(
      fc.property(traffic, (entries) => {
        expect(difference(folded(entries).served, allModelled(Model.of(entries)))).toBeUndefined();
      }),
      RUNS,
    );
  });

  it('is the same however the log is cut into batches', () => {
    fc.assert(
      fc.property(traffic, fc.integer({ min: 1, max: 9 }), (entries, size) => {
        const directory = directories.make();
        const store = open(directory);
        for (let i = 0; i < entries.length; i += size) store.fold(entries.slice(i, i + size).map(toLogEntry));
        const { served, segments, stats } = folded(entries);
        expect(difference(allServed(store), served)).toBeUndefined();
        expect(store.stats()).toEqual({ ...stats, cacheBytes: store.stats().cacheBytes });
        expect(closedSegments(store, directory)).toEqual(segments);
      }),
      RUNS,
    );
  });

  it('is the same after crashes at any entry, byte for byte', () => {
    fc.assert(
      fc.property(traffic, shares, fc.boolean(), (entries, crashes, checkpoint) => {
        const whole = folded(entries);
        const broken = foldedWithCrashes(entries, crashes, { checkpoint });
        expect(difference(broken.served, whole.served)).toBeUndefined();
        expect(broken.segments).toEqual(whole.segments);
        expect(broken.sources).toEqual(whole.sources);
        // A checkpoint may have made a file before the first seal did.
        const same = { cacheBytes: 0, files: 0 };
        expect({ ...broken.stats, ...same }).toEqual({ ...whole.stats, ...same });
        expect(verifyStore(broken.directory, referenceKernel).findings).toEqual([]);
      }),
      RUNS,
    );
  });

  it('is the same after crashes when a small head spills', () => {
    fc.assert(
      fc.property(traffic, shares, fc.boolean(), (entries, crashes, checkpoint) => {
        const whole = folded(entries, { headCellsMax: 12 });
        expect(difference(whole.served, allModelled(Model.of(entries)))).toBeUndefined();
        const broken = foldedWithCrashes(entries, crashes, { checkpoint, headCellsMax: 12 });
        expect(difference(broken.served, whole.served)).toBeUndefined();
        expect(broken.segments).toEqual(whole.segments);
      }),
      RUNS,
    );
  });

  it.each(['written', 'committed', 'durable'] satisfies StoreStep[])(
    'survives a failure at "%s"',
    (failing) => {
      fc.assert(
        fc.property(traffic, fc.nat(3), (entries, nth) => {
          const directory = directories.make();
          let left = nth;
          const onStep = (step: StoreStep): void => {
            if (step === failing && left-- === 0) throw new Error('the disk is full');
          };
          const store = open(directory, { onStep });
          let failed = false;
          try {
            store.fold(entries.map(toLogEntry));
          } catch {
            failed = true;
            expect(() => store.fold([])).toThrow('an earlier write failed');
            expect(() => store.checkpoint()).toThrow('an earlier write failed');
          }
          store.close();
          fc.pre(failed);
          const again = open(directory);
          again.fold(entries.slice(again.resumeOffset).map(toLogEntry));
          const whole = folded(entries);
          expect(difference(allServed(again), whole.served)).toBeUndefined();
          expect(closedSegments(again, directory)).toEqual(whole.segments);
        }),
        { numRuns: Math.ceil(numRuns / 3), maxSkipsPerRun: 1000 },
      );
    },
  );

  it('never needs the log below its trim offset, also when a power cut takes back what was not synced', () => {
    fc.assert(
      fc.property(traffic, fc.double({ min: 0, max: 1, noNaN: true }), (entries, share) => {
        const directory = directories.make();
        let synced = directories.copy(directory);
        const store = open(directory, {
          onStep: (step) => {
            if (step === 'durable') synced = directories.copy(directory);
          },
        });
        store.fold(entries.slice(0, Math.floor(share * entries.length)).map(toLogEntry));
        const kept = entries.slice(store.trimOffset());
        store.close();
        const again = open(synced);
        again.fold(kept.filter(({ offset }) => offset >= again.resumeOffset).map(toLogEntry));
        expect(difference(allServed(again), folded(entries).served)).toBeUndefined();
        again.close();
      }),
      RUNS,
    );
  });

  it('counts nothing twice when the log begins anew and is sent again', () => {
    fc.assert(
      fc.property(traffic, fc.double({ min: 0, max: 1, noNaN: true }), (entries, share) => {
        const reports = entries.filter(({ content }) => content.kind === 'batches');
        const directory = directories.make();
        const store = open(directory);
        store.fold(entries.slice(0, INSTRUMENTATIONS.length).map(toLogEntry));
        store.fold(reports.map((entry, i) => toLogEntry({ ...entry, offset: 1000 + i })));
        store.checkpoint();
        const before = allServed(store);
        store.close();
        const again = open(directory, { logIdentity: 'another' });
        expect(again.notes).toEqual([{ kind: 'log-changed', was: 'log', now: 'another' }]);
        expect(again.resumeOffset).toBe(0);
        expect(again.trimOffset()).toBe(0);
        again.fold(
          reports
            .slice(Math.floor(share * reports.length))
            .map((entry, offset) => toLogEntry({ ...entry, offset })),
        );
        expect(difference(allServed(again), before)).toBeUndefined();
        again.close();
      }),
      RUNS,
    );
  });

  it('shares instrumentations among stores that own a part each', () => {
    fc.assert(
      fc.property(traffic, fc.nat(15), (entries, mask) => {
        const index = (id: string): number => INSTRUMENTATIONS.findIndex((i) => i.id === id);
        const mine = (id: string): boolean => (mask & (1 << index(id))) !== 0;
        const whole = folded(entries).served;
        const a = folded(entries, { owns: mine });
        const b = folded(entries, { owns: (id) => !mine(id) });
        for (const { id } of INSTRUMENTATIONS) {
          const [owner, other] = mine(id) ? [a, b] : [b, a];
          expect(difference({ [id]: owner.served[id]! }, { [id]: whole[id]! })).toBeUndefined();
          expect(other.served[id]).toEqual({ cells: [], coverage: [], revised: [] });
        }
      }),
      RUNS,
    );
  });

  it('does not mind in which order sources come within the lateness', () => {
    const second = FIRST_SECOND + 300;
    const batches = fc.array(fc.tuple(fc.nat(3), fc.nat(9), fc.integer({ min: 1, max: 99 }), fc.boolean()), {
      minLength: 1,
      maxLength: 30,
    });
    const order = batches.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray([...all.keys()], { minLength: all.length })),
    );
    fc.assert(
      fc.property(order, ([all, shuffled]) => {
        const entries = all.map(([source, back, count, partial], i): SimEntry => ({
          offset: i,
          arrivedMs: second * 1000 + 500,
          content: {
            kind: 'batches',
            batches: [
              {
                source: { host: `h${source}`, driver: 'proc', incarnation: `${source}`.padStart(16, '0') },
                sequence: i,
                second: second - back,
                reports: [
                  {
                    instrumentation: 'short',
                    grid: { kind: 'count' },
                    partial,
                    dropped: 0,
                    rows: [{ key: [], histogram: { buckets: [0], counts: [count] } }],
                  },
                ],
              },
            ],
          },
        }));
        const created = entriesOf([]);
        const log = (list: readonly SimEntry[]): SimEntry[] =>
          [...created, ...list].map((entry, offset) => ({ ...entry, offset }));
        const straight = folded(log(entries));
        const mixed = folded(log(shuffled.map((i) => entries[i]!)));
        expect(difference(mixed.served, straight.served)).toBeUndefined();
      }),
      RUNS,
    );
  });
});
