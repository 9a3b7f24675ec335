/** As of T: what a store says that has folded exactly the entries which had arrived by T. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { coverageColumns } from '../../src/model/coverage.ts';
import { keyText } from '../../src/model/key.ts';
import type { LogEntry } from '../../src/model/log.ts';
import { decodeEntry } from '../../src/model/report.ts';
import type { SeriesReader } from '../../src/model/series.ts';
import { AsOfReader, asOfStartMs, AsOfTooLargeError } from '../../src/store/as-of.ts';
import { openStore } from '../../src/store/store.ts';
import { HandLog, requests, START } from './reports.ts';

const SECONDS = 2500;
const forever = requests({ keepSeconds: 30 * 86_400 });

interface Range {
  readonly fromSecond: number;
  readonly untilSecond: number;
}

/** What a reader says of a range: counts by second and key, and who reported. */
function said(reader: SeriesReader, { fromSecond, untilSecond }: Range) {
  const counts = new Map<string, number>();
  for (const { startSecond, stepSeconds, keys, cells } of reader.blocks(
    'requests',
    fromSecond,
    untilSecond,
    1,
  )) {
    for (let i = 0; i < cells.length; i++) {
      const second = startSecond + cells.step[i]! * stepSeconds;
      if (second < fromSecond || second >= untilSecond) continue;
      const place = `${second - START} ${keyText(keys[cells.key[i]!]!)}`;
      counts.set(place, (counts.get(place) ?? 0) + cells.count[i]!);
    }
  }
  const blocks = reader.coverage('requests', fromSecond, untilSecond, 1);
  const coverage = coverageColumns(blocks, { fromSecond, untilSecond, columnSeconds: 1 });
  return { counts: Object.fromEntries(counts), coverage };
}

/** In the way of a store that has read so far. */
function stored(entries: readonly LogEntry[], range: Range) {
  const store = openStore({
    directory: ':memory:',
    kernel: referenceKernel,
    owns: () => true,
    logIdentity: 'log',
  });
  try {
    store.fold(entries);
    return said(store.reader, range);
  } finally {
    store.close();
  }
}

/** In the way of the question: what a log gives from the first offset that may matter on, batch by batch. */
function asOf(
  log: readonly LogEntry[],
  range: Range,
  asOfSecond: number,
  batch = 7,
  instrumentation = forever,
) {
  const reader = new AsOfReader({ ...range, asOfSecond, instrumentation }, referenceKernel);
  const startMs = asOfStartMs(range);
  const found = log.findIndex(({ arrivedMs }) => arrivedMs >= startMs);
  for (let at = found < 0 ? log.length : found; at < log.length; at += batch) {
    if (reader.take(log.slice(at, at + batch))) break;
  }
  return said(reader, range);
}

type Event =
  | {
      readonly kind: 'report';
      readonly host: string;
      readonly second: number;
      readonly lateMs: number;
      readonly count: number;
      readonly partial: boolean;
      readonly again: boolean;
    }
  | { readonly kind: 'online' | 'offline'; readonly host: string; readonly second: number }
  | { readonly kind: 'drop' | 'expire'; readonly second: number };

const second = fc.integer({ min: 0, max: SECONDS - 1 });
const host = fc.constantFrom('web1', 'web2', 'web3');
const lateMs = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 3000 }) },
  { weight: 2, arbitrary: fc.integer({ min: -9000, max: 30_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 1_500_000 }) },
);
const report = fc.record({
  kind: fc.constant('report' as const),
  host,
  second,
  lateMs,
  count: fc.integer({ min: 1, max: 9 }),
  partial: fc.boolean(),
  again: fc.boolean(),
});
const arbitraryEvents: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: report },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('online', 'offline'), host, second }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('drop', 'expire'), second }) },
  ),
  { minLength: 30, maxLength: 150 },
);

