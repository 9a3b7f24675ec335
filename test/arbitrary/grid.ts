/** Random grids and values on them. */
import fc from 'fast-check';
import { COUNT, type Grid, LL5, VALUE_MAX } from '../../src/model/grid.ts';

export const arbitraryGrid: fc.Arbitrary<Grid> = fc.oneof(
  fc.constant(LL5),
  fc.constant(COUNT),
  fc.integer({ min: 1, max: 1_000_000 }).map((width): Grid => ({ kind: 'linear', width })),
);

/** Integers 0..2^53-1, as many small as large ones, and those beside a power of two. */
export const arbitraryValue: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(2000),
  fc
    .tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -2, max: 2 }))
    .map(([power, beside]) => Math.min(Math.max(2 ** power + beside, 0), VALUE_MAX)),
);
