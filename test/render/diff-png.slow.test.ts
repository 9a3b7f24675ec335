/** Two layers against each other as a picture: every cell that counts is seen, by the side that has more of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import type { DiffRaster } from '../../src/model/raster.ts';
import { LEVELS } from '../../src/render/colour.ts';
import { diffPng } from '../../src/render/diff-png.ts';
import { DRAW_DEFAULTS } from '../../src/render/options.ts';
import { decodePng } from './decode-png.ts';
import { sampleRaster } from './sample-raster.ts';

interface Cell {
  readonly a: number;
  readonly b: number;
  readonly significant: boolean;
}

/** [column][row]. */
function diffOf(columns: number, rows: number, cells: readonly Cell[]): DiffRaster {
  const sample = sampleRaster({ columns, rows, keys: [], fields: [], perColumn: 0 });
  const counts = (side: 'a' | 'b'): Float64Array => Float64Array.from(cells, (cell) => cell[side]);
  const [countsA, countsB] = [counts('a'), counts('b')];
  const layer = (label: string, values: Float64Array) => ({
    label,
    total: values.reduce((x, y) => x + y, 0),
    fromSecond: sample.fromSecond,
    untilSecond: sample.untilSecond,
    coverage: sample.coverage,
    under: new Float64Array(columns),
    over: new Float64Array(columns),
  });
  return {
    ...sample,
    a: layer('now', countsA),
    b: layer('a week earlier', countsB),
    countsA,
    countsB,
    score: Float64Array.from(cells, ({ a, b }) => (a + b === 0 ? 0 : (a - b) / (a + b))),
    significant: Uint8Array.from(cells, ({ a, b, significant }) => (significant && a !== b ? 1 : 0)),
    falseShare: 0.05,
    tested: cells.filter(({ a, b }) => a + b > 0).length,
  };
}

const cell: fc.Arbitrary<Cell> = fc.record({
  a: fc.oneof(fc.constant(0), fc.nat(50)),
  b: fc.oneof(fc.constant(0), fc.nat(50)),
  significant: fc.boolean(),
});
const arbitraryDiff = fc
  .record({ columns: fc.integer({ min: 1, max: 30 }), rows: fc.integer({ min: 1, max: 30 }) })
  .chain(({ columns, rows }) =>
    fc
      .array(cell, { minLength: columns * rows, maxLength: columns * rows })
      .map((cells) => diffOf(columns, rows, cells)),
  );

/** The ramp of a pixel of the plot: -1 for none. */
function rampsOf(diff: DiffRaster, width: number, height: number): number[] {
  const options = { ...DRAW_DEFAULTS, width, height, plain: true };
  const { pixels } = decodePng(diffPng(diff, options, referenceKernel));
  return [...pixels].map((index) =>
    index >= 1 && index <= 3 * LEVELS ? Math.floor((index - 1) / LEVELS) : -1,
  );
}

function expectedRamp(diff: DiffRaster, i: number): number {
  if (diff.countsA[i]! + diff.countsB[i]! === 0) return -1;
  return diff.significant[i] !== 1 ? 2 : diff.score[i]! > 0 ? 0 : 1;
}

describe('the picture of a diff', () => {
  it('shows each cell in the colour of the side that has more, or in grey', () => {
    fc.assert(
      fc.property(arbitraryDiff, (diff) => {
        const { columns, rows } = diff;
        const ramps = rampsOf(diff, columns * 10, rows * 10);
        const width = columns * 10;
        for (let c = 0; c < columns; c++) {
          for (let r = 0; r < rows; r++) {
            const pixel = ((rows - 1 - r) * 10 + 5) * width + c * 10 + 5;
            expect(ramps[pixel]).toBe(expectedRamp(diff, c * rows + r));
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('that is smaller than its cells loses none: a significant one outshines what may be luck', () => {
    fc.assert(
      fc.property(arbitraryDiff, (diff) => {
        const ramps = rampsOf(diff, 10, 10);
        const all = Array.from(diff.score, (_, i) => expectedRamp(diff, i));
        expect(ramps.some((ramp) => ramp >= 0)).toBe(all.some((ramp) => ramp >= 0));
        expect(ramps.some((ramp) => ramp === 0 || ramp === 1)).toBe(
          all.some((ramp) => ramp === 0 || ramp === 1),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('says in words what is set against what, and how many cells differ', () => {
    const diff = diffOf(2, 1, [
      { a: 9, b: 1, significant: true },
      { a: 2, b: 2, significant: false },
    ]);
    const png = Buffer.from(diffPng(diff, DRAW_DEFAULTS, referenceKernel)).toString('latin1');
    expect(png).toContain('now against a week earlier');
    expect(png).toContain('1 of 2 cells differ');
    expect(Buffer.from(diffPng(diff, DRAW_DEFAULTS, referenceKernel)).toString('latin1')).toBe(png);
  });
});
