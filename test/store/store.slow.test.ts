/** The store by example: what is refused and kept aside, retention, frontier, limits, files that are damaged. */
import Database from 'better-sqlite3';
import { readdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { coverageColumns } from '../../src/model/coverage.ts';
import { LL5 } from '../../src/model/grid.ts';
import { REMAINDER } from '../../src/model/key.ts';
import { BLOCK_KEYS_MAX } from '../../src/model/limits.ts';
import { partitionPaths } from '../../src/store/partitions.ts';
import {
  SegmentCorruptError,
  StoreDamagedError,
  StoreLockedError,
  StoreVersionError,
} from '../../src/store/store-errors.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { storedSegments, TemporaryDirectories } from '../sim/directory.ts';
import { serve } from '../sim/serve.ts';
import { HandLog, requests, START } from './reports.ts';

const directories = new TemporaryDirectories();
let directory: string;
let log: HandLog;
let opened: Store[];

beforeEach(() => {
  directory = directories.make();
  log = new HandLog();
  log.create(requests());
  opened = [];
});
afterEach(() => {
  for (const store of opened) store.close();
  directories.removeAll();
});

function open(more: Partial<StoreOptions> = {}): Store {
  const store = openStore({
    directory,
    kernel: referenceKernel,
    owns: () => true,
    logIdentity: 'log',
    ...more,
  });
  opened.push(store);
  return store;
}

function closed(store: Store): void {
  store.close();
  opened = opened.filter((each) => each !== store);
}

/** Opens and folds the whole log. */
function folded(more: Partial<StoreOptions> = {}): Store {
  const store = open(more);
  store.fold(log.entries);
  return store;
}

const cellsOf = (store: Store) =>
  serve(store.reader, 'requests').cells.map(([place, count]) => `${place} = ${count}`);
const coverageOf = (store: Store, from: number, until: number) =>
  serve(store.reader, 'requests', { stepSeconds: 1, fromSecond: from, untilSecond: until }).coverage.map(
    ([second, sources]) => `${second - START} ${sources}`,
  );

describe('what a store takes', () => {
  it('adds the sources up', () => {
    log.report(START, [[['/'], 3]]);
    log.report(
      START,
      [
        [['/'], 4],
        [['/x'], 1],
      ],
      { host: 'web2' },
    );
    expect(cellsOf(folded())).toEqual([`${START} ["/"] 0 = 7`, `${START} ["/x"] 0 = 1`]);
  });

  it('keeps what it cannot take aside, says why, and folds on', () => {
    log.bytes(Uint8Array.of(9, 9));
    log.bytes(Buffer.concat([Buffer.of(2), Buffer.from('{"kind":"odd"}')]));
    log.report(START, [[[], 1]], { instrumentation: 'nobody' });
    log.report(START, [[['/'], 1]], { grid: LL5 });
    log.report(START, [[['/', 'more'], 1]]);
    log.report(START + 12, [[['/'], 1]], { arrivedMs: (START + 1) * 1000 });
    log.control({ kind: 'instrumentation-dropped', id: 'never' });
    log.report(START, [[['/'], 5]]);
    const store = folded();
    expect(store.aside().map(({ offset, reason, text }) => `${offset} ${reason}: ${text}`)).toEqual([
      '1 refusedEntry: Cannot read report: entry kind is 9, expected 1 or 2',
      expect.stringMatching(/^2 refusedEntry: Cannot read control event: kind is "odd"/),
      '3 refusedUnknown: its instrumentation is unknown',
      "4 refusedGrid: its grid is not the instrumentation's",
      '5 refusedFields: its keys have 2 fields, expected 1',
      '6 refusedFuture: its second begins 11000 ms after its arrival',
      '7 refusedControl: Cannot take "instrumentation-dropped": no instrumentation "never" is known',
    ]);
    expect(store.aside()[5]).toMatchObject({ source: 'web1/proc', second: START + 12 });
    expect(store.stats()).toMatchObject({ refusedEntry: 2, refusedUnknown: 1, refusedFuture: 1, cells: 1 });
    expect(store.sources()[0]).toMatchObject({ skewMs: 0, refused: 1, lastSecond: START, lastSequence: 4 });
    expect(cellsOf(store)).toEqual([`${START} ["/"] 0 = 5`]);
  });

  it('shows the skew of a source that lives in the future', () => {
    log.report(START + 100, [], { arrivedMs: START * 1000 });
    expect(folded().sources()).toMatchObject([{ skewMs: 100_000, refused: 1, lastSecond: -1 }]);
  });

  it('adds up what each source had no room to count, once, also over a restart', () => {
    log.report(START, [[['/'], 1]], { dropped: 3 });
    log.report(START + 1, [[['/'], 1]], { dropped: 4 });
    log.report(START + 1, [[['/'], 1]], { dropped: 4, sequence: 1 });
    log.report(START + 1, [[['/'], 1]], { host: 'web2' });
    const dropped = (of: Store): unknown[] => of.sources().map((source) => [source.host, source.dropped]);
    const expected = [
      ['web1', 7],
      ['web2', undefined],
    ];
    const store = folded();
    expect(dropped(store)).toEqual(expected);
    store.checkpoint();
    store.close();
    expect(dropped(open())).toEqual(expected);
  });

  it('drops a repeat, and knows what is missing', () => {
    for (const sequence of [0, 3, 3, 5]) log.report(START, [[['/'], 1]], { sequence });
    const store = folded();
    expect(store.stats()).toMatchObject({ repeats: 1, batches: 4 });
    expect(store.sources()).toMatchObject([{ missing: 3, repeats: 1, lastSequence: 5 }]);
    expect(store.checkpoint()).toMatchObject({
      sealed: true,
      watermarks: [
        {
          covered: [
            [0, 1],
            [3, 4],
            [5, 6],
          ],
        },
      ],
    });
    expect(store.checkpoint()).toEqual({ sealed: false, watermarks: [], notes: [] });
  });

  it('does not count reports of an instrumentation dropped a moment ago as unknown', () => {
    log.report(START, [[['/'], 1]]);
    log.control({ kind: 'instrumentation-dropped', id: 'requests' });
    log.report(START + 1, [[['/'], 1]]);
    const store = folded();
    expect(store.stats()).toMatchObject({ refusedDropped: 1, refusedUnknown: 0 });
    expect(store.aside()).toEqual([]);
    expect(store.instrumentations()).toEqual([]);
    expect(store.reader.grid('requests')).toBeUndefined();
  });

  it('puts keys beyond the bound into the remainder, and loses no count', () => {
    const keys = BLOCK_KEYS_MAX + 500;
    for (let k = 0; k < keys; k += 500) {
      const rows = Array.from({ length: 500 }, (_, i) => [[`k${String(k + i)}`], 1] as const);
      log.report(START, rows, { host: `h${k}` });
    }
    const store = folded();
    const { cells } = serve(store.reader, 'requests');
    expect(cells.length).toBe(BLOCK_KEYS_MAX);
    const counts = new Map(cells);
    const told = Math.ceil(keys / 500) * 500;
    expect(counts.get(`${START} ["${REMAINDER}"] 0`)).toBe(told - BLOCK_KEYS_MAX + 1);
    expect([...counts.values()].reduce((a, b) => a + b, 0)).toBe(told);
    store.checkpoint();
    closed(store);
    expect(serve(open().reader, 'requests').cells).toEqual(cells);
  });

  it('keeps a sum that is too large at the largest exact integer', () => {
    for (let i = 0; i < 3; i++) log.report(START, [[['/'], Number.MAX_SAFE_INTEGER]], { host: `h${i}` });
    log.report(START + 600, []);
    expect(cellsOf(folded())).toEqual([`${START} ["/"] 0 = ${Number.MAX_SAFE_INTEGER}`]);
  });
});

describe('who is missing', () => {
  it('expects a source that reported before, until it ends or is forgotten', () => {
    log.report(START, [], { host: 'a' });
    log.report(START, [], { host: 'b' });
    log.report(START + 2, [], { host: 'a' });
    log.control({ kind: 'source-offline', host: 'b', driver: 'proc', second: START + 3 }, START + 3);
    const store = folded();
    expect(coverageOf(store, START, START + 5)).toEqual([
      '0 a/proc b/proc',
      '1 -a/proc -b/proc',
      '2 a/proc -b/proc',
      '3 -a/proc',
      '4 -a/proc',
    ]);
    expect(coverageOf(store, START + 600, START + 700).at(-1)).toBe('602 -a/proc');
  });

  it('ends the sources of a host whose instrumenter starts anew', () => {
    log.report(START, []);
    log.control({ kind: 'instrumenter-online', host: 'web1', metrics: [] }, START + 2);
    log.report(START + 4, []);
    const until = START + 6;
    expect(coverageOf(folded(), START, until)).toEqual([
      '0 web1/proc',
      '1 -web1/proc',
      '4 web1/proc',
      '5 -web1/proc',
    ]);
  });

  it('remembers an end for an instrumentation that is created after a seal and reported late', () => {
    log.control({ kind: 'instrumenter-online', host: 'web1', metrics: [] }, START + 40);
    log.report(START + 39, []);
    log.report(START + 940, []);
    log.create(requests({ id: 'slow', everySeconds: 10 }));
    log.report(START + 39, [], { instrumentation: 'slow', arrivedMs: (START + 941) * 1000 });
    expect(serve(folded().reader, 'slow').coverage).toEqual([[START + 30, 'web1/proc']]);
  });

  it('expects nobody after the instrumentation expired, and keeps its history', () => {
    log.report(START, [[['/'], 1]]);
    log.control({ kind: 'instrumentation-expired', id: 'requests' }, START + 2);
    const store = folded();
    expect(coverageOf(store, START, START + 9)).toEqual(['0 web1/proc', '1 -web1/proc']);
    expect(store.instrumentations()).toHaveLength(1);
    expect(cellsOf(store)).toHaveLength(1);
  });

  it('does not take a partial report for the whole, until the rest came', () => {
    log.report(START, [[['/'], 1]], { partial: true });
    log.report(START + 1, [[['/'], 1]], { partial: true });
    log.report(START + 1, [[['/'], 1]]);
    expect(coverageOf(folded(), START, START + 2)).toEqual(['0 -web1/proc', '1 web1/proc']);
  });

  it('marks what changes after the seal as revised, and says so once it is asked', () => {
    log.report(START, [[['/'], 1]], { host: 'a' });
    log.report(START + 266, [], { host: 'a' });
    log.report(START + 5, [[['/'], 2]], { host: 'b', arrivedMs: (START + 267) * 1000 });
    const store = folded();
    expect(store.stats()).toMatchObject({ seals: 1, late: 1 });
    const found = serve(store.reader, 'requests', {
      stepSeconds: 1,
      fromSecond: START,
      untilSecond: START + 10,
    });
    expect(found.revised).toEqual([START + 5]);
    expect(found.cells).toHaveLength(2);
    const blocks = [...store.reader.coverage('requests', START, START + 10, 1)];
    const range = { fromSecond: START, untilSecond: START + 10, columnSeconds: 5 };
    expect(coverageColumns(blocks, range)).toMatchObject({ expected: 2, revised: [1] });
  });
});

describe('the frontier', () => {
  const ms = (seconds: number): number => (START + seconds) * 1000;

  it('lies at the end of the last second once every awaited source reported it in full', () => {
    const store = open();
    const add = (...args: Parameters<HandLog['report']>): void => void store.fold([log.report(...args)]);
    store.fold(log.entries);
    add(START, [], { host: 'a' });
    add(START, [], { host: 'b' });
    expect(store.frontier('requests', ms(1))).toBe(START + 1);
    add(START + 1, [], { host: 'a' });
    expect(store.frontier('requests', ms(2))).toBe(START + 1);
    expect(store.frontier('requests', ms(2.999))).toBe(START + 1);
    add(START + 1, [], { host: 'b', partial: true });
    expect(store.frontier('requests', ms(2.5))).toBe(START + 1);
    add(START + 1, [], { host: 'b' });
    expect(store.frontier('requests', ms(2.5))).toBe(START + 2);
    expect(store.frontier('requests', ms(1.9))).toBe(START + 1);
  });

  it('lies at the end of a window, of what is counted every N seconds', () => {
    const store = open();
    store.fold([log.create(requests({ id: 'slow', everySeconds: 4 }))]);
    const add = (second: number, partial: boolean): void =>
      void store.fold([log.report(second, [], { instrumentation: 'slow', partial })]);
    for (let second = START; second < START + 3; second++) add(second, true);
    expect(store.frontier('slow', ms(3))).toBe(START);
    expect(store.frontier('slow', ms(4.5))).toBe(START);
    add(START + 3, false);
    expect(store.frontier('slow', ms(3.9))).toBe(START);
    expect(store.frontier('slow', ms(4))).toBe(START + 4);
    add(START + 4, true);
    expect(store.frontier('slow', ms(8.5))).toBe(START + 4);
    expect(store.frontier('slow', ms(9))).toBe(START + 8);
  });

  it('waits no longer than a second, and for nobody who has been silent for more than 5', () => {
    const store = open();
    store.fold(log.entries);
    store.fold([log.report(START, [], { host: 'gone' }), log.report(START + 6, [], { host: 'a' })]);
    expect(store.frontier('requests', ms(7))).toBe(START + 7);
    expect(store.frontier('requests', ms(8.5))).toBe(START + 7);
    expect(store.frontier('requests', ms(9.001))).toBe(START + 8);
    expect(store.frontier('nobody', ms(9))).toBe(0);
  });
});

describe('history', () => {
  /** A report every 64 s over `days`, with a seal whenever a block ends. */
  function history(days: number, of = 'requests', from = START): void {
    for (let second = from; second < from + days * 86_400; second += 128) {
      log.report(second, [[['/'], 1]], { instrumentation: of });
    }
  }

  it('goes by whole files when it is past its retention, and is not served meanwhile', () => {
    log.control({ kind: 'instrumentation-changed', id: 'requests', keepSeconds: 90_000, idleSeconds: 0 });
    history(4);
    const store = folded();
    while (store.work());
    const oldest = Number(serve(store.reader, 'requests').cells[0]![0].split(' ')[0]);
    const horizon = store.stats().largestSecond - 90_000;
    expect(oldest).toBeGreaterThan(horizon - 256);
    expect(oldest).toBeLessThanOrEqual(horizon + 128);
    const ofSeals = readdirSync(directory).filter((name) => name.startsWith('segments-'));
    expect(ofSeals.filter((name) => name.endsWith('.db')).length).toBeLessThanOrEqual(3);
    expect(ofSeals.filter((name) => name.endsWith('-wal')).length).toBeLessThanOrEqual(3);
    expect(verifyStore(directory, referenceKernel).findings).toEqual([]);
  });

  it('keeps the file of the newest state, though all of it is past its retention', () => {
    log.control({ kind: 'instrumentation-changed', id: 'requests', keepSeconds: 10, idleSeconds: 0 });
    log.report(START, [[['/'], 1]]);
    log.report(START + 5000, []);
    const store = folded();
    expect(cellsOf(store)).toEqual([]);
    expect(partitionPaths(directory)).toHaveLength(1);
    closed(store);
    expect(open().resumeOffset).toBe(4);
  });

  it('goes at once when the instrumentation is dropped, and that of others stays', () => {
    log.create(requests({ id: 'kept' }));
    history(0.05);
    history(0.05, 'kept', START + 10_000);
    log.control({ kind: 'instrumentation-dropped', id: 'requests' });
    const store = folded();
    expect(storedSegments(directory).map((line) => line.split(' ')[0])).toEqual(
      expect.not.arrayContaining(['requests']),
    );
    expect(serve(store.reader, 'kept').cells.length).toBeGreaterThan(25);
  });

  it('goes when the name is taken by one that measures something else', () => {
    history(0.05);
    log.create(requests({ by: ['host'] }));
    const store = folded();
    expect(cellsOf(store)).toEqual([]);
    expect(store.instrumentations()[0]!.by).toEqual(['host']);
  });

  it('stays when the name is taken again by one that measures the same', () => {
    history(0.05);
    log.control({ kind: 'instrumentation-expired', id: 'requests' });
    log.create(requests({ keepSeconds: 200_000 }));
    const store = folded();
    expect(cellsOf(store).length).toBe(34);
  });

  it('offers the values of a field, of the head and of the newest segments', () => {
    log.report(START, [[['/old'], 1]]);
    log.report(START + 20_000, [[['/b'], 1]]);
    log.report(START + 20_300, [
      [['/a'], 1],
      [['/b'], 1],
    ]);
    const store = folded();
    expect(store.reader.keyValues('requests', 'route').values).toEqual(['/a', '/b']);
    expect(store.reader.keyValues('requests', 'host').values).toEqual([]);
    expect(store.reader.keyValues('nobody', 'route').values).toEqual([]);
  });

  it('is decoded once, within the bytes of the cache', () => {
    history(0.2);
    const large = folded();
    serve(large.reader, 'requests');
    const keys = [...large.reader.blocks('requests', 0, START + 10_000, 1)].map((block) => block.keys);
    expect(new Set(keys).size).toBe(1);
    const { cacheBytes } = large.stats();
    serve(large.reader, 'requests');
    expect(large.stats().cacheBytes).toBe(cacheBytes);
    large.checkpoint();
    closed(large);
    const small = open({ cacheBytes: 1000 });
    const cells = serve(small.reader, 'requests').cells.length;
    expect(cells).toBe(135);
    expect(small.stats().cacheBytes).toBeLessThan(cacheBytes);
  });
});

describe('files', () => {
  function sealed(): string {
    log.report(START, [[['/'], 1]]);
    log.report(START + 300, [[['/'], 1]]);
    closed(folded());
    return partitionPaths(directory)[0]!;
  }

  it('has one writer', () => {
    folded();
    expect(() => open()).toThrow(StoreLockedError);
  });

  it('says when the log gave a later entry than was asked for', () => {
    log.report(START, []);
    const store = folded();
    store.checkpoint();
    closed(store);
    const entry = log.report(START + 1, []);
    const again = open();
    expect(again.fold([{ ...entry, offset: 9 }]).notes).toEqual([
      { kind: 'log-skipped', fromOffset: 2, untilOffset: 9 },
    ]);
    expect(again.fold([{ ...entry, offset: 30 }]).notes).toEqual([]);
  });

  it('leaves out entries that it has', () => {
    log.report(START, [[['/'], 1]]);
    const store = folded();
    store.fold(log.entries);
    expect(store.stats()).toMatchObject({ entries: 2, repeats: 0 });
  });

  it('names a file that is no database', () => {
    const path = sealed();
    writeFileSync(path, 'nonsense, and enough of it to be read as a header of something'.repeat(100));
    expect(() => open()).toThrow(StoreDamagedError);
    expect(() => open()).toThrow(path);
    expect(verifyStore(directory, referenceKernel).findings).toMatchObject([{ path }]);
  });

  it('goes on from a file that a crash left before its tables were made', () => {
    const path = sealed();
    const unmade = path.replace(/\d{4}(-\d\d-\d\d\.db)$/, '2000$1');
    const db = new Database(unmade);
    db.pragma('journal_mode = WAL');
    db.close();
    expect(verifyStore(directory, referenceKernel)).toMatchObject({ findings: [], files: 1 });
    expect(serve(open().reader, 'requests').cells.length).toBeGreaterThan(0);
  });

  it('names a file of another version, and one of another program', () => {
    const path = sealed();
    const set = (pragma: string): void => {
      const db = new Database(path);
      db.pragma(pragma);
      db.close();
    };
    set('user_version = 7');
    expect(() => open()).toThrow(StoreVersionError);
    expect(() => open()).toThrow('schema version is 7, this program reads 1 to 2');
    set('application_id = 1');
    expect(() => open()).toThrow('application id is 1');
  });

  it('names the segment whose bytes changed, and verify finds it', () => {
    const path = sealed();
    const db = new Database(path);
    db.exec(`UPDATE segment SET bytes = CAST(substr(bytes, 1, 100) || x'00' || substr(bytes, 102) AS BLOB)`);
    db.close();
    const store = open();
    expect(() => serve(store.reader, 'requests')).toThrow(SegmentCorruptError);
    const segment = `requests/1/${START}/1`;
    expect(() => serve(store.reader, 'requests')).toThrow(
      `Cannot read segment "${segment}": checksum differs`,
    );
    expect(verifyStore(directory, referenceKernel).findings).toMatchObject([{ path, segment }]);
  });

  it('names the file whose state changed', () => {
    const path = sealed();
    const db = new Database(path);
    db.exec(`UPDATE state SET body = replace(body, '"largestSecond"', '"largestsecond"')`);
    db.close();
    expect(() => open()).toThrow(`Cannot read store file "${path}": state checksum differs`);
    expect(verifyStore(directory, referenceKernel).findings[0]).toMatchObject({ path });
  });

  it('finds a row that lies at another place than its bytes say', () => {
    const db = new Database(sealed());
    db.exec('UPDATE segment SET start_second = start_second - 256');
    db.close();
    const whats = verifyStore(directory, referenceKernel).findings.map(({ what }) => what);
    expect(whats).toEqual([
      `its row starts at ${START - 256}, its bytes at ${START}`,
      'its file says that it holds no such second',
    ]);
  });

  it('is a file of its own per day of sealing, and finds all of them', () => {
    log.control({
      kind: 'instrumentation-changed',
      id: 'requests',
      keepSeconds: 40 * 86_400,
      idleSeconds: 0,
    });
    for (let day = 0; day < 20; day++) log.report(START + day * 86_400, [[['/'], 1]]);
    const store = folded();
    expect(partitionPaths(directory)).toHaveLength(19);
    expect(cellsOf(store)).toHaveLength(20);
    expect(verifyStore(directory, referenceKernel)).toMatchObject({ findings: [], files: 19 });
  });
});