/** A stretch of reports second by second, so that blocks fill and are sealed in time. */
const arbitraryRun: fc.Arbitrary<Event[]> = fc
  .record({
    host,
    from: second,
    length: fc.integer({ min: 1, max: 900 }),
    every: fc.integer({ min: 1, max: 30 }),
  })
  .map(({ host: by, from, length, every }) =>
    Array.from({ length: Math.ceil(length / every) }, (_, i): Event => {
      const at = { host: by, second: Math.min(from + i * every, SECONDS - 1) };
      return { kind: 'report', ...at, lateMs: 0, count: 1, partial: false, again: false };
    }),
  );

interface Arrival {
  readonly ms: number;
  readonly write: (log: HandLog, arrivedMs: number) => void;
}

function arrivals(events: readonly Event[]): Arrival[] {
  const sequences = new Map<string, number>();
  return events.flatMap((event): Arrival[] => {
    const at = START + event.second;
    switch (event.kind) {
      case 'report': {
        const sequence = sequences.get(event.host) ?? 0;
        sequences.set(event.host, sequence + 1);
        const ms = Math.max(at * 1000 - 9000, (at + 1) * 1000 + event.lateMs);
        const write = (log: HandLog, arrivedMs: number): void => {
          log.report(at, [[['/a'], event.count]], {
            host: event.host,
            partial: event.partial,
            sequence,
            arrivedMs,
          });
        };
        return event.again
          ? [
              { ms, write },
              { ms: ms + 40_000, write },
            ]
          : [{ ms, write }];
      }
      case 'online':
        return [
          {
            ms: at * 1000,
            write: (log) => log.control({ kind: 'instrumenter-online', host: event.host, metrics: [] }, at),
          },
        ];
      case 'offline': {
        const offline = { kind: 'source-offline', host: event.host, driver: 'proc', second: at } as const;
        return [{ ms: at * 1000, write: (log) => log.control(offline, at) }];
      }
      case 'drop':
      case 'expire': {
        const kind = event.kind === 'drop' ? 'instrumentation-dropped' : 'instrumentation-expired';
        const created = { kind: 'instrumentation-created', instrumentation: forever } as const;
        return [
          { ms: at * 1000, write: (log) => log.control({ kind, id: 'requests' }, at) },
          { ms: at * 1000 + 30_000, write: (log) => log.control(created, at + 30) },
        ];
      }
    }
  });
}

/** The log of what came, nearly in the order in which it arrived. */
function logOf(events: readonly Event[], jitterMs: readonly number[]): readonly LogEntry[] {
  const log = new HandLog();
  log.control({ kind: 'instrumentation-created', instrumentation: forever }, START - 5000);
  const ordered = arrivals(events)
    .map((arrival, i) => ({ ...arrival, placeMs: arrival.ms + (jitterMs[i % jitterMs.length] ?? 0) }))
    .toSorted((a, b) => a.placeMs - b.placeMs);
  for (const { ms, write } of ordered) write(log, ms);
  return log.entries;
}

/** Whether the reading begins while nothing lives: that it takes for living, as it cannot know. */
function beganWithout(log: readonly LogEntry[], range: Range): boolean {
  const before = log.filter(({ arrivedMs }) => arrivedMs < asOfStartMs(range));
  const lives = before.flatMap(({ payload }) => {
    const view = decodeEntry(payload);
    return view.kind === 'control' && view.event.kind.startsWith('instrumentation-') ? [view.event.kind] : [];
  });
  return lives.at(-1) !== 'instrumentation-created';
}

