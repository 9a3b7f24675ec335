/** The body of a heatmap: cells, backgrounds, marks and overlays, into a picture of palette indices.
 *  A column may be several pixels wide or share one with others; either way nothing is lost (shrink.ts). */
import type { Kernel } from '../kernel/kernel.ts';
import type { Raster } from '../model/raster.ts';
import { LEVELS } from './colour.ts';
import type { Layout, Rect } from './layout.ts';
import { levelOf } from './levels.ts';
import { drawOverlays } from './overlays.ts';
import { fillSpan, type Picture, rampIndex, shownOf } from './picture.ts';
import type { View } from './view.ts';

/** Pixels from one line of the hatching to the next. */
const HATCH = 6;

export interface BodyParts {
  readonly raster: Raster;
  readonly layout: Layout;
  readonly view: View;
  readonly shaded: Shaded;
  readonly kernel: Pick<Kernel, 'paint'>;
}

/** The palette indices of cells (Kernel.shade), [column - first][row]: those of columns that the picture shows. */
export interface Shaded {
  readonly first: number;
  readonly cells: Uint8Array;
}

export function drawBody(picture: Picture, parts: BodyParts): void {
  const { raster, layout, view, shaded, kernel } = parts;
  const { body } = layout;
  drawCells(picture, body, { view, shaded, kernel });
  drawGrid(picture, layout);
  drawCoverage(picture, layout, view, shaded);
  drawRevised(picture, layout.revised, raster);
  drawMarks(picture, layout.over, view, view.over);
  drawMarks(picture, layout.under, view, view.under);
  drawOverlays(picture, body, raster);
}

/** First pixel, within the body, of a column. */
function columnStart(column: number, columns: number, pixels: number): number {
  return Math.ceil((column * pixels) / columns);
}

function drawCells(
  picture: Picture,
  body: Rect,
  { view, shaded, kernel }: Pick<BodyParts, 'view' | 'shaded' | 'kernel'>,
): void {
  const { pixels, width: stride, scale } = picture;
  const { from, offset } = shownOf(picture, body);
  const { rows, rampOf, hues } = view;
  const palette = new Uint8Array(256);
  for (let hue = 0; hue < hues; hue++) {
    for (let level = 0; level < LEVELS; level++) {
      palette[1 + hue * LEVELS + level] = rampIndex(rampOf[hue]!) + level;
    }
  }
  const [width, height] = [body.width * scale, body.height * scale];
  const columnOfX = new Int32Array(width - from);
  for (let x = from; x < width; x++)
    columnOfX[x - from] = Math.floor((x * view.columns) / width) - shaded.first;
  const rowOfY = new Int32Array(height);
  for (let y = 0; y < height; y++) rowOfY[y] = rows - 1 - Math.floor((y * rows) / height);
  const stretch = { columns: view.columns - shaded.first, rows, columnOfX, rowOfY };
  const first = body.y * scale * stride + offset + from;
  kernel.paint(shaded.cells, stretch, palette, { pixels, from: first, stride });
}

/** Grid lines show through where there is no count. */
function drawGrid(picture: Picture, { body, gridRows, gridColumns }: Layout): void {
  const { pixels, width, scale, colours } = picture;
  const shown = shownOf(picture, body);
  const first = body.y * scale * width + shown.offset;
  for (const row of gridRows) {
    const from = first + row * scale * width;
    for (let i = from + shown.from; i < from + body.width * scale; i++) {
      if (pixels[i] === 0) pixels[i] = colours.grid;
    }
  }
  for (const column of gridColumns) {
    if (column * scale < shown.from) continue;
    const from = first + column * scale;
    for (let y = 0; y < body.height * scale; y++) {
      if (pixels[from + y * width] === 0) pixels[from + y * width] = colours.grid;
    }
  }
}

/** Backgrounds of columns that are not known in full. */
function drawCoverage(picture: Picture, layout: Layout, view: View, shaded: Shaded): void {
  const { scale, colours } = picture;
  const { body, missing } = layout;
  const bodyWidth = body.width * scale;
  for (let column = shaded.first; column < view.columns; column++) {
    const reporting = view.reporting[column] ?? -1;
    const from = columnStart(column, view.columns, bodyWidth);
    const until = columnStart(column + 1, view.columns, bodyWidth);
    if (reporting < 0) {
      if (isEmpty(view, shaded, column)) drawUnknown(picture, body, from, until);
    } else if (reporting < (view.expecting[column] ?? 0)) {
      drawHatch(picture, body, from, until);
      fillSpan(picture, missing, from, until, colours.missing);
    }
  }
}

function isEmpty(view: View, shaded: Shaded, column: number): boolean {
  const place = column - shaded.first;
  const cells = shaded.cells.subarray(place * view.rows, (place + 1) * view.rows);
  return view.under[column] === 0 && view.over[column] === 0 && cells.every((cell) => cell === 0);
}

function drawUnknown(picture: Picture, body: Rect, from: number, until: number): void {
  const { pixels, width, scale, colours } = picture;
  const { offset } = shownOf(picture, body);
  for (let y = 0; y < body.height * scale; y++) {
    const row = (body.y * scale + y) * width + offset;
    for (let x = from; x < until; x++) {
      const dot = ((x / scale) | 0) % 4 === 0 && ((y / scale) | 0) % 4 === 0;
      pixels[row + x] = dot ? colours.unknownDot : colours.unknown;
    }
  }
}

function drawHatch(picture: Picture, body: Rect, from: number, until: number): void {
  const { pixels, width, scale, colours } = picture;
  const { offset } = shownOf(picture, body);
  for (let y = 0; y < body.height * scale; y++) {
    const row = (body.y * scale + y) * width + offset;
    for (let x = from; x < until; x++) {
      const empty = pixels[row + x] === 0 || pixels[row + x] === colours.grid;
      if (empty && ((x + y) / scale) % HATCH < 1) pixels[row + x] = colours.hatch;
    }
  }
}

/** By the raster's columns, which may be more than the picture has. */
function drawRevised(picture: Picture, line: Rect, { columns, coverage }: Raster): void {
  const lineWidth = line.width * picture.scale;
  for (const column of coverage.revised) {
    const from = Math.floor((column * lineWidth) / columns);
    const until = Math.max(from + 1, columnStart(column + 1, columns, lineWidth));
    fillSpan(picture, line, from, until, picture.colours.revised);
  }
}

/** As strong as a cell of that count. */
function drawMarks(picture: Picture, line: Rect, view: View, counts: Float64Array): void {
  const lineWidth = line.width * picture.scale;
  for (let column = 0; column < view.columns; column++) {
    if (!(counts[column]! > 0)) continue;
    const from = columnStart(column, view.columns, lineWidth);
    const index = picture.colours.mark + levelOf(counts[column]!, view.thresholds);
    fillSpan(picture, line, from, columnStart(column + 1, view.columns, lineWidth), index);
  }
}
