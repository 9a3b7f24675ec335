/** The part of the normative kernel (reference.ts) that pictures are made with. */
import { binOfHighWord, HALF_OCTAVES } from '../model/half-octave.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import { type BucketRaster, type DrawnRoom, type Mix, newBucketRaster } from '../model/raster.ts';
import type { Cells } from '../model/series.ts';
import { cellsOfLines, checkLines } from './count-lines.ts';
import { atLeast, below, checkPlacement, checkRaster, size } from './fit.ts';
import type {
  PixelRows,
  Placed,
  PlacedCells,
  Placement,
  RasterWindow,
  RowSpread,
  Stretch,
} from './kernel.ts';

/** Palette indices are bytes. */
const PALETTE_MAX = 256;
/** A hue's number, counted from 1, is a byte. */
const MIXED_HUES_MAX = 255;

export function bucketRange(cells: Cells, placement: Placement): [number, number] {
  checkPlacement(cells, placement);
  let low = 0x10000;
  let high = -1;
  for (let i = 0; i < cells.length; i++) {
    if (placement.columnOfStep[cells.step[i]!]! < 0 || placement.hueOfKey[cells.key[i]!]! < 0) continue;
    low = Math.min(low, cells.bucket[i]!);
    high = Math.max(high, cells.bucket[i]!);
  }
  return high < 0 ? [0, -1] : [low, high];
}

export function accumulate(cells: Cells, placement: Placement, raster: BucketRaster): void {
  checkPlacement(cells, placement);
  checkRaster(raster);
  below('columnOfStep', placement.columnOfStep.subarray(0, BLOCK_STEPS), -1, raster.columns);
  below('hueOfKey', placement.hueOfKey, -1, raster.hues);
  const { columns, bucketFirst, buckets, counts, under, over } = raster;
  for (let i = 0; i < cells.length; i++) {
    const column = placement.columnOfStep[cells.step[i]!]!;
    const hue = placement.hueOfKey[cells.key[i]!]!;
    if (column < 0 || hue < 0) continue;
    const place = hue * columns + column;
    const bucket = cells.bucket[i]! - bucketFirst;
    if (bucket < 0) under[place]! += cells.count[i]!;
    else if (bucket >= buckets) over[place]! += cells.count[i]!;
    else counts[place * buckets + bucket]! += cells.count[i]!;
  }
}

function checkSpread({ rows, start, row, weight, under, over }: RowSpread, buckets: number): void {
  size('rows', rows);
  atLeast('start', start.length, buckets + 1);
  atLeast('start[0]', start[0]!, 0);
  for (let b = 0; b < buckets; b++) atLeast(`start[${b + 1}]`, start[b + 1]!, start[b]!);
  atLeast('row', row.length, start[buckets]!);
  atLeast('weight', weight.length, start[buckets]!);
  below('row', row.subarray(start[0], start[buckets]), 0, rows);
  atLeast('spread.under', under.length, buckets);
  atLeast('spread.over', over.length, buckets);
}

/** Hue by hue, so that the counts of one alone are in memory. */
export function rasterize(
  blocks: readonly Placed[],
  window: RasterWindow,
  spread: RowSpread,
  out: DrawnRoom,
): void {
  const { hues, columns, bucketFirst, buckets, factors } = window;
  const { rows } = spread;
  checkWindow(window);
  checkSpread(spread, buckets);
  checkMix({ hues, cells: columns * rows }, out.mix);
  if (out.cells !== undefined) atLeast('cells', out.cells.length, hues * columns * rows);
  atLeast('under', out.under.length, columns);
  atLeast('over', out.over.length, columns);
  const placed = blocks.map(cellsOf);
  for (const { cells, placement } of placed) {
    checkPlacement(cells, placement);
    below('columnOfStep', placement.columnOfStep.subarray(0, BLOCK_STEPS), -1, columns);
    below('hueOfKey', placement.hueOfKey, -1, hues);
  }
  const drawn = out.cells ?? new Float64Array(hues * columns * rows);
  drawn.fill(0, 0, hues * columns * rows);
  out.under.fill(0, 0, columns);
  out.over.fill(0, 0, columns);
  for (let hue = 0; hue < hues; hue++) {
    const raster = newBucketRaster({ hues: 1, columns, bucketFirst, buckets });
    for (const { cells, placement } of placed) {
      const hueOfKey = placement.hueOfKey.map((own) => (own === hue ? 0 : -1));
      accumulate(cells, { columnOfStep: placement.columnOfStep, hueOfKey }, raster);
    }
    const ofHue = drawn.subarray(hue * columns * rows, (hue + 1) * columns * rows);
    spreadHue(raster, spread, ofHue);
    multiply(ofHue, rows, factors);
    addOutside(raster, spread, out);
  }
  multiply(out.under.subarray(0, columns), 1, factors);
  multiply(out.over.subarray(0, columns), 1, factors);
  mix(drawn, { hues, cells: columns * rows }, out.mix);
}

