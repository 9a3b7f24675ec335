/** Assertions on distributions, for `expect.extend`: what each means exactly is in docs/LIBRARY.md. They take query
 *  results, histograms and plain values (distribution.ts), and need nothing of vitest but its types.
 *  A number that is known up to its bounds fails an assertion only where no value within the bounds would keep it;
 *  with `strict` it passes only where every value would. */
import type { Coverage } from '../../src/model/coverage.ts';
import { coverageOf as resultCoverage, type QueryResult } from '../../src/query/result.ts';
import { formatCount } from '../../src/render/format.ts';
import { histogramText } from '../../src/render/histogram-text.ts';
import {
  type Bounds,
  distance,
  type Distribution,
  distributionOf,
  isResult,
  type Measurable,
  NotMeasurableError,
  percentilePlaces,
  type Place,
  shareAbove,
  valueTypeOf,
} from './distribution.ts';
import { type Limit, newScale, type PlainUnit, type Scale } from './limit.ts';

export interface Strictness {
  /** Pass only where it is certain: where no value within the bounds breaks the limit. */
  readonly strict?: boolean;
}

export interface ValueLimits extends Strictness {
  readonly atMost?: Limit;
  readonly atLeast?: Limit;
  /** What plain values are in, so that limits may have a unit: `ms` for an array of milliseconds. */
  readonly unit?: PlainUnit;
}

