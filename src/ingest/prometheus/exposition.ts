/** What a Prometheus target exposes, as plain values, whatever form it came in: families of series. Owns: from families
 *  to points. Classic histograms become explicit buckets. Pure. */
import type { Bins } from '../foreign/bins.ts';
import type { Unit } from '../foreign/names.ts';
import type { Point, PointMetric, PointOrReason } from '../foreign/point.ts';

export type FamilyType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'gaugehistogram' | 'untyped';

export interface Series {
  /** The family's name, or that with a suffix of its type (`_bucket`, `_total`). */
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: FamilyType;
  readonly series: readonly Series[];
  /** Of native histograms. */
  readonly natives?: readonly { readonly labels: ReadonlyMap<string, string>; readonly bins: Bins }[];
}

export function* pointsOf(family: Family, time: number): Generator<PointOrReason> {
  switch (family.type) {
    case 'counter':
      yield* plain(family, 'count', time);
      return;
    case 'gauge':
    case 'untyped':
      yield* plain(family, 'level', time);
      return;
    case 'histogram':
      yield* histograms(family, time);
      return;
    case 'summary':
      for (const { name } of family.series)
        if (name.endsWith('_count')) yield 'summaries have quantiles and no buckets';
      return;
    case 'gaugehistogram':
      for (const { name } of family.series)
        if (name.endsWith('_gcount')) yield 'gauge histograms are not counted';
  }
}

function* plain(family: Family, kind: 'count' | 'level', time: number): Generator<PointOrReason> {
  const metric: PointMetric = { name: family.name, unit: unitOfName(family.name), kind };
  for (const { name, labels, value } of family.series) {
    if (name.endsWith('_created')) continue;
    yield point(metric, labels, time, value);
  }
}

function* histograms(family: Family, time: number): Generator<PointOrReason> {
  const metric: PointMetric = { name: family.name, unit: unitOfName(family.name), kind: 'histogram' };
  for (const { labels, bins } of family.natives ?? []) yield point(metric, labels, time, bins);
  const groups = new Map<string, { labels: Map<string, string>; buckets: [number, number][] }>();
  for (const { name, labels, value } of family.series) {
    if (!name.endsWith('_bucket')) continue;
    const rest = new Map(labels);
    rest.delete('le');
    const key = JSON.stringify([...rest].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = { labels: rest, buckets: [] }));
    group.buckets.push([numberOf(labels.get('le') ?? ''), value]);
  }
  for (const { labels, buckets } of groups.values()) {
    const bins = classicBins(buckets);
    yield bins === undefined ? 'histograms without a bucket up to +Inf' : point(metric, labels, time, bins);
  }
}

/** Of upper bounds with all that lies at or below; in any order. */
export function classicBins(buckets: readonly (readonly [number, number])[]): Bins | undefined {
  const ascending = buckets.toSorted(([a], [b]) => a - b);
  if (ascending.at(-1)?.[0] !== Infinity) return undefined;
  const bounds = ascending.slice(0, -1).map(([bound]) => bound);
  const counts = ascending.map(([, below], i) => Math.round(below - (ascending[i - 1]?.[1] ?? 0)));
  return { kind: 'explicit', bounds, counts };
}

function point(
  metric: PointMetric,
  labels: ReadonlyMap<string, string>,
  time: number,
  value: number | Bins,
): Point {
  return { metric, origin: '', labels, temporality: 'cumulative', start: undefined, time, value };
}

/** A number as the text format has it. */
export function numberOf(text: string): number {
  if (/^[+]?inf(inity)?$/i.test(text)) return Infinity;
  if (/^-inf(inity)?$/i.test(text)) return -Infinity;
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

/** Of a name, which carries its base unit as a suffix. */
export function unitOfName(name: string): Unit {
  const base = name.replace(/_total$/, '');
  if (base.endsWith('_seconds')) return { type: 'time', scale: 1e9, label: 's' };
  if (base.endsWith('_milliseconds')) return { type: 'time', scale: 1e6, label: 's' };
  if (base.endsWith('_bytes')) return { type: 'size', scale: 1, label: 'B' };
  return { type: 'number', scale: 1, label: 'count' };
}