function checkWindow({ hues, columns, bucketFirst, buckets, factors }: RasterWindow): void {
  size('hues', hues);
  size('columns', columns);
  size('bucketFirst', bucketFirst);
  size('buckets', buckets);
  if (factors !== undefined) atLeast('factors', factors.length, columns);
}

/** Of values[column][member], with so many members a column. */
function multiply(values: Float64Array, members: number, factors: Float64Array | undefined): void {
  if (factors === undefined) return;
  for (let i = 0; i < values.length; i++) values[i]! *= factors[Math.floor(i / members)]!;
}

function cellsOf(block: Placed): PlacedCells {
  if ('cells' in block) return block;
  const { lines, placement } = block;
  checkLines(lines);
  for (const key of lines.key.subarray(0, lines.length))
    atLeast('hueOfKey', placement.hueOfKey.length, key + 1);
  return { cells: cellsOfLines(lines), placement };
}

function spreadHue(
  { columns, buckets, counts }: BucketRaster,
  { rows, start, row, weight }: RowSpread,
  cells: Float64Array,
): void {
  for (let column = 0; column < columns; column++) {
    for (let b = 0; b < buckets; b++) {
      const count = counts[column * buckets + b]!;
      if (count === 0) continue;
      for (let j = start[b]!; j < start[b + 1]!; j++) cells[column * rows + row[j]!]! += count * weight[j]!;
    }
  }
}

/** Counts of the buckets that reach below or above the rows; most pictures have none. */
function addOutside({ columns, buckets, counts }: BucketRaster, spread: RowSpread, out: DrawnRoom): void {
  for (let column = 0; column < columns; column++) {
    let under = 0;
    let over = 0;
    for (let b = 0; b < buckets; b++) {
      const count = counts[column * buckets + b]!;
      under += count * spread.under[b]!;
      over += count * spread.over[b]!;
    }
    out.under[column]! += under;
    out.over[column]! += over;
  }
}

function checkMix({ hues, cells }: { hues: number; cells: number }, { sums, strongest }: Mix): void {
  size('hues', hues);
  size('cells', cells);
  atLeast('the largest number of hues', MIXED_HUES_MAX, hues);
  atLeast('sums', sums.length, cells);
  atLeast('strongest', strongest.length, cells);
}

/** Hue by hue: twice as fast as cell by cell. */
export function mix(
  values: Float64Array,
  shape: { readonly hues: number; readonly cells: number },
  into: Mix,
): void {
  checkMix(shape, into);
  const { hues, cells } = shape;
  const { sums, strongest } = into;
  atLeast('values', values.length, hues * cells);
  const largest = new Float64Array(cells);
  sums.fill(0, 0, cells);
  strongest.fill(0, 0, cells);
  for (let hue = 0; hue < hues; hue++) {
    for (let cell = 0; cell < cells; cell++) {
      const value = values[hue * cells + cell]!;
      sums[cell]! += value;
      if (!(value > largest[cell]!)) continue;
      largest[cell] = value;
      strongest[cell] = hue + 1;
    }
  }
}

