/** Random segments, as plain values. */
import fc from 'fast-check';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { bucketCount } from '../../src/model/grid.ts';
import { compareKeys, keyText } from '../../src/model/key.ts';
import type { CellsBuffer } from '../../src/model/series.ts';
import { arbitraryGrid } from '../arbitrary/grid.ts';
import { arbitraryKey } from '../arbitrary/key.ts';
import { arbitraryCells, arbitraryRows, cellList } from '../arbitrary/series.ts';
import type { SegmentSpec } from './segment-spec.ts';

const steps = fc
  .oneof(
    fc.constant([]),
    fc.constant(Array.from({ length: 256 }, (_, i) => i)),
    fc.uniqueArray(fc.nat(255), { maxLength: 40 }),
  )
  .map((list) => list.toSorted((a, b) => a - b));

const arbitrarySources = fc
  .uniqueArray(
    fc.record({
      name: fc.string({ minLength: 1, maxLength: 20 }),
      expected: steps,
      mask: fc.option(fc.integer()),
    }),
    { maxLength: 5, selector: ({ name }) => name },
  )
  .map((sources) =>
    sources
      .map(({ name, expected, mask }) => ({
        name,
        expected,
        reported: mask === null ? expected : expected.filter((step) => ((mask >> (step % 31)) & 1) === 1),
      }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  );

/** A few cells, or rows of many: both codecs. */
function arbitraryBlock(shape: { keys: number; buckets: number }): fc.Arbitrary<CellsBuffer> {
  return fc
    .oneof(arbitraryCells(shape), arbitraryRows({ ...shape, rowsMin: 8, rowsMax: 14 }))
    .map((cells) => {
      referenceKernel.sortMerge(cells);
      cells.count.forEach((count, i) => (cells.count[i] = Math.min(count, Number.MAX_SAFE_INTEGER)));
      return cells;
    });
}

export const arbitrarySegment: fc.Arbitrary<SegmentSpec> = fc
  .record({
    grid: arbitraryGrid,
    fieldCount: fc.nat(3),
    stepSeconds: fc.constantFrom(1, 10, 3600),
    block: fc.nat(4000),
    sources: arbitrarySources,
    revised: steps,
  })
  .chain(({ grid, fieldCount, stepSeconds, block, sources, revised }) =>
    fc
      .uniqueArray(arbitraryKey(fieldCount), { minLength: 1, maxLength: 5, selector: keyText })
      .chain((keys) =>
        arbitraryBlock({ keys: keys.length, buckets: bucketCount(grid) }).map((cells): SegmentSpec => {
          return {
            grid,
            fieldCount,
            startSecond: block * 256 * stepSeconds,
            stepSeconds,
            keys: keys.toSorted(compareKeys),
            cells: cellList(cells),
            sources,
            revised,
          };
        }),
      ),
  );
