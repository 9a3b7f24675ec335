import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Closings } from '../../../src/ingest/backfill/closings.ts';
import { Packer } from '../../../src/ingest/backfill/packer.ts';
import { COUNT } from '../../../src/model/grid.ts';
import { decodeEntry, readBatch } from '../../../src/model/report.ts';
import { CellsBuffer } from '../../../src/model/series.ts';

const START = 1_800_000_007;
const every = fc.constantFrom(1, 2, 5, 10, 60);
/** What a round finds: how many seconds after the one before it comes, and how far back its counts lie. */
const rounds = fc.array(
  fc.record({
    after: fc.oneof(
      { weight: 9, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ min: 2, max: 40 }) },
    ),
    back: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 4 }),
    isBehind: fc.boolean(),
  }),
  { minLength: 1, maxLength: 150 },
);

const startOf = (second: number, everySeconds: number): number => second - (second % everySeconds);

it('says a window to be whole when it is over, once, and each that the source saw from its beginning', () => {
  fc.assert(
    fc.property(every, rounds, fc.boolean(), (everySeconds, all, isAlwaysThere) => {
      const closings = new Closings({ everySeconds, fromSecond: START + 1 });
      const said: number[] = [];
      let now = START;
      for (const { after, back, isBehind } of all) {
        now += after;
        const counted = new Set(back.map((seconds) => startOf(now - seconds, everySeconds)));
        const closed = closings.take([...counted], isBehind && !isAlwaysThere ? undefined : now);
        for (const window of closed) {
          expect(window + everySeconds).toBeLessThanOrEqual(now);
          expect(window).toBeGreaterThan(START);
        }
        said.push(...closed);
      }
      expect(new Set(said).size).toBe(said.length);
      if (!isAlwaysThere) return;
      const first = startOf(START, everySeconds) + everySeconds;
      const length = Math.max(0, Math.floor((now - first) / everySeconds));
      const expected = Array.from({ length }, (_, i) => first + i * everySeconds);
      expect(said).toEqual(expected);
    }),
  );
});

it('is behind in bounds: what lies many windows back is over, and gaps of more than a minute are unknown', () => {
  const closings = new Closings({ everySeconds: 1, fromSecond: undefined });
  const seconds = Array.from({ length: 100 }, (_, i) => START + i);
  expect(closings.take(seconds, undefined)).toEqual(seconds.slice(0, 36));
  expect(closings.take([START + 500], undefined)).toEqual([START + 36]);
  const rest = closings.take([], START + 502);
  expect(rest.filter((second) => second < START + 100)).toEqual(seconds.slice(37));
  expect(rest.filter((second) => second >= START + 100)).toEqual(
    Array.from({ length: 60 }, (_, i) => START + 442 + i),
  );
});

it('makes batches whose windows are parts until they are over, and whose counts are those added', () => {
  fc.assert(
    fc.property(every, rounds, (everySeconds, all) => {
      const closings = new Closings({ everySeconds, fromSecond: START + 1 });
      const source = { host: 'h', driver: 'tail:a', incarnation: '0011223344556677' };
      const packer = new Packer({ instrumentation: 'one', grid: COUNT, everySeconds, source, closings });
      const counts = new Map<number, number>();
      const added = new Map<number, number>();
      const full: number[] = [];
      let now = START;
      for (const { after, back } of all) {
        now += after;
        for (const seconds of back) {
          const window = startOf(now - seconds, everySeconds);
          packer.add(window, ['k'], { buckets: [0], counts: [1] });
          added.set(window, (added.get(window) ?? 0) + 1);
        }
        for (const { payload } of packer.take(now)) {
          const view = decodeEntry(payload);
          if (view.kind !== 'reports') throw new Error('expected reports');
          for (const batch of view.batches) {
            const { second, reports } = readBatch(batch, () => new CellsBuffer());
            for (const { rows, partial } of reports) {
              if (!partial) full.push(second);
              for (const { histogram } of rows)
                counts.set(second, (counts.get(second) ?? 0) + histogram.counts[0]!);
            }
          }
        }
      }
      expect(counts).toEqual(added);
      expect(full.every((second) => second > START && second + everySeconds <= now)).toBe(true);
      expect(new Set(full).size).toBe(full.length);
    }),
    { numRuns: 50 },
  );
});
