/** Answers against a model that counts events one by one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadKernel } from '../../src/kernel/native.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { bucketIndex, COUNT, ll5Edge, LL5 } from '../../src/model/grid.ts';
import { histogramOf, merge, EMPTY, quantile } from '../../src/model/histogram.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { compareKeys, keyText, REMAINDER } from '../../src/model/key.ts';
import { compilePredicate, type Predicate } from '../../src/model/predicate.ts';
import type { Raster } from '../../src/model/raster.ts';
import type { CheckedRead, Drawing, HeatmapDrawing } from '../../src/query/checked.ts';
import { evaluate, evaluateInSlices } from '../../src/query/evaluate.ts';
import { histogramTable } from '../../src/query/histograms.ts';
import { whatIsKnown } from '../../src/query/known.ts';
import { LINE_KEYS_MAX } from '../../src/query/lines.ts';
import { type Plan, planRead } from '../../src/query/plan.ts';
import { AnswerTooLargeError, type LinesResult, type QueryResult } from '../../src/query/result.ts';
import { forEachChunk, scanBlocks, wholeGrid } from '../../src/query/scan.ts';
import type { CellBlock, SeriesReader } from '../../src/model/series.ts';
import { shop } from '../arbitrary/query.ts';
import { type Event, MemorySeries } from './memory-series.ts';

const START = 1_700_000_000;
const SECONDS = 700;
const END = START + SECONDS;

const FIELDS = ['route', 'host', 'status'] as const;

const arbitraryLatency = fc.oneof(
  fc.constantFrom(0, 1, 31, 32, 33, 1e6, 1e9),
  fc.nat(1567).map(ll5Edge),
  fc.integer({ min: 0, max: 5e9 }),
);

const arbitraryEvents: fc.Arbitrary<Event[]> = fc.array(
  fc
    .record({
      second: fc.integer({ min: START - 50, max: END + 50 }),
      route: fc.constantFrom('/a', '/b', '/c', REMAINDER),
      host: fc.constantFrom('web1', 'web2'),
      status: fc.constantFrom('200', '500', '503'),
      latency: arbitraryLatency,
      count: fc.integer({ min: 1, max: 1000 }),
    })
    .map(({ second, count, ...fields }) => ({ second, count, fields: new Map(Object.entries(fields)) })),
  { maxLength: 150 },
);

/** Bounds on latency are edges of buckets: then buckets answer exactly. */
const arbitraryConjunct: fc.Arbitrary<Predicate> = fc.oneof(
  fc.constantFrom<Predicate>(
    { op: 'in', field: 'route', values: ['/a', '/b'] },
    { op: 'ge', field: 'status', value: 500 },
    { op: 'ne', field: 'host', value: 'web2' },
    { op: 'match', field: 'route', value: '^/' },
    { op: 'not', term: { op: 'eq', field: 'status', value: 200 } },
    {
      op: 'or',
      terms: [
        { op: 'eq', field: 'route', value: '/c' },
        { op: 'prefix', field: 'host', value: 'web1' },
      ],
    },
  ),
  fc
    .tuple(fc.constantFrom('lt' as const, 'ge' as const), fc.integer({ min: 1, max: 1000 }))
    .map(([op, bucket]): Predicate => ({ op, field: 'latency', value: ll5Edge(bucket) })),
  fc
    .tuple(fc.integer({ min: 1, max: 700 }), fc.integer({ min: 1, max: 300 }))
    .map(([low, width]): Predicate => ({
      op: 'or',
      terms: [
        { op: 'lt', field: 'latency', value: ll5Edge(low) },
        { op: 'ge', field: 'latency', value: ll5Edge(low + width) },
      ],
    })),
);

const range: fc.Arbitrary<Pick<CheckedRead, 'range' | 'stepSeconds' | 'offsetSeconds'>> = fc
  .record({
    range: fc.oneof(
      fc.integer({ min: 1, max: SECONDS }).map((seconds) => ({ kind: 'last' as const, seconds })),
      fc.tuple(fc.nat(SECONDS - 2), fc.integer({ min: 1, max: SECONDS })).map(([from, length]) => ({
        kind: 'between' as const,
        from: { kind: 'instant' as const, second: START + from, span: { offset: 0, length: 0 } },
        to: { kind: 'instant' as const, second: START + from + length, span: { offset: 0, length: 0 } },
      })),
    ),
    step: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
    offset: fc.constantFrom(0, 0, 30),
  })
  .map(({ range: r, step, offset }) => ({
    range: r,
    offsetSeconds: offset,
    ...(step === undefined ? {} : { stepSeconds: step }),
  }));

