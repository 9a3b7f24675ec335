/** Plans: columns, limits, names; and instrumentations that print themselves. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { INSTRUMENTATION_ID, type Instrumentation } from '../../src/model/instrumentation.ts';
import { gridOf } from '../../src/model/metric.ts';
import type { Catalogue } from '../../src/query/catalogue.ts';
import { baseId, checkStatement, type Draft, freshId } from '../../src/query/check.ts';
import { canonical } from '../../src/query/cover.ts';
import { explainPlan } from '../../src/query/explain.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { type Plan, type PlanContext, type PlanProblem, planRead } from '../../src/query/plan.ts';
import { printInstrumentation, printPredicate, printStatement } from '../../src/query/print.ts';
import { arbitraryRead, arbitraryStatement, shop } from '../arbitrary/query.ts';
import { arbitraryPredicate } from '../arbitrary/predicate.ts';

const NOW = 1_795_316_407;

function checked(text: string, catalogue: Catalogue) {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) throw new Error(`${text}: ${parsed.diagnostics[0]?.message}`);
  const outcome = checkStatement(parsed.statement, catalogue, text);
  if ('diagnostics' in outcome) throw new Error(`${text}: ${outcome.diagnostics[0]?.message}`);
  return outcome.checked;
}

function draftOf(text: string): Draft {
  const one = checked(text, shop);
  if (one.kind !== 'instrument') throw new Error(one.kind);
  return one.instrumentation;
}

const all: Instrumentation = {
  ...draftOf('instrument http.requests by route, host, status, latency'),
  id: 'all',
  createdSecond: 0,
};

function planned(
  text: string,
  more: Partial<PlanContext> = {},
  list: readonly Instrumentation[] = [all],
): Plan | PlanProblem {
  const catalogue = { ...shop, instrumentations: list };
  const read = checked(text, catalogue);
  if (read.kind !== 'read') throw new Error(read.kind);
  const result = planRead(read, { catalogue, nowSecond: NOW, frontierSecond: () => NOW - 1, ...more });
  return 'plan' in result ? result.plan : result.problem;
}

describe('columns', () => {
  it('are the least nice length at which the range fits the width', () => {
    const step = (text: string, more: Partial<PlanContext> = {}): number =>
      (planned(text, more) as Plan).columnSeconds;
    expect(step('http.requests last 10m')).toBe(1);
    expect(step('http.requests last 15m')).toBe(1);
    expect(step('http.requests last 16m')).toBe(2);
    expect(step('http.requests last 59m')).toBe(5);
    expect(step('http.requests last 1h')).toBe(10);
    expect(step('http.requests last 24h')).toBe(120);
    expect(step('http.requests last 30d')).toBe(3600);
    expect(step('http.requests by latency last 10m | heatmap size 300x300')).toBe(2);
    expect(step('http.requests last 10m', { size: { width: 60 } })).toBe(10);
    expect(step('http.requests by latency last 10m | heatmap size 300x300', { size: { width: 60 } })).toBe(2);
    expect(step('http.requests last 1h step 7s')).toBe(7);
  });

  it('are multiples of the granularity', () => {
    const slow = { ...all, everySeconds: 10 };
    const one = planned('http.requests last 10m', {}, [slow]) as Plan;
    expect(one.columnSeconds).toBe(10);
    const odd = planned('http.requests last 10m step 15s', {}, [slow]) as Plan;
    expect(odd.columnSeconds).toBe(20);
    expect(odd.notes).toEqual([expect.stringContaining('a step is 20s')]);
  });
});

describe('plans', () => {
  it('of any right read are plain data, or a problem that says what to do', () => {
    const list = shop.metrics.map((metric, i): Instrumentation => {
      const by = metric.fields.filter((f) => gridOf(metric, f.name).kind === 'count').map((f) => f.name);
      const numeric = metric.fields.find((f) => !by.includes(f.name))?.name;
      return {
        ...all,
        id: `all-${i}`,
        metric: metric.name,
        scope: metric.scope,
        by,
        grid: gridOf(metric, numeric),
        ...(numeric === undefined ? {} : { numeric }),
      };
    });
    fc.assert(
      fc.property(arbitraryRead(shop.metrics), (read) => {
        const outcome = checkStatement(read, shop);
        if ('diagnostics' in outcome || outcome.checked.kind !== 'read') return;
        const catalogue = { ...shop, instrumentations: list };
        const result = planRead(outcome.checked, {
          catalogue,
          nowSecond: NOW,
          frontierSecond: () => undefined,
        });
        if ('problem' in result) {
          const { code, offer, message } = result.problem;
          expect(message).toMatch(/^Cannot /);
          if (code !== 'NOT_INSTRUMENTED') return;
          const draft = draftOf(offer!);
          const own: Instrumentation = { ...draft, id: 'own', createdSecond: 0 };
          const again = planRead(outcome.checked, {
            catalogue: { ...shop, instrumentations: [own] },
            nowSecond: NOW,
            frontierSecond: () => undefined,
            answersAsOf: true,
          });
          expect('plan' in again || again.problem.code !== 'NOT_INSTRUMENTED').toBe(true);
          return;
        }
        const { plan } = result;
        expect(structuredClone(plan)).toEqual(plan);
        expect(plan.columns).toBeLessThanOrEqual(4096);
        expect(plan.untilSecond).toBeGreaterThan(plan.fromSecond);
        expect(plan.fromSecond % plan.columnSeconds).toBe(0);
        expect(explainPlan(plan).rows.length).toBeGreaterThan(5);
      }),
      { numRuns: 300 },
    );
  });

  it('refuse to answer as of a time where that is not known', () => {
    const text = 'http.requests last 1m as of 2026-11-22T03:00Z';
    expect(planned(text)).toMatchObject({ code: 'NOT_AVAILABLE' });
    const plan = planned(text, { answersAsOf: true });
    const asOfSecond = 1_795_316_400;
    expect(plan).toMatchObject({ asOfSecond, untilSecond: asOfSecond, live: false });
  });

  it('prefer fewer fields, then the older, then the first by name', () => {
    const id = (list: readonly Instrumentation[]): string =>
      (planned('http.requests by route last 1m', {}, list) as Plan).instrumentation.id;
    const narrow = { ...all, by: ['route'], createdSecond: 50 };
    expect(id([all, { ...narrow, id: 'b' }])).toBe('b');
    expect(
      id([
        { ...narrow, id: 'b' },
        { ...narrow, id: 'c', createdSecond: 40 },
      ]),
    ).toBe('c');
    expect(
      id([
        { ...narrow, id: 'b' },
        { ...narrow, id: 'a' },
      ]),
    ).toBe('a');
  });

  it('say since when is measured', () => {
    const young = planned('http.requests last 1h', {}, [{ ...all, createdSecond: NOW - 60 }]) as Plan;
    expect(young.notes).toEqual([expect.stringContaining('measures since 2026-11-22T02:59:07Z')]);
    const old = planned('http.requests last 1h', {}, [{ ...all, createdSecond: NOW - 4000 }]) as Plan;
    expect(old.notes).toEqual([]);
  });

  it('end at the newest second, never after now', () => {
    expect(planned('http.requests last 1m')).toMatchObject({ untilSecond: NOW - 1 });
    expect(planned('http.requests last 1m', { frontierSecond: () => NOW + 9 })).toMatchObject({
      untilSecond: NOW,
    });
    expect(
      planned('http.requests last 1m', { frontierSecond: () => undefined, answersAsOf: true }),
    ).toMatchObject({
      untilSecond: NOW,
    });
  });
});

describe('an instrumentation', () => {
  it('prints itself: the text makes the same one', () => {
    fc.assert(
      fc.property(arbitraryStatement(shop), (statement) => {
        if (statement.kind !== 'instrument') return;
        const outcome = checkStatement(statement, shop);
        if ('diagnostics' in outcome || outcome.checked.kind !== 'instrument') return;
        const draft = outcome.checked.instrumentation;
        const metric = shop.metrics.find((m) => m.name === draft.metric)!;
        const again = draftOf(printInstrumentation(draft, metric));
        expect(again.where && canonical(again.where)).toEqual(draft.where && canonical(draft.where));
        expect({ ...again, where: 0 }).toEqual({ ...draft, where: 0 });
      }),
      { numRuns: 300 },
    );
  });

  it('without a name is called after what it measures, apart from those there are', () => {
    expect(baseId({ metric: 'http.requests', by: ['route'], numeric: 'latency' })).toBe(
      'http-requests-by-route-latency',
    );
    expect(baseId({ metric: 'cpu.usage', by: [] })).toBe('cpu-usage');
    const names = fc.record({
      metric: fc.constantFrom('http.requests', `m${'x'.repeat(80)}.y`),
      by: fc.array(fc.constantFrom('route', 'a_very_long_field_name_indeed'), { maxLength: 8 }),
    });
    fc.assert(
      fc.property(names, fc.nat(20), (draft, count) => {
        const taken = new Set<string>();
        for (let i = 0; i < count; i++) taken.add(freshId(baseId(draft), taken));
        expect(taken.size).toBe(count);
        for (const id of taken) expect(id).toMatch(INSTRUMENTATION_ID);
      }),
    );
  });
});

describe('predicates', () => {
  it('are equal whatever the order of their terms, and only then', () => {
    const predicate = arbitraryPredicate(['route', 'status']);
    fc.assert(
      fc.property(
        fc.array(predicate, { minLength: 2, maxLength: 4 }),
        fc.constantFrom('and' as const, 'or' as const),
        (terms, op) => {
          expect(canonical({ op, terms })).toBe(canonical({ op, terms: terms.toReversed() }));
          expect(canonical({ op, terms })).not.toBe(canonical({ op: 'not', term: { op, terms } }));
        },
      ),
    );
    fc.assert(
      fc.property(predicate, fc.constantFrom('and' as const, 'or' as const), (a, op) => {
        expect(canonical({ op, terms: [a] })).toBe(canonical(a));
      }),
    );
    fc.assert(
      fc.property(predicate, predicate, (a, b) => {
        if (printPredicate(a) !== printPredicate(b)) return;
        expect(canonical(a)).toBe(canonical(b));
      }),
    );
  });
});

describe('a statement of a catalogue', () => {
  it('keeps its meaning when it prints itself', () => {
    fc.assert(
      fc.property(arbitraryStatement(shop), (statement) => {
        const direct = checkStatement(statement, shop);
        const parsed = parseStatement(printStatement(statement));
        if (!('statement' in parsed)) throw new Error(JSON.stringify(parsed));
        const again = checkStatement(parsed.statement, shop);
        const plain = (value: unknown): unknown =>
          JSON.parse(
            JSON.stringify(value, (key, v: unknown) =>
              key === 'span' || key === 'position' ? undefined : v,
            ),
          );
        expect(plain(again)).toEqual(plain(direct));
      }),
      { numRuns: 200 },
    );
  });
});
