/** Half-octaves: 1, 1.41, 2, 2.83, 4, ... up to 2^53. Bin 0 starts at 2^-1 and takes all that is smaller, too; the
 *  last takes all that is larger. The kernel marks those that occur, the picture places its levels by them. */
import { assert } from './assert.ts';

/** Bin 0 starts here: 2^-1. */
const FIRST_BIN = -2;
/** Bins up to 2^53. */
export const HALF_OCTAVES = 2 * 53 - FIRST_BIN;
/** The top 20 bits of the fraction of sqrt(2), rounded up: the high word of a double tells its half-octave. */
const HALF = 0x6a09f;

const edges = Float64Array.from(
  { length: HALF_OCTAVES + 1 },
  (_, bin) => 2 ** ((bin + FIRST_BIN) >> 1) * ((bin + FIRST_BIN) & 1 ? 1 + HALF / 2 ** 20 : 1),
);

/** Lower edge of a bin. */
export function binEdge(bin: number): number {
  const edge = edges[bin];
  assert(edge !== undefined, () => `bin is ${bin}, expected 0..${HALF_OCTAVES}`);
  return edge;
}

/** Bin of a positive double, from its high word. */
export function binOfHighWord(high: number): number {
  const bin = 2 * ((high >>> 20) - 1023) + ((high & 0xfffff) >= HALF ? 1 : 0) - FIRST_BIN;
  return bin < 0 ? 0 : Math.min(bin, HALF_OCTAVES - 1);
}