const interval = {
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 86_400,
  idleSeconds: 3600,
  createdSecond: 0,
} as const;

interface Case {
  readonly events: readonly Event[];
  readonly where: Predicate | undefined;
  readonly instrumentations: readonly Instrumentation[];
  readonly fields: readonly string[];
  readonly when: Pick<CheckedRead, 'range' | 'stepSeconds' | 'offsetSeconds'>;
  readonly split: number;
  readonly rollups: readonly number[];
  readonly rolledUntil: number;
  readonly openFrom: number;
}

const arbitraryCase: fc.Arbitrary<Case> = fc
  .record({
    events: arbitraryEvents,
    conjuncts: fc.uniqueArray(arbitraryConjunct, { maxLength: 3, selector: (p) => JSON.stringify(p) }),
    fields: fc.shuffledSubarray([...FIELDS]),
    when: range,
    split: fc.integer({ min: 1, max: 3 }),
    rollups: fc.subarray([2, 5, 10, 60]),
    rolledUntil: fc.integer({ min: START - 100, max: END + 100 }),
    openFrom: fc.integer({ min: START - 100, max: END + 100 }),
  })
  .chain(({ conjuncts, ...rest }) => {
    const some = fc
      .record({
        where: fc.subarray(conjuncts),
        extra: fc.constantFrom<Predicate[]>([], [], [{ op: 'eq', field: 'method', value: 'GET' }]),
        by: fc.shuffledSubarray([...FIELDS]),
      })
      .map(({ where, extra, by }, id = 0): Instrumentation => {
        const terms = [...where, ...extra];
        return {
          ...interval,
          id: `some-${id}`,
          metric: 'http.requests',
          ...(terms.length === 0 ? {} : { where: { op: 'and', terms } }),
          by,
          numeric: 'latency',
          grid: LL5,
        };
      });
    const where: Predicate | undefined = conjuncts.length === 0 ? undefined : { op: 'and', terms: conjuncts };
    return fc.array(some, { maxLength: 4 }).map((list): Case => ({
      ...rest,
      where,
      instrumentations: [
        ...list.map((i, n) => ({ ...i, id: `some-${n}` })),
        { ...interval, id: 'all', metric: 'http.requests', by: [...FIELDS], numeric: 'latency', grid: LL5 },
      ],
    }));
  });

function planOf(c: Case, draw: Drawing, more: Partial<CheckedRead> = {}, frontier = END): Plan {
  const read: CheckedRead = {
    kind: 'read',
    metric: 'http.requests',
    ...(c.where === undefined ? {} : { where: c.where }),
    fields: c.fields,
    numeric: 'latency',
    ...c.when,
    draw,
    ...more,
  };
  const catalogue = { ...shop, instrumentations: c.instrumentations };
  const planned = planRead(read, { catalogue, nowSecond: frontier, frontierSecond: () => frontier });
  if ('problem' in planned) throw new Error(JSON.stringify(planned.problem));
  return planned.plan;
}

function answer(c: Case, plan: Plan, kernel = referenceKernel): QueryResult {
  return evaluate(plan, new MemorySeries(c.instrumentations, c.events, c), kernel);
}

/** The events of the range that the whole condition of the query takes. */
function taken(c: Case, plan: Plan): Event[] {
  const test = compilePredicate(c.where);
  return c.events.filter(
    (e) => e.second >= plan.fromSecond && e.second < plan.untilSecond && test((field) => e.fields.get(field)),
  );
}

function keyOf(event: Event, fields: readonly string[]): string[] {
  return fields.map((field) => String(event.fields.get(field)));
}

function columnOf(event: Event, plan: Plan): number {
  return Math.floor((event.second - plan.fromSecond) / plan.columnSeconds);
}

function totals(events: readonly Event[], key: (event: Event) => string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const event of events) sums.set(key(event), (sums.get(key(event)) ?? 0) + event.count);
  return sums;
}

const heatmap: HeatmapDrawing = {
  kind: 'heatmap',
  picture: {},
  hueFields: [],
  hues: { kind: 'top', count: 4 },
  exclude: [],
  weight: 'count',
  overlay: [],
};

