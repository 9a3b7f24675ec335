/** The normative kernel, in TypeScript: readable first, quick enough to run on. The add-on must equal it bit for
 *  bit, so additions happen in a fixed order: cells in their order, buckets ascending, hues ascending.
 *  Every size and index is checked before the first write: an error leaves the output as it was. */
import { crc32c } from '../model/crc32c.ts';
import { bucketIndex, LL5 } from '../model/grid.ts';
import { binOfHighWord, HALF_OCTAVES } from '../model/half-octave.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import type { BucketRaster } from '../model/raster.ts';
import { type Cells, CellsBuffer } from '../model/series.ts';
import { decodeClasses, encodeClasses } from './classes.ts';
import { decodeColumns, encodeColumns } from './columns.ts';
import { deflate, deflateBound } from './deflate.ts';
import type { Kernel, Placement, RowSpread, ShadeShape } from './kernel.ts';

/** Palette indices are bytes. */
const PALETTE_MAX = 256;
/** Keys of cells are two bytes. */
const KEYS_MAX = 0x10000;

export const referenceKernel: Kernel = {
  name: 'reference',
  crc32c,
  bucketIndices,
  sortMerge,
  encodeColumns(cells) {
    checkCells(cells);
    return encodeColumns(cells);
  },
  decodeColumns,
  encodeClasses(cells) {
    checkCells(cells);
    return encodeClasses(cells);
  },
  decodeClasses,
  addUp,
  bucketRange,
  accumulate,
  spread,
  halfOctaves,
  shade,
  deflate(bytes, rowBytes, out) {
    size('bytes', bytes.length);
    size('rowBytes', rowBytes);
    atLeast('out', out.length, deflateBound(bytes.length));
    return deflate(bytes, rowBytes, out);
  },
};

function bucketIndices(values: Float64Array, length: number, out: Uint16Array): void {
  size('length', length);
  atLeast('values', values.length, length);
  atLeast('out', out.length, length);
  for (let i = 0; i < length; i++) out[i] = bucketIndex(LL5, values[i]!);
}

/** Open blocks grow: what is in order already stays, only what lies behind it is sorted, then both are merged. */
function sortMerge(cells: CellsBuffer): void {
  checkCells(cells);
  const head = sortedLength(cells);
  if (head === cells.length) return;
  const from = copyOf(cells);
  const tail = sortedOrder(from, head);
  let last = -1;
  for (let h = 0, t = 0; h < head || t < tail.length;) {
    // Of one place the head's cell comes first.
    const i = t === tail.length || (h < head && order(from, h, from, tail[t]!) <= 0) ? h++ : tail[t++]!;
    if (last >= 0 && order(cells, last, from, i) === 0) {
      cells.count[last] = Math.min(cells.count[last]! + from.count[i]!, Number.MAX_SAFE_INTEGER);
      continue;
    }
    last++;
    cells.step[last] = from.step[i]!;
    cells.key[last] = from.key[i]!;
    cells.bucket[last] = from.bucket[i]!;
    cells.count[last] = from.count[i]!;
  }
  cells.length = last + 1;
}

/** Below 0 where cell i of `a` comes before cell j of `b`, 0 where they have one place. */
function order(a: Cells, i: number, b: Cells, j: number): number {
  return a.key[i]! - b.key[j]! || a.bucket[i]! - b.bucket[j]! || a.step[i]! - b.step[j]!;
}

/** How many cells from the first on are in order, each place once. */
function sortedLength(cells: Cells): number {
  for (let i = 1; i < cells.length; i++) if (order(cells, i - 1, cells, i) >= 0) return i;
  return cells.length;
}

function copyOf({ length, step, key, bucket, count }: Cells): Cells {
  return {
    length,
    step: step.slice(0, length),
    key: key.slice(0, length),
    bucket: bucket.slice(0, length),
    count: count.slice(0, length),
  };
}

/** Indices of the cells from `first` on by (key, bucket, step), those of one place in their old order: a radix
 *  sort, least byte first. */
function sortedOrder(cells: Cells, first: number): Uint32Array {
  let sorted = Uint32Array.from({ length: cells.length - first }, (_, i) => first + i);
  let spare = new Uint32Array(sorted.length);
  const digits: readonly [values: Uint8Array | Uint16Array, shift: number][] = [
    [cells.step, 0],
    [cells.bucket, 0],
    [cells.bucket, 8],
    [cells.key, 0],
    [cells.key, 8],
  ];
  for (const [values, shift] of digits) {
    const next = new Uint32Array(257);
    for (const i of sorted) next[((values[i]! >> shift) & 0xff) + 1]!++;
    for (let d = 0; d < 256; d++) next[d + 1]! += next[d]!;
    for (const i of sorted) spare[next[(values[i]! >> shift) & 0xff]!++] = i;
    [sorted, spare] = [spare, sorted];
  }
  return sorted;
}

function addUp(cells: Cells, { columnOfStep, hueOfKey }: Placement, into: CellsBuffer): void {
  checkPlacement(cells, { columnOfStep, hueOfKey });
  below('columnOfStep', columnOfStep.subarray(0, BLOCK_STEPS), -1, BLOCK_STEPS);
  below('hueOfKey', hueOfKey, -1, KEYS_MAX);
  const placed = new CellsBuffer();
  for (let i = 0; i < cells.length; i++) {
    const column = columnOfStep[cells.step[i]!]!;
    const hue = hueOfKey[cells.key[i]!]!;
    if (column >= 0 && hue >= 0) placed.push(column, hue, cells.bucket[i]!, cells.count[i]!);
  }
  sortMerge(placed);
  for (let i = 0; i < placed.length; i++) {
    into.push(placed.step[i]!, placed.key[i]!, placed.bucket[i]!, placed.count[i]!);
  }
}

