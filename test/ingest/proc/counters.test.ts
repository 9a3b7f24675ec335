import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gained, gainedReadings, type Reading } from '../../../src/ingest/proc/counters.ts';

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

describe('readings', () => {
  const reading = (disk: string, value: number): Reading => ({ fields: { disk }, value });

  it('gain by their fields; what is new says nothing yet, what is gone nothing more', () => {
    const before = [reading('a', 10), reading('gone', 5)];
    const now = [reading('new', 100), reading('a', 12)];
    expect(gainedReadings(before, now)).toEqual([reading('a', 2)]);
  });
});
