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
import { checkStatement } from '../src/query/check.ts';
import { complete } from '../src/query/complete.ts';
import { evaluate } from '../src/query/evaluate.ts';
import { parseStatement } from '../src/query/parse.ts';
import type { QueryResult } from '../src/query/result.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { medianMs } from './measure.ts';
import { planned, REQUESTS, requestsBy } from './requests.ts';
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

/** Statements with every part of the language in them. */
const statements = [
  ...Object.values(queries),
  'http.requests where route in ("/a", "/b") and not (host prefix "web" or host =~ "^test-") by route, host, latency last 1h step 10s | heatmap hue route, host select ("/a", "web1"), ("/b", "web2") theme light',
  'http.requests by route, latency from 2026-11-22T03:00Z to 04:00Z offset 1w as of 2026-11-23 | top 5 by tail latency > 100ms | percentiles 50, 90, 99, 99.9',
  'http.requests by route, latency last 1h | heatmap size 900x300 y log 100us..10s exclude "/health" top 4 by p99 weight value color sqrt overlay p50, p99 buckets 60 title "Tail"',
  'http.requests by latency last 10m | share latency > 100ms',
  'http.requests by latency last 10m | apdex 250ms',
  'http.requests by route, latency last 10m | cell at now-90s, 48ms step 2s',
  'instrument http.requests where route == "/checkout" by host, latency every 1s keep 24h, 7d at 10s idle 1h as checkout',
  'explain http.requests by latency last 10m',
];

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
  rows.push(...(await languageRows(size === 'full' ? 400 : 2)));
  return { bench: 'query', question, size, rows, digest: digest.toString(16).padStart(8, '0') };
}

/** Reading, checking and completing statements, 99 times of 100 within the figure; and the dearest statement by its
 *  median. Times in which the system took the processor away are left out: they say what else the machine did. */
async function languageRows(rounds: number): Promise<BenchRow[]> {
  const catalogue = { metrics: [REQUESTS], instrumentations: [instrumentation], pins: [] };
  const check = (text: string): void => {
    const parsed = parseStatement(text);
    assert('statement' in parsed, () => `${text} does not parse`);
    assert('checked' in checkStatement(parsed.statement, catalogue, text), () => `${text} is not right`);
  };
  const ends = statements.flatMap((text) =>
    [...text.matchAll(/\s/g)].map(({ index }) => ({ text, at: index + 1 })),
  );
  const completed = ({ text, at }: { text: string; at: number }): void =>
    void complete(text, at, catalogue, (_, field) => [`${field}-1`, `${field}-2`]);
  const checks = undisturbed(statements, check, rounds);
  const medians = statements.map((_, i) => quantile(checks[i]!, 0.5));
  const completions = undisturbed(ends, completed, Math.ceil(rounds / 10));
  return [
    { name: 'parse and check, p99', value: quantile(checks.flat(), 0.99), unit: 'ms' },
    { name: 'parse and check, the dearest statement', value: Math.max(...medians), unit: 'ms' },
    { name: 'completion, p99', value: quantile(completions.flat(), 0.99), unit: 'ms' },
  ];
}

/** Milliseconds by thing, after as many rounds to warm up, at most 20. The last time of each stays whatever happened. */
function undisturbed<T>(things: readonly T[], act: (thing: T) => void, rounds: number): number[][] {
  const switches = (): number => process.resourceUsage().involuntaryContextSwitches;
  const times = things.map((): number[] => []);
  for (let round = -Math.min(20, rounds); round < rounds; round++) {
    things.forEach((thing, i) => {
      const before = switches();
      const start = performance.now();
      act(thing);
      const tookMs = performance.now() - start;
      const isLast = round === rounds - 1 && times[i]!.length === 0;
      if (round >= 0 && (switches() === before || isLast)) times[i]!.push(tookMs);
    });
  }
  return times;
}

function quantile(times: readonly number[], rank: number): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * rank)]!;
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
  return {
    blocks: () => blocks,
    coverage: () => coverage,
    keyValues: () => ({ values: [], complete: true }),
    grid: () => LL5,
  };
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
    case 'compare':
      return JSON.stringify(result.rows);
    case 'diff':
      return JSON.stringify([result.raster.a.total, result.raster.b.total]);
  }
}
