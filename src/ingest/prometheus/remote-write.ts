/** Points of a remote write 1.0 request. Samples come without their type: a name that ends in `_total`, `_count` or
 *  `_sum` is a counter, `_bucket` with a label `le` is a bucket of a classic histogram, anything else a level; a
 *  `_count` or `_sum` beside its buckets is left out. The buckets of one histogram must come in one request, as one
 *  shard of Prometheus sends them. Native histograms come whole. Throws WireError. */
import type { Bins } from '../foreign/bins.ts';
import type { Point, PointOrReason } from '../foreign/point.ts';
import { FIXED64, LENGTH, ProtoReader, VARINT } from '../foreign/protobuf.ts';
import { classicBins, numberOf, unitOfName } from './exposition.ts';
import { type NativeFields, NativeReading, readLabel } from './families-protobuf.ts';

const NATIVE: NativeFields = {
  schema: 4,
  zeroThreshold: 5,
  zeroCount: 6,
  positiveSpan: 11,
  positiveDelta: 12,
  negativeDelta: 9,
};
const HISTOGRAM_TIMESTAMP = 15;

interface WrittenSeries {
  readonly labels: Map<string, string>;
  readonly samples: { readonly value: number; readonly time: number }[];
  readonly natives: { readonly bins: Bins; readonly time: number }[];
}

interface Classic {
  readonly name: string;
  readonly labels: Map<string, string>;
  readonly time: number;
  readonly buckets: [number, number][];
}

export function* writtenPoints(bytes: Uint8Array): Generator<PointOrReason> {
  const classics = new Map<string, Classic>();
  const plain: { readonly name: string; readonly series: WrittenSeries }[] = [];
  const bucketed = new Set<string>();
  for (const series of writtenSeries(bytes)) {
    const name = series.labels.get('__name__') ?? '';
    series.labels.delete('__name__');
    const stem = name.replace(/_bucket$/, '');
    if (stem !== name && series.labels.has('le')) {
      bucketed.add(stem);
      addBuckets(classics, stem, series);
    } else plain.push({ name, series });
    for (const { bins, time } of series.natives)
      yield point({ name, kind: 'histogram' }, series.labels, time, bins);
  }
  for (const { name, labels, time, buckets } of classics.values()) {
    const bins = classicBins(buckets);
    yield bins === undefined
      ? 'histograms without a bucket up to +Inf'
      : point({ name, kind: 'histogram' }, labels, time, bins);
  }
  for (const { name, series } of plain) {
    const isCount = /_(total|count|sum)$/.test(name);
    if (isCount && bucketed.has(name.replace(/_(count|sum)$/, ''))) continue;
    const kind = isCount ? 'count' : 'level';
    for (const { value, time } of series.samples) yield point({ name, kind }, series.labels, time, value);
  }
}

function addBuckets(classics: Map<string, Classic>, name: string, { labels, samples }: WrittenSeries): void {
  const bound = numberOf(labels.get('le')!);
  labels.delete('le');
  const pairs = JSON.stringify([...labels].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  for (const { value, time } of samples) {
    if (Number.isNaN(value)) continue;
    const key = `${name} ${time} ${pairs}`;
    let classic = classics.get(key);
    if (classic === undefined) classics.set(key, (classic = { name, labels, time, buckets: [] }));
    classic.buckets.push([bound, value]);
  }
}

function point(
  { name, kind }: Pick<Point['metric'], 'name' | 'kind'>,
  labels: ReadonlyMap<string, string>,
  time: number,
  value: number | Bins,
): Point {
  const metric = {
    name,
    kind,
    unit: unitOfName(name.replace(/_(sum|count)$/, (suffix) => (suffix === '_sum' ? '' : suffix))),
  };
  return { metric, origin: '', labels, temporality: 'cumulative', start: undefined, time, value };
}

function* writtenSeries(bytes: Uint8Array): Generator<WrittenSeries> {
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (!reader.is(1, LENGTH)) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const series: WrittenSeries = { labels: new Map(), samples: [], natives: [] };
    while (reader.next()) {
      if (reader.is(1, LENGTH)) readLabel(reader, series.labels);
      else if (reader.is(2, LENGTH)) readSample(reader, series);
      else if (reader.is(4, LENGTH)) readNative(reader, series);
      else reader.skip();
    }
    reader.leave(outer);
    yield series;
  }
}

function readSample(reader: ProtoReader, { samples }: WrittenSeries): void {
  const outer = reader.enter();
  let value = 0;
  let time = 0;
  while (reader.next()) {
    if (reader.is(1, FIXED64)) value = reader.double();
    else if (reader.is(2, VARINT)) time = reader.signed() / 1000;
    else reader.skip();
  }
  reader.leave(outer);
  samples.push({ value, time });
}

function readNative(reader: ProtoReader, { natives }: WrittenSeries): void {
  const outer = reader.enter();
  const native = new NativeReading(NATIVE);
  let time = 0;
  while (reader.next()) {
    if (native.take(reader)) continue;
    if (reader.is(HISTOGRAM_TIMESTAMP, VARINT)) time = reader.signed() / 1000;
    else reader.skip();
  }
  reader.leave(outer);
  const bins = native.bins();
  if (bins !== undefined) natives.push({ bins, time });
}
