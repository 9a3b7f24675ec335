/** Roll-ups by example: what is made when, what a full disk and an older store come to, and canaries: stores that
 *  somebody spoilt must not pass for right. */
import Database from 'better-sqlite3';
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { partitionPaths } from '../../src/store/partitions.ts';
import { decodeSegment, encodeSegment } from '../../src/store/segment.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';
import { SeriesGoneError } from '../../src/store/store-errors.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { storedSegments, TemporaryDirectories } from '../sim/directory.ts';
import { EVERYTHING } from '../sim/model.ts';
import { serve } from '../sim/serve.ts';
import { HandLog, requests, START } from './reports.ts';

const directories = new TemporaryDirectories();
let directory: string;
let log: HandLog;
let store: Store;

beforeEach(() => {
  directory = directories.make();
  log = new HandLog();
  log.create(requests());
});
afterEach(() => {
  store.close();
  directories.removeAll();
});

function open(more: Partial<StoreOptions> = {}): Store {
  const options = { directory, kernel: referenceKernel, owns: () => true, logIdentity: 'log', ...more };
  return (store = openStore(options));
}

function reopen(more: Partial<StoreOptions> = {}): Store {
  store.close();
  return open(more);
}

function workOff(): void {
  for (let unit = 0; store.work(); unit++) expect(unit).toBeLessThan(100_000);
}

/** A report every `every` seconds up to `until` after START. */
function reports(from: number, until: number, every = 64): void {
  for (let second = from; second < until; second += every) log.report(START + second, [[['/'], 1]]);
}

const places = (): string[] =>
  storedSegments(directory).map((line) => {
    const [id, level, start, revision, whole] = line.split(' ');
    return `${id} ${level} +${Number(start) - START} @${revision}${['', ' whole', ' part'][Number(whole)]!}`;
  });
const served = (stepSeconds: number) => serve(store.reader, 'requests', { ...EVERYTHING, stepSeconds });
const total = (stepSeconds: number): number => served(stepSeconds).cells.reduce((sum, [, n]) => sum + n, 0);

/** START is the first second of a block of 256 s; this is of one of each level up to 600 s. */
const ORIGIN = 256 * 600 * 13_000;

describe('a roll-up', () => {
  const offset = 2560 - (START % 2560);

  it('is due once its block is sealed, and made a unit at a time', () => {
    reports(offset, offset + 2560 + 300, 256);
    open().fold(log.entries);
    expect(store.stats().pendingWork).toBe(1);
    expect(store.stats().levels[1]).toEqual({ level: 10, segments: 0, bytes: 0 });
    let units = 0;
    while (store.work()) units++;
    // Ten inputs and a row; and a look at each file, before the row was there and after.
    expect(units).toBe(10 + 1 + 1 + 2);
    expect(places().filter((place) => !place.startsWith('requests 1 '))).toEqual([
      `requests 10 +${offset} @11 whole`,
    ]);
    expect(store.stats()).toMatchObject({ pendingWork: 0, files: 2 });
    expect(store.stats().levels[1]).toMatchObject({ segments: 1, oldestSecond: START + offset });
    expect(total(10)).toBe(total(1));
  });

  it('is made again after a crash, and not where it is there', () => {
    reports(offset, offset + 2560 + 300, 256);
    open().fold(log.entries);
    for (let unit = 0; unit < 5; unit++) store.work();
    reopen();
    workOff();
    const made = places();
    reopen();
    expect(store.stats().pendingWork).toBe(1);
    workOff();
    expect(places()).toEqual(made);
    expect(store.stats().pendingWork).toBe(0);
  });

  it('is added to by what comes late, and merged with it when that is much', () => {
    reports(offset, offset + 2560 + 300, 256);
    open().fold(log.entries);
    workOff();
    const before = total(10);
    for (let late = 1; late <= 3; late++) {
      log.report(START + offset + late, [[['/late'], 1]], { host: 'b', arrivedMs: (START + 9000) * 1000 });
      reports(offset + 2560 + 300 * late, offset + 2560 + 300 * late + 300, 299);
      store.fold(log.entries);
      expect(total(10), `${late}`).toBe(total(1));
      expect(total(10)).toBeGreaterThan(before);
    }
    const coarse = (): string[] => places().filter((place) => place.startsWith('requests 10 '));
    expect(coarse()).toHaveLength(1 + 3);
    expect(store.stats().pendingWork).toBe(2);
    const sums = served(10);
    workOff();
    expect(coarse()).toEqual([expect.stringMatching(/ whole$/)]);
    expect(places().filter((place) => place.startsWith(`requests 1 +${offset} `))).toEqual([
      expect.stringMatching(/ whole$/),
    ]);
    expect(served(10)).toEqual(sums);
    expect(verifyStore(directory, referenceKernel).findings).toEqual([]);
  });

  it('outlives the seconds that it was made of, and they stay until it is made', () => {
    log.control({ kind: 'instrumentation-changed', id: 'requests', keepSeconds: 600, idleSeconds: 0 });
    reports(offset, offset + 8000, 64);
    open().fold(log.entries);
    const before = served(10);
    expect(served(1).cells.length).toBeLessThan(before.cells.length);
    workOff();
    const seconds = places().filter((place) => place.startsWith('requests 1 '));
    expect(seconds.length).toBeLessThan(14);
    expect(served(10)).toEqual(before);
  });
});

