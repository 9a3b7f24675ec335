/** Cells that are turned late are those that were drawn, whoever used the room in between. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import type { DrawnLines } from '../../src/model/raster.ts';
import { LineRoom, TurnedCells } from '../../src/query/turned-cells.ts';

const shape = fc.record({
  hues: fc.integer({ min: 1, max: 3 }),
  columns: fc.integer({ min: 1, max: 5 }),
  rows: fc.integer({ min: 1, max: 5 }),
});

test('are those that were drawn', () => {
  fc.assert(
    fc.property(fc.array(shape, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(3)), (shapes, asked) => {
      const room = new LineRoom();
      const pictures = shapes.map((own, number) => {
        const draw = ({ lines, under, over }: DrawnLines): void => {
          lines.forEach((_, i) => (lines[i] = 1000 * number + i));
          under.fill(number);
          over.fill(-number);
        };
        return new TurnedCells(own, draw, referenceKernel, room);
      });
      for (const which of [...asked, ...shapes.keys()]) {
        const { hues, columns, rows } = shapes[which % shapes.length]!;
        const number = which % shapes.length;
        const expected = Array.from({ length: hues * columns * rows }, (_, i) => {
          const [hue, column, row] = [
            Math.floor(i / rows / columns),
            Math.floor(i / rows) % columns,
            i % rows,
          ];
          return 1000 * number + (hue * rows + row) * columns + column;
        });
        const { cells, under, over } = pictures[number]!;
        expect([...cells]).toEqual(expected);
        expect([...under, ...over]).toEqual([
          ...Array.from({ length: columns }, () => number),
          ...Array.from({ length: columns }, () => -number),
        ]);
      }
    }),
  );
});