describe('the range of a plan', () => {
  it('holds what was asked, in whole columns but for the end', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        const plan = planOf(c, { kind: 'count' });
        const shift = c.when.offsetSeconds;
        expect(plan.fromSecond % plan.columnSeconds).toBe(0);
        expect(plan.columns).toBe(Math.ceil((plan.untilSecond - plan.fromSecond) / plan.columnSeconds));
        if (c.when.stepSeconds !== undefined) expect(plan.columnSeconds).toBe(c.when.stepSeconds);
        else expect(plan.columns).toBeLessThanOrEqual(900);
        const { range: asked } = c.when;
        if (asked.kind === 'last') {
          expect(plan.untilSecond).toBe(END - shift);
          expect(plan.columns).toBeLessThanOrEqual(Math.ceil(asked.seconds / plan.columnSeconds));
          expect(plan.live).toBe(true);
        } else if (asked.from.kind === 'instant' && asked.to.kind === 'instant') {
          expect(plan.fromSecond).toBeGreaterThan(asked.from.second - shift - plan.columnSeconds);
          expect(plan.fromSecond).toBeLessThanOrEqual(asked.from.second - shift);
          expect(plan.untilSecond).toBe(asked.to.second - shift);
          expect(plan.live).toBe(plan.untilSecond > END);
        }
      }),
    );
  });
});

describe('counts', () => {
  it('are those of the events, per key and column', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        const plan = planOf(c, { kind: 'count' });
        const result = answer(c, plan) as LinesResult;
        const events = taken(c, plan);
        const named = new Set(result.series.flatMap((s) => (s.key === undefined ? [] : [keyText(s.key)])));
        expect(named.size).toBeLessThanOrEqual(LINE_KEYS_MAX);
        const expected = totals(events, (e) => {
          const key = keyText(keyOf(e, plan.fields));
          return `${plan.fields.length > 0 && named.has(key) ? key : 'rest'} ${columnOf(e, plan)}`;
        });
        let found = 0;
        for (const { key, values } of result.series) {
          values.forEach((value, column) => {
            const sum = expected.get(`${key === undefined ? 'rest' : keyText(key)} ${column}`) ?? 0;
            expect(value).toBe(sum);
            found += value;
          });
        }
        expect(found).toBe(events.reduce((sum, e) => sum + e.count, 0));
      }),
    );
  });

  it('are chosen by an instrumentation that counts all that is asked', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        const { instrumentation } = planOf(c, { kind: 'count' });
        const asked = new Set((c.where?.op === 'and' ? c.where.terms : []).map((p) => JSON.stringify(p)));
        const stored = instrumentation.where?.op === 'and' ? instrumentation.where.terms : [];
        for (const term of stored) expect(asked.has(JSON.stringify(term))).toBe(true);
        for (const field of c.fields) expect(instrumentation.by).toContain(field);
      }),
    );
  });

  it('of a level are means over what was reported', () => {
    const cpus: Instrumentation = {
      ...interval,
      id: 'cpus',
      metric: 'cpu.usage',
      by: ['host'],
      grid: COUNT,
      scope: 'point',
    };
    const events = Array.from({ length: 20 }, (_, s) => ({
      second: START + s,
      fields: new Map([['host', 'a']]),
      count: 4,
    }));
    const read: CheckedRead = {
      kind: 'read',
      metric: 'cpu.usage',
      fields: ['host'],
      range: { kind: 'last', seconds: 20 },
      stepSeconds: 10,
      offsetSeconds: 0,
      draw: { kind: 'count' },
    };
    const catalogue = { ...shop, instrumentations: [cpus] };
    const planned = planRead(read, { catalogue, nowSecond: START + 20, frontierSecond: () => START + 20 });
    const isReported = (second: number): boolean => second < START + 10 || second % 2 === 0;
    const half = events.filter((e) => isReported(e.second));
    if (!('plan' in planned)) throw new Error(planned.problem.message);
    const result = evaluate(planned.plan, new MemorySeries([cpus], half, { isReported }), referenceKernel);
    expect(result).toMatchObject({ kind: 'lines', series: [{ name: 'a', values: Float64Array.of(4, 4) }] });
  });

  it('tell nothing known from nothing happened', () => {
    const c: Case = {
      events: [{ second: END - 1, fields: new Map([['latency', 5]]), count: 7 }],
      where: undefined,
      instrumentations: [
        { ...interval, id: 'all', metric: 'http.requests', by: [], numeric: 'latency', grid: LL5 },
      ],
      fields: [],
      when: { range: { kind: 'last', seconds: 4 }, offsetSeconds: 0 },
      split: 1,
      rollups: [],
      rolledUntil: END,
      openFrom: END,
    };
    const reader = new MemorySeries(c.instrumentations, c.events, { isReported: (s) => s !== END - 3 });
    const result = evaluate(planOf(c, { kind: 'count' }), reader, referenceKernel);
    expect(result).toMatchObject({ series: [{ values: Float64Array.of(0, Number.NaN, 0, 7) }] });
  });
});