export interface NumberLimits extends Strictness {
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface ShareLimits extends NumberLimits {
  readonly unit?: PlainUnit;
}

/** What `expect` gets; R is what an assertion returns. */
export interface TailglowMatchers<R = void> {
  /** The percentile, 0..100, lies within the limits: of n values the ceil(percent / 100 * n)-th smallest. Of an
   *  answer with many (`| percentiles` over time or by key, `| top 5 by p99`) every one that is known. */
  toHavePercentile(percent: number, limits: ValueLimits): R;
  /** So many values were counted. */
  toHaveCount(count: number | { readonly atMost?: number; readonly atLeast?: number }): R;
  /** The share (0..1) of the values that are larger than `value` lies within the limits. */
  toHaveShareAbove(value: Limit, limits: ShareLimits): R;
  /** The two-sample Kolmogorov-Smirnov distance to `other` is at most `distance`, 0..1. */
  toResembleDistribution(other: Measurable, limits: { readonly distance: number } & Strictness): R;
  /** In every second in which a source was expected, all that were reported in full; and one was. Of each source
   *  up to `exceptSeconds` seconds may be missing: 1 for the second at hand, which is not over. */
  toCoverEverySecond(options?: { readonly exceptSeconds?: number }): R;
}

export interface MatcherOutcome {
  readonly pass: boolean;
  readonly message: () => string;
}

/** Columns of a histogram in a message, and its rows. */
const TEXT_COLUMNS = 72;
const TEXT_ROWS = 12;
/** Places named in a message: the worst. */
const PLACES_SHOWN = 5;

export const tailglowMatchers = {
  toHavePercentile(received: unknown, percent: number, limits: ValueLimits): MatcherOutcome {
    checkRange('a percentile', percent, 0, 100);
    const scale = newScale(valueTypeOf(received), limits.unit);
    const within = limitsOf(limits, (limit) => scale.read(limit));
    const places = percentilePlaces(received, percent);
    if (places === undefined)
      throw new NotMeasurableError(
        `Cannot find p${percent} in this answer: ask for it, or with "| histograms"`,
      );
    if (places.length === 0) throw nothing(`p${percent}`, received);
    const outside = places.filter((place) => !holds(place, within, limits.strict));
    const pass = outside.length === 0;
    return {
      pass,
      message: () => {
        const wanted = `p${percent} ${limitText(within, scale.text)}`;
        const shown = pass ? places : outside;
        const marks =
          places.length > 1
            ? []
            : [
                { value: places[0]!.high, text: `p${percent}` },
                ...[within.atLeast, within.atMost].flatMap((value) =>
                  value === undefined ? [] : [{ value, text: 'limit' }],
                ),
              ];
        return messageOf(wanted, placesText(shown, places.length, scale), received, {
          scale,
          marks,
          strict: limits.strict,
          pass,
        });
      },
    };
  },

  toHaveCount(received: unknown, count: number | NumberLimits): MatcherOutcome {
    const within = typeof count === 'number' ? { atLeast: count, atMost: count } : limitsOf(count, (n) => n);
    const found = countOf(received);
    const pass = holds({ low: found, high: found }, within, false);
    return {
      pass,
      message: () => {
        const wanted = typeof count === 'number' ? formatCount(count) : limitText(within, formatCount);
        return messageOf(`a count of ${wanted}`, formatCount(found), received, { pass });
      },
    };
  },

  toHaveShareAbove(received: unknown, value: Limit, limits: ShareLimits): MatcherOutcome {
    const found = distributionOf(received);
    const scale = newScale(valueTypeOf(received) ?? found.type, limits.unit);
    const edge = scale.read(value);
    const within = limitsOf(limits, (share) => share);
    if (found.total === 0) throw nothing('a share', received);
    const share = shareAbove(found, edge);
    const pass = holds(share, within, limits.strict);
    return {
      pass,
      message: () =>
        messageOf(
          `a share above ${scale.text(edge)} of ${limitText(within, shareText)}`,
          `${boundsText(share, shareText)} (of ${formatCount(found.total)})`,
          received,
          { scale, marks: [{ value: edge, text: scale.text(edge) }], strict: limits.strict, pass },
        ),
    };
  },

  toResembleDistribution(
    received: unknown,
    other: Measurable,
    limits: { readonly distance: number } & Strictness,
  ): MatcherOutcome {
    checkRange('a distance', limits.distance, 0, 1);
    const [found, expected] = [distributionOf(received), distributionOf(other)];
    if (found.total === 0) throw nothing('a distance', received);
    if (expected.total === 0) throw nothing('a distance', other);
    const apart = distance(found, expected);
    const scale = newScale(found.type ?? expected.type, undefined);
    const shares = (of: Bounds): string => boundsText(of, shareText);
    const pass = holds(apart, { atMost: limits.distance }, limits.strict);
    return {
      pass,
      message: () =>
        [
          messageOf(
            `a Kolmogorov-Smirnov distance of at most ${limits.distance}`,
            `${boundsText(apart, shareText)}: at or below ${scale.text(apart.at)} lies a share of ${shares(apart.found)} of what was found, ${shares(apart.expected)} of what was expected`,
            received,
            { scale, strict: limits.strict, pass },
          ),
          `to resemble:\n${pictureOf(expected, scale, [])}`,
        ].join('\n\n'),
    };
  },

  toCoverEverySecond(received: unknown, options: { readonly exceptSeconds?: number } = {}): MatcherOutcome {
    const coverage = coverageOf(received);
    if (coverage === undefined)
      throw new NotMeasurableError('Cannot see coverage: expected the result of a query that reads a metric');
    const { exceptSeconds = 0 } = options;
    const short = coverage.missing.filter(({ seconds }) => seconds > exceptSeconds);
    const pass = coverage.expected > 0 && short.length === 0;
    return {
      pass,
      message: () => {
        const sources = coverage.expected === 1 ? '1 source' : `${coverage.expected} sources`;
        const state = `${sources} expected${coverage.missing.length === 0 ? ', none misses any' : ''}`;
        const except = exceptSeconds === 0 ? '' : ` but ${exceptSeconds}`;
        return messageOf(`every second covered${except}`, state, received, {
          pass,
        });
      },
    };
  },
};

type Within = { readonly atMost?: number; readonly atLeast?: number };

function limitsOf<T>(
  limits: { readonly atMost?: T; readonly atLeast?: T },
  read: (limit: T) => number,
): Within {
  const { atMost, atLeast } = limits;
  if (atMost === undefined && atLeast === undefined)
    throw new TypeError('Cannot assert without a limit: expected atMost, atLeast or both');
  return {
    ...(atMost === undefined ? {} : { atMost: read(atMost) }),
    ...(atLeast === undefined ? {} : { atLeast: read(atLeast) }),
  };
}

/** Whether some value within the bounds keeps the limits; where strict, whether all do. */
function holds(
  { low, high }: Bounds,
  { atMost = Infinity, atLeast = -Infinity }: Within,
  strict = false,
): boolean {
  return strict ? high <= atMost && low >= atLeast : low <= atMost && high >= atLeast;
}

function countOf(received: unknown): number {
  if (isResult(received) && received.kind === 'lines') {
    if (received.measure !== 'count')
      throw new NotMeasurableError(`Cannot count lines of ${received.measure}: ask with "| count"`);
    return received.series.reduce((sum, { values }) => sum + known(values), 0);
  }
  if (isResult(received) && received.kind === 'heatmap') return received.raster.total;
  if (isResult(received) && received.kind === 'table') {
    const at = received.columns.findIndex(({ name }) => name === 'count');
    if (at < 0) throw new NotMeasurableError('Cannot count this table: it has no column "count"');
    return received.rows.reduce((sum, row) => sum + Number(row[at] ?? 0), 0);
  }
  return distributionOf(received).total;
}

function known(values: Float64Array): number {
  return values.reduce((sum, value) => (Number.isNaN(value) ? sum : sum + value), 0);
}

function coverageOf(received: unknown): Coverage | undefined {
  return isResult(received) ? resultCoverage(received) : undefined;
}

function checkRange(what: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high))
    throw new RangeError(`Cannot assert ${what} of ${value}: expected ${low} to ${high}`);
}

