/** A view with its words as a palette PNG. Pixels are palette indices from the start: 0 is the background and only zero.
 *  Deterministic: the same input gives the same bytes. Does not: decide sizes (layout.ts), colours (ramps.ts) or words. */
import type { Kernel } from '../kernel/kernel.ts';
import { assert } from '../model/assert.ts';
import type { Raster } from '../model/raster.ts';
import { drawBody, type Shaded } from './body.ts';
import { LEVELS } from './colour.ts';
import { fullLayout, type Layout, plainLayout, type Rect } from './layout.ts';
import { mixFrom } from './mix.ts';
import { drawFault, type DrawOptions } from './options.ts';
import { type Picture, pictureColours } from './picture.ts';
import { encodePng, latinText } from './png.ts';
import { Scratch } from './scratch.ts';
import { inkedPixels } from './strip.ts';
import type { View } from './view.ts';
import type { Words } from './words.ts';

export interface PictureParts {
  readonly raster: Raster;
  readonly view: View;
  /** Asked for where there is room for them. */
  readonly words: () => Words;
  readonly options: DrawOptions;
  readonly kernel: Kernel;
  /** In words, for the tEXt chunk "Description". */
  readonly description: string;
  /** What a client needs to map a pixel back, as JSON in Latin-1: the tEXt chunk "tailglow". */
  readonly pixelMap: (layout: Layout) => string;
}

export function picturePng(parts: PictureParts): Uint8Array {
  const { raster, view, words, options, kernel, description, pixelMap } = parts;
  assert(drawFault(options) === undefined, () => `cannot draw: ${drawFault(options)}`);
  const layout = options.plain ? plainLayout(options) : fullLayout(raster, options, words());
  const picture = newPicture(layout, options, view);
  if (!options.plain) drawAround(picture, layout);
  drawBody(picture, { raster, layout, view, shaded: shadedFrom(view, 0, kernel), kernel });
  const { width, height, pixels, colours } = picture;
  const texts = [
    ['Software', 'Tailglow'],
    ['Description', latinText(description)],
    ['tailglow', pixelMap(layout)],
  ] as const;
  return encodePng({ width, height, pixels, palette: colours.palette, texts }, kernel);
}

/** The columns from `first` on, in the colours of the whole. */
export function shadedFrom(view: View, first: number, kernel: Pick<Kernel, 'shade'>): Shaded {
  const { columns, rows, thresholds } = view;
  const cells = new Uint8Array((columns - first) * rows);
  kernel.shade(mixFrom(view.mix, first, rows), { cells: cells.length, levels: LEVELS }, thresholds, cells);
  return { first, cells };
}

/** Where the plot lies, in pixels of the image. */
export function plotRect({ body }: Layout, scale: number): Rect {
  return { x: body.x * scale, y: body.y * scale, width: body.width * scale, height: body.height * scale };
}

const scratch = new Scratch();

function newPicture(layout: Layout, options: DrawOptions, view: View): Picture {
  const width = layout.width * options.scale;
  const height = layout.height * options.scale;
  const colours = pictureColours(view, options.theme);
  return {
    width,
    height,
    scale: options.scale,
    left: 0,
    colours,
    pixels: scratch.take(width * height).fill(options.plain ? colours.zero : colours.page),
  };
}

/** Frame, swatches and texts. */
function drawAround(picture: Picture, layout: Layout): void {
  const { colours, pixels, scale, width } = picture;
  for (const rect of layout.frame) fill(picture, rect, colours.frame);
  for (const swatch of layout.swatches) fill(picture, swatch, 1 + swatch.ramp * LEVELS + swatch.level);
  for (const strip of layout.strips) {
    const { at, ink } = inkedPixels(strip, scale, width);
    const corner = strip.y * scale * width + strip.x * scale;
    for (let i = 0; i < ink.length; i++) pixels[corner + at[i]!] = colours.page + ink[i]!;
  }
}

/** A loop: most of them are a few pixels wide. */
function fill({ pixels, width, scale }: Picture, rect: Rect, index: number): void {
  for (let y = rect.y * scale; y < (rect.y + rect.height) * scale; y++) {
    const end = y * width + (rect.x + rect.width) * scale;
    for (let i = y * width + rect.x * scale; i < end; i++) pixels[i] = index;
  }
}