export function halfOctaves(sums: Float64Array, cells: number, occupied: Uint8Array): void {
  size('cells', cells);
  atLeast('sums', sums.length, cells);
  atLeast('occupied', occupied.length, HALF_OCTAVES);
  const sum = new Float64Array(1);
  const words = new Uint32Array(sum.buffer);
  for (let i = 0; i < cells; i++) {
    sum[0] = sums[i]!;
    if (sum[0] !== 0) occupied[binOfHighWord(words[1]!)] = 1;
  }
}

/** Four columns a turn, one after the other: half the time. */
export function rowSums(
  sums: Float64Array,
  { columns, rows }: { columns: number; rows: number },
  out: Float64Array,
): void {
  size('columns', columns);
  size('rows', rows);
  atLeast('sums', sums.length, columns * rows);
  atLeast('out', out.length, rows);
  out.fill(0, 0, rows);
  let column = 0;
  for (; column + 4 <= columns; column += 4) {
    const a = column * rows;
    const [b, c, d] = [a + rows, a + 2 * rows, a + 3 * rows];
    for (let row = 0; row < rows; row++) {
      out[row] = out[row]! + sums[a + row]! + sums[b + row]! + sums[c + row]! + sums[d + row]!;
    }
  }
  for (; column < columns; column++) {
    for (let row = 0; row < rows; row++) out[row]! += sums[column * rows + row]!;
  }
}

export function shade(
  { sums, strongest }: Mix,
  { cells, levels }: { cells: number; levels: number },
  thresholds: Float64Array,
  out: Uint8Array,
): void {
  size('cells', cells);
  size('levels', levels);
  atLeast('levels', levels, 1);
  atLeast('sums', sums.length, cells);
  atLeast('strongest', strongest.length, cells);
  atLeast('out', out.length, cells);
  atLeast('thresholds', thresholds.length, levels - 1);
  let hues = 0;
  for (let i = 0; i < cells; i++) hues = Math.max(hues, strongest[i]!);
  atLeast('the largest palette', PALETTE_MAX, 1 + hues * levels);
  for (let t = 1; t < levels - 1; t++) {
    if (!(thresholds[t - 1]! <= thresholds[t]!)) throw new RangeError(`thresholds[${t}] is not ascending`);
  }
  for (let i = 0; i < cells; i++) {
    const hue = strongest[i]!;
    let level = 0;
    for (let t = 0; t < levels - 1; t++) level += thresholds[t]! <= sums[i]! ? 1 : 0;
    out[i] = hue === 0 ? 0 : 1 + (hue - 1) * levels + level;
  }
}

export function paint(
  cells: Uint8Array,
  { columns, rows, columnOfX, rowOfY }: Stretch,
  palette: Uint8Array,
  { pixels, from, stride }: PixelRows,
): void {
  const [width, height] = [columnOfX.length, rowOfY.length];
  size('columns', columns);
  size('rows', rows);
  size('from', from);
  size('stride', stride);
  atLeast('cells', cells.length, columns * rows);
  atLeast('palette', palette.length, PALETTE_MAX);
  below('columnOfX', columnOfX, 0, columns);
  below('rowOfY', rowOfY, 0, rows);
  atLeast('stride', stride, width);
  if (width === 0 || height === 0) return;
  atLeast('pixels', pixels.length, from + (height - 1) * stride + width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels[from + y * stride + x] = palette[cells[columnOfX[x]! * rows + rowOfY[y]!]!]!;
    }
  }
}

/** Filter types of PNG. */
const FILTER_NONE = 0;
const FILTER_UP = 2;

export function filterRows(pixels: Uint8Array, width: number, out: Uint8Array): void {
  size('width', width);
  atLeast('width', width, 1);
  const height = Math.floor(pixels.length / width);
  atLeast('out', out.length, height * (width + 1));
  for (let y = 0; y < height; y++) {
    const from = y * width;
    const at = y * (width + 1);
    const row = pixels.subarray(from, from + width);
    const isRepeated = y > 0 && row.every((pixel, x) => pixel === pixels[from - width + x]);
    out[at] = isRepeated ? FILTER_UP : FILTER_NONE;
    if (isRepeated) out.fill(0, at + 1, at + 1 + width);
    else out.set(row, at + 1);
  }
}
