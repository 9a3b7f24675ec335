/** Predicates: what each operator is true of, and the laws of and, or, not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compilePredicate,
  conjuncts,
  isPredicate,
  type Literal,
  type Predicate,
  predicateFields,
} from '../../src/model/predicate.ts';
import { patternFault } from '../../src/model/pattern.ts';
import { arbitraryEvent, arbitraryPredicate } from '../arbitrary/predicate.ts';

const fields = ['a', 'b', 'c'] as const;
const predicate = arbitraryPredicate(fields);
const event = arbitraryEvent(fields);

function holds(p: Predicate | undefined, values: ReadonlyMap<string, Literal>): boolean {
  return compilePredicate(p)((field) => values.get(field));
}

describe('an operator', () => {
  type Operator = Extract<Predicate, { field: string; value: Literal }>['op'];
  it.each<[found: Literal | undefined, op: Operator, value: Literal, truth: boolean]>([
    ['GET', 'eq', 'GET', true],
    ['GET', 'eq', 'get', false],
    ['GET', 'ne', 'get', true],
    ['a', 'lt', 'b', true],
    ['b', 'le', 'b', true],
    ['b', 'gt', 'a', true],
    ['a', 'ge', 'b', false],
    // A number meets a text that is a decimal number by value ...
    ['503', 'ge', 500, true],
    ['503', 'eq', 503, true],
    ['503.0', 'eq', 503, true],
    ['9', 'lt', 10, true],
    ['-4', 'lt', 0, true],
    [503, 'eq', 503, true],
    [503, 'gt', 600, false],
    // ... a text value compares as text ...
    ['9', 'lt', '10', false],
    [503, 'eq', '503', true],
    // ... and a text that is no number has no order: it is only unequal.
    ['abc', 'eq', 0, false],
    ['abc', 'ne', 0, true],
    ['abc', 'lt', 0, false],
    ['abc', 'ge', 0, false],
    ['', 'ge', 0, false],
    ['1e3', 'eq', 1000, false],
    ['/api/v1', 'prefix', '/api', true],
    ['/api/v1', 'prefix', 'api', false],
    ['/api/v1', 'contains', 'api', true],
    [503, 'prefix', '5', true],
    ['/api/v1', 'match', 'v[0-9]$', true],
    ['/api/v1', 'match', '^v', false],
    ['/api/v1', 'nomatch', '^v', true],
    [503, 'match', '^5..$', true],
  ])('%j %s %j is %s', (found, op, value, truth) => {
    const p = { op, field: 'a', value } as Predicate;
    expect(holds(p, new Map(found === undefined ? [] : [['a', found]]))).toBe(truth);
  });

  it('in is eq with any of its values', () => {
    fc.assert(
      fc.property(event, fc.array(fc.constantFrom<Literal>('GET', '5', 5, '', 500)), (values, list) => {
        const any = list.some((value) => holds({ op: 'eq', field: 'a', value }, values));
        expect(holds({ op: 'in', field: 'a', values: list }, values)).toBe(any);
      }),
    );
  });

  it('of a field that the event does not have is that of the empty text', () => {
    const empty = new Map(fields.map((field) => [field, '']));
    fc.assert(
      fc.property(predicate, (p) => {
        expect(holds(p, new Map())).toBe(holds(p, empty));
      }),
    );
  });

  it('that is the opposite of another differs from it wherever there is an order', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (found, value) => {
        const truth = (op: 'eq' | 'ne' | 'lt' | 'ge' | 'le' | 'gt'): boolean =>
          holds({ op, field: 'a', value }, new Map([['a', found]]));
        expect(truth('ne')).toBe(!truth('eq'));
        expect(truth('ge')).toBe(!truth('lt'));
        expect(truth('gt')).toBe(!truth('le'));
        expect(truth('le')).toBe(truth('lt') || truth('eq'));
      }),
    );
  });
});

describe('and, or, not', () => {
  it('follow De Morgan and double negation', () => {
    fc.assert(
      fc.property(predicate, predicate, event, (p, q, values) => {
        const not = (term: Predicate): Predicate => ({ op: 'not', term });
        const [a, b] = [holds(p, values), holds(q, values)];
        expect(holds({ op: 'and', terms: [p, q] }, values)).toBe(a && b);
        expect(holds({ op: 'or', terms: [p, q] }, values)).toBe(a || b);
        expect(holds(not({ op: 'and', terms: [p, q] }), values)).toBe(
          holds({ op: 'or', terms: [not(p), not(q)] }, values),
        );
        expect(holds(not(not(p)), values)).toBe(a);
      }),
    );
  });

  it('no predicate is true, an empty and is true, an empty or is false', () => {
    expect(holds(undefined, new Map())).toBe(true);
    expect(holds({ op: 'and', terms: [] }, new Map())).toBe(true);
    expect(holds({ op: 'or', terms: [] }, new Map())).toBe(false);
  });

  it('conjuncts all hold exactly where the predicate does, and none is an and', () => {
    fc.assert(
      fc.property(predicate, event, (p, values) => {
        const parts = conjuncts(p);
        expect(parts.every((part) => holds(part, values))).toBe(holds(p, values));
        expect(parts.some((part) => part.op === 'and')).toBe(false);
      }),
    );
    expect(conjuncts(undefined)).toEqual([]);
  });
});

it('predicateFields are exactly the fields that it reads', () => {
  fc.assert(
    fc.property(predicate, event, (p, values) => {
      const read = new Set<string>();
      compilePredicate(p)((field) => {
        read.add(field);
        return values.get(field);
      });
      const named = predicateFields(p);
      expect(new Set(named).size).toBe(named.length);
      for (const field of read) expect(named).toContain(field);
    }),
  );
});

it('isPredicate takes every predicate and nothing that would not compile', () => {
  fc.assert(
    fc.property(predicate, (p) => {
      expect(isPredicate(p)).toBe(true);
    }),
  );
  const any = fc.anything({ withNullPrototype: true });
  const near = fc.record({
    op: fc.constantFrom('and', 'not', 'in', 'eq', 'match'),
    terms: any,
    term: any,
    field: any,
    value: any,
    values: any,
  });
  fc.assert(
    fc.property(fc.oneof(any, near), (value) => {
      if (isPredicate(value)) compilePredicate(value)(() => '503');
    }),
    { numRuns: 500 },
  );
});

it('a hostile pattern costs linear time', () => {
  const p: Predicate = { op: 'match', field: 'a', value: '(a+)+$' };
  const test = compilePredicate(p);
  expect(test(() => 'a'.repeat(2000) + 'b')).toBe(false);
  expect(patternFault('(a+)+$')).toBeUndefined();
  expect(patternFault('(')).toMatch(/./);
  expect(patternFault('(?=a)')).toMatch(/./);
});
