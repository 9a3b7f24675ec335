/** Keys: values within their bound, one text per key, one order. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedValue, compareKeys, keyText, REMAINDER, remainderKey } from '../../src/model/key.ts';
import { KEY_VALUE_BYTES_MAX } from '../../src/model/limits.ts';
import { arbitraryKey } from '../arbitrary/key.ts';

describe('boundedValue', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ unit: fc.constantFrom('é', '€', '𝄞', 'a', '\n'), maxLength: 300 }),
  );

  it('fits, whole characters only, and holds nothing that is not printed', () => {
    fc.assert(
      fc.property(text, (value) => {
        const bounded = boundedValue(value);
        expect(Buffer.byteLength(bounded)).toBeLessThanOrEqual(KEY_VALUE_BYTES_MAX);
        expect(Array.from(bounded).every((c) => c >= ' ' && c !== '\u007f')).toBe(true);
        expect(Buffer.from(bounded).toString()).toBe(bounded);
      }),
    );
  });

  it('cuts as little as it can', () => {
    fc.assert(
      fc.property(text, (value) => {
        const characters = Array.from(value, (c) => (c < ' ' || c === '\u007f' ? ' ' : c));
        const kept = Array.from(boundedValue(value));
        expect(kept).toEqual(characters.slice(0, kept.length));
        const next = characters.slice(0, kept.length + 1).join('');
        if (kept.length < characters.length)
          expect(Buffer.byteLength(next)).toBeGreaterThan(KEY_VALUE_BYTES_MAX);
      }),
    );
  });
});

it('keyText tells keys apart', () => {
  const key = fc.nat(3).chain(arbitraryKey);
  fc.assert(
    fc.property(key, key, (a, b) => {
      const same = a.length === b.length && a.every((value, i) => value === b[i]);
      expect(keyText(a) === keyText(b)).toBe(same);
    }),
  );
});

it('compareKeys is a total order', () => {
  const key = fc.nat(2).chain(arbitraryKey);
  fc.assert(
    fc.property(key, key, key, (a, b, c) => {
      expect(Math.sign(compareKeys(a, b))).toBe(-Math.sign(compareKeys(b, a)) + 0);
      expect(compareKeys(a, b) === 0).toBe(keyText(a) === keyText(b));
      if (compareKeys(a, b) <= 0 && compareKeys(b, c) <= 0) expect(compareKeys(a, c)).toBeLessThanOrEqual(0);
    }),
  );
});

it('the remainder key stands for all fields', () => {
  expect(remainderKey(2)).toEqual([REMAINDER, REMAINDER]);
  expect(remainderKey(0)).toEqual([]);
});
