/** Thresholds between the levels of a ramp. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LEVELS } from '../../src/render/colour.ts';
import { binEdge } from '../../src/model/half-octave.ts';
import { levelOf, occupiedBins, thresholdsOf } from '../../src/render/levels.ts';
import { mixOf } from '../../src/render/mix.ts';

const modes = ['rank', 'linear', 'sqrt', 'log'] as const;
const count = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.double({ min: 0.5, max: 1e6, noNaN: true }),
);
const anyCount = fc.oneof(count, fc.double({ min: 1e-9, max: 1, noNaN: true }));
const counts = fc.array(count, { minLength: 1, maxLength: 60 });

function thresholds(mode: (typeof modes)[number], cells: readonly number[]): Float64Array {
  return thresholdsOf(mode, occupiedBins(Float64Array.from(cells)));
}

test('a bin holds what lies between its edges; less than 1/2 goes with 1/2', () => {
  fc.assert(
    fc.property(anyCount, (n) => {
      const [bin] = occupiedBins(Float64Array.of(0, n, 0));
      expect(Math.max(n, 0.5)).toBeGreaterThanOrEqual(binEdge(bin!));
      expect(Math.max(n, 0.5)).toBeLessThan(binEdge(bin! + 1));
      expect(binEdge(bin! + 1) / binEdge(bin!)).toBeCloseTo(Math.SQRT2, 5);
    }),
  );
});

test('bins are those of the sums over hues', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 3000 }),
      (cells) => {
        const hues = [0, 1, 2].flatMap((h) => cells.map((c) => c[h]!));
        const sums = cells.map((c) => c[0] + c[1] + c[2]);
        expect(occupiedBins(mixOf(Float64Array.from(hues), 3).sums)).toEqual(
          occupiedBins(Float64Array.from(sums)),
        );
      },
    ),
  );
});

describe.each(modes)('%s', (mode) => {
  test('thresholds ascend, more is never fainter, the largest count is among the strongest', () => {
    fc.assert(
      fc.property(counts, (cells) => {
        const found = thresholds(mode, cells);
        expect(found).toHaveLength(LEVELS - 1);
        expect([...found]).toEqual([...found].toSorted((a, b) => a - b));
        const levels = cells.toSorted((a, b) => a - b).map((n) => levelOf(n, found));
        expect(levels).toEqual(levels.toSorted((a, b) => a - b));
        expect(levels.at(-1)!).toBeGreaterThanOrEqual(LEVELS - 5);
      }),
    );
  });

  test('a count within a known half-octave moves no threshold: old columns keep their colours', () => {
    fc.assert(
      fc.property(counts, fc.nat(), fc.double({ min: 0, max: 0.999, noNaN: true }), (cells, pick, share) => {
        const bins = occupiedBins(Float64Array.from(cells));
        const bin = bins[pick % bins.length]!;
        const more = binEdge(bin) + (binEdge(bin + 1) - binEdge(bin)) * share;
        expect(thresholds(mode, [...cells, more])).toEqual(thresholds(mode, cells));
      }),
    );
  });
});

test('rank looks at the order of the counts, not at their distance', () => {
  const near = thresholds('rank', [1, 2, 4, 8]);
  const far = thresholds('rank', [1, 2, 4, 1e9]);
  expect([1, 2, 4, 8].map((n) => levelOf(n, near))).toEqual([5, 7, 9, 11]);
  expect([1, 2, 4, 1e9].map((n) => levelOf(n, far))).toEqual([5, 7, 9, 11]);
});

test('rank of many counts uses every level', () => {
  const cells = Array.from({ length: 20 }, (_, i) => 2 ** i);
  const found = thresholds('rank', cells);
  expect(new Set(cells.map((n) => levelOf(n, found))).size).toBe(LEVELS);
});

test('linear, sqrt and log divide what they say', () => {
  const top = binEdge(occupiedBins(Float64Array.of(1, 1000)).at(-1)! + 1);
  expect(thresholds('linear', [1, 1000])[5]).toBeCloseTo(top / 2);
  expect(thresholds('sqrt', [1, 1000])[5]).toBeCloseTo(top / 4);
  expect(thresholds('log', [1, 1000])[5]).toBeCloseTo(Math.sqrt(top));
});

test('an empty picture has thresholds too', () => {
  for (const mode of modes) expect(thresholds(mode, [0, 0])).toHaveLength(LEVELS - 1);
});
