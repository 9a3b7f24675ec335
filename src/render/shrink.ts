/** Makes a raster no finer than the picture that shows it. Every count stays: cells that share a pixel add up.
 *  Invariant: the sum of the cells of each hue is that of the raster (up to the rounding of sums of fractions).
 *  A raster that fits is returned as it is. */
import type { Raster } from '../model/raster.ts';

export type Shrunk = Pick<Raster, 'columns' | 'rows' | 'under' | 'over' | 'y'> & {
  /** Asked for by few: those of a picture that moves on may have to be put together first. */
  readonly cells: () => Float64Array;
  readonly hues: number;
  /** Per column: sources that reported and that were expected, of its worst column; -1, 0 for unknown. */
  readonly reporting: readonly number[];
  readonly expecting: readonly number[];
};

/** Column or row of the smaller picture. */
function placeOf(index: number, from: number, to: number): number {
  return Math.floor((index * to) / from);
}

/** `hueOf` says which hue of the result each hue of the raster adds to, `hues` how many there are. */
export function shrink(
  raster: Raster,
  most: { readonly columns: number; readonly rows: number },
  fold?: { readonly hueOf: readonly number[]; readonly hues: number },
): Shrunk {
  const columns = Math.min(raster.columns, most.columns);
  const rows = Math.min(raster.rows, most.rows);
  const same = columns === raster.columns && rows === raster.rows && fold === undefined;
  const hues = fold?.hues ?? raster.hues.length;
  const { under, over } = raster;
  const coverage = worstCoverage(raster, columns);
  if (same) return { ...coverage, columns, rows, hues, cells: () => raster.cells, under, over, y: raster.y };
  const { cells } = raster;
  const hueOf = fold?.hueOf ?? raster.hues.map((_, h) => h);
  const rowOf = Int32Array.from({ length: raster.rows }, (_, r) => placeOf(r, raster.rows, rows));
  const out = new Float64Array(hues * columns * rows);
  for (let h = 0; h < raster.hues.length; h++) {
    for (let c = 0; c < raster.columns; c++) {
      const from = (h * raster.columns + c) * raster.rows;
      const to = (hueOf[h]! * columns + placeOf(c, raster.columns, columns)) * rows;
      for (let r = 0; r < raster.rows; r++) out[to + rowOf[r]!]! += cells[from + r]!;
    }
  }
  const edges = raster.y.edges.filter((_, r) => r === raster.rows || r === 0 || rowOf[r] !== rowOf[r - 1]);
  const sums = (values: Float64Array): Float64Array => {
    const to = new Float64Array(columns);
    values.forEach((value, c) => (to[placeOf(c, raster.columns, columns)]! += value));
    return to;
  };
  return {
    columns,
    rows,
    hues,
    cells: () => out,
    under: sums(under),
    over: sums(over),
    y: { ...raster.y, edges },
    ...coverage,
  };
}

function worstCoverage(raster: Raster, columns: number): Pick<Shrunk, 'reporting' | 'expecting'> {
  const { reporting, expecting } = raster.coverage;
  if (columns === raster.columns) return { reporting, expecting };
  const worst = Array.from({ length: columns }, () => ({ reporting: -1, expecting: 0 }));
  for (let c = 0; c < raster.columns; c++) {
    const place = placeOf(c, raster.columns, columns);
    const now = { reporting: reporting[c] ?? -1, expecting: expecting[c] ?? 0 };
    const missing = (w: typeof now): number => (w.reporting < 0 ? -1 : w.expecting - w.reporting);
    if (missing(now) > missing(worst[place]!)) worst[place] = now;
  }
  return { reporting: worst.map((w) => w.reporting), expecting: worst.map((w) => w.expecting) };
}