describe('history from before it was measured', () => {
  it('revises nothing, is whole with its first data, and counts at the levels that last as long', () => {
    const { keepSeconds } = requests();
    log.report(START, [[['/'], 1]]);
    const past = START - 3 * keepSeconds;
    for (let second = past; second < past + 3000; second += 300) {
      log.report(second, [[['/old'], 1]], { host: 'import', arrivedMs: START * 1000 });
    }
    log.report(START + 300, [[['/'], 1]]);
    open().fold(log.entries);
    expect(store.stats()).toMatchObject({ refusedTooOld: 0, seals: 1 });
    expect([1, 10, 60].map(total)).toEqual([2, 12, 12]);
    expect(served(60).revised).toEqual([]);
    expect(served(60).coverage.filter(([, names]) => names.includes('-import'))).toEqual([]);
    workOff();
    expect([1, 10, 60, 600, 3600].map(total)).toEqual([2, 12, 12, 12, 12]);
    log.report(START - 1000 * keepSeconds, [[['/older'], 1]], { arrivedMs: START * 1000 });
    store.fold(log.entries);
    expect(store.stats()).toMatchObject({ refusedTooOld: 1 });
  });
});

describe('a pin, and want of space', () => {
  const pin = { id: 'incident', instrumentation: 'requests', createdSecond: START };

  it('keep and give up, and unpinning gives up too', () => {
    log.control({ kind: 'instrumentation-changed', id: 'requests', keepSeconds: 1000, idleSeconds: 0 });
    reports(0, 1000);
    const range = { fromSecond: START + 300, untilSecond: START + 301 };
    log.control({ kind: 'range-pinned', pin: { ...pin, ...range } });
    reports(1000, 9000);
    open().fold(log.entries);
    workOff();
    const kept = (): number[] => served(1).cells.map(([place]) => Number(place.split(' ')[0]) - START);
    expect(kept().filter((second) => second < 7000)).toEqual([256, 320, 384, 448]);
    expect(store.stats().levels[0]!.oldestSecond).toBeGreaterThan(START + 7000);
    log.control({ kind: 'space-reclaimed', level: 1, untilSecond: START + 8500 });
    store.fold(log.entries);
    expect(kept().find((second) => second > 448)).toBeGreaterThanOrEqual(8500 - 256);
    expect(total(10)).toBe(Math.ceil(9000 / 64));
    log.control({ kind: 'range-unpinned', id: 'incident' });
    store.fold(log.entries);
    expect(kept()[0]).toBeGreaterThan(8000);
    reports(9000, 9600);
    store.fold(log.entries);
    workOff();
    expect(places()).not.toContainEqual(expect.stringMatching(/^requests 1 \+256 /));
  });
});

describe('a head that is full', () => {
  it('gives up late blocks first', () => {
    open({ headCellsMax: 10 });
    log.report(START + 300, [[['/'], 1]]);
    log.report(START + 600, [[['/'], 1]]);
    for (let i = 0; i < 10; i++) {
      log.report(START + i, [[['/'], 1]], { host: 'b', arrivedMs: (START + 601) * 1000 });
    }
    store.fold(log.entries);
    expect(store.stats()).toMatchObject({ spills: 1, headCells: 1 });
    expect(total(1)).toBe(12);
  });
});

