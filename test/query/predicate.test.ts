/** A condition has one truth wherever it is asked: at the source, of stored keys, of stored buckets. Where buckets are
 *  too coarse to tell, the reader takes the whole buckets inside of the bound: never more than the source would. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tally } from '../../src/ingest/tally.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { bucketEdge, bucketIndex, LL5 } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { compilePredicate, type Literal, type Predicate } from '../../src/model/predicate.ts';
import type { CheckedRead } from '../../src/query/checked.ts';
import { evaluate } from '../../src/query/evaluate.ts';
import { planRead } from '../../src/query/plan.ts';
import { bucketsInside, valueSet } from '../../src/query/value-set.ts';
import { arbitraryPredicate } from '../arbitrary/predicate.ts';
import { shop } from '../arbitrary/query.ts';
import { MemorySeries } from './memory-series.ts';

const FIELDS = ['route', 'host', 'status'] as const;
const SECOND = 1_700_000_000;

const arbitraryEvents = fc.array(
  fc.record(
    {
      route: fc.constantFrom('/checkout', '/', '', 'GET', '-'),
      host: fc.constantFrom('get', '5.5', '50'),
      status: fc.oneof(fc.integer({ min: -5, max: 600 }), fc.constantFrom<Literal>('200', '')),
      latency: fc.oneof(fc.nat(100), fc.nat(5e9)),
    },
    { requiredKeys: ['latency'] },
  ),
  { maxLength: 30 },
);

const arbitraryBound = fc
  .record({
    op: fc.constantFrom('lt', 'le', 'gt', 'ge', 'eq', 'ne'),
    value: fc.oneof(
      fc.nat(100),
      fc.nat(5e9),
      fc.nat(1567).map((bucket) => bucketEdge(LL5, bucket)),
    ),
  })
  .map((bound): Predicate => ({ ...bound, field: 'latency' }));

const all: Instrumentation = {
  id: 'all',
  metric: 'http.requests',
  by: FIELDS,
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 86_400,
  idleSeconds: 0,
  createdSecond: 0,
};

type Event = { readonly latency: number } & { readonly [field in (typeof FIELDS)[number]]?: Literal };

const read = (event: Event) => (field: string) => (event as { [name: string]: Literal | undefined })[field];

function atSource(where: Predicate, events: readonly Event[]): number {
  const tally = new Tally(all, compilePredicate(where));
  for (const event of events) tally.count(read(event));
  return tally
    .drain()
    .rows.flatMap((row) => row.histogram.counts)
    .reduce((sum, count) => sum + count, 0);
}

function byReader(where: Predicate, events: readonly Event[]): number {
  const statement: CheckedRead = {
    kind: 'read',
    metric: 'http.requests',
    where,
    fields: [],
    range: { kind: 'last', seconds: 1 },
    offsetSeconds: 0,
    draw: { kind: 'count' },
  };
  const catalogue = { ...shop, instrumentations: [all] };
  const planned = planRead(statement, { catalogue, nowSecond: SECOND + 1, frontierSecond: () => SECOND + 1 });
  if ('problem' in planned) throw new Error(planned.problem.message);
  const stored = events.map((event) => ({
    second: SECOND,
    fields: new Map(Object.entries(event)),
    count: 1,
  }));
  const result = evaluate(planned.plan, new MemorySeries([all], stored), referenceKernel);
  if (result.kind !== 'lines') throw new Error(result.kind);
  return result.series.reduce((sum, series) => sum + series.values[0]!, 0);
}

describe('a condition', () => {
  it('on keys is as true of what is stored as it is at the source', () => {
    fc.assert(
      fc.property(arbitraryEvents, arbitraryPredicate(FIELDS), (events, where) => {
        expect(byReader(where, events)).toBe(atSource(where, events));
      }),
      { numRuns: 150 },
    );
  });

  it('on values is so of whole buckets, and of others claims nothing', () => {
    fc.assert(
      fc.property(arbitraryEvents, arbitraryBound, (events, where) => {
        const stored = byReader(where, events);
        const test = compilePredicate(where);
        const whole = bucketsInside(valueSet(where), LL5);
        const inWhole = events.filter(({ latency }) => {
          const bucket = bucketIndex(LL5, latency);
          return whole.some(([first, until]) => bucket >= first && bucket < until);
        });
        expect(inWhole.every((event) => test(read(event)))).toBe(true);
        expect(stored).toBe(inWhole.length);
        expect(stored).toBeLessThanOrEqual(atSource(where, events));
        const isEdge =
          'value' in where && bucketEdge(LL5, bucketIndex(LL5, Number(where.value))) === where.value;
        if (isEdge && (where.op === 'lt' || where.op === 'ge')) expect(stored).toBe(atSource(where, events));
      }),
      { numRuns: 150 },
    );
  });

  it('on both is the same as one after the other', () => {
    fc.assert(
      fc.property(arbitraryEvents, arbitraryPredicate(FIELDS), fc.nat(1500), (events, onKeys, bucket) => {
        const onValue: Predicate = { op: 'ge', field: 'latency', value: bucketEdge(LL5, bucket) };
        const where: Predicate = { op: 'and', terms: [onKeys, onValue] };
        expect(byReader(where, events)).toBe(atSource(where, events));
      }),
      { numRuns: 100 },
    );
  });
});
