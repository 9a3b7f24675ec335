/** What differs inside a box: every value of every stored field, by how much its share inside differs from its share of
 *  everything else in the range. Counts only, so it reaches as far back as counts are kept.
 *  The score is the Jensen-Shannon divergence in bits, which does not grow with traffic; the chance, and the false
 *  discovery rate over all values tested, say whether it could be luck. */
import { assert } from '../model/assert.ts';
import { REMAINDER } from '../model/key.ts';
import type { Place } from './checked.ts';
import type { Sources } from './sources.ts';
import { unitOf } from './lines.ts';
import { placeCounts } from './place-counts.ts';
import { countsBy, type KeyCounts, sharesOf, type Totals, unstoredFields } from './ranking.ts';
import type { CompareField, CompareResult, CompareValue } from './result.ts';
import {
  classChance,
  discoveryRates,
  divergenceBits,
  EXPECTED_MIN,
  independenceChance,
  type TwoLayers,
} from './significance.ts';

/** The share of the values called significant that are expected to be luck. */
export const FALSE_SHARE = 0.05;
/** Values named: more are read by nobody. */
const VALUES_MAX = 100;

export function compareResult(sources: Sources, place: Place): CompareResult {
  const { plan, scan, known, kernel } = sources;
  const { box, metric, instrumentation, fields } = plan;
  assert(box !== undefined, 'a comparison has its place');
  const { values } = place;
  assert(values === undefined || 'low' in values, 'a box has ends');
  const { inside, all } = placeCounts(scan, box, values, kernel);
  const outside = all.map((count, g) => Math.max(0, count - inside[g]!));
  const totals = { inside: sumOf(inside), outside: sumOf(outside) };
  const byField = fields.map((_, place) => countsBy(scan.groups, [place], { inside, outside }));
  const tested = rankValues(fields, byField, totals);
  const unstored = unstoredFields(metric, instrumentation);
  return {
    kind: 'compare',
    metric: metric.name,
    fromSecond: box.fromSecond,
    untilSecond: box.untilSecond,
    columnSeconds: plan.columnSeconds,
    ...(plan.numeric === undefined ? {} : { unit: unitOf(sources, { kind: 'percentiles' }) }),
    ...(values === undefined ? {} : { values }),
    total: totals.inside,
    outside: totals.outside,
    falseShare: FALSE_SHARE,
    fields: rankFields(fields, byField, totals, tested),
    tests: tested.length,
    rows: tested.slice(0, VALUES_MAX),
    ...(unstored === undefined ? {} : { unstored }),
    coverage: known.coverage,
    notes: [...plan.notes, ...cautions(sources, totals)],
  };
}

function cautions({ plan }: Sources, { inside, outside }: Totals): string[] {
  const { metric, fields, instrumentation } = plan;
  const notes: string[] = [];
  if (fields.length === 0)
    notes.push(`${instrumentation.id} stores no discrete field: there is nothing to compare`);
  if (inside <= 0 || outside <= 0)
    notes.push(
      `nothing is counted ${inside <= 0 ? 'inside' : 'outside of'} the box: there is nothing to compare`,
    );
  if (metric.amount !== undefined)
    notes.push(
      `${metric.name} counts amounts: chances take each ${metric.unit} as an event, and are far too small`,
    );
  return notes;
}

/** A field differs where its values do as a whole, or where one of them does by itself: a rare value that is only inside
 *  is lost among the others. Of two tests the smaller chance counts twice (Bonferroni), as does a value's for each value. */
function rankFields(
  fields: readonly string[],
  byField: readonly (readonly KeyCounts[])[],
  totals: Totals,
  tested: readonly CompareValue[],
): CompareField[] {
  const found = fields.map((field, i) => {
    const counts = byField[i]!;
    const values = tested.filter((one) => one.field === field);
    const apart = new Set(values.filter((one) => one.significant).map((one) => one.value));
    const one = Math.min(1, ...values.map(({ p }) => p)) * values.length;
    const whole = independenceChance(pooled(counts, totals));
    return {
      field,
      values: counts.length,
      score: divergenceBits(pooled(counts, totals, apart)),
      p: Math.min(1, 2 * Math.min(whole, one)),
    };
  });
  const rates = discoveryRates(found.map((f) => f.p));
  return found
    .map((one, i) => ({ ...one, q: rates[i]!, significant: rates[i]! <= FALSE_SHARE }))
    .toSorted(byScore);
}

/** Rare values as one class, but for those named: of few events no approximation holds, and many of them look different
 *  by luck. */
function pooled(
  counts: readonly KeyCounts[],
  { inside, outside }: Totals,
  apart: ReadonlySet<string> = new Set(),
): TwoLayers {
  const layers = { inside: [0], outside: [0] };
  const least = Math.min(inside, outside) / (inside + outside);
  for (const one of counts) {
    const isRare = (one.inside + one.outside) * least < EXPECTED_MIN;
    if (isRare && !apart.has(one.key[0]!)) {
      layers.inside[0]! += one.inside;
      layers.outside[0]! += one.outside;
    } else {
      layers.inside.push(one.inside);
      layers.outside.push(one.outside);
    }
  }
  const isEmpty = layers.inside[0] === 0 && layers.outside[0] === 0;
  return isEmpty ? { inside: layers.inside.slice(1), outside: layers.outside.slice(1) } : layers;
}

/** Every value that a source tells apart is tested. */
function rankValues(
  fields: readonly string[],
  byField: readonly (readonly KeyCounts[])[],
  totals: Totals,
): CompareValue[] {
  const found = fields.flatMap((field, i) =>
    byField[i]!.filter((one) => one.key[0] !== REMAINDER && one.inside + one.outside > 0).map((one) => ({
      field,
      value: one.key[0]!,
      ...sharesOf(one, totals),
      score: divergenceBits({
        inside: [one.inside, totals.inside - one.inside],
        outside: [one.outside, totals.outside - one.outside],
      }),
      p: totals.inside > 0 && totals.outside > 0 ? classChance(one, totals) : 1,
    })),
  );
  const rates = discoveryRates(found.map((one) => one.p));
  return found
    .map((one, i) => ({ ...one, q: rates[i]!, significant: rates[i]! <= FALSE_SHARE }))
    .toSorted(byScore);
}

interface Scored {
  readonly field: string;
  readonly value?: string;
  /** Of what is inside. */
  readonly share?: number;
  readonly score: number;
  readonly significant: boolean;
}

/** What may be luck comes behind what is not; of two values that are each other's complement, the one that is more
 *  common inside comes first. */
function byScore(a: Scored, b: Scored): number {
  const order = Number(b.significant) - Number(a.significant) || rounded(b) - rounded(a);
  const names = compareText(a.field, b.field) || compareText(a.value ?? '', b.value ?? '');
  return order || (b.share ?? 0) - (a.share ?? 0) || names;
}

/** Equal but for the last bits of a sum is equal. */
function rounded({ score }: Scored): number {
  return Math.round(score * 1e12);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sumOf(counts: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i]!;
  return sum;
}
