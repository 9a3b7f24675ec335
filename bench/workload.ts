/** Input for benches, from a seed: latencies as services have them (a fast and a slow mode, drifting, with
 *  spikes), as values and as the cells of a block. Synthetic: it claims nothing about any real system. */
import { LL5, bucketIndex } from '../src/model/grid.ts';
import { BLOCK_STEPS } from '../src/model/limits.ts';
import { CellsBuffer } from '../src/model/series.ts';

/** Numbers 0 <= x < 1, the same for the same seed on every machine. (mulberry32) */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A count as a Poisson process would give it, nearly: a mean and noise of its root. */
export function about(mean: number, random: () => number): number {
  if (mean < 1) return random() < mean ? 1 : 0;
  const deviate = (random() + random() + random() + random() - 2) * Math.sqrt(3);
  return Math.max(0, Math.floor(mean + deviate * Math.sqrt(mean) + 0.5));
}

/** One latency, ns, of an operation that key `key` made at second `second`. Sums and products
 *  only, which are the same on every machine: a normal deviate is the sum of uniform ones. */
export function latencyNs(random: () => number, key: number, second: number): number {
  const slow = random() < 0.25;
  const spike = second % 60 < 8 && key % 3 === 0 ? 4 : 1;
  const drift = 1 + ((second * 7 + key * 31) % 600) / 1200;
  const middle = (slow ? 12_000_000 : 400_000) * (1 + (key % 5) / 3) * drift * spike;
  let deviate = -6;
  for (let i = 0; i < 12; i++) deviate += random();
  const spread = deviate * (slow ? 0.25 : 0.4);
  // Nearly exp(spread), by products alone.
  const factor = Math.max(1 + spread / 16, 0.01);
  const squared = factor * factor;
  const fourth = squared * squared;
  const eighth = fourth * fourth;
  return Math.floor(middle * eighth * eighth);
}

/** A block's cells in the order of arrival: second after second, key after key, each place once. */
export function blockCells(shape: {
  seed: number;
  keys: number;
  steps?: number;
  eventsPerKeySecond: number;
}): CellsBuffer {
  const random = seededRandom(shape.seed);
  const cells = new CellsBuffer(1024);
  const counts = new Map<number, number>();
  for (let step = 0; step < (shape.steps ?? BLOCK_STEPS); step++) {
    for (let key = 0; key < shape.keys; key++) {
      counts.clear();
      for (let i = 0; i < shape.eventsPerKeySecond; i++) {
        const bucket = bucketIndex(LL5, latencyNs(random, key, step));
        counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
      }
      for (const [bucket, count] of counts) cells.push(step, key, bucket, count);
    }
  }
  return cells;
}
