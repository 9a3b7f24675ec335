import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/ingest/budget.ts';
import { encodeBatch } from '../../src/model/batch.ts';
import { COUNT } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import type { MetricDescription } from '../../src/model/metric.ts';

const metric = (name: string, costNs?: number): MetricDescription => ({
  name,
  label: '',
  unit: '',
  scope: 'interval',
  fields: [],
  cost: '',
  ...(costNs === undefined ? {} : { costNs }),
});
const METRICS = [metric('syscall.ops', 1000), metric('cpu.time')];
const asked = (id: string, more: Partial<Instrumentation> = {}): Instrumentation => ({
  id,
  metric: 'syscall.ops',
  by: [],
  grid: COUNT,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 1,
  idleSeconds: 0,
  createdSecond: 0,
  ...more,
});

function batch(second: number, events: Readonly<Record<string, number>>, keys = 1) {
  const source = { host: 'h', driver: 'bpf', incarnation: '00112233445566aa' };
  const reports = Object.entries(events).map(([instrumentation, count]) => ({
    instrumentation,
    grid: COUNT,
    partial: false,
    dropped: 0,
    rows: Array.from({ length: keys }, (_, i) => ({
      key: keys === 1 ? [] : [`k${i}`],
      histogram: { buckets: [0], counts: [count / keys] },
    })),
  }));
  const bytes = encodeBatch({ source, sequence: second, second, reports });
  return { source, sequence: second, second, bytes };
}

describe('the budget of a source', () => {
  it('refuses with the estimate what would exceed it, as far as the rate is known', () => {
    const budget = new Budget(0.02, () => METRICS);
    expect(budget.ask(asked('a'))).toBeUndefined();
    expect(budget.observe(batch(10, { a: 12_000 }))).toBeUndefined();
    expect(budget.load('h/bpf', 'a')).toMatchObject({ eventsPerSecond: 12_000, cpuShare: 0.012, rows: 1 });
    const reason = budget.ask(asked('b', { by: ['execname'] }));
    expect(reason).toBe(
      'Cannot measure "syscall.ops" at h/bpf: it would cost about 1.2 % of a core (12000 events a second, 1000 ns each), ' +
        'with what is measured already 2.4 %, and the budget is 2 %; drop or pause what is not needed, or raise --budget',
    );
    // What shares a probe costs nothing more, nor what does not go by the event.
    expect(budget.ask(asked('same'))).toBeUndefined();
    expect(budget.ask(asked('c', { metric: 'cpu.time' }))).toBeUndefined();
    budget.end('a');
    budget.end('same');
    expect(budget.ask(asked('b', { by: ['execname'] }))).toBeUndefined();
  });

  it('stops what was asked last where a source stays over it, and not for one busy second', () => {
    const budget = new Budget(0.02, () => METRICS);
    budget.ask(asked('old'));
    budget.ask(asked('new', { by: ['execname'] }));
    const busy = { old: 15_000, new: 15_000 };
    for (let s = 0; s < 4; s++) expect(budget.observe(batch(s, busy))).toBeUndefined();
    expect(budget.observe(batch(4, { old: 1, new: 1 }))).toBeUndefined();
    for (let s = 5; s < 9; s++) expect(budget.observe(batch(s, busy))).toBeUndefined();
    const overrun = budget.observe(batch(9, busy));
    expect(overrun).toMatchObject({
      id: 'new',
      reason: expect.stringContaining('with about 3 %, of which this is 1.5 %'),
    });
    budget.end('new');
    for (let s = 10; s < 30; s++) expect(budget.observe(batch(s, { old: 15_000 }))).toBeUndefined();
  });

  it('counts what shares a probe once, and stops nothing where there is none', () => {
    const shared = new Budget(0.02, () => METRICS);
    for (const id of ['a', 'b', 'c']) shared.ask(asked(id));
    for (let s = 0; s < 9; s++)
      expect(shared.observe(batch(s, { a: 15_000, b: 15_000, c: 15_000 }))).toBeUndefined();
    const free = new Budget(undefined, () => METRICS);
    free.ask(asked('a'));
    for (let s = 0; s < 9; s++) expect(free.observe(batch(s, { a: 1e9 }))).toBeUndefined();
    expect(free.ask(asked('b', { by: ['execname'] }))).toBeUndefined();
  });

  it('says that an instrumentation is at the bound of its keys', () => {
    const budget = new Budget(undefined, () => METRICS);
    budget.ask(asked('a', { by: ['execname'] }));
    budget.observe(batch(1, { a: 1025 }, 1025));
    expect(budget.load('h/bpf', 'a')?.remark).toContain('1024 keys');
    expect(budget.observe({ ...batch(2, {}), bytes: Uint8Array.of(1, 2, 3) })).toBeUndefined();
  });
});

describe('an estimate', () => {
  const rates = fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 3 });
  const fields = fc.subarray(['execname', 'pid']);

  it('says what a person can reckon from it, and is what decides', () => {
    fc.assert(
      fc.property(rates, fields, fc.double({ min: 0, max: 0.1, noNaN: true }), (counts, by, max) => {
        const budget = new Budget(max, () => METRICS);
        // Each of another decomposition, so that none shares a probe.
        counts.forEach((_, i) => budget.ask(asked(`i${i}`, { everySeconds: i + 2 })));
        const living = counts.flatMap((count, i) => (count === 0 ? [] : [[`i${i}`, count] as const]));
        budget.observe(batch(10, Object.fromEntries(living)));
        const estimate = budget.estimate('h/bpf', asked('new', { by }));
        const rate = living.length === 0 ? undefined : Math.max(...living.map(([, count]) => count));
        expect(estimate.eventsPerSecond).toBe(rate);
        expect(estimate.cpuShare).toBe(rate === undefined ? undefined : (rate * 1000) / 1e9);
        const total = estimate.cpuShareNow + (estimate.cpuShare ?? 0);
        expect(estimate.refusal !== undefined).toBe((estimate.cpuShare ?? 0) > 0 && total > max);
        expect(budget.ask(asked('new', { by }))).toBe(estimate.refusal);
      }),
    );
  });

  it('is nothing for what shares a probe, and names with which', () => {
    const budget = new Budget(0.001, () => METRICS);
    budget.ask(asked('a', { by: ['execname'] }));
    budget.observe(batch(10, { a: 12_000 }, 3));
    expect(budget.estimate('h/bpf', asked('b', { by: ['execname'] }))).toEqual({
      sharedWith: 'a',
      costNs: 1000,
      eventsPerSecond: 12_000,
      cpuShare: 0,
      cpuShareNow: 0.012,
      cpuShareMax: 0.001,
      rowsMax: 3,
    });
  });

  it('bounds rows by what is broken out as finely, and leaves out what is not known', () => {
    const budget = new Budget(undefined, () => METRICS);
    budget.ask(asked('fine', { by: ['execname', 'pid'] }));
    budget.observe(batch(10, { fine: 70 }, 7));
    const rowsMax = (more: Partial<Instrumentation>) => budget.estimate('h/bpf', asked('b', more)).rowsMax;
    expect(rowsMax({ by: ['pid'] })).toBe(7);
    expect(rowsMax({ by: [] })).toBe(1);
    expect(rowsMax({ by: ['cgroup'] })).toBeUndefined();
    expect(rowsMax({ by: ['pid'], everySeconds: 10 })).toBeUndefined();
    expect(budget.estimate('h/proc', asked('b', { metric: 'cpu.time' }))).toEqual({
      cpuShareNow: 0,
      rowsMax: 1,
    });
  });
});
