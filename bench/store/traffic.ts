/** The log entries of a fleet, from a seed: each source reports every so many seconds, a histogram a key. Histograms
 *  are drawn from a pool of phases and variants: making each one anew would take longer than all that is measured.
 *  Counts are about what a Poisson process gives (bench/poisson.ts). Synthetic: it claims nothing about any real
 *  system. */
import type { Kernel } from '../../src/kernel/kernel.ts';
import { encodeBatch, type Row } from '../../src/model/batch.ts';
import type { Histogram } from '../../src/model/histogram.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import type { LogEntry } from '../../src/model/log.ts';
import { encodeControlEntry, encodeReportEntry } from '../../src/model/report.ts';
import { addMeans, POISSON_BUCKETS } from '../poisson.ts';
import { about, seededRandom } from '../workload.ts';

export interface TrafficShape {
  readonly sources: number;
  readonly keys: number;
  /** In a report, mean over keys. */
  readonly eventsPerHistogram: number;
  readonly everySeconds: number;
  readonly seconds: number;
}

/** Phases of the drift, and as many histograms of each to choose from. */
const PHASES = 60;
const VARIANTS = 4;
const PHASE_SECONDS = 30;
/** Entries given at once: a few MB. */
const CHUNK_ENTRIES = 256;

export function keyOf(index: number): string[] {
  return [`/route/${index}`];
}

/** Creates the instrumentation, then reports from `createdSecond` on; in chunks, so that few are in memory. */
export function* traffic(
  instrumentation: Instrumentation,
  shape: TrafficShape,
  { crc32c }: Kernel,
): Generator<readonly LogEntry[]> {
  const { createdSecond } = instrumentation;
  const pool = makePool(shape);
  const random = seededRandom(23);
  const created = encodeControlEntry({ kind: 'instrumentation-created', instrumentation });
  let chunk: LogEntry[] = [{ offset: 0, arrivedMs: createdSecond * 1000, payload: created }];
  let offset = 1;
  for (let at = 0, sequence = 0; at < shape.seconds; at += shape.everySeconds, sequence++) {
    for (let source = 0; source < shape.sources; source++) {
      const phase = Math.floor(at / PHASE_SECONDS + source * 7) % PHASES;
      const rows = Array.from({ length: shape.keys }, (_, key): Row => {
        const variant = Math.floor(random() * VARIANTS);
        return { key: keyOf(key), histogram: pool[(key * PHASES + phase) * VARIANTS + variant]! };
      });
      const { id, grid } = instrumentation;
      const batch = {
        source: { host: `web${source}`, driver: 'bench', incarnation: '0123456789abcdef' },
        sequence,
        second: createdSecond + at,
        reports: [{ instrumentation: id, grid, partial: false, dropped: 0, rows }],
      };
      const arrivedMs = (createdSecond + at + shape.everySeconds) * 1000;
      chunk.push({ offset: offset++, arrivedMs, payload: encodeReportEntry([encodeBatch(batch, crc32c)]) });
    }
    if (chunk.length < CHUNK_ENTRIES) continue;
    yield chunk;
    chunk = [];
  }
  yield chunk;
}

/** pool[(key * PHASES + phase) * VARIANTS + variant]. */
function makePool(shape: TrafficShape): Histogram[] {
  const random = seededRandom(17);
  const means = new Float64Array(POISSON_BUCKETS);
  const poisson = { ...shape, steps: 1, eventsPerKeySecond: shape.eventsPerHistogram };
  const pool: Histogram[] = [];
  for (let key = 0; key < shape.keys; key++) {
    for (let phase = 0; phase < PHASES; phase++) {
      means.fill(0);
      addMeans(means, poisson, { source: 0, key, second: phase * PHASE_SECONDS });
      for (let variant = 0; variant < VARIANTS; variant++) pool.push(histogramAbout(means, random));
    }
  }
  return pool;
}

function histogramAbout(means: Float64Array, random: () => number): Histogram {
  const buckets: number[] = [];
  const counts: number[] = [];
  for (let bucket = 0; bucket < means.length; bucket++) {
    const count = means[bucket] === 0 ? 0 : about(means[bucket]!, random);
    if (count === 0) continue;
    buckets.push(bucket);
    counts.push(count);
  }
  return { buckets, counts };
}
