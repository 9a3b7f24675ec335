/** Decides the colours of one picture: which hue of the raster has which ramp, and the thresholds between the
 *  steps. The PNG, the JSON and the terminal all ask here, so that they agree. Pure.
 *  Does not: colour cells. */
import { REMAINDER } from '../model/key.ts';
import type { HueLabel, Raster } from '../model/raster.ts';
import { assignSlots, HUES_MAX, hueRamps, paletteRamp, type Rgb, SLOT_OTHER } from './colour.ts';
import { occupiedBins, thresholdsOf } from './levels.ts';
import type { DrawOptions } from './options.ts';

export interface Shading {
  /** Ramps in use, LEVELS colours each, faint to strong. */
  readonly ramps: readonly (readonly Rgb[])[];
  /** Per hue of the raster: its ramp. */
  readonly rampOfHue: readonly number[];
  /** Ascending, LEVELS - 1: the level of a cell is the number of them at or below its sum over hues. */
  readonly thresholds: Float64Array;
  /** The half-octaves that occur (levels.ts), ascending; empty for an empty picture. */
  readonly bins: readonly number[];
}

export function shadingOf(raster: Raster, options: Pick<DrawOptions, 'theme' | 'palette' | 'color'>): Shading {
  const bins = occupiedBins(raster.cells, raster.hues.length);
  const thresholds = thresholdsOf(options.color, bins);
  if (raster.hueFields.length === 0) {
    const ramps = [paletteRamp(options.palette, options.theme)];
    return { ramps, rampOfHue: raster.hues.map(() => 0), thresholds, bins };
  }
  const slots = slotsOf(raster.hues);
  const used = [...new Set(slots)].toSorted((a, b) => a - b);
  const all = hueRamps(options.theme);
  return {
    ramps: used.map((slot) => all[slot]!),
    rampOfHue: slots.map((slot) => used.indexOf(slot)),
    thresholds,
    bins,
  };
}

/** The slot of each hue: the largest HUES_MAX keys have one of their own, all else is grey. */
export function slotsOf(hues: readonly HueLabel[]): number[] {
  const keyed = hues
    .map((hue, index) => ({ key: hue.key, count: hue.count, index }))
    .filter((h) => h.key !== undefined && !h.key.every((value) => value === REMAINDER))
    .toSorted((a, b) => b.count - a.count || a.index - b.index)
    .slice(0, HUES_MAX);
  const slots = hues.map(() => SLOT_OTHER);
  assignSlots(keyed.map((h) => h.key!)).forEach((slot, i) => (slots[keyed[i]!.index] = slot));
  return slots;
}

/** How a key reads in a legend. */
export function keyLabel(hue: HueLabel, hueFields: readonly string[]): string {
  if (hue.key === undefined) return hueFields.length === 0 ? 'all' : 'other';
  return hue.key.map((value) => (value === '' ? '""' : value)).join(' · ');
}
