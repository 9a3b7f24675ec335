/** `every N`: what sources say second by second, and what a store makes of it, beside the same with every second kept. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Collected, Driver, EncodedBatch } from '../../src/ingest/driver.ts';
import { SharedProbes } from '../../src/ingest/shared-probes.ts';
import { Windows } from '../../src/ingest/windows.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { COUNT } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { decodeBatch, encodeBatch, encodeReportEntry } from '../../src/model/report.ts';
import { levelReports, whatIsKnown } from '../../src/query/known.ts';
import type { Plan } from '../../src/query/plan.ts';
import { AsOfReader } from '../../src/store/as-of.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { serve } from '../sim/serve.ts';

/** Near the end of a block, so that windows lie across its edge. */
const START = 256 * 7_013_000 - 20;
const AROUND = { stepSeconds: 1, fromSecond: START - 60, untilSecond: START + 900 };

function requests(everySeconds: number, scope: 'interval' | 'point'): Instrumentation {
  return {
    id: `each${everySeconds}${scope}`,
    metric: 'a.b',
    by: [],
    grid: COUNT,
    scope,
    everySeconds,
    keepSeconds: 86_400,
    idleSeconds: 0,
    createdSecond: START,
  };
}

/** Says of each second what the test tells it to, for all that is enabled. */
class SayingDriver implements Driver {
  readonly name = 'said';
  readonly metrics = [];
  readonly #incarnation: string;
  readonly #enabled = new Set<Instrumentation>();
  #sequence = 0;
  says: { readonly events: number; readonly partial: boolean } = { events: 0, partial: false };

  constructor(incarnation: number) {
    this.#incarnation = String(incarnation).padStart(16, '0');
  }

