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

/** Rows as traffic leaves them, of a block of few or many steps: empty to full, small counts to the largest. */
export function arbitraryRows(shape: {
  keys: number;
  buckets: number;
  rowsMin?: number;
  rowsMax: number;
}): fc.Arbitrary<CellsBuffer> {
  return fc
    .record({
      seed: fc.nat(),
      stepFirst: fc.nat(255),
      steps: fc.oneof(fc.integer({ min: 1, max: 256 }), fc.constant(256)),
      rows: fc.array(
        fc.record({
          keyGap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(2)),
          bucketGap: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(400)),
          fill: fc.constantFrom(0.02, 0.1, 0.3, 0.9, 1, 1),
          base: fc.oneof(fc.constant(1), fc.nat(100), fc.constantFrom(2 ** 31 - 3, 2 ** 32 + 1, 2 ** 52)),
          scale: fc.constantFrom(0, 1, 3, 10, 70, 300, 2 ** 20, 2 ** 33, 2 ** 52),
          outlier: fc.constantFrom(0, 0, 0.02),
        }),
        { minLength: shape.rowsMin ?? 0, maxLength: shape.rowsMax },
      ),
    })
    .map(({ seed, stepFirst, steps, rows }) => {
      const cells = new CellsBuffer();
      let state = seed;
      const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
      let [key, bucket] = [0, 0];
      for (const { keyGap, bucketGap, fill, base, scale, outlier } of rows) {
        key = Math.min(shape.keys - 1, key + keyGap);
        bucket = (keyGap > 0 ? bucketGap : bucket + 1 + bucketGap) % shape.buckets;
        for (let step = stepFirst; step < Math.min(stepFirst + steps, 256); step++) {
          if (random() >= fill) continue;
          const count = base + Math.floor((random() + random()) * scale) + (random() < outlier ? 2 ** 50 : 0);
          cells.push(step, key, bucket, Math.min(Math.max(count, 1), Number.MAX_SAFE_INTEGER));
        }
      }
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

/** Each bucket gives to up to three rows beside each other, below and above them, in all no more than 1. */
export function arbitrarySpread(buckets: number, rows: number): fc.Arbitrary<RowSpread> {
  const beyond = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(3));
  const share = fc.tuple(fc.nat(rows - 1), fc.array(fc.nat(5), { maxLength: 3 }), beyond, beyond);
  return fc.array(share, { minLength: buckets, maxLength: buckets }).map((shares) => {
    const start = new Int32Array(buckets + 1);
    const row: number[] = [];
    const weight: number[] = [];
    const [under, over] = [new Float64Array(buckets), new Float64Array(buckets)];
    shares.forEach(([first, parts, below, above], b) => {
      const all = parts.reduce((sum, part) => sum + part, below + above);
      const whole = Math.max(1, all);
      under[b] = below / whole;
      over[b] = above / whole;
      parts.forEach((part, i) => {
        row.push(Math.min(first + i, rows - 1));
        weight.push(part / whole);
      });
      start[b + 1] = row.length;
    });
    return { rows, start, row: Int32Array.from(row), weight: Float64Array.from(weight), under, over };
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
