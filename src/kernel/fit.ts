/** What a kernel checks of its arguments. All throw RangeError. */
import { BLOCK_STEPS } from '../model/limits.ts';
import type { BucketRaster } from '../model/raster.ts';
import type { Cells } from '../model/series.ts';
import type { Placement } from './kernel.ts';

export function checkCells({ length, step, key, bucket, count }: Cells): void {
  size('cells.length', length);
  atLeast('cells.step', step.length, length);
  atLeast('cells.key', key.length, length);
  atLeast('cells.bucket', bucket.length, length);
  atLeast('cells.count', count.length, length);
}

export function checkPlacement(cells: Cells, { columnOfStep, hueOfKey }: Placement): void {
  checkCells(cells);
  atLeast('columnOfStep', columnOfStep.length, BLOCK_STEPS);
  for (let i = 0; i < cells.length; i++) {
    if (cells.key[i]! >= hueOfKey.length) {
      throw new RangeError(`hueOfKey has ${hueOfKey.length} members, expected more than ${cells.key[i]}`);
    }
  }
}

export function checkRaster({
  hues,
  columns,
  bucketFirst,
  buckets,
  counts,
  under,
  over,
}: BucketRaster): void {
  size('hues', hues);
  size('columns', columns);
  size('bucketFirst', bucketFirst);
  size('buckets', buckets);
  atLeast('counts', counts.length, hues * columns * buckets);
  atLeast('under', under.length, hues * columns);
  atLeast('over', over.length, hues * columns);
}

export function size(what: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) {
    throw new RangeError(`${what} is ${value}, expected an integer 0..2147483647`);
  }
}

export function atLeast(what: string, found: number, needed: number): void {
  if (!(found >= needed)) throw new RangeError(`${what} is ${found}, expected at least ${needed}`);
}

export function below(what: string, values: Int32Array, low: number, limit: number): void {
  for (const value of values) {
    if (value < low || value >= limit)
      throw new RangeError(`${what} holds ${value}, expected ${low}..${limit - 1}`);
  }
}
