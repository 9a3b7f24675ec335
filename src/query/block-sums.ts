/** Per stored key and step of a block: its count, and the buckets that it lies between. Over few of them totals and
 *  axes are found at once, whatever part of the block counts; they are added up once, and of a block that grows only
 *  what is new. Exact: counts are integers.
 *  Bounds: those of blocks that have more cells than keys times steps, so no more memory than the block itself takes;
 *  it goes with the block. */
import { BLOCK_STEPS } from '../model/limits.ts';
import type { Cells } from '../model/series.ts';
import type { Hues, KnownSums, Origin, ScannedBlock } from './scan.ts';

interface Sums {
  readonly generation: number;
  length: number;
  /** [key * BLOCK_STEPS + step] */
  count: Float64Array;
  low: Uint16Array;
  high: Uint16Array;
}

const NO_BUCKET = 0xffff;

export class BlockSums implements KnownSums {
  readonly #known = new WeakMap<Cells, Sums>();

  addTotals(block: ScannedBlock, { hueOfGroup }: Hues, totals: Float64Array): boolean {
    const sums = this.#of(block);
    if (sums === undefined) return false;
    forEachPlace(block.origin, hueOfGroup, (place, hue) => {
      totals[hue]! += sums.count[place]!;
    });
    return true;
  }

  range(block: ScannedBlock, { hueOfGroup }: Hues): [number, number] | undefined {
    const sums = this.#of(block);
    if (sums === undefined) return undefined;
    let low = NO_BUCKET;
    let high = -1;
    forEachPlace(block.origin, hueOfGroup, (place) => {
      if (sums.count[place] === 0) return;
      low = Math.min(low, sums.low[place]!);
      high = Math.max(high, sums.high[place]!);
    });
    return high < 0 ? [0, -1] : [low, high];
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

function forEachPlace(
  { columnOfStep, groupOfKey }: Origin,
  hueOfGroup: Int32Array,
  visit: (place: number, hue: number) => void,
): void {
  for (let key = 0; key < groupOfKey.length; key++) {
    const group = groupOfKey[key]!;
    const hue = group < 0 ? -1 : hueOfGroup[group]!;
    if (hue < 0) continue;
    for (let step = 0; step < BLOCK_STEPS; step++) {
      if (columnOfStep[step]! >= 0) visit(key * BLOCK_STEPS + step, hue);
    }
  }
}

function emptySums(generation: number): Sums {
  return {
    generation,
    length: 0,
    count: new Float64Array(0),
    low: new Uint16Array(0),
    high: new Uint16Array(0),
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
    const place = key[i]! * BLOCK_STEPS + step[i]!;
    const b = bucket[i]!;
    sums.count[place]! += count[i]!;
    if (b < sums.low[place]!) sums.low[place] = b;
    if (b > sums.high[place]!) sums.high[place] = b;
  }
  sums.length = until;
}
