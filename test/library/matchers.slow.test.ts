/** The matchers: what passes and what fails, against the raw values; what they say. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketIndex, LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import { openTailglow } from '../../src/service/library.ts';
import { arbitraryValue } from '../arbitrary/grid.ts';
import { bucketBounds, percentilePlaces } from '../arbitrary/distribution.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { type MatcherOutcome, tailglowMatchers } from '../arbitrary/matchers.ts';
import '../arbitrary/vitest.ts';
import { FROM, METRIC } from './fault-world.ts';

const counted = (values: readonly number[]) =>
  ({ grid: LL5, histogram: histogramOf(LL5, values), type: 'time' }) as const;
const arbitraryValues = fc.array(fc.oneof(fc.nat(3_000_000_000), fc.nat(200)), {
  minLength: 1,
  maxLength: 100,
});
const arbitraryPercent = fc.constantFrom(0, 1, 50, 90, 99, 99.9, 100);

function exact(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length - 1e-9) - 1)]!;
}

describe('a percentile of counted values', () => {
  const passes = (values: readonly number[], percent: number, limits: object): boolean =>
    tailglowMatchers.toHavePercentile(counted(values), percent, limits).pass;

  it('is held to the bucket of the limit: never failed falsely, never passed by more than a bucket', () => {
    fc.assert(
      fc.property(arbitraryValues, arbitraryPercent, fc.nat(3_000_000_000), (values, percent, limit) => {
        const truth = exact(values, percent);
        const bucket = bucketBounds(LL5, bucketIndex(LL5, limit));
        expect(passes(values, percent, { atMost: limit })).toBe(truth <= bucket.high);
        expect(passes(values, percent, { atLeast: limit })).toBe(truth >= bucket.low);
        expect(passes(values, percent, { atMost: limit, strict: true })).toBe(
          truth <= (limit === bucket.high ? limit : bucket.low - 1),
        );
        expect(passes(values, percent, { atLeast: limit, strict: true })).toBe(
          truth >= (limit === bucket.low ? limit : bucket.high + 1),
        );
        if (truth <= limit) expect(passes(values, percent, { atMost: limit })).toBe(true);
        if (passes(values, percent, { atMost: limit, strict: true }))
          expect(truth).toBeLessThanOrEqual(limit);
      }),
    );
  });

  it('is exact of plain values', () => {
    fc.assert(
      fc.property(arbitraryValues, arbitraryPercent, fc.nat(3_000_000_000), (values, percent, limit) => {
        for (const strict of [false, true]) {
          const { pass } = tailglowMatchers.toHavePercentile(values, percent, { atMost: limit, strict });
          expect(pass).toBe(exact(values, percent) <= limit);
        }
      }),
    );
  });
});

it('is known of every form of answer, up to bounds that hold the true one', async () => {
  const drawing = fc.record({
    height: fc.integer({ min: 100, max: 400 }),
    y: fc.constantFrom('y log', 'y linear', 'y log 1ms..1s', 'y linear 0ms..500ms', ''),
    buckets: fc.constantFrom('', 'buckets 7', 'buckets 100'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(arbitraryValue, fc.nat(2_000_000_000)), { minLength: 1, maxLength: 60 }),
      drawing,
      async (values, { height, y, buckets }) => {
        await using tailglow = await openTailglow({
          metrics: [METRIC],
          clock: new ManualClock(FROM * 1000),
          kernel: 'reference',
        });
        await tailglow.instrument('instrument job.runs by queue, latency as runs');
        values.forEach((latency, i) => tailglow.record('job.runs', { queue: `q${i % 3}`, latency }));
        for (const stage of [
          'histograms',
          'percentiles 0, 50, 99, 100',
          `heatmap size 300x${height} ${y} ${buckets}`,
        ]) {
          const answer = await tailglow.query(`job.runs by latency last 1s | ${stage}`);
          for (const percent of [0, 50, 99, 100]) {
            const [{ low, high } = { low: NaN, high: NaN }, ...more] = percentilePlaces(answer, percent)!;
            expect(more).toEqual([]);
            const truth = exact(values, percent);
            expect(low, `${stage} p${percent}`).toBeLessThanOrEqual(truth);
            expect(high, `${stage} p${percent}`).toBeGreaterThanOrEqual(truth);
          }
          if (!stage.startsWith('perc')) expect(answer).toHaveCount(values.length);
        }
      },
    ),
    { numRuns: 25 },
  );
});

/** What a failing assertion says. */
function said({ message }: MatcherOutcome): string {
  return `\n${message()}\n`;
}

