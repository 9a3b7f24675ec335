import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tally } from '../../src/ingest/tally.ts';
import { COUNT, type Grid } from '../../src/model/grid.ts';
import { histogramOf, total } from '../../src/model/histogram.ts';
import { boundedValue, compareKeys, type Key, keyText, REMAINDER } from '../../src/model/key.ts';
import { KEY_VALUE_BYTES_MAX } from '../../src/model/limits.ts';
import { compilePredicate, type Literal } from '../../src/model/predicate.ts';
import { arbitraryGrid, arbitraryValue } from '../arbitrary/grid.ts';
import { arbitraryPredicate } from '../arbitrary/predicate.ts';

type Event = Readonly<Record<string, Literal | undefined>>;

const arbitraryField: fc.Arbitrary<Literal | undefined> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<Literal>('GET', 'PUT', '', 200, 503, '200', REMAINDER) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
  { weight: 1, arbitrary: fc.constant(undefined) },
);
const arbitraryEvent: fc.Arbitrary<Event> = fc.record({
  a: arbitraryField,
  b: arbitraryField,
  latency: fc.oneof(
    { weight: 9, arbitrary: arbitraryValue },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
});
const arbitraryBy = fc.constantFrom<readonly string[]>([], ['a'], ['b', 'a'], ['a', 'b', 'nothing']);

const keyOf = (by: readonly string[], event: Event): Key =>
  by.map((f) => boundedValue(String(event[f] ?? '')));
const reader = (event: Event) => (field: string) => event[field];

/** What the tally must say, worked out from all events at once. */
function expected(events: readonly Event[], by: readonly string[], grid: Grid, numeric: string | undefined) {
  const values = new Map<string, { key: Key; values: number[] }>();
  for (const event of events) {
    if (numeric !== undefined && event[numeric] === undefined) continue;
    const key = keyOf(by, event);
    const row = values.get(keyText(key)) ?? { key, values: [] };
    row.values.push(numeric === undefined ? 0 : Number(event[numeric]));
    values.set(keyText(key), row);
  }
  return [...values.values()]
    .map((row) => ({ key: row.key, histogram: histogramOf(grid, row.values) }))
    .toSorted((a, b) => compareKeys(a.key, b.key));
}

describe('a tally', () => {
  it('says of every second what histogramOf says of its events', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(arbitraryEvent, { maxLength: 40 }), { maxLength: 4 }),
        arbitraryBy,
        fc.oneof(
          arbitraryGrid.map((grid) => ({ grid, numeric: 'latency' })),
          fc.constant({ grid: COUNT, numeric: undefined }),
        ),
        (seconds, by, { grid, numeric }) => {
          const tally = new Tally({ by, grid, ...(numeric === undefined ? {} : { numeric }) }, undefined);
          for (const events of seconds) {
            for (const event of events) tally.count(reader(event));
            const { rows, dropped } = tally.drain();
            expect(rows).toEqual(expected(events, by, grid, numeric));
            const lacking = events.filter((event) => numeric !== undefined && event[numeric] === undefined);
            expect(dropped).toBe(lacking.length);
          }
        },
      ),
    );
  });

  it('counts what its predicate is true of, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryEvent),
        arbitraryPredicate(['a', 'b', 'latency']),
        (events, predicate) => {
          const where = compilePredicate(predicate);
          const tally = new Tally({ by: ['a'], grid: COUNT }, where);
          for (const event of events) tally.count(reader(event));
          const kept = events.filter((event) => where(reader(event)));
          expect(tally.drain().rows).toEqual(expected(kept, ['a'], COUNT, undefined));
        },
      ),
    );
  });

  it('keeps at most so many keys, the first ones, and loses no event', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(12), { maxLength: 60 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 6 }),
        (seconds, keysMax) => {
          const tally = new Tally({ by: ['a'], grid: COUNT }, undefined, keysMax);
          for (const values of seconds) {
            for (const value of values) tally.count(() => value);
            const { rows } = tally.drain();
            expect(rows.reduce((sum, row) => sum + total(row.histogram), 0)).toBe(values.length);
            const named = rows.filter((row) => row.key[0] !== REMAINDER);
            const distinct = [...new Set(values)];
            expect(named.length).toBeLessThanOrEqual(keysMax);
            // A key of another second never takes the place of one of this second.
            if (distinct.length <= keysMax) expect(named.length).toBe(distinct.length);
            else expect(named.length).toBeGreaterThan(0);
            for (const row of named) {
              const of = values.filter((value) => String(value) === row.key[0]).length;
              if (distinct.length <= keysMax) expect(total(row.histogram)).toBe(of);
              else expect(total(row.histogram)).toBeLessThanOrEqual(of);
            }
          }
        },
      ),
    );
  });

  it('adds amounts, and leaves out those of nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 ** 40), { maxLength: 20 }), (amounts) => {
        const tally = new Tally({ by: [], grid: COUNT }, undefined);
        for (const amount of amounts) tally.count(() => undefined, amount);
        const sum = amounts.reduce((a, b) => a + b, 0);
        expect(tally.drain().rows).toEqual(
          sum === 0 ? [] : [{ key: [], histogram: { buckets: [0], counts: [sum] } }],
        );
      }),
    );
  });

  it('gives values past their bound one key, and keeps finding it', () => {
    const tally = new Tally({ by: ['a'], grid: COUNT }, undefined, 4);
    const long = 'x'.repeat(KEY_VALUE_BYTES_MAX);
    for (let i = 0; i < 100; i++) tally.count(() => `${long}${i}`);
    expect(tally.drain().rows).toEqual([{ key: [long], histogram: { buckets: [0], counts: [100] } }]);
  });
});
