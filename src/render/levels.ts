/** From counts to the steps of a ramp. Owns: the thresholds between steps, per colour mode.
 *  All modes look at the picture through half-octaves only (1, 1.41, 2, 2.83, 4, ...), so that a new second
 *  rarely moves a threshold and old columns keep their colours. Counts may be fractions of spread buckets;
 *  those below 1/2 go with 1/2. Does not: look at hues. */
import { assert } from '../model/assert.ts';
import { LEVELS } from './colour.ts';
import type { ColorMode } from './options.ts';

/** Bin 0 starts here: 2^-1. */
const FIRST_BIN = -2;
/** Bins up to 2^53. */
const BINS = 2 * 53 - FIRST_BIN;
/** The top 20 bits of the fraction of sqrt(2), rounded up: the high word of a double tells its half-octave. */
const HALF = 0x6a09f;

const edges = Float64Array.from(
  { length: BINS + 1 },
  (_, bin) => 2 ** ((bin + FIRST_BIN) >> 1) * ((bin + FIRST_BIN) & 1 ? 1 + HALF / 2 ** 20 : 1),
);

/** Lower edge of a bin. */
export function binEdge(bin: number): number {
  const edge = edges[bin];
  assert(edge !== undefined, () => `bin is ${bin}, expected 0..${BINS}`);
  return edge;
}

/** Which half-octaves occur among the sums over hues of [hue][cell]: ascending bins. */
export function occupiedBins(cells: Float64Array, hues: number): number[] {
  const length = hues === 0 ? 0 : cells.length / hues;
  const occupied = new Uint8Array(BINS);
  // Hue by hue over parts that stay in the first cache: twice as fast as cell by cell.
  const part = new Float64Array(Math.min(length, 1024));
  const words = new Uint32Array(part.buffer);
  for (let start = 0; start < length; start += part.length) {
    const n = Math.min(part.length, length - start);
    for (let i = 0; i < n; i++) part[i] = cells[start + i]!;
    for (let hue = 1; hue < hues; hue++) {
      const from = hue * length + start;
      for (let i = 0; i < n; i++) part[i]! += cells[from + i]!;
    }
    for (let i = 0; i < n; i++) {
      const high = words[2 * i + 1]!;
      if (high === 0 && words[2 * i] === 0) continue;
      const bin = 2 * ((high >>> 20) - 1023) + ((high & 0xfffff) >= HALF ? 1 : 0) - FIRST_BIN;
      occupied[bin < 0 ? 0 : bin < BINS ? bin : BINS - 1] = 1;
    }
  }
  const bins: number[] = [];
  for (let bin = 0; bin < BINS; bin++) if (occupied[bin] === 1) bins.push(bin);
  return bins;
}

/** Ascending, LEVELS - 1 of them: a count has the level of the number of thresholds at or below it. */
export function thresholdsOf(mode: ColorMode, bins: readonly number[]): Float64Array {
  if (bins.length === 0) return new Float64Array(LEVELS - 1).fill(1);
  const low = bins[0]!;
  const until = bins.at(-1)! + 1;
  const max = binEdge(until);
  switch (mode) {
    case 'rank':
      return bandThresholds(bins);
    case 'log':
      return bandThresholds(Array.from({ length: until - low }, (_, i) => low + i));
    case 'linear':
      return everyLevel((share) => max * share);
    case 'sqrt':
      return everyLevel((share) => max * share * share);
  }
}

function everyLevel(threshold: (share: number) => number): Float64Array {
  return Float64Array.from({ length: LEVELS - 1 }, (_, i) => threshold((i + 1) / LEVELS));
}

/** A count's level is the place of its half-octave among these. For rank they are those that occur: gaps cost no
 *  level, so that neither an outlier nor a far peak takes contrast from the rest. Few keep to the strong end, at
 *  most two levels apart. */
function bandThresholds(bins: readonly number[]): Float64Array {
  const top = LEVELS - 1;
  const n = bins.length;
  const apart = n === 1 ? 0 : Math.min(2, top / (n - 1));
  const levels = bins.map((_, i) =>
    n > LEVELS ? Math.floor((i * LEVELS) / n) : Math.round(top - (n - 1 - i) * apart),
  );
  const thresholds = new Float64Array(top);
  for (let level = 1; level <= top; level++) {
    const first = levels.findIndex((l) => l >= level);
    thresholds[level - 1] = first === 0 ? 0 : binEdge(bins[first]!);
  }
  return thresholds;
}

/** Level of one count, as the kernel finds it. */
export function levelOf(count: number, thresholds: Float64Array): number {
  let level = 0;
  for (const threshold of thresholds) level += threshold <= count ? 1 : 0;
  return level;
}
