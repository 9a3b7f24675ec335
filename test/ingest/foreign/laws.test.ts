import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binsFault, type Bins, binsSince, cellsOf } from '../../../src/ingest/foreign/bins.ts';
import { fieldName, metricName, unitOf } from '../../../src/ingest/foreign/names.ts';
import { Drops } from '../../../src/ingest/foreign/drops.ts';
import { SeriesBook } from '../../../src/ingest/foreign/series-book.ts';
import { secondsOf, shareOut } from '../../../src/ingest/foreign/span-of-time.ts';
import { bucketEdge, LL5 } from '../../../src/model/grid.ts';
import { FIELD_NAME, METRIC_NAME } from '../../../src/model/metric.ts';

const counts = (length: number) => fc.array(fc.nat(1000), { minLength: length, maxLength: length });
const explicit: fc.Arbitrary<Bins> = fc
  .uniqueArray(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 12 })
  .chain((bounds) =>
    counts(bounds.length + 1).map((of) => ({
      kind: 'explicit' as const,
      bounds: bounds.toSorted((a, b) => a - b),
      counts: of,
    })),
  );
const exponential: fc.Arbitrary<Bins> = fc.record({
  kind: fc.constant('exponential' as const),
  scale: fc.integer({ min: -4, max: 12 }),
  zeroThreshold: fc.constantFrom(0, 1e-6),
  zeroCount: fc.nat(50),
  offset: fc.integer({ min: -200, max: 200 }),
  counts: fc.array(fc.nat(1000), { maxLength: 40 }),
  negativeCount: fc.constant(0),
});
const bins = fc.oneof(explicit, exponential);
const total = (of: Bins): number =>
  of.counts.reduce((sum, n) => sum + n, 0) + (of.kind === 'explicit' ? 0 : of.zeroCount);

describe('buckets of others', () => {
  it('lose no count and gain none on the grid', () => {
    fc.assert(
      fc.property(bins, fc.constantFrom(1, 1e6, 1e9), (of, scale) => {
        expect(binsFault(of)).toBe(undefined);
        const cells = cellsOf(of, LL5, scale);
        expect(cells.counts.reduce((sum, n) => sum + n, 0)).toBe(total(of));
      }),
    );
  });

  it('leave no count outside the buckets that theirs overlaps', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 ** 9 }),
        fc.integer({ min: 1, max: 10 ** 9 }),
        (low, width) => {
          const of: Bins = { kind: 'explicit', bounds: [low, low + width], counts: [0, 100, 0] };
          const { buckets } = cellsOf(of, LL5, 1);
          expect(bucketEdge(LL5, buckets[0]! + 1)).toBeGreaterThan(low + 1);
          expect(bucketEdge(LL5, buckets.at(-1)!)).toBeLessThanOrEqual(low + width);
        },
      ),
    );
  });

  it('are the difference of what is cumulative: what was, and what is new, is what is', () => {
    const two = fc.oneof(
      explicit.chain((a) => counts(a.counts.length).map((of) => [a, { ...a, counts: of }] as const)),
      exponential.chain((a) => counts(a.counts.length).map((of) => [a, { ...a, counts: of }] as const)),
    );
    fc.assert(
      fc.property(two, ([before, more]) => {
        const now = {
          ...before,
          counts: before.counts.map((n, i) => n + more.counts[i]!),
          ...(before.kind === 'exponential' ? { zeroCount: before.zeroCount * 2 } : {}),
        } as Bins;
        const since = binsSince(now, before);
        expect(since).toMatchObject({ counts: more.counts });
      }),
    );
  });

  it('are compared at the coarser scale where the scale went down', () => {
    const at = (scale: number, offset: number, of: number[]): Bins => ({
      kind: 'exponential',
      scale,
      zeroThreshold: 0,
      zeroCount: 0,
      offset,
      counts: of,
      negativeCount: 0,
    });
    // At scale 1 buckets -3 to 1; at scale 0 they are -2 (of -3), -1 (of -2 and -1) and 0 (of 0 and 1).
    expect(binsSince(at(0, -2, [7, 9, 15]), at(1, -3, [1, 2, 3, 4, 5]))).toMatchObject({
      scale: 0,
      offset: -2,
      counts: [6, 4, 6],
    });
    expect(binsSince(at(0, 0, [1]), at(0, 0, [2]))).toBe('reset');
  });
});

