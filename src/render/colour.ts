/** Colour: OKLCH arithmetic, the ramps that carry a count, and which key has which hue.
 *  A ramp has LEVELS steps whose lightness runs monotonically away from the background of its theme; zero has
 *  no step: it is the background. Several hues: six that stay apart under colour blindness, grey for the rest.
 *  Pure. Components of sRGB are integers 0..255, OKLab lightness 0..1, hue degrees. */
import { keptByName, keptLately } from '../model/kept.ts';
import { compareKeys, type Key, keyText } from '../model/key.ts';
import type { PaletteName, Theme } from './options.ts';

/** Steps of every ramp. Measured: 12 tell apart well and encode a third smaller than 24. */
export const LEVELS = 12;
/** Sets of keys of which the slots are kept: as many as are drawn by turns. */
const SLOTS_KEPT_MAX = 64;
/** Keys with a hue of their own; more do not stay apart for everyone. */
export const HUES_MAX = 6;

export type Rgb = readonly [number, number, number];

/** Greatest strength of each hue. The first four keep at least 16 CIEDE2000 apart from each other and from the
 *  grey for normal sight, deuteranopia, protanopia and tritanopia; all six 14; faint, for normal sight, 10
 *  (test/render/colour.test.ts). The first four are blue, yellow, red, green in
 *  both themes. */
const HUES: { readonly [theme in Theme]: readonly string[] } = {
  dark: ['#6991ff', '#cac200', '#f1579e', '#00bb6d', '#8cdaff', '#c8eca5'],
  light: ['#6570eb', '#817900', '#a9003b', '#00627b', '#592e00', '#5d9d6b'],
};
const OTHER: { readonly [theme in Theme]: string } = { dark: '#b4b4b4', light: '#6e6e6e' };
const DIFF: { readonly [theme in Theme]: readonly [more: string, less: string] } = {
  dark: ['#ff9d3c', '#5db4ff'],
  light: ['#b54a00', '#0060a8'],
};

/** Sixteen even stops of the well-known maps: viridis, magma and inferno by N. Smith and S. van der Walt
 *  (CC0), cividis by J. Nunez, C. Anderton and R. Renslow. */
const STOPS: { readonly [name in PaletteName]: string } = {
  viridis: '440154481a6c472f7d41448739568c31688e2a788e23888e1f988b22a88435b77954c5687ad151a5db36d2e21bfde725',
  cividis: '002051022c6514386d2b446e42506e575c6e696970787573868276948f78a49d78b6ab73caba6ae0c95df2d950fdea45',
  magma: '0000040b092420114b3b0f7057157e721f818c2981a8327dc43c75de4968f1605dfa7f5efe9f6dfebf84fddea0fcfdbf',
  inferno: '0000040c0826240c4f420a685d126e781c6d932667ae305cc73e4cdd513aed6925f8850ffca50afac62df2e661fcffa4',
};

/** Lightness of a ramp's first step: far enough from the background that a single count is seen. */
const FIRST_LIGHTNESS: { readonly [theme in Theme]: number } = { dark: 0.39, light: 0.82 };
/** Share of a hue's chroma in its first step. */
const FIRST_CHROMA: { readonly [theme in Theme]: number } = { dark: 0.6, light: 0.55 };
/** Below 1: the faint half of a ramp, where most cells are, gets the larger steps. */
const BEND = 0.85;

type Triple = readonly [number, number, number];

export function parseHex(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 0xff, n & 0xff];
}

export function hexOf(rgb: Rgb): string {
  return `#${((1 << 24) | (rgb[0] << 16) | (rgb[1] << 8) | rgb[2]).toString(16).slice(1)}`;
}