describe('percentiles', () => {
  it('are those of the merged histograms, with the bucket as bound', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        const plan = planOf(c, { kind: 'percentiles', percents: [0, 50, 99.9, 100] });
        const result = answer(c, plan) as LinesResult;
        const events = taken(c, plan);
        const named = new Set(result.series.flatMap((s) => (s.key === undefined ? [] : [keyText(s.key)])));
        result.series.forEach(({ key, values, low, high }, i) => {
          const own = events.filter((e) => {
            const text = keyText(keyOf(e, plan.fields));
            return key === undefined ? !named.has(text) : text === keyText(key);
          });
          const rank = [0, 50, 99.9, 100][i % 4]! / 100;
          for (let column = 0; column < plan.columns; column++) {
            const histogram = own
              .filter((e) => columnOf(e, plan) === column)
              .map((e) => ({
                buckets: [bucketIndex(LL5, Number(e.fields.get('latency')))],
                counts: [e.count],
              }))
              .reduce(merge, EMPTY);
            const expected = quantile(LL5, histogram, rank) ?? {
              value: Number.NaN,
              low: Number.NaN,
              high: Number.NaN,
            };
            expect([values[column], low![column], high![column]]).toEqual([
              expected.value,
              expected.low,
              expected.high,
            ]);
          }
        });
      }),
      { numRuns: 40 },
    );
  });
});

const arbitraryHeatmapDrawing = (fields: readonly string[]): fc.Arbitrary<HeatmapDrawing> => {
  const hueFields = fc.subarray([...fields]);
  return hueFields.chain((hues) => {
    const key = fc.tuple(
      ...hues.map((f) =>
        fc.constantFrom(
          ...{ route: ['/a', '/b', '/z', REMAINDER], host: ['web1', 'web2'], status: ['200', '503'] }[f]!,
        ),
      ),
    );
    const keys = fc.uniqueArray(key, { minLength: 1, maxLength: 4, selector: keyText });
    const choice: fc.Arbitrary<Pick<HeatmapDrawing, 'hues' | 'exclude'>> =
      hues.length === 0
        ? fc.constant({ hues: { kind: 'top' as const, count: 4 }, exclude: [] })
        : fc.oneof(
            fc
              .integer({ min: 1, max: 6 })
              .map((count) => ({ hues: { kind: 'top' as const, count }, exclude: [] })),
            keys.map((k) => ({ hues: { kind: 'select' as const, keys: k }, exclude: [] })),
            keys.map((k) => ({ hues: { kind: 'isolate' as const, keys: k }, exclude: [] })),
            keys.map((k) => ({ hues: { kind: 'top' as const, count: 3 }, exclude: k })),
          );
    return fc
      .record({
        choice,
        scale: fc.option(fc.constantFrom('log' as const, 'linear' as const), { nil: undefined }),
        y: fc.option(
          fc
            .tuple(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 1e9 }))
            .map(([low, w]) => ({ low, high: low + w })),
          { nil: undefined },
        ),
        buckets: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }),
        weight: fc.constantFrom('count' as const, 'count' as const, 'value' as const),
      })
      .map(({ choice: chosen, scale, y, buckets, weight }) => ({
        ...heatmap,
        hueFields: hues,
        ...chosen,
        ...(scale === undefined ? {} : { scale }),
        ...(y === undefined ? {} : { y }),
        ...(buckets === undefined ? {} : { buckets }),
        weight,
        overlay: [50, 99],
      }));
  });
};

const arbitraryPicture = arbitraryCase.chain((c) =>
  arbitraryHeatmapDrawing(c.fields).map((draw) => ({ c, draw })),
);

function rasterOf(c: Case, draw: HeatmapDrawing): { raster: Raster; plan: Plan } {
  const plan = planOf(c, draw);
  const result = answer(c, plan);
  if (result.kind !== 'heatmap') throw new Error(result.kind);
  return { raster: result.raster, plan };
}

const near = (found: number, expected: number): void => {
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
};

