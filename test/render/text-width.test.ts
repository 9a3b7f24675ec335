/** Widths against those of string-width, which knows Unicode. */
import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { widthOf } from '../../src/render/text-width.ts';

test('what is known at once is as wide as string-width finds it', () => {
  const own = fc.constantFrom('a', '~', ' ', '…', '–', '·', '≤', 'µ', '╵');
  const any = fc.string({ unit: 'binary', maxLength: 3 });
  const text = fc.oneof(
    fc.string({ unit: own, maxLength: 30 }),
    fc.array(fc.oneof(own, any), { maxLength: 8 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (t) => {
      expect(widthOf(t)).toBe(stringWidth(t));
    }),
  );
  for (let code = 0; code < 0x100; code++) {
    const t = String.fromCharCode(code);
    expect(widthOf(t), t).toBe(stringWidth(t));
  }
});
