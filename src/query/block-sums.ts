/** Per stored key and step of a block: its count, and the buckets that it lies between; per step its first cell. Over few
 *  of them totals and axes are found at once, whatever part of the block counts; they are added up once, and of a block
 *  that grows only what is new. Exact: counts are integers.
 *  Bounds: those of blocks that have more cells than keys times steps, so no more memory than the block itself takes;
 *  it goes with the block. */
import { BLOCK_STEPS } from '../model/limits.ts';
import type { Cells } from '../model/series.ts';
import type { ColumnRun, Hues, KnownSums, ScannedBlock } from './scan.ts';

interface Sums {
  readonly generation: number;
  length: number;
  /** [key * BLOCK_STEPS + step] */
  count: Float64Array;
  low: Uint16Array;
  high: Uint16Array;
  /** [step]: its first cell; NO_CELL where it has none. */
  readonly firstCell: Uint32Array;
}

const NO_BUCKET = 0xffff;
const NO_CELL = 0xffffffff;

export class BlockSums implements KnownSums {
  readonly #known = new WeakMap<Cells, Sums>();

  addTotals(block: ScannedBlock, hues: Hues, totals: Float64Array): boolean {
    const sums = this.#of(block);
    if (sums === undefined) return false;
    const { groupOfKey, steps } = block.origin;
    const { count } = sums;
    const [first, until] = steps;
    for (let key = 0; key < groupOfKey.length; key++) {
      const hue = hueOf(groupOfKey[key]!, hues);
      if (hue < 0) continue;
      let total = 0;
      for (let place = key * BLOCK_STEPS + first; place < key * BLOCK_STEPS + until; place++) {
        total += count[place]!;
      }
      totals[hue]! += total;
    }
    return true;
  }

  range(block: ScannedBlock, hues: Hues): [number, number] | undefined {
    const sums = this.#of(block);
    if (sums === undefined) return undefined;
    const { groupOfKey, steps } = block.origin;
    const [first, until] = steps;
    let low = NO_BUCKET;
    let high = 0;
    for (let key = 0; key < groupOfKey.length; key++) {
      if (hueOf(groupOfKey[key]!, hues) < 0) continue;
      for (let place = key * BLOCK_STEPS + first; place < key * BLOCK_STEPS + until; place++) {
        if (sums.low[place]! < low) low = sums.low[place]!;
        if (sums.high[place]! > high) high = sums.high[place]!;
      }
    }
    return low === NO_BUCKET ? [0, -1] : [low, high];
  }

  firstCell(block: ScannedBlock, [first, until]: ColumnRun): number {
    const sums = this.#of(block);
    if (sums === undefined) return 0;
    const { columnOfStep } = block;
    let least = block.cells.length;
    for (let step = 0; step < BLOCK_STEPS; step++) {
      const column = columnOfStep[step]!;
      if (column >= first && column < until && sums.firstCell[step]! < least) least = sums.firstCell[step]!;
    }
    return least;
  }

  #of({ cells, origin }: ScannedBlock): Sums | undefined {
    const keys = origin.groupOfKey.length;
    // What a scan has added up is no block that is met again.
    if (cells !== origin.cells || keys * BLOCK_STEPS > origin.length) return undefined;
    let sums = this.#known.get(cells);
    if (sums === undefined || sums.generation !== origin.generation || sums.length > origin.length) {
      sums = emptySums(origin.generation);
      this.#known.set(cells, sums);
    }
    grow(sums, keys * BLOCK_STEPS);
    add(sums, cells, origin.length);
    return sums;
  }
}

function hueOf(group: number, { hueOfGroup }: Hues): number {
  return group < 0 ? -1 : hueOfGroup[group]!;
}

function emptySums(generation: number): Sums {
  return {
    generation,
    length: 0,
    count: new Float64Array(0),
    low: new Uint16Array(0),
    high: new Uint16Array(0),
    firstCell: new Uint32Array(BLOCK_STEPS).fill(NO_CELL),
  };
}

function grow(sums: Sums, places: number): void {
  if (sums.count.length >= places) return;
  const { count, low, high } = sums;
  sums.count = new Float64Array(places);
  sums.low = new Uint16Array(places).fill(NO_BUCKET);
  sums.high = new Uint16Array(places);
  sums.count.set(count);
  sums.low.set(low);
  sums.high.set(high);
}

function add(sums: Sums, cells: Cells, until: number): void {
  const { step, key, bucket, count } = cells;
  for (let i = sums.length; i < until; i++) {
    const at = step[i]!;
    const place = key[i]! * BLOCK_STEPS + at;
    const b = bucket[i]!;
    if (i < sums.firstCell[at]!) sums.firstCell[at] = i;
    sums.count[place]! += count[i]!;
    if (b < sums.low[place]!) sums.low[place] = b;
    if (b > sums.high[place]!) sums.high[place] = b;
  }
  sums.length = until;
}
