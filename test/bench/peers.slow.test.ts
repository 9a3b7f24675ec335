/** The comparison with other stores: its data and its oracle agree with the model, wrong and slow answers have no
 *  time, and what a peer cannot do is said in words. Nothing here looks at time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { benchRows, comparisonTable, type Outcome, unmeasured } from '../../bench/peers/compare.ts';
import {
  cellsOf,
  eventsOf,
  type Fleet,
  histogramAt,
  makeFleet,
  percentileBuckets,
  type TimeRange,
} from '../../bench/peers/fleet.ts';
import { type Finding, MEASURES, type News } from '../../bench/peers/measures.ts';
import { CannotError, type Peer, type Session } from '../../bench/peers/peer.ts';
import { type Job, runPeer } from '../../bench/peers/run-peer.ts';
import { run } from '../../bench/peers.ts';
import { bucketEdge, bucketIndex, LL5 } from '../../src/model/grid.ts';
import { EMPTY, type Histogram, merge, quantile, total } from '../../src/model/histogram.ts';

const shapes = fc.record({
  seed: fc.nat(),
  hosts: fc.integer({ min: 1, max: 4 }),
  keys: fc.integer({ min: 1, max: 3 }),
  periodSeconds: fc.integer({ min: 1, max: 12 }),
  eventsPerHistogram: fc.integer({ min: 1, max: 20 }),
});
const END = 1_700_000_400;

/** What the fleet says of one host's key in one second. */
function histogram(fleet: Fleet, second: number, host: number, key: number): Histogram {
  const h = histogramAt(fleet, second, host, key);
  const [from, until] = [fleet.start[h]!, fleet.start[h + 1]!];
  return { buckets: [...fleet.bucket.subarray(from, until)], counts: [...fleet.count.subarray(from, until)] };
}

function whole(fleet: Fleet, fromSecond: number, untilSecond: number): Histogram {
  let sum = EMPTY;
  for (let second = fromSecond; second < untilSecond; second++) {
    for (let host = 0; host < fleet.hosts; host++) {
      for (let key = 0; key < fleet.keys; key++) sum = merge(sum, histogram(fleet, second, host, key));
    }
  }
  return sum;
}

describe('the fleet', () => {
  it('has histograms everywhere, buckets ascending, counts positive', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const fleet = makeFleet(shape, END);
        for (let second = END - shape.periodSeconds; second < END; second++) {
          for (let host = 0; host < shape.hosts; host++) {
            for (let key = 0; key < shape.keys; key++) {
              const { buckets, counts } = histogram(fleet, second, host, key);
              expect(buckets.length).toBeGreaterThan(0);
              expect(buckets).toEqual([...new Set(buckets)].toSorted((a, b) => a - b));
              expect(Math.min(...counts)).toBeGreaterThan(0);
            }
          }
        }
      }),
    );
  });

  it('turns its hosts by one each period back, and repeats itself ahead', () => {
    fc.assert(
      fc.property(shapes, fc.integer({ min: -50, max: 50 }), (shape, ahead) => {
        const fleet = makeFleet(shape, END);
        const { hosts, keys, periodSeconds } = shape;
        for (let host = 0; host < hosts; host++) {
          const turned = ahead < 0 ? (host + 1) % hosts : host;
          expect(histogram(fleet, END + ahead, host, keys - 1)).toEqual(
            histogram(fleet, END + ahead - periodSeconds, turned, keys - 1),
          );
        }
      }),
    );
  });

  it('knows its events, cells and percentiles', () => {
    fc.assert(
      fc.property(shapes, fc.nat(30), fc.integer({ min: 1, max: 5 }), (shape, back, stepSeconds) => {
        const fleet = makeFleet(shape, END);
        const [fromSecond, untilSecond] = [END - back, END - back + 2 * stepSeconds];
        expect(eventsOf(fleet, fromSecond, untilSecond)).toBe(total(whole(fleet, fromSecond, untilSecond)));
        let cells = 0;
        for (let second = fromSecond; second < untilSecond; second++) {
          for (let host = 0; host < shape.hosts; host++) {
            for (let key = 0; key < shape.keys; key++)
              cells += histogram(fleet, second, host, key).buckets.length;
          }
        }
        expect(cellsOf(fleet, fromSecond, untilSecond)).toBe(cells);
        for (const rank of [0.5, 0.99]) {
          const expected = [fromSecond, fromSecond + stepSeconds].map((second) => {
            const { low } = quantile(LL5, whole(fleet, second, second + stepSeconds), rank)!;
            return bucketIndex(LL5, low);
          });
          expect(percentileBuckets(fleet, { fromSecond, untilSecond, stepSeconds }, rank)).toEqual(expected);
        }
      }),
    );
  });
});