describe('a full disk', () => {
  it('stalls the store, which serves what it has and goes on when there is room', () => {
    let pages = 1000;
    open({ pagesMax: () => pages });
    reports(0, 3000);
    store.fold(log.entries);
    store.checkpoint();
    const offset = store.trimOffset();
    pages = 1;
    const keys = Array.from({ length: 400 }, (_, i) => [[`/${'x'.repeat(100)}${i}`], 1] as const);
    for (let second = 3000; second < 3900; second += 30) log.report(START + second, keys);
    const { stalled } = store.fold(log.entries);
    expect(stalled!.reason).toMatch(/^no space is left in ".*" \(database or disk is full\)$/);
    expect(store.stalled).toBe(stalled);
    const { resumeOffset } = store;
    expect(resumeOffset).toBeLessThan(log.entries.length);
    // What still fitted into the file is durable.
    const durable = store.trimOffset();
    expect(durable).toBeGreaterThanOrEqual(offset);
    expect(durable).toBeLessThan(resumeOffset);
    const folded = log.entries.slice(0, resumeOffset);
    const sums = served(1);
    expect(store.fold(log.entries)).toMatchObject({ sealed: false, stalled });
    expect(store.checkpoint()).toMatchObject({ sealed: false, stalled });
    expect(store.retry()).toMatchObject({ stalled: { reason: stalled!.reason } });
    expect([store.resumeOffset, store.trimOffset()]).toEqual([resumeOffset, durable]);
    expect(served(1)).toEqual(sums);
    pages = 100_000;
    expect(store.retry()).toMatchObject({ sealed: true });
    expect(store.stalled).toBeUndefined();
    expect(served(1)).toEqual(sums);
    store.fold(log.entries);
    workOff();
    store.checkpoint();
    const found = storedSegments(directory);
    store.close();
    directory = directories.make();
    open().fold(folded);
    expect(served(1)).toEqual(sums);
    store.fold(log.entries);
    workOff();
    store.checkpoint();
    expect(found).toEqual(storedSegments(directory));
  });

  it('also in the middle of what comes late for coarser levels, and of roll-ups', () => {
    const offset = 2560 - (START % 2560);
    let pages = 100_000;
    open({ pagesMax: () => pages });
    // Keys that no encoding makes small: they do not fit into the pages that a roll-up's file begins with.
    const hash = (i: number): string => createHash('sha256').update(String(i)).digest('hex');
    const keys = Array.from({ length: 400 }, (_, i) => [[`/${hash(i)}`], 1] as const);
    for (let second = offset; second < offset + 6000; second += 256) log.report(START + second, keys);
    store.fold(log.entries);
    pages = 1;
    expect(store.work()).toBe(true);
    for (let unit = 0; store.stalled === undefined && unit < 1000; unit++) store.work();
    expect(store.stalled).toBeDefined();
    // What may be deleted is, and then nothing can be done.
    workOff();
    expect(store.work()).toBe(false);
    expect(store.stalled).toBeDefined();
    pages = 100_000;
    store.retry();
    workOff();
    log.report(START + offset, keys, { host: 'b', arrivedMs: (START + 9000) * 1000 });
    reports(offset + 6000, offset + 6600, 256);
    pages = 1;
    expect(store.fold(log.entries).stalled).toBeDefined();
    const sums = [1, 10, 60].map(total);
    expect(sums).toEqual([sums[0], sums[0], sums[0]]);
    expect(served(10).cells.length).toBeGreaterThan(400);
    pages = 100_000;
    store.retry();
    store.fold(log.entries);
    workOff();
    expect([1, 10, 60].map(total)).toEqual([total(1), total(1), total(1)]);
    expect(total(1)).toBeGreaterThanOrEqual(sums[0]!);
    expect(verifyStore(directory, referenceKernel).findings).toEqual([]);
  });
});

describe('a store of version 1', () => {
  it('is read as it was, rolled up, and goes on', () => {
    const kept = new URL('../golden/store-v1/', import.meta.url).pathname;
    for (const name of readdirSync(kept)) copyFileSync(join(kept, name), join(directory, name));
    expect(verifyStore(directory, referenceKernel)).toMatchObject({ findings: [], segments: 49 });
    open();
    expect(store.resumeOffset).toBe(122);
    const before = [1, 10, 60].map((step) => [
      served(step),
      serve(store.reader, 'other', { ...EVERYTHING, stepSeconds: step }),
    ]);
    expect(total(1)).toBe(94 + (94 * 95) / 2 + 5 + 1);
    expect(store.stats().pendingWork).toBeGreaterThan(2);
    workOff();
    expect(store.stats()).toMatchObject({ pendingWork: 0 });
    expect(store.stats().levels[1]!.segments).toBeGreaterThan(3);
    expect(
      [1, 10, 60].map((step) => [
        served(step),
        serve(store.reader, 'other', { ...EVERYTHING, stepSeconds: step }),
      ]),
    ).toEqual(before);
    store.fold([{ ...log.report(START + 7000, [[['/'], 1]], { sequence: 999 }), offset: 200 }]);
    store.checkpoint();
    reopen();
    workOff();
    expect(total(60)).toBe(total(1));
    expect(verifyStore(directory, referenceKernel).findings).toEqual([]);
  });
});

