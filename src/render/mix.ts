/** What a picture shows of the hues of its cells. */
import type { Kernel } from '../kernel/kernel.ts';
import { referenceKernel } from '../kernel/reference.ts';
import { type Mix, newMix } from '../model/raster.ts';

/** Of cells by [hue][column][row]; at most 255 hues. */
export function mixOf(cells: Float64Array, hues: number, kernel: Pick<Kernel, 'mix'> = referenceKernel): Mix {
  const shape = { hues, cells: hues === 0 ? 0 : cells.length / hues };
  const mix = newMix(shape.cells);
  kernel.mix(cells, shape, mix);
  return mix;
}

/** The columns from `first` on. */
export function mixFrom({ sums, strongest }: Mix, first: number, rows: number): Mix {
  return { sums: sums.subarray(first * rows), strongest: strongest.subarray(first * rows) };
}
