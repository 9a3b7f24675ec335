import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isAsciiAt, TextCache } from '../../../src/ingest/foreign/text-cache.ts';

/** Short, of few letters, some beyond ASCII and some no UTF-8: so that texts meet. */
const bytes = fc
  .array(fc.constantFrom(0x61, 0x62, 0x2e, 0xe9, 0xc3, 0xa9), { maxLength: 4 })
  .map((codes) => Uint8Array.from(codes));
const decoded = (of: Uint8Array): string => Buffer.from(of).toString('utf8');

it('gives the text that stands there, whatever stood there before', () => {
  const texts = new TextCache();
  fc.assert(
    fc.property(bytes, bytes, (before, of) => {
      const all = Uint8Array.from([...before, ...of]);
      expect(texts.text(all, before.length, all.length)).toBe(decoded(of));
    }),
  );
});

it('takes bytes for a text only where they are its ASCII', () => {
  fc.assert(
    fc.property(bytes, bytes, fc.boolean(), (one, other, isLatin) => {
      const text = isLatin ? Buffer.from(one).toString('latin1') : decoded(one);
      const isAscii = other.every((byte) => byte < 0x80);
      expect(isAsciiAt(text, other, 0, other.length)).toBe(isAscii && text === decoded(other));
    }),
  );
});
