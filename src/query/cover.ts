/** Which instrumentation answers a read: one that counts at least what is asked, at least as finely. What it
 *  counts beyond is filtered by keys and buckets when the answer is made. */
import { unreachable } from '../model/assert.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import { type MetricDescription, TYPES, fieldOf } from '../model/metric.ts';
import { conjuncts, type Predicate, predicateFields } from '../model/predicate.ts';
import type { Catalogue } from './catalogue.ts';
import type { CheckedRead } from './checked.ts';
import { baseText } from './unit.ts';
import { bucketsInside, type Ranges, sameRanges, valueSet, valuesOf } from './value-set.ts';

export interface Cover {
  readonly instrumentation: Instrumentation;
  /** What keys must satisfy beyond what the instrumentation filters. */
  readonly keyFilter?: Predicate;
  /** The buckets that count; absent: all. */
  readonly buckets?: Ranges;
  readonly notes: readonly string[];
}

/** The covering instrumentation that is not paused, with the fewest fields, then the longest history, then the first
 *  name. Who asks which keys there are (`tellsBy`, the second from which on) gets the one with the most fields instead,
 *  of those that measured by then. */
export function findCover(
  read: CheckedRead,
  metric: MetricDescription,
  catalogue: Catalogue,
  tellsBy?: number,
): Cover | undefined {
  const covers = catalogue.instrumentations.flatMap((i) => coverBy(i, read, metric) ?? []);
  const compare = tellsBy === undefined ? compareCost : compareTold(tellsBy);
  return covers.toSorted((a, b) => compare(a.instrumentation, b.instrumentation))[0];
}

function compareTold(second: number): typeof compareCost {
  const isLate = (i: Instrumentation): number => (i.createdSecond > second ? 1 : 0);
  return (a, b) => isLate(a) - isLate(b) || b.by.length - a.by.length || compareCost(a, b);
}

function compareCost(a: Instrumentation, b: Instrumentation): number {
  const paused = (i: Instrumentation): number => (i.pausedSecond === undefined ? 0 : 1);
  return (
    paused(a) - paused(b) ||
    a.by.length - b.by.length ||
    a.createdSecond - b.createdSecond ||
    (a.id < b.id ? -1 : 1)
  );
}

function coverBy(i: Instrumentation, read: CheckedRead, metric: MetricDescription): Cover | undefined {
  if (i.metric !== read.metric || !read.fields.every((field) => i.by.includes(field))) return undefined;
  if (read.numeric !== undefined && read.numeric !== i.numeric) return undefined;
  const asked = conjuncts(read.where);
  const askedTexts = new Set(asked.map(canonical));
  const stored = conjuncts(i.where).map(canonical);
  if (!stored.every((conjunct) => askedTexts.has(conjunct))) return undefined;
  const rest = asked.filter((conjunct) => !stored.includes(canonical(conjunct)));
  const onKeys = rest.filter((p) => predicateFields(p).every((field) => i.by.includes(field)));
  const onNumeric = rest.filter((p) => predicateFields(p).every((field) => field === i.numeric));
  if (onKeys.length + onNumeric.length < rest.length) return undefined;
  const keyFilter = conjunction(onKeys);
  return {
    instrumentation: i,
    ...(keyFilter === undefined ? {} : { keyFilter }),
    ...bucketFilter(i, onNumeric, metric),
  };
}

function conjunction(terms: readonly Predicate[]): Predicate | undefined {
  return terms.length > 1 ? { op: 'and', terms } : terms[0];
}

function bucketFilter(
  { grid, numeric }: Instrumentation,
  terms: readonly Predicate[],
  metric: MetricDescription,
): { buckets?: Ranges; notes: string[] } {
  const predicate = conjunction(terms);
  if (predicate === undefined || numeric === undefined) return { notes: [] };
  const asked = valueSet(predicate);
  const buckets = bucketsInside(asked, grid);
  const kept = valuesOf(buckets, grid);
  if (sameRanges(asked, kept)) return { buckets, notes: [] };
  const type = TYPES[fieldOf(metric, numeric)!.type];
  const shown = kept.map(([from, until]) =>
    until > Number.MAX_SAFE_INTEGER
      ? `from ${baseText(from, type)}`
      : `from ${baseText(from, type)} to below ${baseText(until, type)}`,
  );
  const effect =
    shown.length === 0
      ? 'of which none lies wholly inside the bound'
      : `which here are ${shown.join(' and ')}`;
  return {
    buckets,
    notes: [`${numeric} is stored in buckets: the bound takes the whole buckets inside it, ${effect}`],
  };
}

/** One text for predicates that are equal but for the order of their terms. */
export function canonical(p: Predicate): string {
  switch (p.op) {
    case 'and':
    case 'or': {
      const terms = [...new Set(p.terms.map(canonical))].toSorted();
      // Of one term alone they say what it says.
      return terms.length === 1 ? terms[0]! : `${p.op}(${terms.join()})`;
    }
    case 'not':
      return `not(${canonical(p.term)})`;
    case 'in':
      return JSON.stringify(['in', p.field, [...new Set(p.values.map((v) => JSON.stringify(v)))].toSorted()]);
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
    case 'match':
    case 'nomatch':
    case 'prefix':
    case 'contains':
      return JSON.stringify([p.op, p.field, p.value]);
    default:
      return unreachable(p);
  }
}
