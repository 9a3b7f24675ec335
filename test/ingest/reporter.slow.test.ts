import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COLLECT_MS_MAX } from '../../src/ingest/driver.ts';
import { Reporter } from '../../src/ingest/reporter.ts';
import { CLOCK_BACK_SECONDS_MAX } from '../../src/ingest/source-sequence.ts';
import type { SpoolEntry } from '../../src/ingest/spool.ts';
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX } from '../../src/model/limits.ts';
import { decodeEntry } from '../../src/model/report.ts';
import { ScriptedDriver } from './scripted-driver.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';

interface Put {
  readonly atMs: number;
  readonly entry: SpoolEntry;
}

function world(driverNames: readonly string[], startMs = 1_000_001_400) {
  const clock = new ManualClock(startMs);
  let seed = 1;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const drivers = driverNames.map((name) => new ScriptedDriver(name, clock, random));
  const puts: Put[] = [];
  const notes: string[] = [];
  const reporter = new Reporter({
    clock,
    drivers,
    put: async (entry) => {
      puts.push({ atMs: clock.nowMs(), entry });
      return true;
    },
    onNote: (text) => notes.push(text),
  });
  const running = reporter.run();
  const stop = async (): Promise<void> => {
    reporter.stop();
    await clock.advance(1000);
    await running;
  };
  return { clock, drivers, puts, notes, reporter, stop };
}

const said = (puts: readonly Put[]): string[] =>
  puts.flatMap(({ entry }) => entry.batches.map(({ source, second }) => `${source.driver} ${second}`));