async function slowMail(): Promise<Awaited<ReturnType<typeof openTailglow>>> {
  const tailglow = await openTailglow({
    metrics: [METRIC],
    clock: new ManualClock(FROM * 1000),
    kernel: 'reference',
  });
  await tailglow.instrument('instrument job.runs by queue, latency as runs');
  for (let i = 0; i < 200; i++)
    tailglow.record('job.runs', { queue: 'mail', latency: i % 20 === 0 ? 4e8 : 2e6 + i * 4e4 });
  return tailglow;
}

describe('a failure says', () => {
  it('what was expected, what was found, how it looks and who asked', async () => {
    await using tailglow = await slowMail();
    const answer = await tailglow.query('job.runs by latency last 1s | histograms');
    const outcome = tailglowMatchers.toHavePercentile(answer, 99, { atMost: '250ms' });
    expect(outcome.pass).toBe(false);
    expect(said(outcome)).toMatchInlineSnapshot(`
      "
      expected p99 at most 250ms
      found 394.3ms to 402.7ms

        2.032ms  ████████████████▋ 27
        3.157ms  █████████████████████████▎ 41
        4.906ms  ████████████████████████████████████████ 65
        7.623ms  ███████████████████████████████████▏ 57
        11.85ms  0
        18.41ms  0
         28.6ms  0
        44.44ms  0
        69.06ms  0
        107.3ms  0
        166.8ms  0  ◄ limit
        259.1ms  ██████▏ 10  ◄ p99

      not covered: library/record misses 1 s

      query: job.runs by latency last 1s | histograms
      "
    `);
    expect(said(tailglowMatchers.toHaveShareAbove(answer, '100ms', { atMost: 0.01 }))).toMatchInlineSnapshot(`
      "
      expected a share above 100ms of at most 0.01
      found 0.05 (of 200)

        2.032ms  ████████████████▋ 27
        3.157ms  █████████████████████████▎ 41
        4.906ms  ████████████████████████████████████████ 65
        7.623ms  ███████████████████████████████████▏ 57
        11.85ms  0
        18.41ms  0
         28.6ms  0
        44.44ms  0
        69.06ms  0  ◄ 100ms
        107.3ms  0
        166.8ms  0
        259.1ms  ██████▏ 10

      not covered: library/record misses 1 s

      query: job.runs by latency last 1s | histograms
      "
    `);
    expect(said(tailglowMatchers.toHaveCount(answer, 1000))).toMatchInlineSnapshot(`
      "
      expected a count of 1,000
      found 200

        2.032ms  ████████████████▋ 27
        3.157ms  █████████████████████████▎ 41
        4.906ms  ████████████████████████████████████████ 65
        7.623ms  ███████████████████████████████████▏ 57
        11.85ms  0
        18.41ms  0
         28.6ms  0
        44.44ms  0
        69.06ms  0
        107.3ms  0
        166.8ms  0
        259.1ms  ██████▏ 10

      not covered: library/record misses 1 s

      query: job.runs by latency last 1s | histograms
      "
    `);
  });

  it('which places are out of line', async () => {
    await using tailglow = await slowMail();
    tailglow.record('job.runs', { queue: 'print', latency: 3e6 });
    const lines = await tailglow.query('job.runs by queue, latency last 1s | percentiles 50, 99');
    expect(said(tailglowMatchers.toHavePercentile(lines, 99, { atMost: '250ms' }))).toMatchInlineSnapshot(`
      "
      expected p99 at most 250ms
      found at 1 of 2 places:
        394.3ms to 402.7ms  mail

      not covered: library/record misses 1 s

      query: job.runs by queue, latency last 1s | percentiles 50, 99
      "
    `);
    const top = await tailglow.query('job.runs by queue, latency last 1s | top 5 by p99');
    expect(said(tailglowMatchers.toHavePercentile(top, 99, { atMost: '250ms', strict: true })))
      .toMatchInlineSnapshot(`
      "
      expected p99 at most 250ms for certain
      found at 1 of 2 places:
        394.3ms to 402.7ms  mail

      not covered: library/record misses 1 s

      query: job.runs by queue, latency last 1s | top 5 by p99
      "
    `);
    expect(said(tailglowMatchers.toCoverEverySecond(lines))).toMatchInlineSnapshot(`
      "
      expected every second covered
      found 1 source expected

      not covered: library/record misses 1 s

      query: job.runs by queue, latency last 1s | percentiles 50, 99
      "
    `);
  });

  it('how far apart two distributions are, and where', () => {
    const a = counted([1e6, 2e6, 3e6, 4e6]);
    const b = counted([1e6, 2e6, 300e6, 400e6]);
    const outcome = tailglowMatchers.toResembleDistribution(a, b, { distance: 0.1 });
    expect(outcome.pass).toBe(false);
    expect(said(outcome)).toMatchInlineSnapshot(`
      "
      expected a Kolmogorov-Smirnov distance of at most 0.1
      found 0.5: at or below 4.063ms lies a share of 1 of what was found, 0.5 of what was expected

        999.4us  ████████████████████████████████████████ 1
        1.999ms  ████████████████████████████████████████ 1
        2.949ms  ████████████████████████████████████████ 1
        3.998ms  ████████████████████████████████████████ 1

      to resemble:
        999.4us  ████████████████████████████████████████ 1
        1.999ms  ████████████████████████████████████████ 1
        293.6ms  ████████████████████████████████████████ 1
        394.3ms  ████████████████████████████████████████ 1
      "
    `);
    expect(a).toResembleDistribution(counted([1e6, 2e6, 3e6, 4e6]), { distance: 0 });
    expect([1, 2, 3]).not.toResembleDistribution([4, 5, 6], { distance: 0.99 });
  });
});

