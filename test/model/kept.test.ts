import fc from 'fast-check';
import { expect, it } from 'vitest';
import { keptLately } from '../../src/model/kept.ts';

it('gives the same as long as fewer than so many others were asked for since, and what was made from it always', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(6)), (max, asked) => {
      let made = 0;
      const kept = keptLately(
        max,
        (n: number) => String(n),
        (n) => ({ n, order: made++ }),
      );
      const given = asked.map((n) => kept(n));
      asked.forEach((n, i) => {
        expect(given[i]!.n).toBe(n);
        const before = asked.lastIndexOf(n, i - 1);
        if (i === 0 || before < 0) return;
        const others = new Set(asked.slice(before + 1, i));
        expect(given[i] === given[before]).toBe(others.size < max);
      });
    }),
  );
});
