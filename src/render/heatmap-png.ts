/** Draws a raster as a palette PNG: a cell with counts has the hue of its largest key and the level of its sum. */
import type { Kernel } from '../kernel/kernel.ts';
import type { Raster } from '../model/raster.ts';
import { altText } from './alt-text.ts';
import { hexOf, LEVELS } from './colour.ts';
import type { Layout } from './layout.ts';
import type { DrawOptions } from './options.ts';
import { picturePng, plotRect } from './picture-png.ts';
import { type View, viewOf } from './view.ts';
import { heatmapWords } from './words.ts';

export function heatmapPng(
  raster: Raster,
  options: DrawOptions,
  kernel: Kernel,
  description = altText(raster, kernel),
): Uint8Array {
  const view = viewOf(raster, options, { columns: options.width, rows: options.height }, kernel);
  return picturePng({
    raster,
    view,
    words: () => heatmapWords(raster, options, view),
    options,
    kernel,
    description,
    pixelMap: (layout) => pixelMap(raster, options, layout, view),
  });
}

/** From a pixel back to time, value, key and count. Rectangles in pixels of the image. */
function pixelMap(raster: Raster, { scale }: DrawOptions, layout: Layout, view: View): object {
  return {
    metric: raster.metric,
    from: raster.fromSecond,
    until: raster.untilSecond,
    columnSeconds: raster.columnSeconds,
    columns: raster.columns,
    rows: raster.rows,
    y: raster.y,
    plot: plotRect(layout, scale),
    scale,
    levels: LEVELS,
    thresholds: [...view.thresholds],
    hues: raster.hues.map(({ key, names, count }, h) => ({
      key: key ?? null,
      ...(names === undefined ? {} : { names }),
      count,
      index: 1 + view.rampOfHue[h]! * LEVELS,
      color: hexOf(view.ramps[view.rampOfHue[h]!]!.at(-1)!),
    })),
  };
}
