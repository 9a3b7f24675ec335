/** The palette of a picture and its pixels. Index 0 is zero; then LEVELS entries a ramp; then the few colours of
 *  everything else; at last the INKS shades from page to text. */
import { keptByName } from '../model/kept.ts';
import { fromOklab, hueRamp, LEVELS, type Rgb, toOklab } from './colour.ts';
import type { Rect } from './layout.ts';
import type { Theme } from './options.ts';
import type { Ramps } from './ramps.ts';
import { INKS } from './strip.ts';
import { type ThemeColour, themeColour } from './theme.ts';

/** Palette indices. */
export interface PictureColours {
  readonly palette: Uint8Array;
  /** Backgrounds: no count. */
  readonly zero: 0;
  readonly grid: number;
  /** A second that some source did not report. */
  readonly hatch: number;
  /** Nobody was expected to report: two shades of a texture. */
  readonly unknown: number;
  readonly unknownDot: number;
  readonly frame: number;
  /** Counts beyond the axis: the first of LEVELS. */
  readonly mark: number;
  readonly missing: number;
  /** A second that late data changed. */
  readonly revised: number;
  readonly line: number;
  readonly halo: number;
  /** The first ink; page + INKS - 1 is the text at full strength. */
  readonly page: number;
}

export interface Picture {
  /** Image pixels. */
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  /** Image pixels that it lacks at the left of what its layout says: 0 but for the newest columns alone (newest.ts). */
  readonly left: number;
  readonly pixels: Uint8Array;
  readonly colours: PictureColours;
}

/** Of ramps that are still in use: those of the theme that was asked for last. */
const known = new WeakMap<Ramps['ramps'], { readonly theme: Theme; readonly colours: PictureColours }>();

/** Must not be changed. */
export function pictureColours(of: Pick<Ramps, 'ramps'>, theme: Theme): PictureColours {
  const before = known.get(of.ramps);
  if (before?.theme === theme) return before.colours;
  const colours = coloursOf(of, theme);
  known.set(of.ramps, { theme, colours });
  return colours;
}

function coloursOf({ ramps }: Pick<Ramps, 'ramps'>, theme: Theme): PictureColours {
  const entries: Rgb[] = [themeColour(theme, 'zero'), ...ramps.flat()];
  const add = (name: ThemeColour): number => entries.push(themeColour(theme, name)) - 1;
  const indices = {
    zero: 0 as const,
    grid: add('grid'),
    hatch: add('hatch'),
    unknown: add('unknown'),
    unknownDot: add('unknownDot'),
    frame: add('frame'),
    mark: entries.push(...markRamp(theme)) - LEVELS,
    missing: add('missing'),
    revised: add('revised'),
    line: add('line'),
    halo: add('halo'),
  };
  const first = entries.length;
  return { ...indices, page: first, palette: bytesOf([...entries, ...inksOf(theme)]) };
}

function bytesOf(colours: readonly Rgb[]): Uint8Array {
  const bytes = new Uint8Array(3 * colours.length);
  colours.forEach((colour, i) => bytes.set(colour, 3 * i));
  return bytes;
}

const markRamp = keptByName((theme: Theme): readonly Rgb[] => hueRamp(themeColour(theme, 'mark'), theme));

/** From the page to the text at full strength. */
const inksOf = keptByName((theme: Theme): readonly Rgb[] => {
  const page = toOklab(themeColour(theme, 'page'));
  const ink = toOklab(themeColour(theme, 'ink'));
  return Array.from({ length: INKS }, (_, i) => {
    const t = i / (INKS - 1);
    return fromOklab([
      page[0] + (ink[0] - page[0]) * t,
      page[1] + (ink[1] - page[1]) * t,
      page[2] + (ink[2] - page[2]) * t,
    ]);
  });
});

/** First palette index of a ramp. */
export function rampIndex(ramp: number): number {
  return 1 + ramp * LEVELS;
}

/** First pixel, within the rectangle, that the picture has; and where in a row of it that rectangle's pixel 0 would
 *  stand. */
export function shownOf({ left, scale }: Picture, { x }: Rect): { from: number; offset: number } {
  return { from: Math.max(0, left - x * scale), offset: x * scale - left };
}

/** Fills those of the pixels from..until, counted from the left of `rect`, that the picture has, over its whole height. */
export function fillSpan(picture: Picture, rect: Rect, from: number, until: number, index: number): void {
  const { pixels, width, scale } = picture;
  const shown = shownOf(picture, rect);
  const first = Math.max(from, shown.from);
  if (first >= until) return;
  for (let y = rect.y * scale; y < (rect.y + rect.height) * scale; y++) {
    const row = y * width + shown.offset;
    pixels.fill(index, row + first, row + until);
  }
}
