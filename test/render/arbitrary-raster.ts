/** Random small rasters: any shape, sparse or dense, whole counts and fractions, keys of any script, gaps in the
 *  coverage. The legend's counts and the total fit the cells. Fractions are such that sums are exact. */
import fc from 'fast-check';
import { LL5 } from '../../src/model/grid.ts';
import type { Key } from '../../src/model/key.ts';
import type { Raster } from '../../src/model/raster.ts';
import { axisOf, SAMPLE_SECOND } from './sample-raster.ts';

const count = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 20 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 2 ** 28 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4096 }).map((n) => n / 4096) },
);

const word = fc.oneof(
  fc.constantFrom('/checkout', '/cart', '日本語', 'e\u0301clair', '👩‍👩‍👧', 'a,"b"', ''),
  fc.string({ maxLength: 12 }),
);

export interface RasterShape {
  readonly columnsMax: number;
  readonly rowsMax: number;
  readonly huesMax: number;
}

export function arbitraryRaster({ columnsMax, rowsMax, huesMax }: RasterShape): fc.Arbitrary<Raster> {
  return fc
    .record({
      columns: fc.integer({ min: 1, max: columnsMax }),
      rows: fc.integer({ min: 1, max: rowsMax }),
      hueFields: fc.constantFrom([], ['route'], ['route', 'host']),
      hueCount: fc.integer({ min: 1, max: huesMax }),
      scale: fc.constantFrom('log' as const, 'linear' as const),
    })
    .chain(({ columns, rows, hueFields, hueCount, scale }) => {
      const hues = hueFields.length === 0 ? 1 : hueCount;
      const cells = hues * columns * rows;
      const marks = fc.array(count, { minLength: columns, maxLength: columns });
      return fc.record({
        shape: fc.constant({ columns, rows, hueFields, hues, scale }),
        cells: fc.array(count, { minLength: cells, maxLength: cells }),
        under: marks,
        over: marks,
        keys: fc.uniqueArray(fc.tuple(...hueFields.map(() => word)), {
          minLength: hues,
          maxLength: hues,
          selector: (key) => JSON.stringify(key),
        }),
        remainder: fc.boolean(),
        reporting: fc.array(fc.constantFrom(-1, 0, 2, 3, 3, 3), { minLength: columns, maxLength: columns }),
      });
    })
    .map(({ shape, cells, under, over, keys, remainder, reporting }) => {
      const { columns, rows, hueFields, hues } = shape;
      const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
      const perHue = Array.from({ length: hues }, (_, h) =>
        sum(cells.slice(h * columns * rows, (h + 1) * columns * rows)),
      );
      perHue[0]! += sum(under) + sum(over);
      const key = (h: number): Key | undefined =>
        hueFields.length === 0 || (remainder && h === hues - 1) ? undefined : keys[h];
      return {
        metric: 'http.requests',
        fromSecond: SAMPLE_SECOND,
        untilSecond: SAMPLE_SECOND + columns,
        columnSeconds: 1,
        columns,
        rows,
        y: axisOf(shape),
        grid: LL5,
        hueFields,
        hues: perHue.map((n, h) => ({ key: key(h), count: n })),
        cells: Float64Array.from(cells),
        under: Float64Array.from(under),
        over: Float64Array.from(over),
        total: sum(perHue),
        coverage: {
          expected: 3,
          reporting,
          expecting: reporting.map((n) => (n < 0 ? 0 : 3)),
          missing: [],
          revised: [],
        },
        overlays: [],
      };
    });
}
