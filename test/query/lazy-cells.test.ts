/** Cells that are asked for late are those that are drawn; what is seen of them is there at once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type DrawnRoom, newMix } from '../../src/model/raster.ts';
import { LazyCells } from '../../src/query/lazy-cells.ts';

const shape = fc.record({
  hues: fc.integer({ min: 1, max: 3 }),
  columns: fc.integer({ min: 1, max: 5 }),
  rows: fc.integer({ min: 1, max: 5 }),
});

/** Each member is another. */
function drawn({ mix, cells, under, over }: DrawnRoom): void {
  [mix.sums, mix.strongest, under, over, cells].forEach((members, which) =>
    members?.forEach((_, i) => (members[i] = 40 * which + i)),
  );
}

test('are those that are drawn', () => {
  fc.assert(
    fc.property(shape, fc.boolean(), fc.nat(30), (own, withCells, spare) => {
      const { hues, columns, rows } = own;
      let times = 0;
      const mix = newMix(spare);
      const lazy = new LazyCells(own, (room) => (times++, drawn(room)), { withCells, mix });
      expect(times).toBe(1);
      expect(lazy.mix === mix).toBe(spare === columns * rows);
      const members = (which: number, length: number) => Array.from({ length }, (_, i) => 40 * which + i);
      for (let asked = 0; asked < 2; asked++) {
        const found = [lazy.mix.sums, lazy.mix.strongest, lazy.under, lazy.over, lazy.cells];
        const lengths = [columns * rows, columns * rows, columns, columns, hues * columns * rows];
        expect(found.map((array) => [...array])).toEqual(lengths.map((length, i) => members(i, length)));
      }
      expect(times).toBe(withCells ? 1 : 2);
    }),
  );
});
