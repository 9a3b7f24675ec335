/** The normative kernel, in TypeScript: readable first, quick enough to run on. The add-on must equal it bit for
 *  bit, so additions happen in a fixed order: cells in their order, buckets ascending, hues ascending.
 *  Every size and index is checked before the first write: an error leaves the output as it was. */
import { crc32c } from '../model/crc32c.ts';
import { bucketIndex, LL5 } from '../model/grid.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import { type Cells, CellsBuffer } from '../model/series.ts';
import { decodeClasses, encodeClasses } from './classes.ts';
import { decodeColumns, encodeColumns } from './columns.ts';
import { addLines } from './count-lines.ts';
import { deflate, deflateBound } from './deflate.ts';
import { atLeast, below, checkCells, checkPlacement, size } from './fit.ts';
import type { Kernel, Placement } from './kernel.ts';
import {
  accumulate,
  bucketRange,
  filterRows,
  halfOctaves,
  mix,
  paint,
  rasterize,
  rowSums,
  shade,
} from './reference-picture.ts';

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
  addLines,
  bucketRange,
  accumulate,
  rasterize,
  mix,
  halfOctaves,
  rowSums,
  shade,
  paint,
  filterRows,
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
