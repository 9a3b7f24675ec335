/** How a raster is drawn. Sizes are CSS pixels of the plot body; `scale` multiplies them into image pixels.
 *  Owns: the options, their defaults and their limits. Does not: parse them from text. */
import { assert } from '../model/assert.ts';

export type Theme = 'dark' | 'light';
export type ColorMode = 'rank' | 'linear' | 'sqrt' | 'log';
export type PaletteName = 'viridis' | 'cividis' | 'magma' | 'inferno';

export interface DrawOptions {
  readonly width: number;
  readonly height: number;
  readonly scale: 1 | 2;
  readonly theme: Theme;
  /** Only the body, without axes, title and legend. */
  readonly plain: boolean;
  readonly title?: string;
  readonly color: ColorMode;
  /** For one hue; several hues have colours of their own. */
  readonly palette: PaletteName;
}

export const DRAW_DEFAULTS: DrawOptions = {
  width: 900,
  height: 300,
  scale: 1,
  theme: 'dark',
  plain: false,
  color: 'rank',
  palette: 'viridis',
};

/** A body smaller than this has no room for one tick label. */
const DRAW_SIZE_MIN = 10;
/** A body larger than this is no picture for a screen, and its pixels would not stay in the cache. */
const DRAW_SIZE_MAX = 4096;
/** Characters of a title; the rest is cut. */
export const TITLE_MAX = 200;

/** What is wrong with the options, or undefined. A query is checked long before: drawing asserts it. */
export function drawFault(options: DrawOptions): string | undefined {
  for (const side of ['width', 'height'] as const) {
    const size = options[side];
    if (!Number.isInteger(size) || size < DRAW_SIZE_MIN || size > DRAW_SIZE_MAX) {
      return `${side} is ${size}, expected an integer of ${DRAW_SIZE_MIN}..${DRAW_SIZE_MAX}`;
    }
  }
  return undefined;
}

assert(drawFault(DRAW_DEFAULTS) === undefined, 'the defaults are within the limits');