describe('heatmaps', () => {
  it('partition the counts over hues, and lose none', () => {
    fc.assert(
      fc.property(arbitraryPicture, ({ c, draw }) => {
        const { raster, plan } = rasterOf(c, draw);
        const excluded = new Set(draw.exclude.map(keyText));
        const chosen = new Set(raster.hues.flatMap((h) => (h.key === undefined ? [] : [keyText(h.key)])));
        const drawn = taken(c, plan).filter((e) => {
          const key = keyText(keyOf(e, draw.hueFields));
          return draw.hues.kind === 'isolate' ? chosen.has(key) : !excluded.has(key);
        });
        const worth = (e: Event): number =>
          e.count * (draw.weight === 'value' ? middle(Number(e.fields.get('latency'))) : 1);
        const sum = (events: readonly Event[]): number => events.reduce((s, e) => s + worth(e), 0);
        near(raster.total, sum(drawn));
        for (const { key, count } of raster.hues) {
          const own = drawn.filter((e) => {
            const text = keyText(keyOf(e, draw.hueFields));
            return key === undefined
              ? draw.hueFields.length === 0 || !chosen.has(text)
              : text === keyText(key);
          });
          if (draw.weight === 'count') expect(count).toBe(sum(own));
          else near(count, sum(own));
        }
        for (let column = 0; column < raster.columns; column++) {
          let inColumn = raster.under[column]! + raster.over[column]!;
          for (let h = 0; h < raster.hues.length; h++) {
            const base = (h * raster.columns + column) * raster.rows;
            for (let row = 0; row < raster.rows; row++) inColumn += raster.cells[base + row]!;
          }
          near(inColumn, sum(drawn.filter((e) => columnOf(e, plan) === column)));
        }
      }),
    );
  });

  it('put each count into the rows that its bucket overlaps', () => {
    fc.assert(
      fc.property(arbitraryPicture, ({ c, draw }) => {
        const { raster, plan } = rasterOf(c, {
          ...draw,
          weight: 'count',
          hueFields: [],
          hues: { kind: 'top', count: 1 },
          exclude: [],
        });
        const expected = new Float64Array(raster.columns * raster.rows);
        for (const e of taken(c, plan)) {
          const bucket = bucketIndex(LL5, Number(e.fields.get('latency')));
          const [low, high] = [ll5Edge(bucket), bucket === 1567 ? 2 ** 53 : ll5Edge(bucket + 1)];
          for (let row = 0; row < raster.rows; row++) {
            const overlap = Math.min(high, raster.y.edges[row + 1]!) - Math.max(low, raster.y.edges[row]!);
            if (overlap > 0)
              expected[columnOf(e, plan) * raster.rows + row]! += (e.count * overlap) / (high - low);
          }
        }
        const apart = expected.map((count, i) => Math.abs(raster.cells[i]! - count) / Math.max(1, count));
        expect(apart.reduce((worst, a) => Math.max(worst, a), 0)).toBeLessThan(1e-9);
      }),
    );
  });

  it('have ascending edges, few enough rows, and an automatic axis that leaves out only zeros of a log scale', () => {
    fc.assert(
      fc.property(arbitraryPicture, ({ c, draw }) => {
        const { raster, plan } = rasterOf(c, draw);
        expect(raster.y.edges.length).toBe(raster.rows + 1);
        for (let r = 0; r < raster.rows; r++)
          expect(raster.y.edges[r + 1]!).toBeGreaterThan(raster.y.edges[r]!);
        expect(raster.rows).toBeLessThanOrEqual(plan.height);
        if (raster.y.scale === 'log') expect(raster.y.edges[0]!).toBeGreaterThan(0);
        if (draw.buckets !== undefined && !(raster.y.scale === 'linear' && draw.y === undefined))
          expect(raster.rows).toBe(draw.buckets);
        if (draw.y !== undefined)
          expect([raster.y.edges[0], raster.y.edges.at(-1)]).toEqual([draw.y.low, draw.y.high]);
        else {
          expect(Math.max(...raster.over)).toBe(0);
          if (raster.y.scale === 'linear') expect(Math.max(...raster.under)).toBe(0);
        }
      }),
    );
  });

  it('overlay the percentiles of all that is drawn, also of what lies off the axis', () => {
    fc.assert(
      fc.property(arbitraryPicture, ({ c, draw }) => {
        const { raster, plan } = rasterOf(c, {
          ...draw,
          hueFields: [],
          hues: { kind: 'top', count: 1 },
          exclude: [],
        });
        const events = taken(c, plan);
        expect(raster.overlays.map((o) => o.name)).toEqual(['p50', 'p99']);
        for (let column = 0; column < raster.columns; column++) {
          const own = events.filter((e) => columnOf(e, plan) === column);
          const histogram = own
            .map((e) => ({ ...histogramOf(LL5, [Number(e.fields.get('latency'))]), counts: [e.count] }))
            .reduce(merge, EMPTY);
          expect(raster.overlays[1]!.values[column]).toBe(
            quantile(LL5, histogram, 0.99)?.value ?? Number.NaN,
          );
        }
      }),
      { numRuns: 40 },
    );
  });

  it('show the largest keys, the first of equal ones', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        const draw: HeatmapDrawing = { ...heatmap, hueFields: c.fields, hues: { kind: 'top', count: 2 } };
        if (c.fields.length === 0) return;
        const { raster, plan } = rasterOf(c, draw);
        const sums = totals(taken(c, plan), (e) => keyText(keyOf(e, c.fields)));
        const remainder = keyText(c.fields.map(() => REMAINDER));
        const ranked = [...sums.keys()]
          .filter((key) => key !== remainder)
          .toSorted((a, b) => sums.get(b)! - sums.get(a)! || (a < b ? -1 : 1));
        const shown = raster.hues.flatMap((h) => (h.key === undefined ? [] : [keyText(h.key)]));
        expect(shown.toSorted()).toEqual(ranked.slice(0, 2).toSorted());
        expect(raster.hues.some((h) => h.key === undefined)).toBe(
          sums.size > shown.length || sums.size === 0,
        );
      }),
    );
  });
});

