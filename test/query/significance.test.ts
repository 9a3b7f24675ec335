/** Chances and distances against known values, and against counting everything there is. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  betaShare,
  chiSquareTail,
  classChance,
  discoveryRates,
  divergenceBits,
  drawChance,
  independenceChance,
  lnGamma,
  splitChance,
} from '../../src/query/significance.ts';
import { seededRandom } from '../../bench/workload.ts';

const close = (found: number, expected: number, relative = 1e-9): void => {
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(relative * Math.abs(expected));
};

describe('known values', () => {
  it('of gamma, chi-square and beta', () => {
    close(lnGamma(10), Math.log(362_880), 1e-13);
    close(lnGamma(0.5), Math.log(Math.PI) / 2, 1e-13);
    close(chiSquareTail(3.841458820694124, 1), 0.05);
    close(chiSquareTail(5.991464547107979, 2), 0.05);
    close(chiSquareTail(18.307038053275146, 10), 0.05);
    close(chiSquareTail(100, 1), 1.523970604832095e-23);
    close(betaShare(0.5, 2, 3), 0.6875);
    close(betaShare(0.1, 5, 5), 0.00089092);
    expect([chiSquareTail(0, 3), betaShare(0, 1, 1), betaShare(1, 1, 1)]).toEqual([1, 0, 1]);
  });

  it('of tests', () => {
    close(splitChance(10, 0, 0.5), 2 * 2 ** -10);
    close(splitChance(0, 10, 0.5), 2 * 2 ** -10);
    expect(splitChance(0, 0, 0.5)).toBe(1);
    expect(splitChance(5, 5, 0.5)).toBe(1);
    // Fisher's tea: 4 of 4 cups among 8.
    close(drawChance(4, 4, 4, 8), 2 / 70);
    close(independenceChance({ inside: [10, 20], outside: [30, 5] }), 1.155015577092045e-5);
    expect(independenceChance({ inside: [10, 20], outside: [100, 200] })).toBe(1);
    expect(independenceChance({ inside: [0, 0], outside: [1, 2] })).toBe(1);
  });

  it('of divergence', () => {
    expect(divergenceBits({ inside: [3, 0], outside: [0, 7] })).toBe(1);
    expect(divergenceBits({ inside: [3, 6], outside: [1, 2] })).toBe(0);
    close(divergenceBits({ inside: [1, 0], outside: [1, 1] }), 0.3112781244591328);
  });

  it('of discovery rates', () => {
    expect([...discoveryRates([0.01, 0.04, 0.03, 0.02])].map((q) => Number(q.toFixed(12)))).toEqual([
      0.04, 0.04, 0.04, 0.04,
    ]);
    expect([...discoveryRates([0.001, 0.9])]).toEqual([0.002, 0.9]);
    expect([...discoveryRates([])]).toEqual([]);
  });
});

describe('laws', () => {
  const counts = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { minLength: 1, maxLength: 12 });

  it('a split is as likely as adding up the binomial says', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.integer({ min: 1, max: 99 }), (a, b, percent) => {
        const n = a + b;
        const share = percent / 100;
        const at = (k: number): number =>
          Math.exp(
            lnGamma(n + 1) -
              lnGamma(k + 1) -
              lnGamma(n - k + 1) +
              k * Math.log(share) +
              (n - k) * Math.log(1 - share),
          );
        let [most, least] = [0, 0];
        for (let k = 0; k <= a; k++) most += at(k);
        for (let k = a; k <= n; k++) least += at(k);
        const expected = Math.min(1, 2 * Math.min(most, least));
        expect(Math.abs(splitChance(a, b, share) - expected)).toBeLessThan(1e-9);
      }),
    );
  });

  it('distances and chances lie within 0..1, and do not depend on which layer is which', () => {
    fc.assert(
      fc.property(counts, (list) => {
        const layers = { inside: list.map(([a]) => a), outside: list.map(([, b]) => b) };
        const turned = { inside: layers.outside, outside: layers.inside };
        for (const of of [independenceChance, divergenceBits]) {
          expect(of(layers)).toBeGreaterThanOrEqual(0);
          expect(of(layers)).toBeLessThanOrEqual(1);
          expect(Math.abs(of(layers) - of(turned))).toBeLessThan(1e-9);
        }
      }),
    );
  });

  it('discovery rates are never below their chances, and keep their order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (chances) => {
        const rates = discoveryRates(chances);
        chances.forEach((chance, i) => {
          expect(rates[i]).toBeGreaterThanOrEqual(chance * (1 - 1e-12));
          chances.forEach((other, j) => {
            if (chance < other) expect(rates[i]).toBeLessThanOrEqual(rates[j]!);
          });
        });
      }),
    );
  });

  it.each([
    ['many events', 400, 1600, 0.3],
    ['few events inside', 12, 3000, 0.02],
    ['a rare value', 200, 2000, 0.01],
  ])('where nothing differs, chances are as common as they say: %s', (_, drawn, rest, share) => {
    const random = seededRandom(7);
    const of = (n: number): number => {
      let count = 0;
      for (let i = 0; i < n; i++) if (random() < share) count++;
      return count;
    };
    const chances = Array.from({ length: 400 }, () =>
      classChance({ inside: of(drawn), outside: of(rest) }, { inside: drawn, outside: rest }),
    );
    const below = (limit: number): number => chances.filter((p) => p <= limit).length / chances.length;
    expect(below(0.01)).toBeLessThanOrEqual(0.03);
    expect(below(0.05)).toBeLessThanOrEqual(0.08);
    expect(below(0.5)).toBeGreaterThan(0.2);
    expect(below(0.5)).toBeLessThan(0.62);
  });
});
