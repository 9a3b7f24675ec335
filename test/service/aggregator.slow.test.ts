/** The aggregator over a real store and a log in memory: what goes on while an answer is long, the disk is full, or
 *  the log is far ahead. */
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { NODE_METRICS } from '../../src/ingest/node/metrics.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { encodeBatch } from '../../src/model/batch.ts';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import type { LogEntry, LogReader } from '../../src/model/log.ts';
import { encodeControlEntry, encodeReportEntry } from '../../src/model/report.ts';
import type { CellBlock, SeriesReader } from '../../src/model/series.ts';
import { checkStatement } from '../../src/query/check.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { Aggregator } from '../../src/service/aggregator.ts';
import type { AggregatorStatus, Answer, ReadQuestion } from '../../src/service/answer.ts';
import { GivenUpError } from '../../src/service/turns.ts';
import { IN_MEMORY } from '../../src/store/sqlite.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';

const START = 1_800_000_000 - (1_800_000_000 % BLOCK_STEPS);
const METRIC = NODE_METRICS.find((metric) => metric.name === 'http.requests')!;
const REQUESTS: Instrumentation = {
  id: 'requests',
  metric: METRIC.name,
  by: ['route'],
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 30 * 86_400,
  idleSeconds: 0,
  createdSecond: START,
};
const SOURCE = { host: 'web1', driver: 'node:shop[1]', incarnation: '00112233445566aa' };

function report(sequence: number, second: number): Uint8Array {
  const rows = [{ key: ['/cart'], histogram: histogramOf(LL5, [1e6, 2e6 + sequence]) }];
  const reports = [{ instrumentation: 'requests', grid: LL5, partial: false, dropped: 0, rows }];
  return encodeReportEntry([encodeBatch({ source: SOURCE, sequence, second, reports })]);
}

function read(text: string): ReadQuestion {
  const catalogue = { metrics: [METRIC], instrumentations: [REQUESTS], pins: [] };
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) throw new Error(JSON.stringify(parsed.diagnostics));
  const outcome = checkStatement(parsed.statement, catalogue, text);
  if ('diagnostics' in outcome || outcome.checked.kind !== 'read') throw new Error('no read');
  return {
    kind: 'read',
    checked: outcome.checked,
    text,
    metric: METRIC,
    instrumentation: REQUESTS,
    pins: [],
    presentation: { format: 'json' },
    waitMs: 0,
    explain: false,
  };
}

interface Lines {
  readonly series: readonly unknown[];
  readonly coverage: unknown;
  readonly frontier?: number;
}

function numbers(answer: Answer): Lines {
  if (answer.kind !== 'answered') throw new Error(JSON.stringify(answer));
  return JSON.parse(Buffer.from(answer.body).toString('utf8')) as Lines;
}

/** The store, with some of it as a test says. */
function storeWith(store: Store, instead: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name in instead) return Reflect.get(instead, name, instead) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

