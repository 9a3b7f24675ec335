/** The palette PNG writer against a reader of its own. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadKernel } from '../../src/kernel/native.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { encodePng, latinJson } from '../../src/render/png.ts';
import { decodePng } from './decode-png.ts';

const native = loadKernel('native');

const picture = fc
  .record({ width: fc.integer({ min: 1, max: 20 }), height: fc.integer({ min: 1, max: 20 }) })
  .chain(({ width, height }) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      // Few distinct rows, so that repeated rows are common.
      pixels: fc
        .array(fc.uint8Array({ minLength: width, maxLength: width }), { minLength: 1, maxLength: 3 })
        .chain((rows) => fc.array(fc.constantFrom(...rows), { minLength: height, maxLength: height }))
        .map((rows) => Uint8Array.from(rows.flatMap((row) => [...row]))),
      palette: fc.uint8Array({ minLength: 768, maxLength: 768 }),
      texts: fc.constant([['Software', 'Tailglow']] as const),
    }),
  );

test('what is written is what is read, and the same by both kernels', () => {
  fc.assert(
    fc.property(picture, (p) => {
      const bytes = encodePng(p, referenceKernel);
      expect(encodePng(p, native)).toEqual(bytes);
      const read = decodePng(bytes);
      expect([read.width, read.height]).toEqual([p.width, p.height]);
      expect(read.pixels).toEqual(p.pixels);
      expect(read.palette.flat()).toEqual([...p.palette]);
      expect(read.texts.get('Software')).toBe('Tailglow');
      expect(read.chunks).toEqual(['IHDR', 'PLTE', 'tEXt', 'IDAT', 'IEND']);
    }),
  );
});

test('rows that repeat cost next to nothing', () => {
  const row = Uint8Array.from({ length: 900 }, (_, x) => (x * x * 7919) % 251);
  const of = (height: number): number =>
    encodePng(
      {
        width: 900,
        height,
        pixels: Uint8Array.from({ length: 900 * height }, (_, i) => row[i % 900]!),
        palette: new Uint8Array(768),
        texts: [],
      },
      referenceKernel,
    ).length;
  expect(of(300)).toBeLessThan(of(1) * 4);
});

test('JSON in a chunk is Latin-1 and reads back', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = latinJson(value);
      expect(Buffer.from(text, 'latin1').toString('latin1')).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});
