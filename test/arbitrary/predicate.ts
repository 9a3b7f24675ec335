/** Random predicates over the fields given, and random events to try them on. */
import fc from 'fast-check';
import type { Literal, Predicate } from '../../src/model/predicate.ts';

export const arbitraryLiteral: fc.Arbitrary<Literal> = fc.oneof(
  fc.integer({ min: -5, max: 600 }),
  fc.integer({ min: -5, max: 600 }).map(String),
  fc.constantFrom('GET', 'get', '/checkout', '/', '', '1e3', '5.5', '-'),
);

export function arbitraryPredicate(fields: readonly [string, ...string[]]): fc.Arbitrary<Predicate> {
  const field = fc.constantFrom(...fields);
  const { predicate } = fc.letrec<{ predicate: Predicate }>((tie) => ({
    predicate: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.record({
        op: fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge'),
        field,
        value: arbitraryLiteral,
      }),
      fc.record({ op: fc.constant('in'), field, values: fc.array(arbitraryLiteral, { maxLength: 3 }) }),
      fc.record({
        op: fc.constantFrom('prefix', 'contains'),
        field,
        value: fc.constantFrom('', '/', 'G', '50'),
      }),
      fc.record({
        op: fc.constantFrom('match', 'nomatch'),
        field,
        value: fc.constantFrom('^5', '[A-Z]+', 'out$', '.*', '(?i)get'),
      }),
      fc.record({
        op: fc.constantFrom('and', 'or'),
        terms: fc.array(tie('predicate'), { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ op: fc.constant('not'), term: tie('predicate') }),
    ),
  }));
  return predicate;
}

/** An event that has some of the fields. */
export function arbitraryEvent(fields: readonly string[]): fc.Arbitrary<ReadonlyMap<string, Literal>> {
  return fc
    .array(fc.option(arbitraryLiteral, { nil: undefined }), {
      minLength: fields.length,
      maxLength: fields.length,
    })
    .map((values) => {
      const event = new Map<string, Literal>();
      values.forEach((value, i) => value !== undefined && event.set(fields[i]!, value));
      return event;
    });
}