function middle(latency: number): number {
  const bucket = bucketIndex(LL5, latency);
  const [low, high] = [ll5Edge(bucket), bucket === 1567 ? 2 ** 53 : ll5Edge(bucket + 1)];
  return high - low <= 1 ? low : (low + high) / 2;
}

describe('a sliding window', () => {
  it('keeps the columns that both windows share', () => {
    fc.assert(
      fc.property(arbitraryCase, fc.integer({ min: 1, max: 40 }), (c, later) => {
        const sliding: Case = { ...c, when: { ...c.when, range: { kind: 'last', seconds: 300 } } };
        const [before, after] = [
          planOf(sliding, { kind: 'count' }, { fields: [] }, END - later),
          planOf(sliding, { kind: 'count' }, { fields: [] }),
        ];
        expect(after.columnSeconds).toBe(before.columnSeconds);
        const [old, now] = [answer(sliding, before), answer(sliding, after)] as [LinesResult, LinesResult];
        const shift = (after.fromSecond - before.fromSecond) / before.columnSeconds;
        expect(Number.isInteger(shift)).toBe(true);
        // The last column of the older window may still have grown.
        for (let column = shift; column < before.columns - 1; column++) {
          expect(now.series[0]?.values[column - shift]).toBe(old.series[0]?.values[column]);
        }
      }),
    );
  });

  it('answers as the fixed range of the same seconds does', () => {
    fc.assert(
      fc.property(arbitraryCase, fc.integer({ min: 1, max: 300 }), (c, seconds) => {
        const live = planOf(
          { ...c, when: { range: { kind: 'last', seconds }, offsetSeconds: 0 } },
          { kind: 'count' },
        );
        const instant = (second: number) => ({
          kind: 'instant' as const,
          second,
          span: { offset: 0, length: 0 },
        });
        const when = {
          range: { kind: 'between' as const, from: instant(live.fromSecond), to: instant(live.untilSecond) },
          stepSeconds: live.columnSeconds,
          offsetSeconds: 0,
        };
        const fixed = planOf({ ...c, when }, { kind: 'count' });
        expect(answer(c, fixed)).toEqual(answer(c, live));
      }),
      { numRuns: 40 },
    );
  });
});

