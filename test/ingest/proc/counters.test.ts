import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gained } from '../../../src/ingest/proc/counters.ts';
import { gainsOf, type Sample } from '../../../src/ingest/proc/sample.ts';

const WORD = 2 ** 32;

describe('a counter', () => {
  it('gains what it grew by', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.nat(2 ** 30), (before, gain) => {
        expect(gained(before, before + gain)).toBe(gain);
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(gained(value, value)).toBe(0);
      }),
    );
  });

  it('gains through a wrap at 32 bits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: WORD / 2 - 1 }), fc.nat(WORD / 2 - 1), (beforeEnd, after) => {
        const gain = beforeEnd + after;
        fc.pre(gain < WORD / 2);
        expect(gained(WORD - beforeEnd, after)).toBe(gain);
      }),
    );
  });

  it('gains after a reset what it holds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: WORD / 2 - 1 }), fc.nat(), (before, at) => {
        const now = at % Math.ceil(before / 2);
        expect(gained(before, now)).toBe(now);
      }),
    );
    // Larger than 32 bits: no wrap is thought of.
    expect(gained(2 ** 40, 7)).toBe(7);
  });

  it('gains nothing where its owner corrected it', () => {
    expect(gained(1000, 999)).toBe(0);
    expect(gained(2 ** 40, 2 ** 40 - 5)).toBe(0);
  });

  it('never gains less than nothing, nor more than it holds or half a word', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (before, now) => {
        const gain = gained(before, now);
        expect(gain).toBeGreaterThanOrEqual(0);
        expect(gain).toBeLessThanOrEqual(Math.max(now, WORD / 2));
      }),
    );
  });
});

describe('two samples', () => {
  const sample = (values: Readonly<Record<string, readonly number[]>>, leftOut = 0): Sample => ({
    things: new Map(
      Object.entries(values).map(([disk, numbers]) => [
        disk,
        { fields: { disk }, numbers: Float64Array.from(numbers) },
      ]),
    ),
    leftOut,
    faults: [],
  });
  const plain = (gains: ReadonlyMap<string, Float64Array>): Record<string, number[]> =>
    Object.fromEntries([...gains].map(([key, gain]) => [key, [...gain]]));

  it('gain by what stands for the same thing; what is new says nothing yet, what is gone nothing more', () => {
    const before = sample({ a: [10, 7], gone: [5, 5] });
    const now = sample({ new: [100, 1], a: [12, 3] });
    expect(plain(gainsOf(before, now, { counters: 1, bornAtZero: false }))).toEqual({ a: [2] });
  });

  it('gain all that a new thing has where things begin at zero, if none was left out before', () => {
    const now = sample({ new: [100], a: [12] });
    const born = { counters: 1, bornAtZero: true };
    expect(plain(gainsOf(sample({ a: [10] }), now, born))).toEqual({ new: [100], a: [2] });
    expect(plain(gainsOf(sample({ a: [10] }, 1), now, born))).toEqual({ a: [2] });
  });

  it('gain nothing that can be known where either number is not', () => {
    const gains = gainsOf(sample({ a: [Number.NaN, 1] }), sample({ a: [7, Number.NaN] }), {
      counters: 2,
      bornAtZero: false,
    });
    expect(plain(gains)).toEqual({ a: [Number.NaN, Number.NaN] });
  });
});
