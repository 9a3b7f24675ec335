/** Points of what a Prometheus server writes, whichever version its request has (written-series-1.ts, written-series-2.ts).
 *  What says its type is taken at its word. What does not: a name that ends in `_total`, `_count` or `_sum` is a counter,
 *  `_bucket` with a label `le` is a bucket of a classic histogram, anything else a level. A `_count` or `_sum` beside its
 *  buckets is left out. The buckets of one histogram must come in one request, as one shard of Prometheus sends them.
 *  Native histograms come whole. Pure. */
import type { Bins } from '../foreign/bins.ts';
import type { Unit } from '../foreign/names.ts';
import type { Point, PointOrReason } from '../foreign/point.ts';
import { classicBins, type FamilyType, numberOf, unitOfName } from './exposition.ts';

export interface WrittenSeries {
  readonly labels: Map<string, string>;
  /** Times in Unix seconds. */
  readonly samples: { readonly value: number; readonly time: number }[];
  readonly natives: { readonly bins: Bins; readonly time: number }[];
  /** Undefined where the sender does not say, as none does in version 1. */
  readonly type?: FamilyType;
  readonly unit?: Unit;
  /** Since when it counts, in Unix seconds. */
  readonly start?: number;
}

interface Classic {
  readonly name: string;
  readonly series: WrittenSeries;
  readonly time: number;
  readonly buckets: [number, number][];
}

export function* writtenPoints(all: Iterable<WrittenSeries>): Generator<PointOrReason> {
  const classics = new Map<string, Classic>();
  const plain: { readonly name: string; readonly series: WrittenSeries }[] = [];
  const bucketed = new Set<string>();
  for (const series of all) {
    const name = series.labels.get('__name__') ?? '';
    series.labels.delete('__name__');
    if (series.type === 'gaugehistogram') {
      yield 'gauge histograms are not counted';
      continue;
    }
    const stem = name.replace(/_bucket$/, '');
    if (stem !== name && series.labels.has('le')) {
      bucketed.add(stem);
      addBuckets(classics, stem, series);
    } else plain.push({ name, series });
    for (const { bins, time } of series.natives) yield point({ name, kind: 'histogram' }, series, time, bins);
  }
  for (const { name, series, time, buckets } of classics.values()) {
    const bins = classicBins(buckets);
    yield bins === undefined
      ? 'histograms without a bucket up to +Inf'
      : point({ name, kind: 'histogram' }, series, time, bins);
  }
  for (const { name, series } of plain) {
    if (/_(count|sum)$/.test(name) && bucketed.has(name.replace(/_(count|sum)$/, ''))) continue;
    const kind = isCount(name, series.type) ? 'count' : 'level';
    for (const { value, time } of series.samples) yield point({ name, kind }, series, time, value);
  }
}

function isCount(name: string, type: FamilyType | undefined): boolean {
  if (type === 'counter') return true;
  if (type === 'gauge') return false;
  return /_(total|count|sum)$/.test(name);
}

function addBuckets(classics: Map<string, Classic>, name: string, series: WrittenSeries): void {
  const { labels, samples } = series;
  const bound = numberOf(labels.get('le')!);
  labels.delete('le');
  const pairs = JSON.stringify([...labels].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  for (const { value, time } of samples) {
    if (Number.isNaN(value)) continue;
    const key = `${name} ${time} ${pairs}`;
    let classic = classics.get(key);
    if (classic === undefined) classics.set(key, (classic = { name, series, time, buckets: [] }));
    classic.buckets.push([bound, value]);
  }
}

function point(
  { name, kind }: Pick<Point['metric'], 'name' | 'kind'>,
  { labels, start, unit }: WrittenSeries,
  time: number,
  value: number | Bins,
): Point {
  const stem = name.replace(/_(sum|count)$/, (suffix) => (suffix === '_sum' ? '' : suffix));
  const isEvents = stem.endsWith('_count'); // counts of what has a unit have none
  const metric = { name, kind, unit: (isEvents ? undefined : unit) ?? unitOfName(stem) };
  return { metric, origin: '', labels, temporality: 'cumulative', start, time, value };
}
