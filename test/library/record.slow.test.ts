/** What is recorded is what is counted: the library's own source, under any times. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import {
  type MetricDescription,
  openTailglow,
  RecordError,
  type Tailglow,
} from '../../src/service/library.ts';
import { arbitraryValue } from '../arbitrary/grid.ts';
import { distributionOf, percentilePlaces } from '../arbitrary/distribution.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import '../arbitrary/vitest.ts';

const METRICS: readonly MetricDescription[] = [
  {
    name: 'job.runs',
    label: 'jobs run',
    unit: 'runs',
    scope: 'interval',
    fields: [
      { name: 'queue', label: 'queue', type: 'string' },
      { name: 'latency', label: 'latency', type: 'time' },
    ],
    cost: 'nothing',
  },
  {
    name: 'disk.io',
    label: 'disk traffic',
    unit: 'B',
    amount: 'size',
    scope: 'interval',
    fields: [{ name: 'disk', label: 'disk', type: 'string' }],
    cost: 'nothing',
  },
];
const open = (clock: ManualClock, directory?: string): Promise<Tailglow> =>
  openTailglow({
    metrics: METRICS,
    clock,
    kernel: 'reference',
    random: () => 0.5,
    ...(directory === undefined ? {} : { directory }),
  });

/** An event after some time, or only time. */
interface Step {
  readonly afterMs: number;
  readonly queue: 'mail' | 'print';
  readonly latency: number | undefined;
}
/** As many seconds as an answer may have columns. */
const SPAN_MS_MAX = 4_000_000;
const arbitrarySteps: fc.Arbitrary<Step[]> = fc
  .array(
    fc.record({
      afterMs: fc.oneof(
        { weight: 8, arbitrary: fc.nat(400) },
        { weight: 8, arbitrary: fc.nat(5000) },
        { weight: 1, arbitrary: fc.constant(700_000) },
      ),
      queue: fc.constantFrom('mail' as const, 'print' as const),
      latency: fc.option(arbitraryValue, { nil: undefined, freq: 5 }),
    }),
    { maxLength: 25 },
  )
  .filter((steps) => steps.reduce((sum, { afterMs }) => sum + afterMs, 0) < SPAN_MS_MAX);

describe('recording', () => {
  it('counts what is recorded, in its second, and a query sees it at once', async () => {
    await fc.assert(
      fc.asyncProperty(arbitrarySteps, async (steps) => {
        const clock = new ManualClock();
        const from = clock.second;
        await using tailglow = await open(clock);
        await tailglow.instrument('instrument job.runs by queue, latency idle never as runs');
        const expected: Record<string, number[]> = {};
        for (const { afterMs, queue, latency } of steps) {
          await (afterMs > 10_000 ? clock.jump(afterMs) : clock.advance(afterMs));
          if (latency === undefined) continue;
          tailglow.record('job.runs', { queue, latency });
          (expected[`${clock.second} ${queue}`] ??= []).push(latency);
        }
        const answer = await tailglow.query(
          `job.runs by queue, latency from ${from} to ${clock.second + 1} step 1s | histograms`,
        );
        const found: Record<string, unknown[]> = {};
        for (const [second, queue, low, , count] of answer.kind === 'table' ? answer.rows : [])
          (found[`${second} ${queue}`] ??= []).push([low, count]);
        const wanted = Object.entries(expected).map(([place, latencies]) => {
          const { intervals } = distributionOf({ grid: LL5, histogram: histogramOf(LL5, latencies) });
          return [place, intervals.map(({ low, count }) => [low, count])];
        });
        expect(found).toEqual(Object.fromEntries(wanted));
        expect(answer).toHaveCount(steps.filter(({ latency }) => latency !== undefined).length);
      }),
      { numRuns: 40 },
    );
  });

  it('covers every second from the first event on, silent ones too', async () => {
    const clock = new ManualClock();
    await using tailglow = await open(clock);
    await tailglow.instrument('instrument job.runs by queue, latency as runs');
    await clock.advance(5000);
    tailglow.record('job.runs', { queue: 'mail', latency: 5e6 });
    await clock.advance(3000);
    tailglow.record('job.runs', { queue: 'mail', latency: 5e6 });
    await clock.advance(1000);
    const answer = await tailglow.query('job.runs last 10s step 1s | count');
    expect(answer).toCoverEverySecond();
    expect(answer).toMatchObject({ columns: 10 });
    expect(answer.kind === 'lines' && [...answer.series[0]!.values].slice(-5)).toEqual([
      Number.NaN,
      1,
      0,
      0,
      1,
    ]);
  });

  it('says that the second at hand is not over, and counts on in it', async () => {
    const clock = new ManualClock();
    await using tailglow = await open(clock);
    await tailglow.instrument('instrument job.runs by queue, latency as runs');
    const count = () => tailglow.query('job.runs last 5s | count');
    tailglow.record('job.runs', { queue: 'mail', latency: 1 });
    expect(await count()).toHaveCount(1);
    expect(await count()).not.toCoverEverySecond();
    expect(await count()).toCoverEverySecond({ exceptSeconds: 1 });
    tailglow.record('job.runs', { queue: 'mail', latency: 1 });
    expect(await count()).toHaveCount(2);
    await clock.advance(1000);
    expect(await count()).toHaveCount(2);
    expect(await count()).toCoverEverySecond();
  });

  it('adds amounts, and leaves alone what nothing measures', async () => {
    const clock = new ManualClock();
    await using tailglow = await open(clock);
    tailglow.record('disk.io', { disk: 'sda' }, 999);
    await tailglow.instrument('instrument disk.io by disk as io');
    tailglow.record('disk.io', { disk: 'sda' }, 4096);
    tailglow.record('disk.io', { disk: 'sdb' }, 1);
    tailglow.record('job.runs', { queue: 'mail', latency: 1 });
    expect(await tailglow.query('disk.io by disk last 1s | count')).toHaveCount(4097);
    await expect(tailglow.query('job.runs last 1s | count')).rejects.toMatchObject({
      problem: { code: 'NOT_INSTRUMENTED', offer: 'instrument job.runs' },
    });
  });

  it('times what runs, by the clock, also where it throws', async () => {
    const clock = new ManualClock();
    await using tailglow = await open(clock);
    await tailglow.instrument('instrument job.runs by queue, latency as runs');
    const took = await tailglow.time('job.runs', { queue: 'mail' }, async () => {
      await clock.advance(250);
      return 'done';
    });
    expect(took).toBe('done');
    const failing = tailglow.time('job.runs', { queue: 'mail' }, () => Promise.reject(new Error('no paper')));
    await expect(failing).rejects.toThrow('no paper');
    const answer = await tailglow.query('job.runs by latency last 1m | percentiles 0, 100');
    const [low, high] = [0, 100].map((percent) => percentilePlaces(answer, percent)![0]!);
    expect([low!.low, low!.high]).toEqual([0, 0]);
    expect(high!.low).toBeLessThanOrEqual(250e6);
    expect(high!.high).toBeGreaterThanOrEqual(250e6);
  });
});