describe('a reader as of T', () => {
  it('says what a store said that had folded what arrived by T', () => {
    let told = 0;
    const range = fc
      .tuple(second, fc.integer({ min: 1, max: 700 }))
      .map(([from, length]) => ({ fromSecond: START + from, untilSecond: START + from + length }));
    const jitter = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 20 });
    const later = fc.integer({ min: -100, max: 2000 });
    fc.assert(
      fc.property(
        arbitraryEvents,
        fc.array(arbitraryRun, { maxLength: 4 }),
        jitter,
        range,
        later,
        (events, runs, jitterMs, asked, laterSeconds) => {
          const log = logOf([...events, ...runs.flat()], jitterMs);
          fc.pre(!beganWithout(log, asked));
          const asOfSecond = asked.untilSecond + laterSeconds;
          const arrived = log.filter(({ arrivedMs }) => arrivedMs <= asOfSecond * 1000);
          const then = stored(arrived, asked);
          expect(asOf(log, asked, asOfSecond)).toEqual(then);
          const now = asOf(log, asked, asOfSecond + 100_000);
          if (JSON.stringify(now) !== JSON.stringify(then)) told++;
        },
      ),
      { numRuns: 50 },
    );
    expect(told).toBeGreaterThan(4);
  });

  it('reads no further than what may have arrived by T', () => {
    const log = new HandLog();
    const range = { fromSecond: START, untilSecond: START + 10 };
    const reader = new AsOfReader(
      { ...range, asOfSecond: START + 10, instrumentation: forever },
      referenceKernel,
    );
    expect(reader.take([log.report(START, [[['/'], 1]])])).toBe(false);
    expect(reader.take([log.report(START + 60, [[['/'], 1]])])).toBe(false);
    expect(reader.take([log.report(START + 3, [[['/'], 1]], { arrivedMs: (START + 9) * 1000 })])).toBe(false);
    expect(reader.take([log.report(START + 101, [[['/'], 1]])])).toBe(true);
    expect(said(reader, range).counts).toEqual({ '0 ["/"]': 1, '3 ["/"]': 1 });
  });

  it('has nothing of what measured something else at that time', () => {
    const log = new HandLog();
    log.create(requests({ by: ['route'], where: { op: 'eq', field: 'host', value: 'web1' } }));
    log.report(START, [[['/'], 5]]);
    log.control({ kind: 'instrumentation-dropped', id: 'requests' }, START + 20);
    log.control({ kind: 'instrumentation-created', instrumentation: forever }, START + 30);
    log.report(START + 40, [[['/'], 7]]);
    const range = { fromSecond: START, untilSecond: START + 60 };
    expect(asOf(log.entries, range, START + 10).counts).toEqual({});
    expect(asOf(log.entries, range, START + 100).counts).toEqual({ '40 ["/"]': 7 });
  });

  it('does not mind retention: seconds are there as long as the log has them', () => {
    const short = requests({ keepSeconds: 10 });
    const log = new HandLog();
    log.create(short);
    for (let i = 0; i < 600; i++) log.report(START + i, [[['/'], 1]]);
    const changed = {
      kind: 'instrumentation-changed',
      id: 'requests',
      keepSeconds: 10,
      idleSeconds: 0,
    } as const;
    log.control(changed, START + 600);
    log.report(START + 5, [[['/late'], 1]], { arrivedMs: (START + 601) * 1000 });
    const { counts } = asOf(
      log.entries,
      { fromSecond: START, untilSecond: START + 20 },
      START + 700,
      50,
      short,
    );
    expect(Object.keys(counts)).toHaveLength(21);
  });

  it('is bounded in cells', () => {
    const log = new HandLog();
    const keys = Array.from({ length: 50 }, (_, i): readonly [string[], number] => [[`/${i}`], 1]);
    for (let i = 0; i < 600; i++) log.report(START + i, keys);
    const range = { fromSecond: START, untilSecond: START + 600 };
    const reader = new AsOfReader(
      { ...range, asOfSecond: START + 700, instrumentation: forever },
      referenceKernel,
      10_000,
    );
    expect(() => reader.take(log.entries)).toThrow(AsOfTooLargeError);
    const narrow = new AsOfReader(
      { ...range, untilSecond: START + 100, asOfSecond: START + 700, instrumentation: forever },
      referenceKernel,
      15_000,
    );
    expect(narrow.take(log.entries)).toBe(false);
  });
});
