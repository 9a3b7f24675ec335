/** Laws of the levels: whatever is rolled up, merged or deleted, and whenever, the same is served and in the end the
 *  same is stored. */
import fc from 'fast-check';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { CellBlock } from '../../src/model/series.ts';
import { SeriesGoneError } from '../../src/store/store-errors.ts';
import { TemporaryDirectories } from '../sim/directory.ts';
import type { SimEntry } from '../sim/entries.ts';
import { EVERYTHING, type ServedRange } from '../sim/model.ts';
import { serve } from '../sim/serve.ts';
import { arbitraryHistory, arbitraryTraffic, entriesOf, INSTRUMENTATIONS } from '../sim/traffic.ts';
import { arbitraryCrashes, arbitraryLooks, InjectedFailure, Play, STEPS } from './play.ts';

const directories = new TemporaryDirectories();
afterEach(() => directories.removeAll());

/** More by TAILGLOW_RUNS. */
const numRuns = Number(process.env['TAILGLOW_RUNS'] ?? 4);
const timeout = 180_000 + numRuns * 15_000;
const traffic = fc.oneof(arbitraryTraffic(60), arbitraryHistory(80)).map(entriesOf);
const share = fc.double({ min: 0, max: 1, noNaN: true });

function lookEverywhere(play: Play): void {
  for (const stepSeconds of [1, 10, 60, 600, 3600]) {
    const range = { ...EVERYTHING, stepSeconds };
    for (const which of INSTRUMENTATIONS.keys()) expect(play.look(which, range)).toBeUndefined();
  }
}

function straight(entries: readonly SimEntry[], options: { readonly headCellsMax?: number } = {}): string[] {
  const play = new Play(entries, directories.make(), options);
  play.foldUntil(entries.length);
  return play.settled();
}

it('levels serve at every step what the model says, before, during and after the work', { timeout }, () => {
  fc.assert(
    fc.property(traffic, arbitraryLooks, fc.boolean(), (entries, plan, spills) => {
      const play = new Play(entries, directories.make(), spills ? { headCellsMax: 12 } : {});
      expect(play.run(plan)).toBeUndefined();
      lookEverywhere(play);
      play.workOff();
      lookEverywhere(play);
      play.store.close();
    }),
    { numRuns: numRuns * 2 },
  );
});

it(
  'what is stored in the end follows from the entries, whatever is done when, and crashes where',
  { timeout },
  () => {
    fc.assert(
      fc.property(traffic, arbitraryCrashes, fc.boolean(), (entries, plan, spills) => {
        const options = spills ? { headCellsMax: 12 } : {};
        const play = new Play(entries, directories.make(), options);
        play.run(plan);
        expect(play.settled()).toEqual(straight(entries, options));
      }),
      { numRuns },
    );
  },
);

describe('a power cut', () => {
  /** Files of roll-ups sync with each commit, and are as they were; that of the state is as it was synced. */
  function cut(directory: string, synced: string): string {
    const left = directories.copy(directory);
    const ofSeals = (of: string): string[] => readdirSync(of).filter((name) => name.startsWith('segments-'));
    const newest = ofSeals(synced)
      .filter((name) => name.endsWith('.db'))
      .toSorted()
      .at(-1);
    for (const name of ofSeals(left)) if (newest === undefined || name >= newest) rmSync(join(left, name));
    for (const end of newest === undefined ? [] : ['', '-wal', '-shm']) {
      const from = join(synced, `${newest}${end}`);
      if (existsSync(from)) cpSync(from, join(left, `${newest}${end}`));
    }
    return left;
  }

  it('takes back what was not synced, and that comes again', { timeout }, () => {
    fc.assert(
      fc.property(
        traffic,
        fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
        fc.nat(12),
        (entries, units, nth) => {
          const directory = directories.make();
          let synced = directories.copy(directory);
          let left = nth;
          let isCut = false;
          const play = new Play(entries, directory, {
            onStep: (step) => {
              if (isCut) return;
              if (step === 'durable') synced = directories.copy(directory);
              if (step !== 'committed' || left-- > 0) return;
              isCut = true;
              synced = cut(directory, synced);
              throw new InjectedFailure(step);
            },
          });
          for (const i of entries.keys()) {
            if (isCut) break;
            play.foldUntil(i + 1);
            for (let unit = units[i % units.length]!; unit > 0 && !isCut && play.store.work(); unit--);
            if (!isCut) synced = directories.copy(directory);
          }
          play.store.close();
          fc.pre(isCut);
          const again = new Play(entries, synced);
          again.foldUntil(entries.length);
          expect(again.settled()).toEqual(straight(entries));
        },
      ),
      { numRuns: Math.ceil(numRuns / 2), maxSkipsPerRun: 1000 },
    );
  });
});