describe('what can only be a slip', () => {
  const clock = new ManualClock();
  let tailglow: Tailglow;
  beforeEach(async () => {
    tailglow = await open(clock);
  });
  afterEach(() => tailglow.close());

  it('is refused by name', () => {
    const fault = (act: () => void): string => {
      try {
        act();
      } catch (error) {
        if (error instanceof RecordError) return `${error.code} ${error.message}`;
        throw error;
      }
      return 'taken';
    };
    expect([
      fault(() => tailglow.record('job.run', {})),
      fault(() => tailglow.record('job.runs', { latncy: 5 })),
      fault(() => tailglow.record('job.runs', { latency: '5ms' })),
      fault(() => tailglow.record('job.runs', { latency: Number.NaN })),
      fault(() => tailglow.record('disk.io', { disk: 'sda' }, 0.5)),
      fault(() => tailglow.record('job.runs', { queue: 7, latency: 0.5 })),
    ]).toEqual([
      'METRIC_UNKNOWN Cannot record metric "job.run": did you mean "job.runs"?',
      'FIELD_UNKNOWN Cannot record field "latncy" of job.runs: did you mean "latency"?',
      'VALUE_INVALID Cannot record job.runs with latency 5ms: expected a number in its base unit',
      'VALUE_INVALID Cannot record job.runs with latency NaN: expected a number in its base unit',
      'VALUE_INVALID Cannot record disk.io with its amount 0.5: expected a positive integer',
      'taken',
    ]);
  });

  it('is refused where a batch does not fit, and said', async () => {
    await tailglow.instrument('instrument job.runs by queue, latency as runs');
    const source = { host: 'a', driver: 'b', incarnation: '0123456789abcdef' };
    const report = { instrumentation: 'run', grid: LL5, partial: false, dropped: 0, rows: [] };
    await tailglow.report({ source, sequence: 0, second: clock.second, reports: [report] });
    await tailglow.report({ source, sequence: 1, second: clock.second + 60, reports: [] });
    expect(tailglow.refused()).toMatchObject([
      { reason: 'refusedUnknown', instrumentation: 'run', source: 'a/b' },
      { reason: 'refusedFuture', second: clock.second + 60 },
    ]);
  });
});