function bucketRange(cells: Cells, placement: Placement): [number, number] {
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

function accumulate(cells: Cells, placement: Placement, raster: BucketRaster): void {
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

function spread(raster: BucketRaster, { rows, start, row, weight }: RowSpread, out: Float64Array): void {
  checkRaster(raster);
  size('rows', rows);
  const { hues, columns, buckets, counts } = raster;
  atLeast('start', start.length, buckets + 1);
  atLeast('start[0]', start[0]!, 0);
  for (let b = 0; b < buckets; b++) atLeast(`start[${b + 1}]`, start[b + 1]!, start[b]!);
  atLeast('row', row.length, start[buckets]!);
  atLeast('weight', weight.length, start[buckets]!);
  below('row', row.subarray(start[0], start[buckets]), 0, rows);
  atLeast('out', out.length, hues * columns * rows);
  for (let place = 0; place < hues * columns; place++) {
    for (let b = 0; b < buckets; b++) {
      const count = counts[place * buckets + b]!;
      if (count === 0) continue;
      for (let j = start[b]!; j < start[b + 1]!; j++) out[place * rows + row[j]!]! += count * weight[j]!;
    }
  }
}

function halfOctaves(
  rows: Float64Array,
  { hues, cells }: Omit<ShadeShape, 'levels'>,
  occupied: Uint8Array,
): void {
  size('hues', hues);
  size('cells', cells);
  atLeast('rows', rows.length, hues * cells);
  atLeast('occupied', occupied.length, HALF_OCTAVES);
  // Hue by hue over parts that stay in the first cache: twice as fast as cell by cell.
  const part = new Float64Array(Math.min(cells, 1024));
  const words = new Uint32Array(part.buffer);
  for (let start = 0; start < cells; start += part.length) {
    const n = Math.min(part.length, cells - start);
    part.fill(0);
    for (let hue = 0; hue < hues; hue++) {
      const from = hue * cells + start;
      for (let i = 0; i < n; i++) part[i]! += rows[from + i]!;
    }
    for (let i = 0; i < n; i++) if (part[i] !== 0) occupied[binOfHighWord(words[2 * i + 1]!)] = 1;
  }
}

function shade(rows: Float64Array, shape: ShadeShape, thresholds: Float64Array, out: Uint8Array): void {
  const { hues, cells, levels } = shape;
  size('hues', hues);
  size('cells', cells);
  if (!Number.isInteger(levels) || levels < 1 || 1 + hues * levels > PALETTE_MAX) {
    throw new RangeError(
      `levels is ${levels} for ${hues} hues, expected at least 1 and a palette of at most 256`,
    );
  }
  atLeast('rows', rows.length, hues * cells);
  atLeast('out', out.length, cells);
  atLeast('thresholds', thresholds.length, levels - 1);
  for (let t = 1; t < levels - 1; t++) {
    if (!(thresholds[t - 1]! <= thresholds[t]!)) throw new RangeError(`thresholds[${t}] is not ascending`);
  }
  for (let i = 0; i < cells; i++) {
    let sum = 0;
    let largest = 0;
    let hue = -1;
    for (let h = 0; h < hues; h++) {
      const value = rows[h * cells + i]!;
      sum += value;
      if (value > largest) {
        largest = value;
        hue = h;
      }
    }
    let level = 0;
    for (let t = 0; t < levels - 1; t++) level += thresholds[t]! <= sum ? 1 : 0;
    out[i] = hue < 0 ? 0 : 1 + hue * levels + level;
  }
}

function checkCells({ length, step, key, bucket, count }: Cells): void {
  size('cells.length', length);
  atLeast('cells.step', step.length, length);
  atLeast('cells.key', key.length, length);
  atLeast('cells.bucket', bucket.length, length);
  atLeast('cells.count', count.length, length);
}

function checkPlacement(cells: Cells, { columnOfStep, hueOfKey }: Placement): void {
  checkCells(cells);
  atLeast('columnOfStep', columnOfStep.length, BLOCK_STEPS);
  for (let i = 0; i < cells.length; i++) {
    if (cells.key[i]! >= hueOfKey.length) {
      throw new RangeError(`hueOfKey has ${hueOfKey.length} members, expected more than ${cells.key[i]}`);
    }
  }
}

function checkRaster({ hues, columns, bucketFirst, buckets, counts, under, over }: BucketRaster): void {
  size('hues', hues);
  size('columns', columns);
  size('bucketFirst', bucketFirst);
  size('buckets', buckets);
  atLeast('counts', counts.length, hues * columns * buckets);
  atLeast('under', under.length, hues * columns);
  atLeast('over', over.length, hues * columns);
}

function size(what: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) {
    throw new RangeError(`${what} is ${value}, expected an integer 0..2147483647`);
  }
}

function atLeast(what: string, found: number, needed: number): void {
  if (!(found >= needed)) throw new RangeError(`${what} is ${found}, expected at least ${needed}`);
}

function below(what: string, values: Int32Array, low: number, limit: number): void {
  for (const value of values) {
    if (value < low || value >= limit)
      throw new RangeError(`${what} holds ${value}, expected ${low}..${limit - 1}`);
  }
}
