/** The data that every peer is given: a fleet's per-second histograms on LL5, in bimodal latencies with drift and
 *  spikes (bench/workload.ts), from a fixed seed. One period is generated; earlier ones are the same with the
 *  hosts turned by one each, so that no series repeats itself. Synthetic: it claims nothing about any real system.
 *  Also the oracle: what a right answer counts, and in which bucket its percentiles lie. */
import { LL5_BUCKETS, ll5Index } from '../../src/model/grid.ts';
import { latencyNs, seededRandom } from '../workload.ts';

export interface FleetShape {
  readonly seed: number;
  readonly hosts: number;
  readonly keys: number;
  readonly periodSeconds: number;
  /** Mean over keys: the busiest makes sixteen times as many as the quietest. */
  readonly eventsPerHistogram: number;
}

/** One period. The cells of histogram `(second * hosts + host) * keys + key` are start[i] .. start[i + 1],
 *  buckets ascending. Plain arrays, so that it can be sent to a process. */
export interface Fleet extends FleetShape {
  readonly start: Uint32Array;
  readonly bucket: Uint16Array;
  readonly count: Uint16Array;
  /** The period's last second ends here; Unix seconds. */
  readonly endSecond: number;
}

/** Seconds between the phases of two hosts: no two drift and spike together. */
const HOST_PHASE_SECONDS = 37;

export function makeFleet(shape: FleetShape, endSecond: number): Fleet {
  const { seed, hosts, keys, periodSeconds, eventsPerHistogram } = shape;
  const random = seededRandom(seed);
  const histograms = periodSeconds * hosts * keys;
  const start = new Uint32Array(histograms + 1);
  let bucket = new Uint16Array(histograms * eventsPerHistogram);
  let count = new Uint16Array(bucket.length);
  const dense = new Uint16Array(LL5_BUCKETS);
  let length = 0;
  for (let i = 0; i < histograms; i++) {
    const key = i % keys;
    const host = Math.floor(i / keys) % hosts;
    const second = Math.floor(i / (keys * hosts));
    const mean = eventsPerHistogram * (0.125 + (1.75 * (key + 0.5)) / keys);
    const events = Math.max(1, Math.floor(mean * (0.75 + random() / 2)));
    if (length + events > bucket.length) {
      bucket = doubled(bucket);
      count = doubled(count);
    }
    let low = LL5_BUCKETS;
    let high = 0;
    for (let e = 0; e < events; e++) {
      const b = ll5Index(latencyNs(random, key, second + host * HOST_PHASE_SECONDS));
      dense[b]!++;
      if (b < low) low = b;
      if (b > high) high = b;
    }
    for (let b = low; b <= high; b++) {
      if (dense[b]! === 0) continue;
      bucket[length] = b;
      count[length++] = dense[b]!;
      dense[b] = 0;
    }
    start[i + 1] = length;
  }
  return { ...shape, endSecond, start, bucket: bucket.slice(0, length), count: count.slice(0, length) };
}

function doubled(from: Uint16Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const to = new Uint16Array(from.length * 2);
  to.set(from);
  return to;
}

/** Index of the histogram of an absolute second: of the period, of those before it, whose hosts are turned, and of
 *  those to come, whose are not: the newest seconds, by which freshness is measured, bring no new series. */
export function histogramAt(fleet: Fleet, second: number, host: number, key: number): number {
  const { hosts, keys, periodSeconds, endSecond } = fleet;
  const ahead = second - (endSecond - periodSeconds);
  const turns = Math.floor(ahead / periodSeconds);
  const turned = (((host + Math.min(turns, 0)) % hosts) + hosts) % hosts;
  return ((ahead - turns * periodSeconds) * hosts + turned) * keys + key;
}

/** Histograms of one second. */
export function histogramsPerSecond({ hosts, keys }: FleetShape): number {
  return hosts * keys;
}

/** Cells in [fromSecond, untilSecond). */
export function cellsOf(fleet: Fleet, fromSecond: number, untilSecond: number): number {
  let cells = 0;
  for (let second = fromSecond; second < untilSecond; second++) {
    const [from, until] = cellRange(fleet, second);
    cells += until - from;
  }
  return cells;
}

/** Events in [fromSecond, untilSecond). */
export function eventsOf(fleet: Fleet, fromSecond: number, untilSecond: number): number {
  let events = 0;
  for (let second = fromSecond; second < untilSecond; second++) {
    const [from, until] = cellRange(fleet, second);
    for (let i = from; i < until; i++) events += fleet.count[i]!;
  }
  return events;
}

/** All histograms of a second lie together, however the hosts are turned. */
function cellRange(fleet: Fleet, second: number): [number, number] {
  const first = histogramAt(fleet, second, 0, 0);
  const base = first - (first % histogramsPerSecond(fleet));
  return [fleet.start[base]!, fleet.start[base + histogramsPerSecond(fleet)]!];
}

export interface TimeRange {
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly stepSeconds: number;
}

/** Per step the bucket that holds the percentile of all that the fleet counted in it. */
export function percentileBuckets(fleet: Fleet, range: TimeRange, rank: number): number[] {
  const buckets: number[] = [];
  const dense = new Float64Array(LL5_BUCKETS);
  for (let second = range.fromSecond; second < range.untilSecond; second += range.stepSeconds) {
    dense.fill(0);
    let total = 0;
    for (let s = second; s < second + range.stepSeconds; s++) {
      const [from, until] = cellRange(fleet, s);
      for (let i = from; i < until; i++) {
        dense[fleet.bucket[i]!]! += fleet.count[i]!;
        total += fleet.count[i]!;
      }
    }
    let before = 0;
    let bucket = 0;
    while (before + dense[bucket]! < rank * total) before += dense[bucket++]!;
    buckets.push(bucket);
  }
  return buckets;
}