const fleet = makeFleet({ seed: 1, hosts: 2, keys: 2, periodSeconds: 60, eventsPerHistogram: 4 }, END);
const job: Job = {
  directory: '',
  fleet,
  periods: 2,
  ranges: {
    short: { seconds: 10, stepSeconds: 1 },
    middle: { seconds: 60, stepSeconds: 10 },
    long: { seconds: 120, stepSeconds: 20 },
  },
  chunkSeconds: 25,
  ingestMsMax: { 'one period': 10_000, 'all periods': 10_000 },
  queryMsMax: 10_000,
  repeatMsMax: 10_000,
  repeats: 3,
  freshWrites: 2,
};

/** A peer that keeps nothing and knows every answer. */
function knowing(session: Partial<Session> = {}, peer: Partial<Peer> = {}): Peer {
  return {
    id: 'knowing',
    label: 'Knowing',
    place: 'in process',
    takes: 'all periods',
    percentileLoss: 0,
    open: async () => ({
      version: '1',
      pid: process.pid,
      prepare: () => async () => {},
      settle: async () => {},
      diskBytes: () => 1000,
      heatmap:
        async ({ fromSecond, untilSecond }) =>
        () =>
          eventsOf(fleet, fromSecond, untilSecond),
      percentiles: async (range) => () => ({ p50: lineOf(range, 0.5), p99: lineOf(range, 0.99) }),
      visible: async () => true,
      close: async () => {},
      ...session,
    }),
    ...peer,
  };
}

function lineOf(range: TimeRange, rank: number): number[] {
  return percentileBuckets(fleet, range, rank).map((bucket) => bucketEdge(LL5, bucket));
}

async function found(peer: Peer, changed: Partial<Job> = {}): Promise<Map<string, Finding>> {
  const news: News[] = [];
  await runPeer(peer, { ...job, ...changed }, (one) => news.push(one));
  return new Map(news.flatMap((one) => (one.kind === 'finding' ? [[one.finding.measure, one.finding]] : [])));
}

