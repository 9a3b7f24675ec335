/** Histograms: a commutative monoid, and quantiles that bound the truth. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LL5 } from '../../src/model/grid.ts';
import {
  EMPTY,
  fromCounts,
  type Histogram,
  histogramOf,
  merge,
  quantile,
  total,
} from '../../src/model/histogram.ts';
import { arbitraryGrid, arbitraryValue } from '../arbitrary/grid.ts';
import { arbitraryHistogram } from '../arbitrary/histogram.ts';

const histogram = arbitraryHistogram(LL5);

describe('merge', () => {
  it('commutes, associates, and leaves what is merged with nothing', () => {
    fc.assert(
      fc.property(histogram, histogram, histogram, (a, b, c) => {
        expect(merge(a, b)).toEqual(merge(b, a));
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)));
        expect(merge(a, EMPTY)).toEqual(a);
        expect(total(merge(a, b))).toBe(total(a) + total(b));
      }),
    );
  });

  it('is what counting all values at once gives', () => {
    const values = fc.array(arbitraryValue);
    fc.assert(
      fc.property(arbitraryGrid, values, values, (grid, a, b) => {
        expect(merge(histogramOf(grid, a), histogramOf(grid, b))).toEqual(histogramOf(grid, [...a, ...b]));
      }),
    );
  });
});

it('a histogram is ascending and holds no zero', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(2))), (pairs) => {
      const h = fromCounts(new Map(pairs));
      expect(h.buckets).toEqual([...new Set(h.buckets)].toSorted((a, b) => a - b));
      expect(h.counts.every((count) => count > 0)).toBe(true);
    }),
  );
});

describe('quantile', () => {
  const rank = fc.oneof(fc.constantFrom(0, 0.5, 0.9, 0.99, 1), fc.double({ min: 0, max: 1, noNaN: true }));

  it('encloses the true order statistic, and its value lies within its bounds', () => {
    fc.assert(
      fc.property(arbitraryGrid, fc.array(arbitraryValue, { minLength: 1 }), rank, (grid, values, at) => {
        const sorted = values.toSorted((a, b) => a - b);
        const truth = sorted[Math.max(0, Math.ceil(at * sorted.length) - 1)]!;
        const found = quantile(grid, histogramOf(grid, values), at)!;
        expect(found.low).toBeLessThanOrEqual(found.value);
        expect(found.value).toBeLessThanOrEqual(found.high);
        if (grid.kind === 'count') return;
        expect(found.low).toBeLessThanOrEqual(truth);
        expect(found.high).toBeGreaterThanOrEqual(truth);
      }),
    );
  });

  it('does not fall as the rank rises', () => {
    const filled = histogram.filter((h) => h.buckets.length > 0);
    fc.assert(
      fc.property(filled, rank, rank, (h: Histogram, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(quantile(LL5, h, low)!.value).toBeLessThanOrEqual(quantile(LL5, h, high)!.value);
      }),
    );
  });

  it('of nothing is undefined', () => {
    expect(quantile(LL5, EMPTY, 0.5)).toBeUndefined();
  });
});
