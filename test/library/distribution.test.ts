/** What matchers measure, against the raw values: exact where values are plain, within bounds where they were
 *  counted, and no bound wider than a bucket. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketIndex, COUNT, type Grid, LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import { arbitraryGrid, arbitraryValue } from '../arbitrary/grid.ts';
import {
  bucketBounds,
  distance,
  type Distribution,
  distributionOf,
  percentileBounds,
  shareAbove,
} from '../arbitrary/distribution.ts';

const arbitraryValues = fc.array(fc.oneof(arbitraryValue, fc.nat(100)), { minLength: 1, maxLength: 200 });
const arbitraryRank = fc.oneof(
  fc.constantFrom(0, 0.5, 0.9, 0.99, 0.999, 1),
  fc.double({ min: 0, max: 1, noNaN: true }),
);

/** The nearest-rank definition, letter by letter. */
function exactPercentile(values: readonly number[], rank: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  let k = 1;
  while (k < sorted.length && k < rank * sorted.length - 1e-9 * Math.max(1, rank * sorted.length)) k++;
  return sorted[k - 1]!;
}

function exactShare(values: readonly number[], above: number): number {
  return values.filter((value) => value > above).length / values.length;
}

function exactDistance(a: readonly number[], b: readonly number[]): number {
  const upTo = (values: readonly number[], x: number): number =>
    values.filter((value) => value <= x).length / values.length;
  return Math.max(...[...a, ...b].map((x) => Math.abs(upTo(a, x) - upTo(b, x))));
}

function counted(grid: Grid, values: readonly number[]): Distribution {
  return distributionOf({ grid, histogram: histogramOf(grid, values) });
}

describe('of plain values', () => {
  it('is exact', () => {
    fc.assert(
      fc.property(arbitraryValues, arbitraryValues, arbitraryRank, (values, others, rank) => {
        const plain = distributionOf(values);
        const exact = exactPercentile(values, rank);
        expect(percentileBounds(plain, rank)).toMatchObject({ low: exact, high: exact });
        const share = exactShare(values, others[0]!);
        expect(shareAbove(plain, others[0]!)).toEqual({ low: share, high: share });
        const apart = distance(plain, distributionOf(Float64Array.from(others)));
        expect(apart.low).toBeCloseTo(exactDistance(values, others), 12);
        expect(apart.high).toBe(apart.low);
      }),
    );
  });
});

describe('of counted values', () => {
  it('knows a percentile up to one bucket, which holds the true one', () => {
    fc.assert(
      fc.property(arbitraryGrid, arbitraryValues, arbitraryRank, (grid, values, rank) => {
        if (grid.kind === 'count') return;
        const exact = exactPercentile(values, rank);
        const bounds = percentileBounds(counted(grid, values), rank)!;
        expect(bounds).toMatchObject(bucketBounds(grid, bucketIndex(grid, exact)));
        if (grid.kind === 'log-linear')
          expect(bounds.high - bounds.low).toBeLessThan(Math.max(1, bounds.low / 32));
      }),
    );
  });

  it('knows a share and a distance up to bounds which hold the true ones', () => {
    fc.assert(
      fc.property(arbitraryValues, arbitraryValues, (values, others) => {
        const [a, b] = [counted(LL5, values), counted(LL5, others)];
        const share = shareAbove(a, others[0]!);
        expect(share.low).toBeLessThanOrEqual(exactShare(values, others[0]!));
        expect(share.high).toBeGreaterThanOrEqual(exactShare(values, others[0]!));
        for (const other of [b, distributionOf(others)]) {
          const apart = distance(a, other);
          const exact = exactDistance(values, others);
          expect(apart.low).toBeLessThanOrEqual(exact + 1e-12);
          expect(apart.high).toBeGreaterThanOrEqual(exact - 1e-12);
        }
        expect(distance(a, a).low).toBe(0);
        expect(distance(a, b)).toMatchObject({ low: distance(b, a).low, high: distance(b, a).high });
      }),
    );
  });

  it('takes a report for all its rows', () => {
    const rows = [{ histogram: histogramOf(LL5, [1, 2]) }, { histogram: histogramOf(LL5, [2, 700]) }];
    expect(distributionOf({ grid: LL5, rows })).toEqual(counted(LL5, [1, 2, 2, 700]));
    expect(distributionOf({ grid: COUNT, rows: [] })).toEqual({ intervals: [], total: 0 });
  });
});

it('says what it cannot measure', () => {
  const fault = (value: unknown): unknown => {
    try {
      return distributionOf(value);
    } catch (error) {
      return error;
    }
  };
  const code = 'NOT_MEASURABLE';
  expect(fault([1, Number.NaN])).toMatchObject({
    code,
    message: 'Cannot measure NaN at index 1: expected a finite number',
  });
  expect(fault({ kind: 'table', columns: [], rows: [], notes: [] })).toMatchObject({ code });
  expect(fault(undefined)).toMatchObject({
    code,
    message:
      "Cannot measure undefined: expected a query's result, an array of numbers, or a grid with a histogram",
  });
});
