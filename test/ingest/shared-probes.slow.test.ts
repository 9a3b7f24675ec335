import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Collected,
  type Driver,
  DriverError,
  type DriverSink,
  type DriverSource,
} from '../../src/ingest/driver.ts';
import { SharedProbes } from '../../src/ingest/shared-probes.ts';
import { SourceSequence } from '../../src/ingest/source-sequence.ts';
import { Tally } from '../../src/ingest/tally.ts';
import { encodeBatch } from '../../src/model/batch.ts';
import { LL5 } from '../../src/model/grid.ts';
import type { Instrumentation, SourceState } from '../../src/model/instrumentation.ts';
import { compilePredicate, type Predicate } from '../../src/model/predicate.ts';
import { decodeBatch, readBatch, type Report } from '../../src/model/report.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';

type Event = Readonly<Record<string, string | number>>;

/** Counts what it is given, a tally for each that is enabled. */
class CountingDriver implements Driver {
  readonly name = 'counting';
  readonly metrics = [];
  readonly tallies = new Map<string, { readonly instrumentation: Instrumentation; readonly tally: Tally }>();
  refuses = false;
  enables = 0;
  sink: DriverSink | undefined;
  readonly #sequence = new SourceSequence({ host: 'h', driver: 'counting' }, () => 0.5);

  async start(sink: DriverSink): Promise<void> {
    this.sink = sink;
  }
  async enable(instrumentation: Instrumentation): Promise<void> {
    if (this.refuses) throw new DriverError('UNAVAILABLE', 'no');
    const { id, where } = instrumentation;
    this.enables++;
    if (this.tallies.has(id)) return;
    this.tallies.set(id, {
      instrumentation,
      tally: new Tally(instrumentation, where && compilePredicate(where)),
    });
  }
  async disable(id: string): Promise<void> {
    this.tallies.delete(id);
  }
  count(event: Event): void {
    for (const { tally } of this.tallies.values()) tally.count((field) => event[field]);
  }
  async collect(second: number): Promise<Collected> {
    const reports = [...this.tallies.values()].map(({ instrumentation: { id, grid }, tally }): Report => {
      return { instrumentation: id, grid, partial: false, ...tally.drain() };
    });
    const sequence = this.#sequence.take(second);
    const { source } = this.#sequence;
    const bytes = encodeBatch({ source, sequence, second, reports });
    return { batches: [{ source, sequence, second, bytes }], awaited: [] };
  }
  states(id: string): readonly { source: string; state: SourceState }[] {
    return this.tallies.has(id)
      ? [{ source: 'h/counting', state: { state: 'enabled', sinceSecond: 7 } }]
      : [];
  }
  sources(): readonly DriverSource[] {
    return [];
  }
  async close(): Promise<void> {}
}

const shape = (where: Predicate | undefined, by: readonly string[]) => ({
  metric: 'a.b',
  ...(where === undefined ? {} : { where }),
  by,
  numeric: 'latency',
  grid: LL5,
  scope: 'interval' as const,
  everySeconds: 1,
});
const SHAPES = [
  shape(undefined, ['route']),
  shape({ op: 'ge', field: 'status', value: 500 }, []),
  shape(undefined, []),
];

function named(id: string, of: number, rest: Partial<Instrumentation> = {}): Instrumentation {
  return { ...SHAPES[of]!, id, keepSeconds: 60, idleSeconds: 0, createdSecond: 0, ...rest };
}

async function reportsOf(driver: Driver, second: number): Promise<Map<string, Report>> {
  const { batches } = await driver.collect(second);
  const { reports } = readBatch(decodeBatch(batches[0]!.bytes), () => new CellsBuffer());
  expect(new Set(reports.map((r) => r.instrumentation)).size).toBe(reports.length);
  return new Map(reports.map((report) => [report.instrumentation, report]));
}

const IDS = ['a', 'b', 'c', 'd'];
const arbitraryEvent = fc.record({
  route: fc.constantFrom('/', '/x', '/y'),
  status: fc.constantFrom(200, 500),
  latency: fc.nat(100_000),
});
const arbitrarySecond = fc.record({
  events: fc.array(arbitraryEvent, { maxLength: 6 }),
  changes: fc.array(
    fc.record({ id: fc.constantFrom(...IDS), of: fc.option(fc.nat(SHAPES.length - 1), { nil: undefined }) }),
    { maxLength: 3 },
  ),
});

