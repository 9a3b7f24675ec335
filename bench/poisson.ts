/** Cells whose entropy is known: every count is Poisson distributed around a mean that is known, so no codec can
 *  do with fewer bits than the sum of the counts' entropies, however well it guesses the means. Latencies of
 *  many sources: a fast and a slow mode, slowly drifting, with spikes of 6 to 18 seconds. Synthetic: it claims
 *  nothing about any real system. Sums and products only, so the same on every machine; but for the entropy. */
import { CellsBuffer } from '../src/model/series.ts';
import { seededRandom } from './workload.ts';

export interface PoissonShape {
  readonly sources: number;
  readonly keys: number;
  readonly steps: number;
  /** Mean over keys and time, one source. */
  readonly eventsPerKeySecond: number;
}

/** A mode's middle and width in buckets, and the events in it. */
interface Mode {
  readonly middle: number;
  readonly width: number;
  readonly events: number;
}

/** No mean lies in a bucket from here on. */
export const POISSON_BUCKETS = 1024;
/** Of LL5: 32 buckets double the value, so a lognormal mode is a bell over buckets. 0.4 ms and 12 ms. */
const FAST_MIDDLE = 465;
const SLOW_MIDDLE = 622;
const FAST_WIDTH = 18;
const SLOW_WIDTH = 12;
const SLOW_SHARE = 0.25;
const SPIKE_PERIOD_SECONDS = 120;
const DRIFT_PERIOD_SECONDS = 1800;

/** One of a source's keys, at one second. */
export interface PoissonPlace {
  readonly source: number;
  readonly key: number;
  readonly second: number;
}

/** What is to be expected of every bucket there, added to `means`. */
export function addMeans(means: Float64Array, shape: PoissonShape, place: PoissonPlace): void {
  for (const mode of modesOf(shape, place)) addBell(means, mode);
}

function modesOf(shape: PoissonShape, { source, key, second }: PoissonPlace): Mode[] {
  const drift = triangle((second + source * 97 + key * 311) / DRIFT_PERIOD_SECONDS);
  const inSpike = (second + source * 29 + key * 53) % SPIKE_PERIOD_SECONDS;
  const spike = inSpike < 6 + 2 * ((source + key) % 7);
  const size = 0.4 + (1.2 * (key + 0.5)) / shape.keys;
  const events = shape.eventsPerKeySecond * size * (1 + 0.2 * drift) * (spike ? 1.3 : 1);
  const shift = (source % 5) * 4 + (key % 6) * 12 + 6 * drift;
  return [
    { middle: FAST_MIDDLE + shift, width: FAST_WIDTH, events: events * (1 - SLOW_SHARE) },
    {
      middle: SLOW_MIDDLE + shift + (spike ? 32 : 0),
      width: SLOW_WIDTH,
      events: events * SLOW_SHARE,
    },
  ];
}

/** -1 to 1 and back in one turn. */
function triangle(turns: number): number {
  const part = turns - Math.floor(turns);
  return part < 0.5 ? 4 * part - 1 : 3 - 4 * part;
}

/** A bell without exp: (1 - d^2 / 16)^8, nearly exp(-d^2 / 2), and 0 from 4 widths on. */
function addBell(means: Float64Array, { middle, width, events }: Mode): void {
  const from = Math.ceil(middle - 4 * width);
  const until = Math.floor(middle + 4 * width);
  // The area under (1 - d^2 / 16)^8.
  const scale = events / (width * BELL_AREA);
  for (let bucket = from; bucket <= until; bucket++) {
    const d = (bucket - middle) / width;
    const base = Math.max(0, 1 - (d * d) / 16);
    const second = base * base;
    const fourth = second * second;
    means[bucket]! += scale * fourth * fourth;
  }
}

const BELL_AREA = bellArea();

/** 8 times the integral of (1 - x^2)^8 over 0 .. 1: a product. */
function bellArea(): number {
  let area = 8;
  for (let n = 1; n <= 8; n++) area *= (2 * n) / (2 * n + 1);
  return area;
}

export interface PoissonBlock {
  /** Sorted; key source * keys + key, or key alone where merged. */
  readonly cells: CellsBuffer;
  /** Of all counts, bits. */
  readonly entropyBits: number;
}

/** Each source's own cells, in the order of arrival, and the entropy of their counts. */
export function poissonBlock(seed: number, shape: PoissonShape, merged: boolean): PoissonBlock {
  const random = seededRandom(seed);
  const cells = new CellsBuffer(1024);
  const means = new Float64Array(POISSON_BUCKETS);
  let entropyBits = 0;
  for (let step = 0; step < shape.steps; step++) {
    for (let row = 0; row < shape.keys * (merged ? 1 : shape.sources); row++) {
      means.fill(0);
      const key = row % shape.keys;
      const first = Math.floor(row / shape.keys);
      const until = merged ? shape.sources : first + 1;
      for (let source = first; source < until; source++) {
        addMeans(means, shape, { source, key, second: step });
      }
      for (let bucket = 0; bucket < POISSON_BUCKETS; bucket++) {
        const mean = means[bucket]!;
        if (mean === 0) continue;
        entropyBits += poissonEntropyBits(mean);
        const count = poisson(random, mean);
        if (count > 0) cells.push(step, row, bucket, count);
      }
    }
  }
  return { cells, entropyBits };
}

/** By going up from 0 until the probabilities add up to a uniform number. */
function poisson(random: () => number, mean: number): number {
  const place = random();
  let probability = expNegative(mean);
  let sum = probability;
  let count = 0;
  while (place >= sum && probability > 0) {
    count++;
    probability *= mean / count;
    sum += probability;
  }
  return count;
}

/** e^-x: a Taylor series for a small part of x, squared until it is the whole. */
function expNegative(x: number): number {
  let halvings = 0;
  for (let rest = x; rest > 1 / 16; rest /= 2) halvings++;
  const part = x / 2 ** halvings;
  let term = 1;
  let sum = 1;
  for (let n = 1; n <= 10; n++) {
    term *= -part / n;
    sum += term;
  }
  for (; halvings > 0; halvings--) sum *= sum;
  return sum;
}

export function poissonEntropyBits(mean: number): number {
  let entropy = 0;
  let logProbability = -mean;
  for (let count = 0; count < mean || logProbability > -40; count++) {
    if (count > 0) logProbability += Math.log(mean / count);
    entropy -= Math.exp(logProbability) * logProbability;
  }
  return entropy / Math.LN2;
}
