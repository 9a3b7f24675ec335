/** Question: how long does a query take over 10 minutes of 10 keys in memory, and what does the native kernel gain?
 *  Command: npm run bench -- query */
import type { Kernel } from '../src/kernel/kernel.ts';
import { loadKernel } from '../src/kernel/native.ts';
import { referenceKernel } from '../src/kernel/reference.ts';
import { assert } from '../src/model/assert.ts';
import { emptyBits, type CoverageBlock } from '../src/model/coverage.ts';
import { LL5 } from '../src/model/grid.ts';
import { BLOCK_STEPS } from '../src/model/limits.ts';
import type { CellBlock, SeriesReader } from '../src/model/series.ts';
import { evaluate } from '../src/query/evaluate.ts';
import type { QueryResult } from '../src/query/result.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { medianMs } from './measure.ts';
import { planned, requestsBy } from './requests.ts';
import { blockCells } from './workload.ts';

export const question =
  'How long does a query take over 10 minutes of 10 keys in memory, and what does the native kernel gain?';
export const smokeDigest = 'ae264e88';

const KEYS = 10;
const SOURCES = 20;
/** A multiple of the block, so that seconds are easy to tell. */
const START = 1_700_000_000 - (1_700_000_000 % BLOCK_STEPS);

const instrumentation = requestsBy(['route'], { createdSecond: START, keepSeconds: 86_400 });

const queries = {
  'heatmap, hue by key': 'http.requests by route, latency last 10m | heatmap size 900x300 overlay p50, p99',
  'heatmap, one hue': 'http.requests by latency last 10m',
  'three percentiles a key': 'http.requests by route, latency last 10m | percentiles 50, 90, 99',
  'counts of matching keys':
    'http.requests where route =~ "^/api/[0-4]" and latency >= 1ms by route last 10m',
  'top 5 by p99': 'http.requests by route, latency last 10m | top 5 by p99',
};

export async function run(size: BenchSize): Promise<BenchResult> {
  const seconds = size === 'full' ? 600 : 20;
  const rounds = size === 'full' ? 21 : 1;
  const reader = makeReader(seconds, size === 'full' ? 184 : 20);
  const kernels: readonly Kernel[] = [loadKernel('native'), referenceKernel];
  const rows: BenchRow[] = [];
  let digest = 0;
  for (const [name, text] of Object.entries(queries)) {
    const plan = planned(text, instrumentation, START + seconds);
    const [native, reference] = medianMs(
      kernels.map((kernel) => () => void evaluate(plan, reader, kernel)),
      rounds,
    );
    const [found, expected] = kernels.map((kernel) => summary(evaluate(plan, reader, kernel)));
    assert(found === expected, () => `${name}: the kernels differ`);
    digest = referenceKernel.crc32c(Buffer.from(expected!), digest);
    const versus = { name: 'reference', ratio: reference! / native!, what: 'x the speed of' };
    rows.push({ name, value: native!, unit: 'ms', versus });
  }
  const [front] = medianMs(
    [() => void planned(queries['heatmap, hue by key'], instrumentation, START + seconds)],
    rounds * 5,
  );
  rows.push({ name: 'parse, check and plan', value: front!, unit: 'ms' });
  return { bench: 'query', question, size, rows, digest: digest.toString(16).padStart(8, '0') };
}

/** Blocks as a store holds them, sorted; all of 20 sources reported. */
function makeReader(seconds: number, eventsPerKeySecond: number): SeriesReader {
  const keys = Array.from({ length: KEYS }, (_, k) => [`/api/${k}`]);
  const blocks: CellBlock[] = [];
  for (let start = 0; start < seconds; start += BLOCK_STEPS) {
    const steps = Math.min(BLOCK_STEPS, seconds - start);
    const cells = blockCells({ seed: 1 + start, keys: KEYS, steps, eventsPerKeySecond });
    referenceKernel.sortMerge(cells);
    blocks.push({ startSecond: START + start, stepSeconds: 1, keys, cells });
  }
  const coverage: CoverageBlock[] = blocks.map(({ startSecond }) => ({
    startSecond,
    sources: Array.from({ length: SOURCES }, (_, s) => ({
      name: `web${s}/node`,
      expected: emptyBits().fill(0xff),
      reported: emptyBits().fill(0xff),
    })),
    revised: emptyBits(),
  }));
  return { blocks: () => blocks, coverage: () => coverage, grid: () => LL5 };
}

/** What an answer says, without what the last bit of a logarithm could change. */
function summary(result: QueryResult): string {
  switch (result.kind) {
    case 'heatmap':
      return JSON.stringify([result.raster.hues, result.raster.total, result.raster.rows]);
    case 'lines':
      return JSON.stringify(result.series.map(({ name, values }) => [name, [...values]]));
    case 'table':
      return JSON.stringify(result.rows);
    case 'cell':
      return JSON.stringify(result.rankings);
    case 'diff':
      return JSON.stringify([result.raster.a.total, result.raster.b.total]);
  }
}
