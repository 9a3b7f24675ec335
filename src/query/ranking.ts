/** Keys by what they count in a place, beside what they count outside of it: each stored field by itself, then all
 *  together. What is not named stands in one row, so that the rows of a ranking add up to the place. */
import type { Instrumentation } from '../model/instrumentation.ts';
import { compareKeys, type Key, keyText, REMAINDER } from '../model/key.ts';
import { DISCRETE_FIELDS_MAX } from '../model/limits.ts';
import { isNumeric, type MetricDescription } from '../model/metric.ts';
import { printPredicate } from './print.ts';
import type { KeyRanking, KeyShare, Unstored } from './result.ts';

/** Keys named in one ranking: more are read by nobody, and sent to everybody. */
export const RANKED_MAX = 50;

/** What a key counts, of groups that share it. */
export interface KeyCounts {
  readonly key: Key;
  inside: number;
  outside: number;
}

/** Groups brought together by the values at `places` of their keys. */
export function countsBy(
  groups: readonly Key[],
  places: readonly number[],
  counts: { readonly inside: Float64Array; readonly outside: Float64Array },
): KeyCounts[] {
  const byText = new Map<string, KeyCounts>();
  groups.forEach((group, g) => {
    const key = places.map((place) => group[place]!);
    const text = keyText(key);
    let sums = byText.get(text);
    if (sums === undefined) byText.set(text, (sums = { key, inside: 0, outside: 0 }));
    sums.inside += counts.inside[g]!;
    sums.outside += counts.outside[g]!;
  });
  return [...byText.values()];
}

/** Single fields, then all. */
export function rankedFields(count: number): number[][] {
  const single = Array.from({ length: count }, (_, place) => [place]);
  return count > 1 ? [...single, single.flat()] : single;
}

export interface Totals {
  readonly inside: number;
  readonly outside: number;
}

export function rankKeys(
  fields: readonly string[],
  counts: readonly KeyCounts[],
  totals: Totals,
): KeyRanking {
  const present = counts.filter(({ inside }) => inside > 0);
  const named = present
    .filter(({ key }) => !key.every((value) => value === REMAINDER))
    .toSorted((a, b) => b.inside - a.inside || compareKeys(a.key, b.key))
    .slice(0, RANKED_MAX);
  const isNamed = new Set(named);
  const rest = counts.filter((one) => !isNamed.has(one));
  const rows = named.map((one) => ({ key: one.key, ...sharesOf(one, totals) }));
  const left = { inside: sum(rest, 'inside'), outside: sum(rest, 'outside') };
  return {
    fields,
    keys: present.length,
    rows:
      left.inside === 0 && left.outside === 0
        ? rows
        : [...rows, { key: undefined, ...sharesOf(left, totals) }],
  };
}

function sum(counts: readonly KeyCounts[], side: 'inside' | 'outside'): number {
  return counts.reduce((total, one) => total + one[side], 0);
}

export function sharesOf({ inside, outside }: Totals, totals: Totals): Omit<KeyShare, 'key'> {
  const share = totals.inside > 0 ? inside / totals.inside : 0;
  const outsideShare = totals.outside > 0 ? outside / totals.outside : null;
  const lift = outsideShare === null || outsideShare === 0 ? null : share / outsideShare;
  return { count: inside, share, outside, outsideShare, lift };
}

/** The discrete fields that the instrumentation does not store; undefined where it stores all. */
export function unstoredFields(
  metric: MetricDescription,
  { by, numeric, where }: Instrumentation,
): Unstored | undefined {
  const discrete = metric.fields.filter((f) => !isNumeric(f)).map((f) => f.name);
  const fields = discrete.filter((name) => !by.includes(name));
  if (fields.length === 0) return undefined;
  const all = [...by, ...fields].slice(0, DISCRETE_FIELDS_MAX);
  const offer = [
    `instrument ${metric.name}`,
    ...(where === undefined ? [] : [`where ${printPredicate(where, metric)}`]),
    `by ${[...all, ...(numeric === undefined ? [] : [numeric])].join(', ')}`,
  ].join(' ');
  return { fields, offer };
}