it('refuses what it cannot tell, positive or negated', async () => {
  const fault = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return 'taken';
  };
  await using tailglow = await slowMail();
  const lines = await tailglow.query('job.runs by latency last 1s | percentiles 50');
  const weighted = await tailglow.query('job.runs by latency last 1s | heatmap weight value');
  expect([
    fault(() => expect([]).not.toHavePercentile(99, { atMost: 1 })),
    fault(() => expect(lines).not.toHavePercentile(99, { atMost: '1s' })),
    fault(() => expect(lines).toHaveShareAbove('1s', { atMost: 1 })),
    fault(() => expect(weighted).not.toHavePercentile(99, { atMost: '1s' })),
    fault(() => expect([1]).toHavePercentile(99, { atMost: '1ms' })),
    fault(() => expect(lines).toHavePercentile(50, { atMost: '1KiB' })),
    fault(() => expect([1]).toHavePercentile(50, {})),
    fault(() => expect([1]).toHavePercentile(101, { atMost: 1 })),
    fault(() => expect([1, 2]).not.toHaveCount({ atLeast: 1 })),
  ]).toMatchInlineSnapshot(`
    [
      "Cannot take p99: nothing was counted",
      "Cannot find p99 in this answer: ask for it, or with "| histograms"",
      "Cannot measure the distribution of lines of percentiles: ask with "| histograms" or as a heatmap",
      "Cannot measure a heatmap of weight value: its cells are amounts, not counts",
      "Cannot read limit "1ms": plain values have no unit; say { unit: 'ms' } of them, or give a number",
      "Cannot read limit "1KiB": found the unit "KiB", expected one of ns us ms s m h d w",
      "Cannot assert without a limit: expected atMost, atLeast or both",
      "Cannot assert a percentile of 101: expected 0 to 100",
      "expected not a count of at least 1
    found 2

      1  ████████████████████████████████████████ 1
      2  ████████████████████████████████████████ 1",
    ]
  `);
  expect([1, 250]).toHavePercentile(99, { atMost: '250ms', unit: 'ms' });
  expect([1, 250]).not.toHavePercentile(99, { atMost: '0.2s', unit: 'ms' });
  expect([1, 2000]).toHaveShareAbove('1s', { atLeast: 0.5, atMost: 0.5, unit: 'ms' });
});
