/** Question: how long does it take to find what differs inside a box, over 10 minutes of 3 fields with 50 values each?
 *  Command: npm run bench -- compare
 *  The rival is the picture in which the box is drawn, over the same cells in memory. */
import { loadKernel } from '../src/kernel/native.ts';
import { referenceKernel } from '../src/kernel/reference.ts';
import { assert } from '../src/model/assert.ts';
import { type CoverageBlock, emptyBits } from '../src/model/coverage.ts';
import { LL5 } from '../src/model/grid.ts';
import type { Instrumentation } from '../src/model/instrumentation.ts';
import { BLOCK_STEPS } from '../src/model/limits.ts';
import type { MetricDescription } from '../src/model/metric.ts';
import type { CellBlock, SeriesReader } from '../src/model/series.ts';
import { checkStatement } from '../src/query/check.ts';
import { evaluate } from '../src/query/evaluate.ts';
import { parseStatement } from '../src/query/parse.ts';
import { type Plan, planRead } from '../src/query/plan.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import { medianMs } from './measure.ts';
import { blockCells } from './workload.ts';

export const question =
  'How long does it take to find what differs inside a box, over 10 minutes of 3 fields with 50 values each?';
export const smokeDigest = 'f932fb10';

const VALUES = 50;
const START = 1_700_000_000 - (1_700_000_000 % BLOCK_STEPS);

const metric: MetricDescription = {
  name: 'http.requests',
  label: 'HTTP requests',
  unit: 'requests',
  scope: 'interval',
  fields: [
    { name: 'host', label: 'Host', type: 'string' },
    { name: 'route', label: 'Route', type: 'string' },
    { name: 'customer', label: 'Customer', type: 'string' },
    { name: 'latency', label: 'Latency', type: 'time' },
  ],
  cost: 'none',
};

const instrumentation: Instrumentation = {
  id: 'requests',
  metric: metric.name,
  by: ['host', 'route', 'customer'],
  numeric: 'latency',
  grid: LL5,
  scope: metric.scope,
  everySeconds: 1,
  keepSeconds: 86_400,
  idleSeconds: 0,
  createdSecond: START,
};

const questions = {
  compare: 'compare from now-6m to now-2m y 5ms..20ms',
  'compare, all values': 'compare from now-6m to now-2m',
  cell: 'cell at now-3m, 12ms',
};

export async function run(size: BenchSize): Promise<BenchResult> {
  const full = size === 'full';
  const seconds = full ? 600 : 20;
  const kernel = loadKernel('native');
  const rows: BenchRow[] = [];
  let digest = 0;
  // Whole keys: as few as there are values, and as many as a block may have.
  for (const [keys, events] of full
    ? ([
        [50, 184],
        [2500, 4],
      ] as const)
    : ([[50, 4]] as const)) {
    const reader = makeReader(seconds, keys, events);
    const picture = planned(`http.requests by latency last ${seconds}s`, seconds);
    for (const [name, stage] of Object.entries(questions)) {
      const text = full ? stage : stage.replaceAll(/now-(\d)m/g, 'now-$1s');
      const plan = planned(`http.requests by latency last ${seconds}s | ${text}`, seconds);
      const [own, drawn] = medianMs(
        [() => void evaluate(plan, reader, kernel), () => void evaluate(picture, reader, kernel)],
        full ? 21 : 1,
      );
      const versus = { name: 'its heatmap', ratio: own! / drawn!, what: 'x the time of' };
      rows.push({ name: `${name}, ${keys} whole keys`, value: own!, unit: 'ms', versus });
      digest = referenceKernel.crc32c(Buffer.from(summary(plan, reader)), digest);
    }
  }
  return { bench: 'compare', question, size, rows, digest: digest.toString(16).padStart(8, '0') };
}

function planned(text: string, seconds: number): Plan {
  const parsed = parseStatement(text);
  assert('statement' in parsed, () => `${text} does not parse`);
  const catalogue = { metrics: [metric], instrumentations: [instrumentation], pins: [] };
  const outcome = checkStatement(parsed.statement, catalogue, text);
  assert('checked' in outcome && outcome.checked.kind === 'read', () => `${text} is no read`);
  const nowSecond = START + seconds;
  const result = planRead(outcome.checked, { catalogue, nowSecond, frontierSecond: () => nowSecond });
  assert('plan' in result, () => `${text} has no plan`);
  return result.plan;
}

/** Every value of every field occurs, in whole keys that mix them. */
function makeReader(seconds: number, keyCount: number, eventsPerKeySecond: number): SeriesReader {
  const keys = Array.from({ length: keyCount }, (_, k) => [
    `web${k % VALUES}`,
    `/api/${Math.floor(k / VALUES + k * 7) % VALUES}`,
    `customer-${(k * 13 + Math.floor(k / 7)) % VALUES}`,
  ]);
  const blocks: CellBlock[] = [];
  for (let start = 0; start < seconds; start += BLOCK_STEPS) {
    const steps = Math.min(BLOCK_STEPS, seconds - start);
    const cells = blockCells({ seed: 1 + start, keys: keyCount, steps, eventsPerKeySecond });
    referenceKernel.sortMerge(cells);
    blocks.push({ startSecond: START + start, stepSeconds: 1, keys, cells });
  }
  const all = emptyBits().fill(0xff);
  const coverage: CoverageBlock[] = blocks.map(({ startSecond }) => ({
    startSecond,
    sources: [{ name: 'web/node', expected: all, reported: all }],
    revised: emptyBits(),
  }));
  return {
    blocks: () => blocks,
    coverage: () => coverage,
    keyValues: () => ({ values: [], complete: true }),
    grid: () => LL5,
  };
}

/** What an answer counts; scores go through logarithms, whose last bit is the machine's. */
function summary(plan: Plan, reader: SeriesReader): string {
  const result = evaluate(plan, reader, referenceKernel);
  if (result.kind === 'compare')
    return result.rows
      .map(({ field, value, count, significant }) => `${field} ${value} ${Math.round(count)} ${significant}`)
      .toSorted()
      .join();
  assert(result.kind === 'cell', 'a cell was asked for');
  return JSON.stringify(result.rankings.map((r) => [r.fields, r.keys, r.rows.length]));
}
