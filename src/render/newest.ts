/** The newest columns of a heatmap alone: what a client that has the rest needs. Owns: which pixels and numbers these are.
 *  Invariant: set over the right end of the plain picture they change no pixel of it; their colours, the hues' counts and
 *  the total are those of the whole. Times: Unix seconds, [from, until). */
import type { Kernel } from '../kernel/kernel.ts';
import { assert } from '../model/assert.ts';
import type { Overlay, Raster } from '../model/raster.ts';
import { drawBody } from './body.ts';
import { type HeatmapJson, heatmapJson } from './heatmap-json.ts';
import { plainLayout } from './layout.ts';
import { drawFault, type DrawOptions } from './options.ts';
import { mixFrom } from './mix.ts';
import { shadedFrom } from './picture-png.ts';
import { pictureColours } from './picture.ts';
import { encodePng, latinJson } from './png.ts';
import { viewOf } from './view.ts';

/** The right end of the plain picture from the pixel on where the newest columns begin, `newest` of them or all there are.
 *  Its tEXt chunk "tailglow" says where it belongs: the time of its columns, `left` image pixels of a picture `width` wide
 *  lie before it. */
export function newestPng(raster: Raster, asked: DrawOptions, newest: number, kernel: Kernel): Uint8Array {
  const options = { ...asked, plain: true };
  assert(drawFault(options) === undefined, () => `cannot draw: ${drawFault(options)}`);
  const view = viewOf(raster, options, { columns: options.width, rows: options.height }, kernel);
  // A column of the picture may hold several of the raster's: then it begins with the first of these.
  const first = Math.floor((firstColumn(raster, newest) * view.columns) / raster.columns);
  const from = raster.fromSecond + Math.ceil((first * raster.columns) / view.columns) * raster.columnSeconds;
  const wholeWidth = options.width * options.scale;
  const left = Math.ceil((first * wholeWidth) / view.columns);
  const [width, height] = [wholeWidth - left, options.height * options.scale];
  const colours = pictureColours(view, options.theme);
  const picture = {
    width,
    height,
    scale: options.scale,
    left,
    colours,
    pixels: new Uint8Array(width * height),
  };
  drawBody(picture, {
    raster,
    layout: plainLayout(options),
    view,
    shaded: shadedFrom(view, first, kernel),
    kernel,
  });
  const map = {
    from,
    until: raster.untilSecond,
    columnSeconds: raster.columnSeconds,
    left,
    width: wholeWidth,
  };
  const texts = [['tailglow', latinJson(map)]] as const;
  return encodePng({ width, height, pixels: picture.pixels, palette: colours.palette, texts }, kernel);
}

/** As heatmapJson, but that `from`, `columns`, and whatever has one value a column are of the newest ones. */
export function newestJson(
  raster: Raster,
  options: Pick<DrawOptions, 'theme' | 'palette' | 'color'>,
  extra: { readonly cells?: boolean; readonly newest: number },
): HeatmapJson {
  const whole = heatmapJson(raster, options, { cells: false });
  const { newest, ...rest } = extra;
  return {
    ...heatmapJson(newestColumns(raster, newest), options, rest),
    colors: whole.colors,
    alt: whole.alt,
  };
}

function newestColumns(raster: Raster, newest: number): Raster {
  const first = firstColumn(raster, newest);
  const { columns, rows, hues, coverage } = raster;
  const length = (columns - first) * rows;
  const cells = new Float64Array(hues.length * length);
  for (let h = 0; h < hues.length; h++) {
    cells.set(raster.cells.subarray((h * columns + first) * rows, (h + 1) * columns * rows), h * length);
  }
  return {
    ...raster,
    fromSecond: raster.fromSecond + first * raster.columnSeconds,
    columns: columns - first,
    cells,
    ...(raster.mix === undefined ? {} : { mix: mixFrom(raster.mix, first, rows) }),
    under: raster.under.subarray(first),
    over: raster.over.subarray(first),
    coverage: {
      ...coverage,
      reporting: coverage.reporting.slice(first),
      expecting: coverage.expecting.slice(first),
      revised: coverage.revised.filter((column) => column >= first).map((column) => column - first),
    },
    overlays: raster.overlays.map((overlay) => overlayFrom(overlay, first)),
  };
}

function overlayFrom(overlay: Overlay, first: number): Overlay {
  const { name, ...columns } = overlay;
  const cut = Object.entries(columns).map(([part, values]) => [part, values.subarray(first)] as const);
  return { name, values: overlay.values.subarray(first), ...Object.fromEntries(cut) };
}

function firstColumn({ columns }: Raster, newest: number): number {
  return Math.max(0, columns - newest);
}