describe('time', () => {
  it('of an interval gets all of its counts, none before its first second or after its last', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e9, max: 1e9 + 100, noNaN: true }),
        fc.double({ min: 0, max: 400, noNaN: true }),
        fc.nat(100_000),
        fc.nat(50),
        (from, length, count, cell) => {
          const until = from + length;
          const got = new Map<number, number>();
          shareOut(count, secondsOf(from, until, 300), cell, (second, n) =>
            got.set(second, (got.get(second) ?? 0) + n),
          );
          expect([...got.values()].reduce((sum, n) => sum + n, 0)).toBe(count);
          for (const [second, n] of got) {
            expect(n).toBeGreaterThan(0);
            expect(second).toBeGreaterThanOrEqual(Math.min(Math.floor(from), Math.ceil(until) - 1));
            expect(second).toBeLessThanOrEqual(Math.ceil(until) - 1);
          }
        },
      ),
    );
  });

  it('is the same for deltas as for the differences of what is cumulative', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 20 }), (steps) => {
        const deltas = new SeriesBook({ bornAt: 0, drops: new Drops() });
        const sums = new SeriesBook({ bornAt: 0, drops: new Drops() });
        let sum = 0;
        steps.forEach((value, i) => {
          sum += value;
          const times = { start: 1 + i, time: 2 + i };
          const a = deltas.take('k', { temporality: 'delta', ...times, value });
          const b = sums.take('k', { temporality: 'cumulative', start: 1, time: 2 + i, value: sum });
          expect(b).toEqual(a);
        });
      }),
    );
  });

  it('begins anew where there is less than before, or the start moved', () => {
    const book = new SeriesBook({ bornAt: 100, drops: new Drops() });
    const take = (start: number, time: number, value: number) =>
      book.take('k', { temporality: 'cumulative', start, time, value });
    expect(take(50, 110, 1000)).toBe(undefined);
    expect(take(50, 120, 1010)).toEqual({ from: 110, until: 120, value: 10 });
    expect(take(50, 130, 4)).toEqual({ from: 120, until: 130, value: 4 });
    expect(take(135, 140, 9)).toEqual({ from: 135, until: 140, value: 9 });
    expect(take(135, 140, 9)).toBe(undefined);
  });

  it('counts whole what a sender that tells all did not have before, and no series that was forgotten', () => {
    const told = fc.array(
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 9 })),
      {
        minLength: 1,
        maxLength: 8,
      },
    );
    fc.assert(
      fc.property(told, fc.integer({ min: 2, max: 4 }), (growths, seriesMax) => {
        const book = new SeriesBook({ bornAt: 0, drops: new Drops(), seriesMax });
        const sums = new Map<string, number>();
        let counted = 0;
        let grown = 0;
        for (const [second, growth] of growths.entries()) {
          for (const [key, more] of Object.entries(growth)) {
            sums.set(key, (sums.get(key) ?? 0) + more);
            if (second > 0) grown += more;
          }
          const completeAt = second === 0 ? undefined : second - 1;
          for (const [key, value] of sums) {
            const seen = { temporality: 'cumulative', start: undefined, time: second, value } as const;
            const increment = book.take(key, seen, completeAt);
            counted += (increment?.value as number | undefined) ?? 0;
          }
        }
        if (sums.size <= seriesMax) expect(counted).toBe(grown);
        else expect(counted).toBeLessThanOrEqual(grown);
      }),
    );
  });
});

describe('names', () => {
  it('are always names', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'B', '7', '.', '_', ' ', 'é', '\u0000', '🙂') }),
        (name) => {
          expect(metricName(name, 'remote-write')).toMatch(METRIC_NAME);
          expect(fieldName(name)).toMatch(FIELD_NAME);
          expect(unitOf(name).scale).toBeGreaterThan(0);
        },
      ),
    );
  });

  it.each([
    ['http.server.request.duration', 'http.server_request_duration'],
    ['node_cpu_seconds_total', 'node.cpu_seconds_total'],
    ['up', 'otlp.up'],
    ['jvmMemory.heapUsed', 'jvm_memory.heap_used'],
  ])('%s is %s', (theirs, ours) => expect(metricName(theirs, 'otlp')).toBe(ours));
});