  async start(): Promise<void> {}
  async enable(instrumentation: Instrumentation): Promise<void> {
    this.#enabled.add(instrumentation);
  }
  async collect(second: number): Promise<Collected> {
    const source = { host: 'h', driver: 'said', incarnation: this.#incarnation };
    const { events, partial } = this.says;
    const rows = events === 0 ? [] : [{ key: [], histogram: { buckets: [0], counts: [events] } }];
    const reports = [...this.#enabled].map(({ id, grid }) => {
      return { instrumentation: id, grid, partial, dropped: 0, rows };
    });
    const batch = { source, sequence: this.#sequence++, second };
    return { batches: [{ ...batch, bytes: encodeBatch({ ...batch, reports }) }], awaited: [] };
  }
  async disable(): Promise<void> {}
  states(): [] {
    return [];
  }
  sources(): [] {
    return [];
  }
  async close(): Promise<void> {}
}

async function enabled(of: readonly Instrumentation[], incarnation: number) {
  const driver = new SayingDriver(incarnation);
  const probes = new SharedProbes(driver, new ManualClock(0));
  for (const instrumentation of of) await probes.enable(instrumentation);
  return { driver, probes };
}

/** A second of the life of one source. */
interface Said {
  readonly events: number;
  /** `skipped`: nobody asked. `twice`: the log has it two times. `killed`: after it another process goes on. */
  readonly fate: 'said' | 'partial' | 'skipped' | 'twice' | 'killed';
}

const arbitraryLife = fc.array(
  fc.record({
    events: fc.nat(5),
    fate: fc.oneof(
      { weight: 30, arbitrary: fc.constant('said' as const) },
      fc.constantFrom('partial' as const, 'skipped' as const, 'twice' as const, 'killed' as const),
    ),
  }),
  { minLength: 1, maxLength: 60, size: 'max' },
);

async function batchesOf(life: readonly Said[], of: readonly Instrumentation[]): Promise<EncodedBatch[]> {
  const batches: EncodedBatch[] = [];
  let { driver, probes } = await enabled(of, 0);
  for (const [i, { events, fate }] of life.entries()) {
    if (fate === 'skipped') continue;
    driver.says = { events, partial: fate === 'partial' };
    const collected = await probes.collect(START + i);
    batches.push(...collected.batches, ...(fate === 'twice' ? collected.batches : []));
    if (fate === 'killed') ({ driver, probes } = await enabled(of, i + 1));
  }
  return batches;
}

function stored(batches: readonly EncodedBatch[], instrumentation: Instrumentation): AsOfReader {
  const asOf = { instrumentation, fromSecond: START, untilSecond: START + 900, asOfSecond: START + 900 };
  const reader = new AsOfReader(asOf, referenceKernel);
  reader.take(
    batches.map(({ bytes, second }, offset) => {
      return { offset: offset + 1, arrivedMs: (second + 1) * 1000, payload: encodeReportEntry([bytes]) };
    }),
  );
  return reader;
}

const arbitraryEvery = fc.constantFrom(1, 2, 3, 7, 10, 60);

describe('an instrumentation of every N seconds', () => {
  it('counts what one of every second counts, at the steps of N, and calls whole what is', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryLife, arbitraryEvery, async (life, every) => {
        const [each, windowed] = [requests(1, 'interval'), requests(every, 'interval')];
        const batches = await batchesOf(life, [each, windowed]);
        const untilSecond = START + 1200 - ((START + 1200) % every);
        const range = { stepSeconds: every, fromSecond: START - (START % every), untilSecond };
        const served = serve(stored(batches, windowed), windowed.id, range);
        expect(served.cells).toEqual(serve(stored(batches, each), each.id, range).cells);
        const seconds = serve(stored(batches, windowed), windowed.id, { ...range, stepSeconds: 1 });
        expect(seconds.cells).toEqual(served.cells);
        expect(seconds.coverage.every(([second]) => second % every === 0)).toBe(true);
        const whole = seconds.coverage.filter(([, text]) => text === 'h/said').map(([second]) => second);
        expect(whole).toEqual(wholeWindows(life, every));
      }),
      { numRuns: 20 },
    );
  });

  it('takes a level once a window, so that the sum over its reports is a mean', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryLife, arbitraryEvery, async (life, every) => {
        const level = requests(every, 'point');
        const { cells } = serve(stored(await batchesOf(life, [level]), level), level.id, AROUND);
        const expected = life.flatMap(({ events, fate }, i): [string, number][] => {
          const second = START + i;
          const isTaken = (second + 1) % every === 0 && fate !== 'skipped' && events > 0;
          return isTaken ? [[`${second + 1 - every} [] 0`, events]] : [];
        });
        expect(cells.map(([, count]) => count)).toEqual(expected.map(([, count]) => count));
        expect(cells.map(([place]) => place.split(' ')[0])).toEqual(
          expected.map(([place]) => place.split(' ')[0]),
        );
      }),
      { numRuns: 20 },
    );
  });

  it('has of a level one report a window, whatever the step', async () => {
    const instrumentation = requests(10, 'point');
    const life = Array.from({ length: 120 }, () => ({ events: 3, fate: 'said' as const }));
    const reader = stored(await batchesOf(life, [instrumentation]), instrumentation);
    const fromSecond = START - (START % 60) + 60;
    for (const columnSeconds of [10, 20, 60]) {
      const columns = 60 / columnSeconds;
      const range = { fromSecond, untilSecond: fromSecond + 60, columnSeconds, columns };
      const known = whatIsKnown({ ...range, instrumentation } as Plan, reader);
      const reports = Array.from({ length: columns }, (_, c) => levelReports(known, c));
      expect(reports).toEqual(reports.map(() => columnSeconds / 10));
      expect([...known.spoken]).toEqual(reports.map(() => columnSeconds));
    }
  });

  it('is whole too where its seconds come in another order, once, with the last of them', () => {
    const arbitrary = fc.tuple(fc.integer({ min: 2, max: 12 }), fc.nat(100)).chain(([every, window]) => {
      const seconds = Array.from({ length: every }, (_, i) => window * every + i);
      return fc.record({
        every: fc.constant(every),
        // Live from somewhere on, then what was before, as a flight recorder fills it back.
        cut: fc.nat(every),
        seconds: fc.constant(seconds),
      });
    });
    fc.assert(
      fc.property(arbitrary, ({ every, cut, seconds }) => {
        const windows = new Windows();
        const measured = { id: 'a', scope: 'interval' as const, everySeconds: every };
        const order = [...seconds.slice(cut), ...seconds.slice(0, cut)];
        const said = order.map((second) =>
          windows.partial(measured, { source: 'h/said', second, partial: false }),
        );
        expect(said).toEqual(order.map((_, i) => i < every - 1));
      }),
    );
  });

  it('keeps the number of a batch of which nothing is left to say', async () => {
    const { probes } = await enabled([requests(10, 'point')], 0);
    const { batches } = await probes.collect(START - (START % 10));
    const { sequence, reports } = decodeBatch(batches[0]!.bytes);
    expect([sequence, reports]).toEqual([0, []]);
  });
});

/** Windows whose seconds one process said all, in full. */
function wholeWindows(life: readonly Said[], every: number): number[] {
  const whole: number[] = [];
  for (let first = START - (START % every); first < START + life.length; first += every) {
    const seconds = Array.from({ length: every }, (_, i) => life[first + i - START]);
    const isSaid = seconds.every((s) => s !== undefined && s.fate !== 'skipped' && s.fate !== 'partial');
    const isOneLife = seconds.slice(0, -1).every((s) => s?.fate !== 'killed');
    if (isSaid && isOneLife) whole.push(first);
  }
  return whole;
}
