/** Text as the pixels that it covers, each 1..INKS - 1, so that a picture of palette indices can take it in. The one place
 *  that touches the canvas. Strips are cached by what they say: an axis that stays costs nothing to draw again.
 *  The font is shipped and loaded from its own file: without one, canvas draws text as nothing, silently. */
import { createRequire } from 'node:module';
import { createCanvas, GlobalFonts, type SKRSContext2D } from '@napi-rs/canvas';

/** Shades from the page to the ink. */
export const INKS = 16;
/** The advance of every character, in font sizes (DejaVu Sans Mono: 1233 of 2048 units). */
export const CHARACTER_WIDTH = 1233 / 2048;

export interface Text {
  readonly text: string;
  /** CSS pixels within the strip; `y` is the baseline, `x` what `align` says. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly align: 'left' | 'center' | 'right';
  readonly bold?: boolean;
  /** 0..1; labels are fainter than titles. */
  readonly strength: number;
}

export interface Strip {
  /** Place in the picture, CSS pixels. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly texts: readonly Text[];
}

/** Strips kept: those of some tens of live pictures. */
const CACHE_ENTRIES_MAX = 256;
/** Bytes kept, the stricter bound for pictures of double size. */
const CACHE_BYTES_MAX = 16 * 1024 * 1024;

const FAMILY = 'Tailglow Mono';
const cache = new Map<string, Inked>();
let cacheBytes = 0;
let fontLoaded = false;

class FontError extends Error {
  readonly code = 'FONT';
}

function loadFont(): void {
  if (fontLoaded) return;
  const require = createRequire(import.meta.url);
  for (const weight of [400, 700]) {
    const path = require.resolve(`@fontsource/dejavu-mono/files/dejavu-mono-latin-${weight}-normal.woff2`);
    if (GlobalFonts.registerFromPath(path, FAMILY) === null) {
      throw new FontError(`Cannot load font "${path}": canvas does not read it`);
    }
  }
  const context = createCanvas(1, 1).getContext('2d');
  context.font = `100px "${FAMILY}"`;
  const width = context.measureText('M').width / 100;
  if (Math.abs(width - CHARACTER_WIDTH) > 0.01) {
    throw new FontError(`Cannot use font "${FAMILY}": "M" is ${width} wide, expected ${CHARACTER_WIDTH}`);
  }
  fontLoaded = true;
}

/** The pixels of a strip that text covers. */
export interface Inked {
  /** Pixels of the image behind the strip's corner. */
  readonly at: Uint32Array;
  /** 1..INKS - 1 */
  readonly ink: Uint8Array;
}

function bytesOf({ at, ink }: Inked): number {
  return at.byteLength + ink.byteLength;
}

/** Of an image whose rows have `stride` pixels; must not be changed. */
export function inkedPixels(strip: Strip, scale: number, stride: number): Inked {
  const { width, height, texts } = strip;
  const key = JSON.stringify([scale, stride, width, height, texts]);
  const known = cache.get(key);
  if (known !== undefined) {
    cache.delete(key);
    cache.set(key, known);
    return known;
  }
  const inked = drawStrip(strip, scale, stride);
  cache.set(key, inked);
  cacheBytes += bytesOf(inked);
  for (const [oldest, pixels] of cache) {
    if (cache.size <= CACHE_ENTRIES_MAX && cacheBytes <= CACHE_BYTES_MAX) break;
    cache.delete(oldest);
    cacheBytes -= bytesOf(pixels);
  }
  return inked;
}

function drawStrip({ width, height, texts }: Strip, scale: number, stride: number): Inked {
  loadFont();
  const canvas = createCanvas(width * scale, height * scale);
  const context = canvas.getContext('2d');
  context.scale(scale, scale);
  context.fillStyle = '#fff';
  for (const text of texts) drawText(context, text);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const inks = Uint8Array.from(
    { length: canvas.width * canvas.height },
    (_, i) => (data[i * 4 + 3]! * (INKS - 1) + 127) / 255,
  );
  const covered = Uint32Array.from(inks.keys()).filter((i) => inks[i]! > 0);
  return {
    at: covered.map((i) => Math.floor(i / canvas.width) * stride + (i % canvas.width)),
    ink: Uint8Array.from(covered, (i) => inks[i]!),
  };
}

function drawText(context: SKRSContext2D, { text, x, y, size, align, bold, strength }: Text): void {
  context.font = `${bold === true ? 700 : 400} ${size}px "${FAMILY}"`;
  context.textAlign = align;
  context.globalAlpha = strength;
  context.fillText(text, x, y);
}
