/** What a picture shows of the hues of its cells. */
import type { Kernel } from '../kernel/kernel.ts';
import { referenceKernel } from '../kernel/reference.ts';
import { type Mix, newMix, type Raster } from '../model/raster.ts';

/** Of cells by [hue][column][row]; at most 255 hues. */
export function mixOf(cells: Float64Array, hues: number, kernel: Pick<Kernel, 'mix'> = referenceKernel): Mix {
  const shape = { hues, cells: hues === 0 ? 0 : cells.length / hues };
  const mix = newMix(shape.cells);
  kernel.mix(cells, shape, mix);
  return mix;
}

/** The sums over hues of a raster's cells, however many hues it has. */
export function sumsOf(raster: Raster): Float64Array {
  if (raster.mix !== undefined) return raster.mix.sums;
  const { cells, hues } = raster;
  const length = hues.length === 0 ? 0 : cells.length / hues.length;
  const sums = new Float64Array(length);
  for (let from = 0; from < cells.length; from += length) {
    for (let i = 0; i < length; i++) sums[i]! += cells[from + i]!;
  }
  return sums;
}

/** The columns from `first` on. */
export function mixFrom({ sums, strongest }: Mix, first: number, rows: number): Mix {
  return { sums: sums.subarray(first * rows), strongest: strongest.subarray(first * rows) };
}