describe('rates from roll-ups', () => {
  it('are at most those from whole seconds, and the same where nothing was missed', () => {
    const arbitraryMissed = fc.uniqueArray(fc.nat(599), { maxLength: 30 });
    fc.assert(
      fc.property(arbitraryMissed, fc.constantFrom([10], [60], [10, 60]), (missed, rollups) => {
        const from = START - (START % 600);
        const isReported = (second: number): boolean => !missed.includes(second - from);
        const events = Array.from({ length: 600 }, (_, s): Event => {
          return { second: from + s, fields: new Map([['latency', 5]]), count: 10 };
        }).filter((e) => isReported(e.second));
        const instant = (second: number) => ({
          kind: 'instant' as const,
          second,
          span: { offset: 0, length: 0 },
        });
        const c: Case = {
          events,
          where: undefined,
          instrumentations: [
            { ...interval, id: 'all', metric: 'http.requests', by: [], numeric: 'latency', grid: LL5 },
          ],
          fields: [],
          when: {
            range: { kind: 'between', from: instant(from), to: instant(from + 600) },
            stepSeconds: 120,
            offsetSeconds: 0,
          },
          split: 1,
          rollups,
          rolledUntil: END,
          openFrom: END,
        };
        const plan = planOf(c, { kind: 'rate' });
        const [fine, coarse] = [[], rollups].map((steps) => {
          const reader = new MemorySeries(c.instrumentations, events, { isReported, rollups: steps });
          return (evaluate(plan, reader, referenceKernel) as LinesResult).series[0]!.values;
        });
        fine!.forEach((rate, column) => {
          const whole = !missed.some((second) => Math.floor(second / 120) === column);
          if (whole) expect(coarse![column]).toBe(rate);
          else expect(coarse![column]).toBeLessThanOrEqual(rate);
        });
      }),
    );
  });
});

/** Says what is read of it, and when its reading ends. */
class WatchedSeries extends MemorySeries {
  readonly read: CellBlock[] = [];
  reading = 0;

  override *blocks(...range: Parameters<SeriesReader['blocks']>): Iterable<CellBlock> {
    this.reading++;
    try {
      for (const block of super.blocks(...range)) {
        this.read.push(block);
        yield block;
      }
    } finally {
      this.reading--;
    }
  }
}

describe('an evaluation in slices', () => {
  it('answers as one in one go, and stops after each stored block until the first open one', () => {
    fc.assert(
      fc.property(arbitraryPicture, ({ c, draw }) => {
        const plan = planOf(c, draw);
        const series = new WatchedSeries(c.instrumentations, c.events, c);
        const slices = evaluateInSlices(plan, series, referenceKernel);
        let stops = 0;
        let kept = 0;
        for (;;) {
          const { done, value } = slices.next();
          if (done === true) {
            expect(value.result).toEqual(answer(c, plan));
            expect(value.touched.map((t) => t.stored + t.open)).toEqual(
              value.touched.map(
                (t) => series.read.filter((block) => block.stepSeconds === t.stepSeconds).length,
              ),
            );
            break;
          }
          stops++;
          expect(series.read).toHaveLength(stops);
          expect(series.read.some((block) => block.open)).toBe(false);
          expect(value).toBeGreaterThanOrEqual(kept);
          kept = value;
        }
        const firstOpen = series.read.findIndex((block) => block.open);
        expect(stops).toBe(firstOpen < 0 ? series.read.length : firstOpen);
        expect(series.reading).toBe(0);
      }),
      { numRuns: 30 },
    );
  });

  it('that is given up ends its reading', () => {
    fc.assert(
      fc.property(arbitraryCase, fc.nat(5), (c, after) => {
        const series = new WatchedSeries(c.instrumentations, c.events, c);
        const slices = evaluateInSlices(planOf(c, { kind: 'count' }), series, referenceKernel);
        for (let i = 0; i < after; i++) if (slices.next().done === true) return;
        slices.return({ result: answer(c, planOf(c, { kind: 'count' })), touched: [], isPassing: false });
        expect(series.reading).toBe(0);
        expect(series.read.length).toBe(after);
        expect(slices.next().done).toBe(true);
      }),
    );
  });
});

