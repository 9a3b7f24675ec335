import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Weights } from '../../../src/ingest/statsd/weights.ts';

describe('sampled values', () => {
  it('stand for whole events, whose sum is within one of the exact one, for each name', () => {
    const rates = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), rates), { maxLength: 60 }), (values) => {
        const weights = new Weights();
        const [sums, exact] = [new Map<string, number>(), new Map<string, number>()];
        for (const [of, rate] of values) {
          const events = weights.events(of, 1 / rate);
          expect(Number.isInteger(events)).toBe(true);
          expect(Math.abs(events - 1 / rate)).toBeLessThanOrEqual(1);
          sums.set(of, (sums.get(of) ?? 0) + events);
          exact.set(of, (exact.get(of) ?? 0) + 1 / rate);
        }
        for (const [of, sum] of sums) expect(Math.abs(sum - exact.get(of)!)).toBeLessThan(1 + 1e-6);
      }),
    );
  });

  it('of a rate that divides one are exact', () => {
    const weights = new Weights();
    for (const rate of [1, 0.5, 0.25, 0.1, 0.05, 0.01, 0.001]) {
      for (let i = 0; i < 5; i++) expect(weights.events('a', 1 / rate)).toBe(Math.round(1 / rate));
    }
  });
});