function linear(component: number): number {
  const c = component / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

function gamma(value: number): number {
  return value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055;
}

/** OKLab after B. Ottosson. */
export function toOklab(rgb: Rgb): Triple {
  const [r, g, b] = [linear(rgb[0]), linear(rgb[1]), linear(rgb[2])];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** sRGB 0..1, possibly outside. */
function unclampedRgb(lab: Triple): Triple {
  const [L, a, b] = lab;
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function byte(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 255);
}

export function fromOklab(lab: Triple): Rgb {
  const [r, g, b] = unclampedRgb(lab);
  return [byte(r), byte(g), byte(b)];
}

function inGamut(lab: Triple): boolean {
  return unclampedRgb(lab).every((c) => c >= -0.0005 && c <= 1.0005);
}

/** The colour of this lightness and hue with the chroma asked, or the greatest that sRGB has. */
export function fromOklch(lightness: number, chroma: number, hueDegrees: number): Rgb {
  const angle = (hueDegrees * Math.PI) / 180;
  const at = (c: number): Triple => [lightness, c * Math.cos(angle), c * Math.sin(angle)];
  if (inGamut(at(chroma))) return fromOklab(at(chroma));
  let low = 0;
  let high = chroma;
  for (let i = 0; i < 20; i++) {
    const middle = (low + high) / 2;
    if (inGamut(at(middle))) low = middle;
    else high = middle;
  }
  return fromOklab(at(low));
}

function mix(a: number, b: number, t: number): number {
  return a + (b - a) * t;
}

/** From a faint tint near the background to `full`, in LEVELS steps. */
export function hueRamp(full: Rgb, theme: Theme): Rgb[] {
  const [L, a, b] = toOklab(full);
  const chroma = Math.hypot(a, b);
  const hue = (Math.atan2(b, a) * 180) / Math.PI;
  return Array.from({ length: LEVELS }, (_, level) => {
    if (level === LEVELS - 1) return full;
    const t = (level / (LEVELS - 1)) ** BEND;
    return fromOklch(mix(FIRST_LIGHTNESS[theme], L, t), chroma * mix(FIRST_CHROMA[theme], 1, t), hue);
  });
}

function paletteAt(stops: readonly Triple[], t: number): Triple {
  const at = t * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [p, q] = [stops[i]!, stops[i + 1]!];
  return [mix(p[0], q[0], at - i), mix(p[1], q[1], at - i), mix(p[2], q[2], at - i)];
}

/** The part of a palette that stands off the theme's background, in LEVELS steps away from it. */
export const paletteRamp = keptByName((name: PaletteName, theme: Theme): readonly Rgb[] => {
  const stops = Array.from({ length: 16 }, (_, i) =>
    toOklab(parseHex(`#${STOPS[name].slice(i * 6, i * 6 + 6)}`)),
  );
  const steps = 256;
  const first = Array.from({ length: steps }, (_, i) => i / (steps - 1)).find((t) =>
    theme === 'dark'
      ? paletteAt(stops, t)[0] >= FIRST_LIGHTNESS.dark
      : paletteAt(stops, 1 - t)[0] <= FIRST_LIGHTNESS.light,
  )!;
  return Array.from({ length: LEVELS }, (_, level) => {
    const t = mix(first, 1, level / (LEVELS - 1));
    return fromOklab(paletteAt(stops, theme === 'dark' ? t : 1 - t));
  });
});

/** The ramps by slot: HUES_MAX hues, then the grey of the remainder. */
export const hueRamps = keptByName((theme: Theme): readonly (readonly Rgb[])[] =>
  [...HUES[theme], OTHER[theme]].map((hex) => hueRamp(parseHex(hex), theme)),
);

/** Ramps of a diff: more in the first layer, less, and what may be luck. Vermilion and sky blue of Okabe and Ito, which
 *  every kind of colour blindness tells apart, at a strength that both backgrounds bear. */
export const diffRamps = keptByName((theme: Theme): readonly (readonly Rgb[])[] =>
  [...DIFF[theme], OTHER[theme]].map((hex) => hueRamp(parseHex(hex), theme)),
);

/** How much a key likes a slot: FNV-1a over both, then the finishing mix of MurmurHash3. */
function liking(text: string, slot: number): number {
  let hash = 0x811c9dc5 ^ (slot * 0x9e3779b1);
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Gives each key a slot of its own, 0..HUES_MAX - 1; the first four slots are the farthest apart and are used
 *  up first. Depends on the set of keys alone, not on their order or counts: of all pairs of a key and a slot,
 *  the one that like each other most is joined first (rendezvous hashing, made one to one). So a key that comes
 *  or goes moves only keys that wanted the same slot. */
export const assignSlots = keptLately(
  SLOTS_KEPT_MAX,
  (keys: readonly Key[]) => JSON.stringify(keys),
  slotsOf,
);

function slotsOf(keys: readonly Key[]): readonly number[] {
  const wide = 4;
  const slots = keys.length <= wide ? wide : HUES_MAX;
  const pairs = keys.flatMap((key, index) => {
    const text = keyText(key);
    return Array.from({ length: slots }, (_, slot) => ({ index, slot, liking: liking(text, slot) }));
  });
  pairs.sort((a, b) => b.liking - a.liking || compareKeys(keys[a.index]!, keys[b.index]!) || a.slot - b.slot);
  const result = keys.map(() => -1);
  const taken = new Set<number>();
  for (const { index, slot } of pairs) {
    if (result[index] !== -1 || taken.has(slot)) continue;
    result[index] = slot;
    taken.add(slot);
  }
  return result;
}
