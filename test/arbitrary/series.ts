/** Random cells, placements, rasters and spreads: what the kernel works on. */
import fc from 'fast-check';
import type { Placement, RowSpread } from '../../src/kernel/kernel.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import { type BucketRaster, newBucketRaster } from '../../src/model/raster.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { arbitraryCount } from './histogram.ts';

export interface CellsShape {
  readonly keys: number;
  readonly buckets: number;
  readonly maxLength?: number;
  readonly countMax?: number;
}

/** Cells in any order; half of them close together, so that places repeat and runs form. */
export function arbitraryCells(shape: CellsShape): fc.Arbitrary<CellsBuffer> {
  const near = (limit: number): fc.Arbitrary<number> =>
    fc.oneof(fc.nat(limit - 1), fc.nat(Math.min(limit - 1, 3)));
  const cell = fc.tuple(
    near(BLOCK_STEPS),
    near(shape.keys),
    near(shape.buckets),
    arbitraryCount(shape.countMax),
  );
  return fc.array(cell, { maxLength: shape.maxLength ?? 200 }).map((list) => {
    const cells = new CellsBuffer(4);
    for (const [step, key, bucket, count] of list) cells.push(step, key, bucket, count);
    return cells;
  });
}

export function arbitraryPlacement(shape: {
  keys: number;
  columns: number;
  hues: number;
}): fc.Arbitrary<Placement> {
  const members = (length: number, limit: number): fc.Arbitrary<Int32Array> =>
    fc
      .array(fc.integer({ min: -1, max: limit - 1 }), { minLength: length, maxLength: length })
      .map((values) => Int32Array.from(values));
  return fc.record({
    columnOfStep: members(BLOCK_STEPS, shape.columns),
    hueOfKey: members(shape.keys, shape.hues),
  });
}

/** Rasters that hold counts already. */
export const arbitraryRaster: fc.Arbitrary<BucketRaster> = fc
  .record({
    hues: fc.integer({ min: 1, max: 3 }),
    columns: fc.integer({ min: 1, max: 6 }),
    bucketFirst: fc.nat(60),
    buckets: fc.integer({ min: 1, max: 50 }),
  })
  .chain((shape) => {
    const raster = newBucketRaster(shape);
    const count = fc.oneof(fc.constant(0), arbitraryCount());
    return fc
      .array(count, { minLength: raster.counts.length, maxLength: raster.counts.length })
      .map((counts) => ({ ...raster, counts: Float64Array.from(counts) }));
  });

/** Each bucket gives to up to three rows beside each other, in all no more than 1. */
export function arbitrarySpread(buckets: number, rows: number): fc.Arbitrary<RowSpread> {
  const share = fc.tuple(fc.nat(rows - 1), fc.array(fc.nat(5), { maxLength: 3 }));
  return fc.array(share, { minLength: buckets, maxLength: buckets }).map((shares) => {
    const start = new Int32Array(buckets + 1);
    const row: number[] = [];
    const weight: number[] = [];
    shares.forEach(([first, parts], b) => {
      const whole = Math.max(
        1,
        parts.reduce((sum, part) => sum + part, 0),
      );
      parts.forEach((part, i) => {
        row.push(Math.min(first + i, rows - 1));
        weight.push(part / whole);
      });
      start[b + 1] = row.length;
    });
    return { rows, start, row: Int32Array.from(row), weight: Float64Array.from(weight) };
  });
}

/** A value copy, so that a law can run a kernel twice from the same start. */
export function copyCells(cells: CellsBuffer): CellsBuffer {
  const copy = new CellsBuffer(Math.max(cells.length, 1));
  for (let i = 0; i < cells.length; i++) {
    copy.push(cells.step[i]!, cells.key[i]!, cells.bucket[i]!, cells.count[i]!);
  }
  return copy;
}

export function copyRaster(raster: BucketRaster): BucketRaster {
  return {
    ...raster,
    counts: raster.counts.slice(),
    under: raster.under.slice(),
    over: raster.over.slice(),
  };
}

/** Readable cells: [step, key, bucket, count]. */
export function cellList(cells: CellsBuffer): [number, number, number, number][] {
  return Array.from({ length: cells.length }, (_, i) => [
    cells.step[i]!,
    cells.key[i]!,
    cells.bucket[i]!,
    cells.count[i]!,
  ]);
}