describe('opening', () => {
  it('decodes the open blocks and nothing else', () => {
    reports(0, 40_000, 200);
    open().fold(log.entries);
    workOff();
    store.checkpoint();
    let decoded = 0;
    const counting: Kernel = {
      ...referenceKernel,
      decodeColumns: (...args) => {
        decoded++;
        referenceKernel.decodeColumns(...args);
      },
      decodeClasses: (...args) => {
        decoded++;
        referenceKernel.decodeClasses(...args);
      },
    };
    reopen({ kernel: counting });
    expect(
      store
        .stats()
        .levels.map((level) => level.segments)
        .slice(0, 3),
    ).toEqual([155, expect.any(Number), expect.any(Number)]);
    expect(decoded).toBeLessThanOrEqual(2);
    expect(total(1)).toBe(200);
  });
});

describe('a reading', () => {
  it('that was forgotten ends after some seals, so that deleting goes on', () => {
    reports(0, 600);
    open().fold(log.entries);
    const [blocks] = [store.reader.blocks('requests', 0, START + 9000, 1)[Symbol.iterator]()];
    blocks.next();
    reports(600, 4000);
    log.control({ kind: 'instrumentation-changed', id: 'requests', keepSeconds: 300, idleSeconds: 0 });
    reports(4000, 4400);
    store.fold(log.entries);
    workOff();
    expect(() => [...{ [Symbol.iterator]: () => blocks }]).toThrow(SeriesGoneError);
  });

  it('of what is dropped meanwhile ends with a reason', () => {
    reports(0, 900);
    open().fold(log.entries);
    const blocks = store.reader.blocks('requests', 0, START + 9000, 1)[Symbol.iterator]();
    blocks.next();
    log.control({ kind: 'instrumentation-dropped', id: 'requests' });
    store.fold(log.entries);
    expect(() => blocks.next()).toThrow('Cannot read on "requests": it was dropped');
  });
});

describe('a canary', () => {
  /** Rolled up, with what came late added. */
  function spoil(change: (db: Database.Database) => void): void {
    const offset = 2560 - (START % 2560);
    reports(offset, offset + 3000, 64);
    open().fold(log.entries);
    workOff();
    log.report(START + offset, [[['/late'], 7]], { host: 'b', arrivedMs: (START + 9000) * 1000 });
    reports(offset + 3000, offset + 3400, 100);
    store.fold(log.entries);
    workOff();
    expect(total(10)).toBe(total(1));
    store.close();
    const path = partitionPaths(directory).find((each) => each.includes('rollup-10-'))!;
    const db = new Database(path);
    change(db);
    db.close();
    open();
  }

  it('that loses a step is seen', () => {
    spoil((db) => {
      const row = db.prepare('SELECT id, bytes FROM segment WHERE whole = 1').raw().get() as [number, Buffer];
      const content = decodeSegment(row[1], referenceKernel, 'canary');
      const cells = new CellsBuffer();
      for (let i = 0; i < content.cells.length; i++) {
        const { step, key, bucket, count } = content.cells;
        if (step[i] !== step[0]) cells.push(step[i]!, key[i]!, bucket[i]!, count[i]!);
      }
      db.prepare('UPDATE segment SET bytes = ? WHERE id = ?').run(
        encodeSegment({ ...content, cells }, referenceKernel),
        row[0],
      );
    });
    expect(total(10)).toBe(total(1) - 1);
    expect(ORIGIN % 2560).toBe(0);
  });

  it('that counts what came late twice is seen', () => {
    spoil((db) => {
      const { changes } = db
        .prepare(
          `INSERT INTO segment (instrumentation, level, start_second, revision, whole, part, codec, bytes)
           SELECT instrumentation, level, start_second, revision, whole, 1, codec, bytes FROM segment WHERE whole = 0`,
        )
        .run();
      expect(changes).toBe(1);
    });
    expect(total(10)).toBe(total(1) + 7);
  });
});
