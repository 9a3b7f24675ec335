/** The grids: index and edge are inverse, ascending, and as tight as promised. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bucketCount,
  bucketEdge,
  bucketIndex,
  bucketMiddle,
  COUNT,
  LINEAR_BUCKETS,
  LL5,
  LL5_BUCKETS,
  ll5Edge,
  ll5Index,
  relativeBound,
  sameGrid,
  VALUE_MAX,
} from '../../src/model/grid.ts';
import { arbitraryGrid, arbitraryValue } from '../arbitrary/grid.ts';

const buckets = Array.from({ length: LL5_BUCKETS }, (_, i) => i);

describe('LL5', () => {
  it('index and edge are inverse on every bucket, at both of its ends', () => {
    for (const i of buckets) {
      expect(ll5Index(ll5Edge(i))).toBe(i);
      expect(bucketIndex(LL5, bucketEdge(LL5, i + 1) - 1)).toBe(i);
    }
    expect(bucketIndex(LL5, VALUE_MAX)).toBe(LL5_BUCKETS - 1);
    expect(bucketEdge(LL5, LL5_BUCKETS)).toBe(VALUE_MAX + 1);
  });

  it('is the formula of the design, in exact integers', () => {
    fc.assert(
      fc.property(arbitraryValue, (value) => {
        const v = BigInt(value);
        const e = BigInt(v.toString(2).length - 1);
        const formula = v < 32n ? v : (e - 4n) * 32n + (v >> (e - 5n)) - 32n;
        expect(ll5Index(value)).toBe(Number(formula));
      }),
    );
  });

  it('has every power of two as an edge, and 32 buckets between two of them', () => {
    for (let power = 5; power < 53; power++) {
      expect(ll5Edge(ll5Index(2 ** power))).toBe(2 ** power);
      expect(bucketIndex(LL5, 2 ** power)).toBe((power - 4) * 32);
    }
    expect(bucketIndex(LL5, 10e9)).toBe(933);
  });

  it('has no bucket wider than 1/32 of its lower edge, and no middle further than the bound', () => {
    for (const i of buckets.slice(32)) {
      const [low, high] = [bucketEdge(LL5, i), bucketEdge(LL5, i + 1)];
      const middle = bucketMiddle(LL5, i);
      expect((high - low) / low).toBeLessThanOrEqual(1 / 32);
      for (const value of [low, high - 1]) {
        expect(Math.abs(value - middle) / middle).toBeLessThanOrEqual(relativeBound(LL5));
      }
    }
  });
});

describe('any grid', () => {
  it('counts a value in the bucket whose edges enclose it', () => {
    fc.assert(
      fc.property(arbitraryGrid, arbitraryValue, (grid, value) => {
        const i = bucketIndex(grid, value);
        expect(i).toBeGreaterThanOrEqual(0);
        expect(i).toBeLessThan(bucketCount(grid));
        if (grid.kind === 'count') return;
        expect(bucketEdge(grid, i)).toBeLessThanOrEqual(value);
        const openEnded = grid.kind === 'linear' && i === LINEAR_BUCKETS - 1;
        if (!openEnded) expect(bucketEdge(grid, i + 1)).toBeGreaterThan(value);
        expect(bucketMiddle(grid, i)).toBeGreaterThanOrEqual(bucketEdge(grid, i));
      }),
    );
  });

  it('is monotone in the value', () => {
    fc.assert(
      fc.property(arbitraryGrid, arbitraryValue, arbitraryValue, (grid, a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(bucketIndex(grid, low)).toBeLessThanOrEqual(bucketIndex(grid, high));
      }),
    );
  });

  it('loses no odd value: it is cut and clamped', () => {
    const odd = fc.oneof(fc.double(), fc.constantFrom(NaN, -Infinity, Infinity, -0, 2 ** 60, 31.99));
    fc.assert(
      fc.property(arbitraryGrid, odd, (grid, value) => {
        const clean = value > 0 ? Math.min(Math.floor(value), VALUE_MAX) : 0;
        expect(bucketIndex(grid, value)).toBe(bucketIndex(grid, clean));
      }),
    );
  });

  it('is the same as itself and as no other', () => {
    fc.assert(
      fc.property(arbitraryGrid, arbitraryGrid, (a, b) => {
        expect(sameGrid(a, b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
    expect(sameGrid(LL5, COUNT)).toBe(false);
  });
});
