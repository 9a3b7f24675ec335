/** Question: where does the store stand beside its limits: bytes, folding, reading, durability, restart, memory?
 *  Command: npm run bench -- store [--json]
 *  Every row stands beside a rival or limit of the same run, or beside a goal that was set for it. A day is folded
 *  from reports of 10 s and a month from reports of a minute, whose histograms hold what a fleet counts in that
 *  time: the levels that a question of such a range reads are as large as if each second had been folded, and the
 *  run takes minutes instead of hours. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKernel } from '../src/kernel/native.ts';
import type { Kernel } from '../src/kernel/kernel.ts';
import type { BenchResult, BenchRow, BenchSize } from './bench.ts';
import type { PoissonShape } from './poisson.ts';
import { appendRows, type AppendShape } from './store/append.ts';
import { type Built, build, instrumentationOf } from './store/built.ts';
import { neighbourRow } from './store/neighbour.ts';
import { pictureRows, rasterRow } from './store/pictures.ts';
import { memoryRow, restartRow } from './store/processes.ts';
import { levelRows, sizeRows } from './store/size.ts';
import { traffic, type TrafficShape } from './store/traffic.ts';

export const question =
  'Where does the store stand beside its limits: bytes, folding, reading, durability, restart, memory?';
export const smokeDigest = 'ce5ddbdd';

/** Mcells/s of one core, from a binary report to a sealed segment. */
const FOLD_GOAL = 15;
const DAY = 86_400;

interface Plan {
  readonly block: PoissonShape;
  readonly hour: TrafficShape;
  readonly day: TrafficShape;
  readonly month: TrafficShape;
  /** 200 series of one host. */
  readonly series: TrafficShape;
  /** What a killed process had folded. */
  readonly killed: TrafficShape;
  readonly append: AppendShape;
  readonly rounds: number;
  readonly asks: number;
}

const PLANS: Readonly<Record<BenchSize, Plan>> = {
  smoke: {
    block: { sources: 2, keys: 2, steps: 8, eventsPerKeySecond: 20 },
    hour: { sources: 2, keys: 3, eventsPerHistogram: 10, everySeconds: 1, seconds: 300 },
    day: { sources: 1, keys: 3, eventsPerHistogram: 30, everySeconds: 10, seconds: 3600 },
    month: { sources: 1, keys: 3, eventsPerHistogram: 100, everySeconds: 60, seconds: 7200 },
    series: { sources: 1, keys: 20, eventsPerHistogram: 5, everySeconds: 1, seconds: 30 },
    killed: { sources: 2, keys: 3, eventsPerHistogram: 10, everySeconds: 10, seconds: 600 },
    append: { reportsPerSecond: 2000, seconds: 0.05 },
    rounds: 1,
    asks: 3,
  },
  full: {
    block: { sources: 20, keys: 10, steps: 256, eventsPerKeySecond: 65 },
    hour: { sources: 20, keys: 10, eventsPerHistogram: 65, everySeconds: 1, seconds: 3600 },
    day: { sources: 1, keys: 10, eventsPerHistogram: 65 * 20 * 10, everySeconds: 10, seconds: DAY },
    month: { sources: 1, keys: 10, eventsPerHistogram: 65 * 20 * 60, everySeconds: 60, seconds: 30 * DAY },
    series: { sources: 1, keys: 200, eventsPerHistogram: 30, everySeconds: 1, seconds: 3600 },
    killed: { sources: 20, keys: 10, eventsPerHistogram: 65, everySeconds: 10, seconds: DAY },
    append: { reportsPerSecond: 20_000, seconds: 5 },
    rounds: 7,
    asks: 200,
  },
};

export async function run(size: BenchSize): Promise<BenchResult> {
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-bench-'));
  try {
    const { rows, shown } = await measured(directory, PLANS[size], size === 'full');
    const digest = loadKernel('native').crc32c(Buffer.from(shown));
    return { bench: 'store', question, size, rows, digest: digest.toString(16).padStart(8, '0') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function measured(
  directory: string,
  plan: Plan,
  apart: boolean,
): Promise<{ readonly rows: BenchRow[]; readonly shown: string }> {
  const kernel = loadKernel('native');
  const at = (name: string): string => join(directory, name);
  const sizes = sizeRows(at('sizes'), plan.block, kernel);
  const hour = build(at('hour'), plan.hour, kernel);
  const day = build(at('day'), plan.day, kernel);
  const month = build(at('month'), plan.month, kernel);
  const pictures = pictureRows(
    [
      { name: '10 minutes', built: hour, last: '10m', goalMs: 25 },
      { name: '1 hour', built: hour, last: '1h', goalMs: 20 },
      { name: '24 hours', built: day, last: '24h', goalMs: 75 },
      { name: '30 days', built: month, last: '30d', goalMs: 80 },
    ],
    kernel,
    plan.rounds,
  );
  const rows = [
    ...sizes,
    ...levelRows(hour, day, month),
    ...foldRows(hour, month),
    rasterRow(hour, kernel, plan.rounds),
    ...pictures.rows,
    await neighbourRow(month, kernel, plan.asks),
    ...(await appendRows(at('append'), plan.append, firstReports(plan.hour, kernel), kernel)),
    await restartRow({ directory: at('killed'), shape: plan.killed }, kernel, apart),
    await memoryRow({ directory: at('series'), shape: plan.series }, apart),
  ];
  const counted = [hour, day, month].map(({ stats: { cells } }) => cells);
  return { rows, shown: JSON.stringify([counted, pictures.shown]) };
}

function firstReports(shape: TrafficShape, kernel: Kernel) {
  const first = traffic(instrumentationOf(shape), shape, kernel).next();
  return first.done === true ? [] : first.value;
}

function foldRows(hour: Built, month: Built): BenchRow[] {
  const value = hour.stats.cells / 1000 / hour.foldMs;
  const goal = { name: `the goal of ${FOLD_GOAL}`, ratio: value / FOLD_GOAL, what: 'x' };
  const all = hour.workMs + month.workMs;
  const beside = {
    name: 'folding the reports',
    ratio: all / (hour.foldMs + month.foldMs),
    what: 'x the time of',
  };
  return [
    { name: 'reports -> sealed segments', value, unit: 'Mcells/s', versus: goal },
    { name: 'roll-ups and compaction behind it', value: all / 1000, unit: 's', versus: beside },
  ];
}
