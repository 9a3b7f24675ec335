/** Draws a raster as a palette PNG: a cell with counts has the hue of its largest key and the level of its sum. */
import type { Kernel } from '../kernel/kernel.ts';
import type { Raster, YAxis } from '../model/raster.ts';
import { altText } from './alt-text.ts';
import { hexOf, LEVELS } from './colour.ts';
import type { Layout } from './layout.ts';
import type { DrawOptions } from './options.ts';
import { picturePng, plotRect } from './picture-png.ts';
import { latinJson } from './png.ts';
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

/** From a pixel back to time, value, key and count, as JSON. Rectangles in pixels of the image. */
function pixelMap(raster: Raster, { scale }: DrawOptions, layout: Layout, view: View): string {
  const { metric, fromSecond: from, untilSecond: until, columnSeconds, columns, rows } = raster;
  const where = latinJson({ metric, from, until, columnSeconds, columns, rows });
  const what = latinJson({
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
  });
  return `${where.slice(0, -1)},"y":${axisJson(raster.y)},${what.slice(1)}`;
}

/** Of edges that are still in use: writing a hundred numbers that need all their digits takes as long as drawing words. */
const axes = new WeakMap<YAxis['edges'], { readonly y: YAxis; readonly json: string }>();

function axisJson(y: YAxis): string {
  const { scale, unit, base, power, edges } = y;
  const known = axes.get(edges);
  const isSame =
    known?.y.scale === scale && known.y.unit === unit && known.y.base === base && known.y.power === power;
  if (isSame) return known.json;
  const json = latinJson(y);
  axes.set(edges, { y, json });
  return json;
}
