/** Lengths of prefix codes against their definition. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { codeLengths, codesOf } from '../../src/kernel/prefix-code.ts';

/** As many symbols as a code of that many bits can have; Fibonacci's numbers make the deepest tree. */
const fibonacci = Array.from({ length: 24 }, (_, i) => Math.round(((1 + Math.sqrt(5)) / 2) ** i));
const counted = fc
  .oneof(
    fc.array(fc.oneof(fc.constant(0), fc.nat(5), fc.nat(4000)), { maxLength: 100 }),
    fc.shuffledSubarray(fibonacci, { minLength: 2 }),
  )
  .map((counts) => Uint32Array.from(counts));

function kraft(lengths: Uint8Array): number {
  return lengths.reduce((sum, bits) => sum + (bits === 0 ? 0 : 2 ** -bits), 0);
}

test.each([7, 15])('a code of at most %d bits is complete, and only what occurs has one', (bitsMax) => {
  fc.assert(
    fc.property(counted, (counts) => {
      const lengths = codeLengths(counts, bitsMax);
      const used = counts.filter((count) => count > 0).length;
      expect(lengths.map((bits) => Math.sign(bits))).toEqual(Uint8Array.from(counts, (n) => Math.sign(n)));
      expect(Math.max(0, ...lengths)).toBeLessThanOrEqual(bitsMax);
      expect(kraft(lengths)).toBe(used === 0 ? 0 : used === 1 ? 0.5 : 1);
      counts.forEach((a, i) => {
        counts.forEach((b, j) => expect(a > b && b > 0 && lengths[i]! > lengths[j]!).toBe(false));
      });
    }),
    { numRuns: 40 },
  );
});

test('where the limit does not bind, no code is shorter: within a bit a symbol of the entropy, never below it', () => {
  fc.assert(
    fc.property(counted, (counts) => {
      const lengths = codeLengths(counts, 15);
      const total = counts.reduce((a, b) => a + b, 0);
      const entropy = counts.reduce((sum, n) => sum + (n === 0 ? 0 : n * Math.log2(total / n)), 0);
      const bits = counts.reduce((sum, n, symbol) => sum + n * lengths[symbol]!, 0);
      fc.pre(Math.max(0, ...lengths) < 15);
      expect(bits).toBeGreaterThan(entropy - 1e-6);
      expect(bits).toBeLessThanOrEqual(entropy + total);
    }),
  );
});

test('codes are those of RFC 1951, section 3.2.2', () => {
  const lengths = Uint8Array.of(3, 3, 3, 3, 3, 2, 4, 4);
  const text = Array.from(codesOf(lengths), (code, i) =>
    code.toString(2).padStart(lengths[i]!, '0').split('').toReversed().join(''),
  );
  expect(text).toEqual(['010', '011', '100', '101', '110', '00', '1110', '1111']);
});
