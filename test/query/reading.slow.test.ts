/** What is read off a histogram, against the values that were put in: bounds hold, and say what they claim. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketCount, bucketIndex, type Grid, LL5 } from '../../src/model/grid.ts';
import { histogramOf, quantile } from '../../src/model/histogram.ts';
import type { OrderOp } from '../../src/query/ast.ts';
import { PARTS, type Readable, readingOf } from '../../src/query/reading.ts';
import { meanSpread, proportionInterval, quantileRanks } from '../../src/query/sample.ts';

const PERCENT: Grid = { kind: 'linear', width: 1 };

const arbitraryValues = fc.oneof(
  fc.array(fc.oneof(fc.nat(100), fc.nat(5e9), fc.constantFrom(31, 32, 33, 1e6)), {
    minLength: 1,
    maxLength: 300,
  }),
  fc.array(fc.integer({ min: 1000, max: 1100 }), { minLength: 1, maxLength: 50 }),
);

const arbitraryBound = fc.record({
  op: fc.constantFrom<OrderOp>('lt', 'le', 'gt', 'ge'),
  value: fc.oneof(fc.nat(100), fc.integer({ min: 1000, max: 1100 }), fc.nat(5e9)),
});

function read(measure: Readable, values: readonly number[], { grid = LL5, sampled = true } = {}) {
  const length = bucketCount(grid);
  const counts = new Float64Array(length + 3);
  for (const value of values) counts[3 + bucketIndex(grid, value)]!++;
  const out = new Float64Array(PARTS);
  expect(readingOf(measure, { grid, first: 0, length, sampled })(counts, 3, out)).toBe(values.length);
  const [value, low, high, sampleLow, sampleHigh] = [...out] as [number, number, number, number, number];
  expect(low).toBeLessThanOrEqual(value * (1 + 1e-12));
  expect(high).toBeGreaterThanOrEqual(value * (1 - 1e-12));
  return { value, low, high, sampleLow, sampleHigh };
}

function holds(value: number, { op, value: bound }: { op: OrderOp; value: number }): boolean {
  return { lt: value < bound, le: value <= bound, gt: value > bound, ge: value >= bound }[op];
}

describe('a reading', () => {
  it('of a percentile is that of the histogram', () => {
    fc.assert(
      fc.property(arbitraryValues, fc.constantFrom(0, 1, 50, 90, 99, 99.9, 100), (values, percent) => {
        const { value, low, high } = read({ kind: 'percentile', percent }, values);
        expect({ value, low, high }).toEqual(quantile(LL5, histogramOf(LL5, values), percent / 100));
        const sorted = values.toSorted((a, b) => a - b);
        const measured = sorted[Math.max(0, Math.ceil((percent / 100) * values.length) - 1)]!;
        expect(low).toBeLessThanOrEqual(measured);
        expect(high).toBeGreaterThanOrEqual(measured);
      }),
    );
  });

  it('of the maximum, the average, a share and an apdex bounds what the values say', () => {
    fc.assert(
      fc.property(arbitraryValues, arbitraryBound, (values, bound) => {
        const within = (measure: Readable, measured: number): void => {
          const { low, high, sampleLow, sampleHigh } = read(measure, values);
          const slack = 1e-9 * Math.max(1, measured);
          expect(low).toBeLessThanOrEqual(measured + slack);
          expect(high).toBeGreaterThanOrEqual(measured - slack);
          if (!Number.isNaN(sampleLow)) expect(sampleLow).toBeLessThanOrEqual(measured + slack);
          if (!Number.isNaN(sampleHigh)) expect(sampleHigh).toBeGreaterThanOrEqual(measured - slack);
        };
        const n = values.length;
        const mean = (of: (value: number) => number): number => values.reduce((s, v) => s + of(v), 0) / n;
        within({ kind: 'maximum' }, Math.max(...values));
        within(
          { kind: 'average' },
          mean((v) => v),
        );
        within(
          { kind: 'share', ...bound },
          mean((v) => (holds(v, bound) ? 100 : 0)),
        );
        within({ kind: 'tail', ...bound }, n * mean((v) => (holds(v, bound) ? 1 : 0)));
        const target = bound.value + 1;
        within(
          { kind: 'apdex', target },
          mean((v) => (v <= target ? 1 : v <= 4 * target ? 0.5 : 0)),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('is exact where a bound is an edge of the buckets, and where buckets hold one value', () => {
    const values = [1, 2, 3, 4, 50, 60, 100, 1024];
    expect(read({ kind: 'share', op: 'ge', value: 3 }, values)).toMatchObject({ low: 75, high: 75 });
    expect(read({ kind: 'share', op: 'ge', value: 1024 }, values)).toMatchObject({ low: 12.5, high: 12.5 });
    expect(read({ kind: 'maximum' }, [1, 2, 3])).toMatchObject({ value: 3, low: 3, high: 3 });
    expect(read({ kind: 'apdex', target: 1 }, [1, 1, 3, 9])).toMatchObject({ value: 0.625, low: 0.625 });
    expect(read({ kind: 'maximum' }, [1, 5000], { grid: PERCENT }).high).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('of nothing, and of what is no sample, has no bounds of a sample', () => {
    const none = { sampleLow: Number.NaN, sampleHigh: Number.NaN };
    const measures: Readable[] = [
      { kind: 'percentile', percent: 50 },
      { kind: 'average' },
      { kind: 'share', op: 'gt', value: 5 },
      { kind: 'apdex', target: 5 },
    ];
    for (const measure of measures) expect(read(measure, [1, 9, 9], { sampled: false })).toMatchObject(none);
    expect(read({ kind: 'percentile', percent: 99 }, [5, 6, 7])).toMatchObject({ sampleHigh: Number.NaN });
    expect(read({ kind: 'percentile', percent: 1 }, [5, 6, 7])).toMatchObject({ sampleLow: Number.NaN });
  });
});

/** P(from <= X < until) of a binomial. */
function binomial(n: number, p: number, from: number, until: number): number {
  let sum = 0;
  let log = n * Math.log(1 - p);
  for (let k = 0; k <= n; k++) {
    if (k >= from && k < until) sum += Math.exp(log);
    log += Math.log((n - k) / (k + 1)) + Math.log(p / (1 - p));
  }
  return sum;
}

describe('an interval of a sample', () => {
  it('of a quantile holds it in at least 94 of 100 cases, however many events there are', () => {
    for (const p of [0.5, 0.9, 0.95, 0.99, 0.999]) {
      for (let n = 1; n <= 3000; n = Math.ceil(n * 1.13)) {
        const [from, to] = quantileRanks(n, p);
        expect({ n, p, holds: binomial(n, p, from, to) }).toEqual({
          n,
          p,
          holds: expect.toSatisfy((h) => h > 0.94),
        });
      }
    }
  });

  it('of a quantile is open above where events are too few', () => {
    expect(quantileRanks(99, 0.99)[1]).toBeGreaterThan(99);
    expect(quantileRanks(10_000, 0.99)).toEqual([9880, 9921]);
  });

  it('of a proportion and of a mean narrows with the root of their number', () => {
    const width = ([low, high]: readonly [number, number]): number => high - low;
    expect(proportionInterval(100, 0)[0]).toBe(0);
    expect(proportionInterval(100, 0)[1]).toBeGreaterThan(0.03);
    expect(width(proportionInterval(40_000, 0.3)) / width(proportionInterval(10_000, 0.3))).toBeCloseTo(
      0.5,
      2,
    );
    expect(meanSpread(400, 9) / meanSpread(100, 9)).toBeCloseTo(0.5, 9);
    expect(meanSpread(1, 0)).toBeNaN();
  });
});
