import fc from 'fast-check';
import stringWidth from 'string-width';
import { expect, test } from 'vitest';
import { noteLines } from '../../src/render/note-text.ts';

test('notes are never wider than asked, nor many lines', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { maxLength: 3 }),
      fc.integer({ min: 1, max: 120 }),
      fc.constantFrom('truecolor' as const, '256' as const, 'ascii' as const),
      (notes, columns, depth) => {
        const lines = noteLines(notes, { columns, depth });
        expect(lines.length).toBeLessThanOrEqual(6);
        expect(lines.length).toBeGreaterThanOrEqual(Math.min(6, notes.length));
        for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
      },
    ),
    { numRuns: 30 },
  );
});

test('a note is wrapped between its words', () => {
  const note = 'no route "/cart" was seen lately: did you mean "/checkout"';
  expect(noteLines([note], { columns: 40, depth: 'ascii' })).toEqual([
    'note: no route "/cart" was seen lately:',
    '  did you mean "/checkout"',
  ]);
});
