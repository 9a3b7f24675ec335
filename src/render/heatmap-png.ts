/** Draws a raster as a palette PNG. Pixels are palette indices from the start: 0 is the background and only
 *  zero, a cell with counts has the hue of its largest key and the level of its sum. Deterministic: the same
 *  raster and options give the same bytes. What a client needs to map a pixel back stands in the tEXt chunk
 *  "tailglow". Does not: decide sizes (layout.ts), colours (ramps.ts) or words. */
import type { Kernel } from '../kernel/kernel.ts';
import { assert } from '../model/assert.ts';
import type { Raster } from '../model/raster.ts';
import { altText } from './alt-text.ts';
import { drawBody } from './body.ts';
import { hexOf, LEVELS } from './colour.ts';
import { fullLayout, type Layout, plainLayout, type Rect } from './layout.ts';
import { drawFault, type DrawOptions } from './options.ts';
import { type Picture, pictureColours } from './picture.ts';
import { encodePng, latinJson, latinText } from './png.ts';
import { stripCoverage } from './strip.ts';
import { type View, viewOf } from './view.ts';

export function heatmapPng(raster: Raster, options: DrawOptions, kernel: Kernel): Uint8Array {
  assert(drawFault(options) === undefined, () => `cannot draw: ${drawFault(options)}`);
  const view = viewOf(raster, options, { columns: options.width, rows: options.height }, kernel);
  const layout = options.plain ? plainLayout(options) : fullLayout(raster, options, view);
  const picture = newPicture(layout, options, view);
  if (!options.plain) drawAround(picture, layout);
  drawBody(picture, { raster, layout, view, kernel });
  return encodePng({
    width: picture.width,
    height: picture.height,
    pixels: picture.pixels,
    palette: picture.colours.palette,
    texts: [
      ['Software', 'Tailglow'],
      ['Description', latinText(altText(raster))],
      ['tailglow', latinJson(pixelMap(raster, options, layout, view))],
    ],
  });
}

function newPicture(layout: Layout, options: DrawOptions, view: View): Picture {
  const width = layout.width * options.scale;
  const height = layout.height * options.scale;
  const colours = pictureColours(view, options.theme);
  return {
    width,
    height,
    scale: options.scale,
    colours,
    pixels: new Uint8Array(width * height).fill(colours.page),
  };
}

/** Frame, swatches and texts. */
function drawAround(picture: Picture, layout: Layout): void {
  const { colours, pixels, scale, width } = picture;
  for (const rect of layout.frame) fill(picture, rect, colours.frame);
  for (const swatch of layout.swatches) fill(picture, swatch, 1 + swatch.ramp * LEVELS + swatch.level);
  for (const strip of layout.strips) {
    const coverage = stripCoverage(strip, scale);
    const stripWidth = strip.width * scale;
    for (let y = 0; y < strip.height * scale; y++) {
      const to = (strip.y * scale + y) * width + strip.x * scale;
      for (let x = 0; x < stripWidth; x++) {
        const ink = coverage[y * stripWidth + x]!;
        if (ink > 0) pixels[to + x] = colours.page + ink;
      }
    }
  }
}

function fill({ pixels, width, scale }: Picture, rect: Rect, index: number): void {
  for (let y = rect.y * scale; y < (rect.y + rect.height) * scale; y++) {
    const row = y * width;
    pixels.fill(index, row + rect.x * scale, row + (rect.x + rect.width) * scale);
  }
}

/** From a pixel back to time, value, key and count. Rectangles in pixels of the image. */
function pixelMap(raster: Raster, options: DrawOptions, layout: Layout, view: View): object {
  const { scale } = options;
  const { body } = layout;
  return {
    metric: raster.metric,
    from: raster.fromSecond,
    until: raster.untilSecond,
    columnSeconds: raster.columnSeconds,
    columns: raster.columns,
    rows: raster.rows,
    y: raster.y,
    plot: { x: body.x * scale, y: body.y * scale, width: body.width * scale, height: body.height * scale },
    scale,
    levels: LEVELS,
    thresholds: [...view.thresholds],
    hues: raster.hues.map(({ key, count }, h) => ({
      key: key ?? null,
      count,
      index: 1 + view.rampOfHue[h]! * LEVELS,
      color: hexOf(view.ramps[view.rampOfHue[h]!]!.at(-1)!),
    })),
  };
}