describe('a reading that lets time pass', () => {
  const pauses = fc.array(fc.constantFrom('fold', 'fold', 'work', 'commit'), { minLength: 1, maxLength: 6 });

  it('gets each second once, whatever goes on meanwhile', { timeout }, () => {
    const what = fc.record({ at: share, which: fc.nat(3), stepSeconds: fc.constantFrom(...STEPS), pauses });
    fc.assert(
      fc.property(traffic, what, (entries, { at, which, stepSeconds, pauses: acts }) => {
        const play = new Play(entries, directories.make());
        play.foldUntil(Math.floor(at * entries.length));
        for (let unit = 0; unit < 3 * acts.length; unit++) play.store.work();
        const { id } = INSTRUMENTATIONS[which]!;
        const range = { ...EVERYTHING, stepSeconds };
        const from = play.store.resumeOffset;
        const { seals } = play.store.stats();
        const start = cellsOf(play, id, range);
        const stored = cellsOf(play, id, range, storedOnly);
        let turn = 0;
        const yielded = cellsOf(play, id, range, (blocks) =>
          slowly(blocks, () => act(play, acts[turn++ % acts.length]!)),
        );
        const isLate = play.store.stats().seals >= seals + 8;
        const folded = entries.slice(from, play.store.resumeOffset);
        if (yielded === undefined) expect(isLate || mayGo(folded, id)).toBe(true);
        const end = cellsOf(play, id, range)!;
        for (const place of yielded === undefined
          ? []
          : new Set([...start!.keys(), ...end.keys(), ...yielded.keys()])) {
          const [s, e, y] = [start, end, yielded!].map((cells) => cells!.get(place) ?? 0) as [
            number,
            number,
            number,
          ];
          // What expired meanwhile was read where it was stored, or it was not.
          const low = e >= s ? s : (stored!.get(place) ?? 0);
          expect(y >= low && y <= Math.max(s, e), `${place}: ${s}, ${y}, ${e}`).toBe(true);
        }
        play.store.close();
      }),
      { numRuns: numRuns * 2 },
    );
  });

  /** Undefined where the reading was ended. */
  function cellsOf(
    { store: { reader } }: Play,
    id: string,
    range: ServedRange,
    through: (blocks: Iterable<CellBlock>) => Iterable<CellBlock> = (blocks) => blocks,
  ): Map<string, number> | undefined {
    const only = {
      blocks: (...what: Parameters<typeof reader.blocks>) => through(reader.blocks(...what)),
      coverage: () => [],
      grid: (of: string) => reader.grid(of),
      keyValues: (...of: Parameters<typeof reader.keyValues>) => reader.keyValues(...of),
    };
    try {
      return new Map(serve(only, id, range).cells);
    } catch (error) {
      if (error instanceof SeriesGoneError) return undefined;
      throw error;
    }
  }

  function* slowly(blocks: Iterable<CellBlock>, pause: () => void): Generator<CellBlock> {
    for (const block of blocks) {
      yield block;
      if (block.open !== true) pause();
    }
  }

  function* storedOnly(blocks: Iterable<CellBlock>): Generator<CellBlock> {
    for (const block of blocks) if (block.open !== true) yield block;
  }

  function act(play: Play, what: string): void {
    if (what === 'fold') play.foldUntil(Math.min(play.store.resumeOffset + 1, play.entries.length));
    else if (what === 'work') play.store.work();
    else play.store.checkpoint();
  }

  function mayGo(entries: readonly SimEntry[], id: string): boolean {
    return entries.some(
      ({ content }) =>
        content.kind === 'control' &&
        ((content.event.kind === 'instrumentation-dropped' && content.event.id === id) ||
          (content.event.kind === 'instrumentation-created' && content.event.instrumentation.id === id)),
    );
  }
});
