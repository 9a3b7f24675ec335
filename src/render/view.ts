/** A raster as one picture shows it: no finer than the picture, its ramps, and the thresholds between levels.
 *  Thresholds are found after shrinking, since cells that share a pixel add up. */
import type { Kernel } from '../kernel/kernel.ts';
import { referenceKernel } from '../kernel/reference.ts';
import { binEdge } from '../model/half-octave.ts';
import type { Mix, Raster } from '../model/raster.ts';
import { LEVELS } from './colour.ts';
import { formatCount } from './format.ts';
import { occupiedBins, thresholdsOf } from './levels.ts';
import { mixOf } from './mix.ts';
import type { DrawOptions } from './options.ts';
import { type Ramps, rampsOf } from './ramps.ts';
import { shrink, type Shrunk } from './shrink.ts';

export interface View extends Omit<Shrunk, 'cells'>, Ramps {
  readonly mix: Mix;
  /** Per hue of the mix: its ramp. */
  readonly rampOf: readonly number[];
  /** Ascending, LEVELS - 1: the level of a cell is the number of them at or below its sum over hues. */
  readonly thresholds: Float64Array;
  /** The half-octaves that occur (levels.ts), ascending; empty for an empty picture. */
  readonly bins: readonly number[];
}

/** Hues that one byte tells apart at LEVELS levels. More differ only in grey: they are drawn as one. */
const SHADED_HUES_MAX = Math.floor(255 / LEVELS);

export function viewOf(
  raster: Raster,
  options: Pick<DrawOptions, 'theme' | 'palette' | 'color'>,
  most: { readonly columns: number; readonly rows: number },
  kernel: Pick<Kernel, 'mix' | 'halfOctaves'> = referenceKernel,
): View {
  const ramps = rampsOf(raster, options);
  const many = raster.hues.length > SHADED_HUES_MAX;
  const fold = many ? { hueOf: ramps.rampOfHue, hues: ramps.ramps.length } : undefined;
  const { cells, ...shrunk } = shrink(raster, most, fold);
  const fits = fold === undefined && shrunk.columns === raster.columns && shrunk.rows === raster.rows;
  const mix = (fits ? raster.mix : undefined) ?? mixOf(cells(), shrunk.hues, kernel);
  const bins = occupiedBins(mix.sums, kernel);
  const rampOf = many ? ramps.ramps.map((_, ramp) => ramp) : ramps.rampOfHue;
  return { ...shrunk, ...ramps, mix, rampOf, bins, thresholds: thresholdsOf(options.color, bins) };
}

/** What the ends of the ramp mean, in words; undefined for an empty picture. */
export function scaleEnds({ bins, thresholds }: View): { low: string; high: string } | undefined {
  if (bins.length === 0) return undefined;
  const least = binEdge(bins[0]!);
  const top = Math.max(1, Math.ceil(Math.max(thresholds.at(-1)!, least)));
  return {
    low: least <= 1 ? '≤1' : formatCount(Math.ceil(least)),
    high: `${formatCount(top)}${bins.length > 1 ? '+' : ''} a cell`,
  };
}