describe('the reporter', () => {
  it('reports each second once, as soon as it has ended and all have answered', async () => {
    const { clock, drivers, puts, stop } = world(['a', 'b']);
    drivers[1]!.delayMs = () => 120;
    await clock.advance(4_000);
    await stop();
    // It started within second 1 000 001. What of that second is known whole is the drivers' to say.
    expect(puts.slice(0, 3).map(({ atMs, entry }) => [atMs, entry.second])).toEqual([
      [1_000_002_120, 1_000_001],
      [1_000_003_120, 1_000_002],
      [1_000_004_120, 1_000_003],
    ]);
    expect(said(puts.slice(0, 1))).toEqual(['a 1000001', 'b 1000001']);
    expect(drivers[0]!.safe.slice(0, 2)).toEqual([1_000_001, 1_000_002]);
    const entry = decodeEntry(puts[0]!.entry.payload);
    expect(
      entry.kind === 'reports' && entry.batches.map((b) => [b.source.driver, b.sequence, b.second]),
    ).toEqual([
      ['a', 0, 1_000_001],
      ['b', 0, 1_000_001],
    ]);
  });

  it('lets a slow driver follow with an entry of its own, and delays no other', async () => {
    const { clock, drivers, puts, stop } = world(['quick', 'slow']);
    drivers[1]!.delayMs = (second) => (second === 1_000_002 ? 700 : 10);
    await clock.advance(4_000);
    await stop();
    const of2 = puts.filter(({ entry }) => entry.second === 1_000_002);
    expect(of2.map(({ entry }) => said([{ atMs: 0, entry }]))).toEqual([['quick 1000002'], ['slow 1000002']]);
    expect(of2[0]!.atMs).toBe(1_000_003_000 + COLLECT_MS_MAX + 50);
    expect(of2[1]!.atMs).toBeLessThan(1_000_004_000);
  });

  it('asks a driver that never answers no more, and says whom it waits for', async () => {
    const { clock, drivers, puts, reporter, stop } = world(['quick', 'hung']);
    drivers[1]!.delayMs = (second) => (second < 1_000_003 ? 0 : undefined);
    await clock.advance(8_000);
    expect(drivers[1]!.asked).toEqual([1_000_001, 1_000_002, 1_000_003]);
    expect(reporter.stats().awaited).toEqual(['hung']);
    expect(said(puts).filter((text) => text.startsWith('quick')).length).toBe(8);
    await stop();
  });

  it('goes on past a driver that throws', async () => {
    const { clock, drivers, puts, notes, stop } = world(['good', 'bad']);
    drivers[1]!.collect = () => Promise.reject(new Error('no such file'));
    await clock.advance(2_000);
    await stop();
    expect(said(puts).slice(0, 1)).toEqual(['good 1000001']);
    expect(notes[0]).toBe('Cannot collect from driver "bad": no such file');
  });

  it('says no second twice and none in the wrong order, whatever the clock does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            stepMs: fc.oneof(
              fc.integer({ min: -90_000, max: 90_000 }),
              fc.integer({ min: -2500, max: 2500 }),
            ),
            afterMs: fc.nat(5000),
          }),
          { maxLength: 6 },
        ),
        async (steps) => {
          const { clock, drivers, puts, stop } = world(['a']);
          for (const { stepMs, afterMs } of steps) {
            await clock.advance(afterMs);
            clock.set(clock.nowMs() + stepMs);
          }
          await clock.advance((CLOCK_BACK_SECONDS_MAX + 3) * 1000);
          await stop();
          const seen = new Map<string, number>();
          for (const { entry } of puts) {
            for (const { source, sequence, second } of entry.batches) {
              const last = seen.get(source.incarnation);
              if (last !== undefined) expect(second).toBeGreaterThan(last);
              else expect(sequence).toBe(0);
              seen.set(source.incarnation, second);
            }
          }
          // However the clock went, it reports again in the end: the second before the last.
          expect(drivers[0]!.asked).toContain(Math.floor(clock.nowMs() / 1000) - 2);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('leaves seconds unreported that nobody was awake for', async () => {
    const { clock, puts, reporter, stop } = world(['a']);
    await clock.advance(1_000);
    clock.set(clock.nowMs() + 30_000); // the machine slept
    await clock.advance(3_000);
    await stop();
    const seconds = puts.map(({ entry }) => entry.second);
    expect(seconds.slice(0, 4)).toEqual([1_000_001, 1_000_032, 1_000_033, 1_000_034]);
    expect(reporter.stats().skippedSeconds).toBe(30);
  });

  it('splits what is too much for one entry, in order, and gives up what is too much for any', async () => {
    const { clock, drivers, puts, reporter, stop } = world(['a']);
    const bytesOf = (length: number) => new Uint8Array(length);
    const batch = (sequence: number, lengthBytes: number) => ({
      source: { host: 'h', driver: `n${sequence}`, incarnation: '0000000000000000' },
      sequence,
      second: 1_000_001,
      bytes: bytesOf(lengthBytes),
    });
    for (let i = 0; i < ENTRY_BATCHES_MAX + 5; i++) drivers[0]!.extra.push(batch(i, 100));
    drivers[0]!.extra.push(
      batch(900, ENTRY_BYTES_MAX),
      batch(901, ENTRY_BYTES_MAX / 2),
      batch(902, ENTRY_BYTES_MAX / 2),
    );
    await clock.advance(2_000);
    await stop();
    const first = puts.filter(({ entry }) => entry.second === 1_000_001);
    for (const { entry } of first) {
      expect(entry.payload.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX);
      expect(entry.batches.length).toBeLessThanOrEqual(ENTRY_BATCHES_MAX);
    }
    const sequences = first.flatMap(({ entry }) => entry.batches.map((b) => b.sequence));
    expect(sequences).toEqual([...Array.from({ length: ENTRY_BATCHES_MAX + 5 }, (_, i) => i), 901, 902, 0]);
    expect(reporter.stats().oversized).toBe(1);
  });

  it('packs stragglers that come together into one entry', async () => {
    const { clock, puts, reporter, stop } = world(['a']);
    await clock.advance(2_700);
    const before = puts.length;
    const source = { host: 'h', driver: 'late', incarnation: '0000000000000000' };
    for (let sequence = 0; sequence < 10; sequence++) {
      reporter.late([{ source, sequence, second: 1_000_000, bytes: new Uint8Array(20) }]);
    }
    await clock.advance(100);
    expect(puts.slice(before).map(({ entry }) => entry.batches.length)).toEqual([10]);
    await stop();
  });
});
