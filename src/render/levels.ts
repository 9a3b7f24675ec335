/** From counts to the steps of a ramp. Owns: the thresholds between steps, per colour mode.
 *  All modes look at the picture through half-octaves only (1, 1.41, 2, 2.83, 4, ...), so that a new second
 *  rarely moves a threshold and old columns keep their colours. Counts may be fractions of spread buckets;
 *  those below 1/2 go with 1/2. Does not: look at hues. */
import type { Kernel } from '../kernel/kernel.ts';
import { referenceKernel } from '../kernel/reference.ts';
import { binEdge, HALF_OCTAVES } from '../model/half-octave.ts';
import { keptLately } from '../model/kept.ts';
import { LEVELS } from './colour.ts';
import type { ColorMode } from './options.ts';

/** Which half-octaves occur among the sums of cells over hues: ascending bins. */
export function occupiedBins(
  sums: Float64Array,
  kernel: Pick<Kernel, 'halfOctaves'> = referenceKernel,
): number[] {
  const occupied = new Uint8Array(HALF_OCTAVES);
  kernel.halfOctaves(sums, sums.length, occupied);
  const bins: number[] = [];
  for (let bin = occupied.indexOf(1); bin >= 0; bin = occupied.indexOf(1, bin + 1)) bins.push(bin);
  return bins;
}

/** Of the pictures drawn lately. */
const THRESHOLDS_KEPT_MAX = 64;

/** Ascending, LEVELS - 1 of them: a count has the level of the number of thresholds at or below it. Must not be changed. */
export const thresholdsOf = keptLately(
  THRESHOLDS_KEPT_MAX,
  (mode: ColorMode, bins: readonly number[]) => `${mode} ${bins.join(' ')}`,
  levelThresholds,
);

function levelThresholds(mode: ColorMode, bins: readonly number[]): Float64Array {
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