interface World {
  readonly clock: ManualClock;
  readonly log: MemoryLog;
  readonly store: Store;
  readonly notices: string[];
  readonly stalls: (string | undefined)[];
  /** One report for each of these seconds, in order; each arrives as its second ends. */
  report(fromSecond: number, untilSecond: number, stepSeconds?: number): Promise<void>;
  start(more?: { store?: Store; reader?: LogReader }): Aggregator;
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function openWorld(): Promise<World> {
  const clock = new ManualClock(START * 1000);
  const log = new MemoryLog();
  const writer = log.writer(clock);
  const store = openStore({
    directory: IN_MEMORY,
    kernel: referenceKernel,
    owns: () => true,
    logIdentity: log.identity,
  });
  const notices: string[] = [];
  const stalls: (string | undefined)[] = [];
  let sequence = 0;
  await writer.append(encodeControlEntry({ kind: 'instrumentation-created', instrumentation: REQUESTS }));
  return {
    clock,
    log,
    store,
    notices,
    stalls,
    report: async (fromSecond, untilSecond, stepSeconds = 1) => {
      for (let second = fromSecond; second < untilSecond; second += stepSeconds) {
        clock.set(Math.max(clock.nowMs(), (second + 1) * 1000 + 5));
        await writer.append(report(sequence++, second));
      }
    },
    start: (more = {}) => {
      const aggregator = new Aggregator({
        index: 0,
        store: more.store ?? store,
        reader: more.reader ?? log.reader(),
        kernel: referenceKernel,
        clock,
        checkpoints: false,
        onDurable: () => {},
        onNotice: (line) => notices.push(line),
        onStalled: (reason) => stalls.push(reason),
        onFault: (error) => {
          throw error;
        },
      });
      closers.push(() => aggregator.close());
      return aggregator;
    },
  };
}

async function statusOf(aggregator: Aggregator): Promise<AggregatorStatus> {
  const status = await aggregator.ask({ kind: 'status' });
  if (status.kind !== 'status') throw new Error(status.kind);
  return status;
}

/** Each stored block takes a turn's time to read. */
function slowReader(reader: SeriesReader, clock: ManualClock) {
  const watched = { blocks: 0, reading: 0 };
  const slow: SeriesReader = {
    *blocks(...range): Iterable<CellBlock> {
      watched.reading++;
      try {
        for (const block of reader.blocks(...range)) {
          watched.blocks++;
          clock.set(clock.nowMs() + 5);
          yield block;
        }
      } finally {
        watched.reading--;
      }
    },
    coverage: (...range) => reader.coverage(...range),
    keyValues: (...of) => reader.keyValues(...of),
    grid: (id) => reader.grid(id),
  };
  return { slow, watched };
}

const BLOCKS = 40;
const LONG = `http.requests by route, latency from ${instant(START)} to ${instant(START + BLOCKS * BLOCK_STEPS)} step 1m | percentiles 50, 99`;
const SHORT = 'http.requests by route last 1m | count';

function instant(second: number): string {
  return new Date(second * 1000).toISOString();
}

describe('while an answer is long', () => {
  async function slowWorld() {
    const world = await openWorld();
    await world.report(START, START + BLOCKS * BLOCK_STEPS, 64);
    const { slow, watched } = slowReader(world.store.reader, world.clock);
    const aggregator = world.start({ store: storeWith(world.store, { reader: slow }) });
    await aggregator.reached(BLOCKS * 4);
    return { ...world, aggregator, watched };
  }

  it('others are answered, the log is folded, and the answer is the same', async () => {
    const { aggregator, watched, store, ...world } = await slowWorld();
    const long = aggregator.ask(read(LONG));
    await setImmediate();
    expect(watched.reading).toBe(1);
    await aggregator.ask(read(SHORT));
    expect(watched.reading).toBe(1);
    const before = store.resumeOffset;
    await world.report(START + BLOCKS * BLOCK_STEPS, START + BLOCKS * BLOCK_STEPS + 1);
    await aggregator.reached(before);
    expect(watched.reading).toBe(1);
    const answered = numbers(await long);
    expect(watched.reading).toBe(0);
    expect(watched.blocks).toBeGreaterThanOrEqual(BLOCKS - 2);
    const other = await openWorld();
    await other.report(START, START + BLOCKS * BLOCK_STEPS, 64);
    await other.report(START + BLOCKS * BLOCK_STEPS, START + BLOCKS * BLOCK_STEPS + 1);
    const quick = other.start();
    await quick.reached(BLOCKS * 4 + 1);
    const { series, coverage } = numbers(await quick.ask(read(LONG)));
    expect(answered.series.length).toBeGreaterThan(0);
    expect(answered).toMatchObject({ series, coverage });
  });

  it('its reading ends when nobody waits any more', async () => {
    const { aggregator, watched } = await slowWorld();
    const gone = new AbortController();
    const long = aggregator.ask(read(LONG), gone.signal);
    await setImmediate();
    await setImmediate();
    gone.abort();
    await expect(long).rejects.toBeInstanceOf(GivenUpError);
    expect(watched.reading).toBe(0);
    expect(watched.blocks).toBeLessThan(10);
  });

  it('it ends when the aggregator is closed', async () => {
    const { aggregator, watched } = await slowWorld();
    const long = aggregator.ask(read(LONG));
    await setImmediate();
    const given = expect(long).rejects.toBeInstanceOf(GivenUpError);
    await aggregator.close();
    closers.length = 0;
    await given;
    expect(watched.reading).toBe(0);
  });

  it('explain tells what was read, and what it took', async () => {
    const { aggregator } = await slowWorld();
    const question = { ...read(LONG), explain: true, presentation: { format: 'csv' as const } };
    const answer = await aggregator.ask(question);
    const text = answer.kind === 'answered' ? Buffer.from(answer.body).toString('utf8') : answer.kind;
    expect(text).toMatch(/read in steps of 1\w+,"?\d+ segments?/);
    expect(text).toMatch(/took,"?\d+\.\d ms/);
  });
});

describe('an answer of a range that ended long ago', () => {
  it('stays as it is, but where it looked for what is not there: that may be seen later', async () => {
    const world = await openWorld();
    await world.report(START, START + BLOCKS * BLOCK_STEPS, 64);
    const aggregator = world.start();
    await aggregator.reached(BLOCKS * 4);
    const range = `from ${instant(START)} to ${instant(START + 600)} step 1m`;
    const kept = async (text: string): Promise<readonly unknown[]> => {
      const answer = await aggregator.ask(read(text));
      const { notes } = numbers(answer) as unknown as { notes: readonly string[] };
      return [answer.kind === 'answered' && answer.immutable, notes.length];
    };
    const where = (route: string): string =>
      `http.requests where route == "${route}" by route ${range} | count`;
    expect(await kept(where('/cart'))).toEqual([true, 0]);
    expect(await kept(where('/crat'))).toEqual([false, 1]);
    expect(await kept(`http.requests by route, latency ${range} | heatmap isolate "/crat"`)).toEqual([
      false,
      1,
    ]);
    expect(await kept('http.requests by route last 1m | count')).toEqual([false, 0]);
  });
});

/** A disk that fills up when a test says: as the store that waits for it. */
function fillingDisk(store: Store) {
  const disk = { full: false, retries: 0 };
  let stalled: { reason: string } | undefined;
  const nothing = () => ({ sealed: false, watermarks: [], notes: [], ...(stalled && { stalled }) });
  const instead: Partial<Store> = {
    get stalled() {
      return stalled;
    },
    fold: (entries) => {
      if (!disk.full) return store.fold(entries);
      stalled = { reason: 'database or disk is full' };
      return nothing();
    },
    retry: () => {
      disk.retries++;
      if (!disk.full) stalled = undefined;
      return nothing();
    },
  };
  return { disk, store: storeWith(store, instead) };
}

describe('while the disk is full', () => {
  it('nothing is folded, what is stored is answered, and all is folded once there is room', async () => {
    const world = await openWorld();
    const { disk, store } = fillingDisk(world.store);
    await world.report(START, START + 10);
    const aggregator = world.start({ store });
    await aggregator.reached(10);
    disk.full = true;
    await world.report(START + 10, START + 20);
    await world.clock.advance(5000);
    expect((await statusOf(aggregator)).foldedOffset).toBe(10);
    expect((await statusOf(aggregator)).stalled).toBe('database or disk is full');
    expect(disk.retries).toBe(5);
    expect(world.stalls).toEqual(['database or disk is full']);
    const meanwhile = numbers(await aggregator.ask(read(SHORT)));
    expect(meanwhile.frontier).toBeLessThanOrEqual(START + 10);
    disk.full = false;
    await world.clock.advance(1000);
    await aggregator.reached(20);
    expect((await statusOf(aggregator)).stalled).toBeUndefined();
    expect(world.stalls).toEqual(['database or disk is full', undefined]);
    expect(world.notices).toEqual([
      'cannot write: database or disk is full; what comes waits in the log, what is stored is answered',
      'writes again, after 6 s',
    ]);
    expect(world.store.stats().batches).toBe(20);
    expect(numbers(await aggregator.ask(read(SHORT))).frontier).toBeGreaterThanOrEqual(START + 20);
  });

  it('it can be closed', async () => {
    const world = await openWorld();
    const { disk, store } = fillingDisk(world.store);
    disk.full = true;
    const aggregator = world.start({ store });
    await world.clock.advance(1500);
    await aggregator.close();
    closers.length = 0;
    expect(world.notices).toHaveLength(1);
  });
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });
}

/** Gives so many entries, and the others when it is told to. */
function gatedReader(reader: LogReader, entriesBefore: number) {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const gated: LogReader = {
    async *read(from, signal) {
      const waiting: LogEntry[] = [];
      for await (const entries of reader.read(from, signal)) {
        waiting.push(...entries);
        yield waiting.splice(0, Math.max(0, entriesBefore - from));
        await Promise.race([opened, aborted(signal)]);
        if (signal.aborted) return;
        yield waiting.splice(0);
      }
    },
    seek: (arrivedMs) => reader.seek(arrivedMs),
    identity: () => reader.identity(),
    end: () => reader.end(),
    close: () => reader.close(),
  };
  return { gated, open };
}

describe('while the fold is behind the log', () => {
  it('what is not folded yet is not answered as known', async () => {
    const world = await openWorld();
    await world.report(START, START + 100);
    world.clock.set(world.clock.nowMs() + 60_000);
    const { gated, open } = gatedReader(world.log.reader(), 41);
    const aggregator = world.start({ reader: gated });
    await aggregator.reached(40);
    const behind = await statusOf(aggregator);
    expect(behind.isUp).toBe(false);
    const frontier = behind.frontiers[0]!.second;
    expect(frontier).toBeLessThanOrEqual(START + 41);
    expect(frontier).toBeGreaterThanOrEqual(START + 39);
    expect(numbers(await aggregator.ask(read(SHORT))).frontier).toBe(frontier);
    open();
    await aggregator.reached(100);
    expect((await statusOf(aggregator)).isUp).toBe(true);
    expect(numbers(await aggregator.ask(read(SHORT))).frontier).toBeGreaterThanOrEqual(START + 150);
  });

  it('an instrumentation that it has not come to is said to be on its way', async () => {
    const world = await openWorld();
    await world.report(START, START + 5);
    const { gated } = gatedReader(world.log.reader(), 0);
    const answer = await world.start({ reader: gated }).ask(read(SHORT));
    expect(answer).toMatchObject({ kind: 'problem', problem: { status: 503, code: 'CATCHING_UP' } });
  });

  it('a log that has nothing new is no reason to wait', async () => {
    const world = await openWorld();
    await world.report(START, START + 5);
    const first = world.start();
    await first.reached(5);
    world.clock.set(world.clock.nowMs() + 3_600_000);
    await setImmediate();
    expect((await statusOf(first)).isUp).toBe(true);
    expect((await statusOf(first)).frontiers[0]!.second).toBeGreaterThanOrEqual(START + 3600);
  });
});
