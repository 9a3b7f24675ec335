/** Which hue of a raster has which ramp. The PNG, the JSON and the terminal all ask here, so that they agree;
 *  the legend too. Pure. */
import { calledText, type Key, type KeyNames, REMAINDER } from '../model/key.ts';
import { keptByName, keptLately } from '../model/kept.ts';
import type { HueLabel, Raster } from '../model/raster.ts';
import { assignSlots, HUES_MAX, hueRamps, paletteRamp, type Rgb } from './colour.ts';
import type { DrawOptions, PaletteName, Theme } from './options.ts';
import { cleanText } from './text-width.ts';

/** Kept of the pictures drawn lately. */
const RAMPS_MAX = 64;
/** The slot of what is grey, after those of the hues. */
const OTHER_SLOT = HUES_MAX;

export interface Ramps {
  /** LEVELS colours each, faint to strong. Where there is a hue dimension, the last is the grey of the
   *  remainder, whether or not a hue has it. */
  readonly ramps: readonly (readonly Rgb[])[];
  /** Per hue of the raster. */
  readonly rampOfHue: readonly number[];
}

export interface LegendEntry {
  readonly ramp: number;
  readonly label: string;
  readonly count: number;
}

export function rampsOf(raster: Raster, options: Pick<DrawOptions, 'theme' | 'palette'>): Ramps {
  if (raster.hueFields.length === 0) {
    return { ramps: paletteAlone(options.palette, options.theme), rampOfHue: raster.hues.map(() => 0) };
  }
  return rampsOfSlots(options.theme, slotsOf(raster.hues));
}

const paletteAlone = keptByName((palette: PaletteName, theme: Theme) => [paletteRamp(palette, theme)]);

const rampsOfSlots = keptLately(
  RAMPS_MAX,
  (theme: Theme, slots: readonly number[]) => `${theme} ${slots.join(' ')}`,
  (theme, slots): Ramps => {
    const used = [...new Set([...slots, OTHER_SLOT])].toSorted((a, b) => a - b);
    const all = hueRamps(theme);
    return { ramps: used.map((slot) => all[slot]!), rampOfHue: slots.map((slot) => used.indexOf(slot)) };
  },
);

/** The slot of each hue: the HUES_MAX largest keys have one of their own, all else is grey. */
function slotsOf(hues: readonly HueLabel[]): number[] {
  const keyed = hues
    .flatMap(({ key, count }, index) =>
      key === undefined || isRemainder(key) ? [] : [{ key, count, index }],
    )
    .toSorted((a, b) => b.count - a.count || a.index - b.index)
    .slice(0, HUES_MAX);
  const slots = hues.map(() => OTHER_SLOT);
  assignSlots(keyed.map((h) => h.key)).forEach((slot, i) => (slots[keyed[i]!.index] = slot));
  return slots;
}

function isRemainder(key: Key): boolean {
  return key.every((value) => value === REMAINDER);
}

/** One entry a hue, in the raster's order; all that is grey is one entry, the last. Empty without a hue
 *  dimension. Counts add up to the raster's total. */
export function legendEntries(raster: Raster, { ramps, rampOfHue }: Ramps): LegendEntry[] {
  if (raster.hueFields.length === 0) return [];
  const other = ramps.length - 1;
  const entries = raster.hues.flatMap(({ key, names, count }, h) =>
    rampOfHue[h] === other ? [] : [{ ramp: rampOfHue[h]!, label: keyLabel(key ?? [], names), count }],
  );
  const grey = raster.hues.filter((_, h) => rampOfHue[h] === other);
  if (grey.length === 0) return entries;
  const named = grey.filter(({ key }) => key !== undefined && !isRemainder(key)).length;
  const label = named === 0 ? 'other' : `other, with ${named} key${named === 1 ? '' : 's'}`;
  return [...entries, { ramp: other, label, count: grey.reduce((n, h) => n + h.count, 0) }];
}

function keyLabel(key: Key, names?: KeyNames): string {
  const words = key.map((value, i) => calledText(value === '' ? '""' : value, names?.[i]));
  return cleanText(words.join(' · '));
}