describe('shared probes', () => {
  it('count for each as a probe of its own would', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrarySecond, { maxLength: 12 }), async (seconds) => {
        const clock = new ManualClock(1_000_000);
        const [alone, inner] = [new CountingDriver(), new CountingDriver()];
        const shared = new SharedProbes(inner, clock);
        let second = 1000;
        for (const { events, changes } of seconds) {
          for (const event of events) {
            alone.count(event);
            inner.count(event);
          }
          const [expected, found] = [await reportsOf(alone, second), await reportsOf(shared, second)];
          expect(found).toEqual(expected);
          // At the second's very end, so that what joins has the next one whole.
          for (const { id, of } of changes) {
            await Promise.all([alone.disable(id), shared.disable(id)]);
            if (of === undefined) continue;
            await Promise.all([alone.enable(named(id, of)), shared.enable(named(id, of))]);
          }
          const shapes = new Set(
            [...alone.tallies.values()].map((t) =>
              SHAPES.findIndex((s) => s.by === t.instrumentation.by && s.where === t.instrumentation.where),
            ),
          );
          expect(inner.tallies.size).toBe(shapes.size);
          second++;
          clock.set(second * 1000 - 1);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('say of one that joins only seconds that it had whole, and since when', async () => {
    const clock = new ManualClock(1_000_400);
    const inner = new CountingDriver();
    const shared = new SharedProbes(inner, clock);
    await shared.enable(named('a', 0));
    await shared.enable(named('b', 0, { keepSeconds: 7 }));
    inner.count({ route: '/', latency: 5 });
    expect([...(await reportsOf(shared, 1000)).keys()]).toEqual(['a']);
    expect([...(await reportsOf(shared, 1001)).keys()]).toEqual(['a', 'b']);
    expect(shared.states('a')).toEqual([
      { source: 'h/counting', state: { state: 'enabled', sinceSecond: 7 } },
    ]);
    expect(shared.states('b')).toEqual([
      { source: 'h/counting', state: { state: 'enabled', sinceSecond: 1001 } },
    ]);
    expect(shared.states('c')).toEqual([]);
  });

  it('outlive who asked first, and make room for another of that name', async () => {
    const inner = new CountingDriver();
    const shared = new SharedProbes(inner, new ManualClock(999_000));
    await shared.enable(named('a', 0));
    await shared.enable(named('b', 0));
    await shared.disable('a');
    await shared.enable(named('a', 1));
    inner.count({ route: '/', status: 200, latency: 5 });
    const reports = await reportsOf(shared, 1000);
    expect(reports.get('b')!.rows.length).toBe(1);
    expect(reports.get('a')!.rows).toEqual([]);
    const late: unknown[] = [];
    await shared.start({ late: (batches) => late.push(...batches), offline: () => {}, note: () => {} });
    inner.sink!.late((await inner.collect(1001)).batches);
    expect(late.length).toBe(1);
    for (const id of ['a', 'b', 'b']) await shared.disable(id);
    expect(inner.tallies.size).toBe(0);
  });

  it('hide nothing of what the driver says, and of the metrics that it takes', async () => {
    const driver = new CountingDriver();
    Object.assign(driver, { takes: (metric: string) => metric === 'statsd.sent' });
    const heard: string[] = [];
    const shared = new SharedProbes(driver, new ManualClock(0));
    await shared.start({
      late: () => heard.push('late'),
      offline: () => heard.push('offline'),
      seen: (metrics) => heard.push(...metrics.map(({ name }) => name)),
      note: (text) => heard.push(text),
    });
    driver.sink!.late([]);
    driver.sink!.offline({ host: 'h', driver: 'counting' }, 1);
    driver.sink!.seen?.([
      { name: 'statsd.sent', label: '', unit: '', scope: 'interval', fields: [], cost: '' },
    ]);
    driver.sink!.note('a note');
    expect(heard).toEqual(['late', 'offline', 'statsd.sent', 'a note']);
    expect([shared.takes('statsd.sent'), shared.takes('statsd.other')]).toEqual([true, false]);
  });

  it('leave nothing behind where the driver refuses', async () => {
    const inner = new CountingDriver();
    const shared = new SharedProbes(inner, new ManualClock(999_000));
    inner.refuses = true;
    await expect(shared.enable(named('a', 0))).rejects.toBeInstanceOf(DriverError);
    expect(shared.states('a')).toEqual([]);
    inner.refuses = false;
    await shared.enable(named('a', 0));
    await shared.enable(named('a', 0));
    expect(shared.states('a').length).toBe(1);
  });
});
