import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EXTENDED_VALUE_MAX, extendedValue } from '../../src/service/routes/extended-value.ts';

/** RFC 8187: charset, no language, then attr-char and bytes. */
const EXT_VALUE = /^UTF-8''(?:[A-Za-z0-9!#$&+\-.^_`|~]|%[0-9A-F]{2})*$/;
const textOf = (value: string): string => decodeURIComponent(value.slice("UTF-8''".length));

it('is an ext-value that says the text, or as much of its beginning as there is room for', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .tuple(fc.constantFrom('x', 'é', '日', '👩‍👩‍👧', "it's (*)"), fc.integer({ min: 0, max: 3000 }))
      .map(([part, n]) => part.repeat(n)),
  );
  fc.assert(
    fc.property(text, (said) => {
      const value = extendedValue(said);
      expect(value).toMatch(EXT_VALUE);
      expect(value.length).toBeLessThanOrEqual(EXTENDED_VALUE_MAX);
      const read = textOf(value);
      if (read === said) return;
      expect(read.endsWith('…')).toBe(true);
      expect(said.startsWith(read.slice(0, -1))).toBe(true);
      // Not a character less than there is room for.
      const [next] = said.slice(read.length - 1);
      expect(value.length + encodeURIComponent(next!).length * 3).toBeGreaterThan(EXTENDED_VALUE_MAX);
    }),
    { numRuns: 60 },
  );
});

it('half a surrogate pair is said as the replacement character', () => {
  expect(extendedValue('a\ud800b')).toBe("UTF-8''a%EF%BF%BDb");
});