describe('a peer is taken through the bench', () => {
  it('is measured in all that it can do, and its words stand where it cannot', async () => {
    const findings = await found(knowing());
    expect(new Set(findings.keys())).toEqual(new Set(Object.keys(MEASURES)));
    const words = [...findings.values()].filter(({ measure }) => !measure.startsWith('memory'));
    expect(words.filter((finding) => finding.words !== undefined)).toEqual([
      { measure: 'png10m', words: 'draws none' },
    ]);
    expect(findings.get('heat10m')?.runs?.length).toBe(job.repeats);
    expect(findings.get('fresh')?.runs?.length).toBe(job.freshWrites);
    expect(findings.get('disk')?.value).toBeCloseTo(1000 / (120 * 4));
  });

  it('is given its seconds once, in order', async () => {
    const given: number[] = [];
    const prepare: Session['prepare'] = (from, until) => async () => {
      for (let second = from; second < until; second++) given.push(second);
    };
    await found(knowing({ prepare }));
    expect(given).toEqual(Array.from({ length: 120 + job.freshWrites }, (_, i) => END - 120 + i));
  });

  it('has no time for a wrong answer, nor for what follows from it', async () => {
    const heatmap: Session['heatmap'] =
      async ({ fromSecond, untilSecond }) =>
      () =>
        eventsOf(fleet, fromSecond, untilSecond) - 1;
    const findings = await found(knowing({ heatmap }));
    const events = eventsOf(fleet, END - 10, END);
    expect(findings.get('heat10m')).toEqual({
      measure: 'heat10m',
      words: `wrong: counts ${events - 1} of ${events}`,
    });
    expect(findings.get('hue24h')?.words).toMatch(/^not tried; the lesser question: wrong: counts/);
  });

  it('may miss a percentile by its loss, and no more', async () => {
    const percentiles: Session['percentiles'] = async (range) => () => ({
      p50: lineOf(range, 0.5),
      p99: lineOf(range, 0.99).map((value) => value * 0.98),
    });
    expect((await found(knowing({ percentiles }))).get('percentiles')?.words).toBe(
      'wrong: 6 of 6 values of p99',
    );
    const lossy = knowing({ percentiles }, { percentileLoss: 0.03 });
    expect((await found(lossy)).get('percentiles')?.value).toBeGreaterThan(0);
  });

  it('is not waited for longer than a question may take', async () => {
    const heatmap: Session['heatmap'] = (_range, _byKey, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    const findings = await found(knowing({ heatmap }), { queryMsMax: 30 });
    expect(findings.get('heat10m')?.words).toBe('over 0.03 s');
    expect(findings.get('hue10m')?.words).toBe('not tried; the lesser question: over 0.03 s');
  });

  it('says what it cannot do, or what broke, and goes on', async () => {
    const percentiles = (): Promise<never> => Promise.reject(new CannotError('no percentile of buckets'));
    const diskBytes = (): never => {
      throw new Error('gone');
    };
    const findings = await found(knowing({ percentiles, diskBytes }));
    expect(findings.get('percentiles')?.words).toBe('no percentile of buckets');
    expect(findings.get('disk')?.words).toBe('failed: gone');
    expect(findings.get('hue24h')?.value).toBeGreaterThan(0);
  });

  it('is asked for no more than was written, unless it brings in the rest', async () => {
    const one = knowing({}, { takes: 'one period' });
    expect((await found(one)).get('heat24h')?.words).toMatch(/^not tried: to write so much takes \S+ min$/);
    for (const more of ['preload', 'extend'] as const) {
      let calls = 0;
      const bring = async (): Promise<void> => void calls++;
      const brought = await found(knowing({ [more]: bring }, { takes: 'one period' }));
      expect(brought.get('heat24h')?.value).toBeGreaterThan(0);
      expect(calls).toBe(1);
    }
  });
});

describe('the table', () => {
  const outcome = (peer: Peer, findings: Finding[], ended?: string): Outcome => ({
    peer,
    findings,
    about: { version: '1', seconds: 3600, othersPercent: 3.2 },
    ...(ended === undefined ? {} : { ended }),
  });
  const here = outcome(knowing({}, { id: 'tailglow', label: 'Here' }), [
    { measure: 'heat10m', value: 20 },
    { measure: 'disk', value: 16.25 },
  ]);
  const there = outcome(
    knowing({}, { id: 'other', label: 'There' }),
    [{ measure: 'heat10m', value: 2469.5 }],
    'it hung',
  );

  it('gives each figure with its ratio, and words where there is none', () => {
    const lines = comparisonTable([here, there]).split('\n');
    expect(lines[0]).toBe('|  | Here | There |');
    expect(lines).toContain('| heatmap 10 min, 1 s columns, ms | 20.0 | 2,470 (123x) |');
    expect(lines).toContain('| on disk, settled, B/histogram | 16.3 | it hung |');
    expect(benchRows([here, there]).at(-1)).toEqual({
      name: 'There, in process: heatmap 10 min, 1 s columns',
      value: 2469.5,
      unit: 'ms',
      versus: { name: 'Here', ratio: 2469.5 / 20, what: 'x' },
    });
    expect(unmeasured([here, there])).toContainEqual({
      name: 'There, in process: on disk, settled',
      reason: 'it hung',
    });
  });
});

it('measures what can be had without a package, all of it right', async () => {
  const { rows, unmeasured: missing } = await run('smoke');
  expect(
    missing?.filter(({ reason }) => !/^(draws none|not tried: to write|it did not grow)/.test(reason)),
  ).toEqual([]);
  expect(rows.filter(({ name }) => name.startsWith('Tailglow, in process: ')).length).toBeGreaterThanOrEqual(
    12,
  );
});

it('refuses a peer that it does not know', async () => {
  await expect(run('smoke', ['mongodb'])).rejects.toThrow('Cannot measure peer "mongodb"');
});
