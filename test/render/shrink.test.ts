/** Making a raster smaller loses no count. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shrink } from '../../src/render/shrink.ts';
import { arbitraryRaster } from './arbitrary-raster.ts';

const raster = arbitraryRaster({ columnsMax: 30, rowsMax: 20, huesMax: 5 });
const size = fc.record({ columns: fc.integer({ min: 1, max: 40 }), rows: fc.integer({ min: 1, max: 25 }) });

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((a, b) => a + b, 0);
}

test('sums of each hue, above and below stay; nothing is wider than asked', () => {
  fc.assert(
    fc.property(raster, size, (r, most) => {
      const small = shrink(r, most);
      expect(small.columns).toBe(Math.min(r.columns, most.columns));
      expect(small.rows).toBe(Math.min(r.rows, most.rows));
      for (let h = 0; h < r.hues.length; h++) {
        const of = (cells: Float64Array, length: number): number =>
          sum(cells.subarray(h * length, (h + 1) * length));
        expect(of(small.cells(), small.columns * small.rows)).toBe(of(r.cells, r.columns * r.rows));
      }
      expect(sum(small.under)).toBe(sum(r.under));
      expect(sum(small.over)).toBe(sum(r.over));
    }),
  );
});

test('edges stay ascending, as many as rows and one, with the same ends', () => {
  fc.assert(
    fc.property(raster, size, (r, most) => {
      const { y, rows } = shrink(r, most);
      expect(y.edges).toHaveLength(rows + 1);
      expect([y.edges[0], y.edges.at(-1)]).toEqual([r.y.edges[0], r.y.edges.at(-1)]);
      expect(y.edges).toEqual(y.edges.toSorted((a, b) => a - b));
    }),
  );
});

test('a column is as incomplete as the worst of those it stands for', () => {
  fc.assert(
    fc.property(raster, size, (r, most) => {
      const small = shrink(r, most);
      const worst = (reporting: readonly number[], expecting: readonly number[]): number =>
        Math.max(...reporting.map((n, c) => (n < 0 ? -1 : expecting[c]! - n)));
      expect(worst(small.reporting, small.expecting)).toBe(worst(r.coverage.reporting, r.coverage.expecting));
    }),
  );
});

test('a raster that fits is not copied', () => {
  fc.assert(
    fc.property(raster, (r) => {
      expect(shrink(r, { columns: 30, rows: 20 }).cells()).toBe(r.cells);
    }),
  );
});