describe('a scan', () => {
  it('that adds up what is too much counts the same', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        const plan = planOf(c, { kind: 'count' });
        const reader = new MemorySeries(c.instrumentations, c.events, c);
        const counted = [Number.POSITIVE_INFINITY, 0].map((keptMax) => {
          const scan = scanBlocks(plan, reader, referenceKernel, keptMax);
          const groups = scan.groups.length;
          const hues = { count: groups, hueOfGroup: Int32Array.from({ length: groups }, (_, g) => g) };
          const counts: number[][] = [];
          const buckets = wholeGrid(scan);
          forEachChunk(scan, { hues, buckets, kernel: referenceKernel }, (raster, first) => {
            raster.counts.forEach((count, i) => count > 0 && counts.push([first, i, count]));
          });
          return { groups: scan.groups, counts };
        });
        expect(counted[1]).toEqual(counted[0]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('both kernels', () => {
  const native = loadKernel('native');

  it('give the same answer', () => {
    fc.assert(
      fc.property(arbitraryPicture, ({ c, draw }) => {
        for (const one of [
          draw,
          { kind: 'percentiles' as const, percents: [50, 99] },
          { kind: 'rate' as const },
        ]) {
          const plan = planOf(c, one);
          expect(answer(c, plan, native)).toEqual(answer(c, plan));
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('histograms', () => {
  it('are the events counted one by one into buckets, each place once, in order', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        const plan = planOf(c, { kind: 'histograms' });
        const result = answer(c, plan);
        if (result.kind !== 'table') throw new Error(result.kind);
        const expected = new Map<string, number>();
        for (const event of taken(c, plan)) {
          const bucket = bucketIndex(LL5, Number(event.fields.get('latency')));
          const second = plan.fromSecond + columnOf(event, plan) * plan.columnSeconds;
          const place = JSON.stringify([
            second,
            ...keyOf(event, c.fields),
            ll5Edge(bucket),
            ll5Edge(bucket + 1),
          ]);
          expected.set(place, (expected.get(place) ?? 0) + event.count);
        }
        const rows = result.rows.map((row) => [JSON.stringify(row.slice(0, -1)), row.at(-1)] as const);
        expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(expected));
        expect(rows).toHaveLength(expected.size);
        const order = result.rows.map((row) => ({
          second: row[0] as number,
          key: row.slice(1, -3) as string[],
          lower: row.at(-3) as number,
        }));
        expect(order).toEqual(
          order.toSorted((a, b) => a.second - b.second || compareKeys(a.key, b.key) || a.lower - b.lower),
        );
      }),
    );
  });

  it('of picked keys hold the counts of the rest as one', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        if (c.fields.length === 0) return;
        const pick = { count: 2, measure: { kind: 'count' } } as const;
        const plan = planOf(c, { kind: 'histograms' }, { pick });
        const result = answer(c, plan);
        if (result.kind !== 'table') throw new Error(result.kind);
        const keys = new Set(result.rows.map((row) => keyText(row.slice(1, -3) as string[])));
        expect(keys.size).toBeLessThanOrEqual(3);
        const sum = result.rows.reduce((total, row) => total + (row.at(-1) as number), 0);
        expect(sum).toBe(taken(c, plan).reduce((total, e) => total + e.count, 0));
      }),
      { numRuns: 50 },
    );
  });

  it('are as many as may be, and no more', () => {
    const events = Array.from({ length: 30 }, (_, i) => ({
      second: END - 1,
      fields: new Map([['latency', i]]),
      count: 1,
    }));
    const [c] = fc.sample(arbitraryCase, 1);
    const all = c!.instrumentations.filter((i) => i.id === 'all');
    const when = { range: { kind: 'last' as const, seconds: 10 }, offsetSeconds: 0 };
    const one: Case = { ...c!, events, fields: [], where: undefined, instrumentations: all, when };
    const plan = planOf(one, { kind: 'histograms' });
    const reader = new MemorySeries(all, events);
    const scan = scanBlocks(plan, reader, referenceKernel);
    const sources = { plan, scan, known: whatIsKnown(plan, reader), kernel: referenceKernel };
    expect(histogramTable(sources, 30).rows).toHaveLength(30);
    expect(() => histogramTable(sources, 29)).toThrow(
      'Cannot answer with more than 29 rows: ask for a longer step, fewer keys or less time',
    );
    expect(() => histogramTable(sources, 29)).toThrow(AnswerTooLargeError);
  });
});

describe('tables', () => {
  it('rank keys and keep the rest in one row', () => {
    fc.assert(
      fc.property(arbitraryCase, (c) => {
        if (c.fields.length === 0) return;
        const plan = planOf(c, { kind: 'table' }, { pick: { count: 3, measure: { kind: 'count' } } });
        const result = answer(c, plan);
        if (result.kind !== 'table') throw new Error(result.kind);
        const sums = totals(taken(c, plan), (e) => keyText(keyOf(e, c.fields)));
        const counts = result.rows.map((row) => row.at(-1) as number);
        expect(counts.reduce((sum, n) => sum + n, 0)).toBe([...sums.values()].reduce((sum, n) => sum + n, 0));
        const named = result.rows
          .slice(0, 3)
          .filter((row) => !row.slice(0, -1).every((v) => v === REMAINDER));
        named.forEach((row) => expect(row.at(-1)).toBe(sums.get(keyText(row.slice(0, -1) as string[]))));
        expect(named.map((row) => row.at(-1))).toEqual(
          named.map((row) => row.at(-1) as number).toSorted((a, b) => b - a),
        );
      }),
    );
  });
});
