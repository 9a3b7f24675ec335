/** Sets of the values that a numeric field may take, as ascending disjoint half-open ranges of integers, and the
 *  buckets that lie wholly inside them. So a bound on a numeric field is answered from stored buckets. */
import { assert, AssertionFault, unreachable } from '../model/assert.ts';
import { bucketCount, bucketEdge, bucketIndex, type Grid, VALUE_MAX } from '../model/grid.ts';
import type { Literal, Predicate } from '../model/predicate.ts';

export type Ranges = readonly (readonly [from: number, until: number])[];

const END = VALUE_MAX + 1;
const ALL: Ranges = [[0, END]];

/** The values of which a predicate over this one field is true. */
export function valueSet(predicate: Predicate): Ranges {
  switch (predicate.op) {
    case 'and':
      return predicate.terms.map(valueSet).reduce(intersection, ALL);
    case 'or':
      return complement(predicate.terms.map((term) => complement(valueSet(term))).reduce(intersection, ALL));
    case 'not':
      return complement(valueSet(predicate.term));
    case 'in':
      return valueSet({
        op: 'or',
        terms: predicate.values.map((v) => ({ op: 'eq', field: predicate.field, value: v })),
      });
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
      return compared(predicate.op, predicate.value);
    case 'match':
    case 'nomatch':
    case 'prefix':
    case 'contains':
      throw new AssertionFault(`${predicate.op} is no test of a number`);
    default:
      return unreachable(predicate);
  }
}

function compared(op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge', value: Literal): Ranges {
  assert(typeof value === 'number' && value >= 0, () => `value is ${value}`);
  switch (op) {
    case 'eq':
      return range(value, value + 1);
    case 'ne':
      return complement(range(value, value + 1));
    case 'lt':
      return range(0, value);
    case 'le':
      return range(0, value + 1);
    case 'gt':
      return range(value + 1, END);
    case 'ge':
      return range(value, END);
  }
}

function range(from: number, until: number): Ranges {
  const end = Math.min(until, END);
  return from < end ? [[from, end]] : [];
}

function complement(set: Ranges): Ranges {
  const gaps: [number, number][] = [];
  let from = 0;
  for (const [start, until] of set) {
    if (from < start) gaps.push([from, start]);
    from = until;
  }
  if (from < END) gaps.push([from, END]);
  return gaps;
}

function intersection(a: Ranges, b: Ranges): Ranges {
  return a.flatMap(([from, until]) => b.flatMap(([f, u]) => range(Math.max(from, f), Math.min(until, u))));
}

/** Buckets that hold only values of the set, as ascending ranges of indices. */
export function bucketsInside(set: Ranges, grid: Grid): Ranges {
  const count = bucketCount(grid);
  return set.flatMap(([from, until]) => {
    const at = bucketIndex(grid, from);
    const first = bucketEdge(grid, at) === from ? at : at + 1;
    const end = until >= END ? count : bucketIndex(grid, until);
    return first < end ? [[first, end] as const] : [];
  });
}

/** The values that the buckets hold. */
export function valuesOf(buckets: Ranges, grid: Grid): Ranges {
  const count = bucketCount(grid);
  return buckets.map(([first, until]) => [
    bucketEdge(grid, first),
    until === count ? END : bucketEdge(grid, until),
  ]);
}

export function sameRanges(a: Ranges, b: Ranges): boolean {
  return a.length === b.length && a.every(([from, until], i) => from === b[i]![0] && until === b[i]![1]);
}