function nothing(what: string, received: unknown): NotMeasurableError {
  return new NotMeasurableError(
    [`Cannot take ${what}: nothing was counted`, ...sayings(received)].join('\n'),
  );
}

interface Telling {
  /** The assertion holds: this is said where it was negated. */
  readonly pass: boolean;
  readonly scale?: Scale;
  readonly marks?: readonly { readonly value: number; readonly text: string }[];
  readonly strict?: boolean | undefined;
}

/** What was wanted, what was found, a picture of it, and where it comes from. */
function messageOf(wanted: string, found: string, received: unknown, telling: Telling): string {
  const scale = telling.scale ?? newScale(valueTypeOf(received), undefined);
  const surely = telling.strict === true ? ' for certain' : '';
  const picture = measurable(received);
  return [
    `expected ${telling.pass ? 'not ' : ''}${wanted}${surely}\nfound ${found}`,
    ...(picture === undefined ? [] : [pictureOf(picture, scale, telling.marks ?? [])]),
    ...sayings(received),
  ].join('\n\n');
}

function measurable(received: unknown): Distribution | undefined {
  try {
    return distributionOf(received);
  } catch (error) {
    if (error instanceof NotMeasurableError) return undefined;
    throw error;
  }
}

function pictureOf(
  { intervals }: Distribution,
  scale: Scale,
  marks: readonly { readonly value: number; readonly text: string }[],
): string {
  if (intervals.length === 0) return '  nothing';
  const text = histogramText(intervals, {
    columns: TEXT_COLUMNS,
    rows: TEXT_ROWS,
    format: scale.text,
    marks,
  });
  return text.replace(/^/gm, '  ');
}

function sayings(received: unknown): string[] {
  const { query, notes } = Object(received) as Partial<QueryResult> & { readonly query?: string };
  const missing = coverageOf(received)?.missing ?? [];
  return [
    ...(missing.length === 0 ? [] : [`not covered: ${missingText(missing)}`]),
    ...(notes ?? []).map((note) => `note: ${note}`),
    ...(query === undefined ? [] : [`query: ${query}`]),
  ];
}

function missingText(missing: Coverage['missing']): string {
  const shown = missing
    .slice(0, PLACES_SHOWN)
    .map(({ name, seconds }) => `${name} misses ${formatCount(seconds)} s`);
  const more = missing.length - shown.length;
  return [...shown, ...(more > 0 ? [`${formatCount(more)} sources more`] : [])].join(', ');
}

/** The largest first. */
function placesText(places: readonly Place[], all: number, scale: Scale): string {
  const [first] = places;
  if (all === 1 && first !== undefined && first.name === '') return boundsText(first, scale.text);
  const shown = places.toSorted((a, b) => b.low - a.low).slice(0, PLACES_SHOWN);
  const lines = shown.map((place) => `\n  ${boundsText(place, scale.text)}  ${place.name}`);
  const more = places.length - shown.length;
  return `at ${formatCount(places.length)} of ${formatCount(all)} places:${lines.join('')}${more > 0 ? `\n  and ${formatCount(more)} more` : ''}`;
}

function boundsText({ low, high }: Bounds, text: (value: number) => string): string {
  const [from, to] = [text(low), text(high)];
  return from === to ? from : `${from} to ${to}`;
}

function limitText({ atMost, atLeast }: Within, text: (value: number) => string): string {
  const parts = [
    ...(atLeast === undefined ? [] : [`at least ${text(atLeast)}`]),
    ...(atMost === undefined ? [] : [`at most ${text(atMost)}`]),
  ];
  return parts.join(' and ');
}

function shareText(share: number): string {
  return String(Number(share.toPrecision(3)));
}
