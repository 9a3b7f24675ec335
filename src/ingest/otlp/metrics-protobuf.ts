/** Points of an ExportMetricsServiceRequest in protobuf, one after another. What stands before the points of a metric
 *  may come behind them in the bytes, so each message is gone over twice: for its scalars, and for its points.
 *  Exemplars are skipped. Throws WireError. */
import type { Literal } from '../../model/predicate.ts';
import { BINS_MAX } from '../foreign/bins.ts';
import type { PointOrReason } from '../foreign/point.ts';
import { FIXED64, LENGTH, ProtoReader, VARINT } from '../foreign/protobuf.ts';
import type { TextCache } from '../foreign/text-cache.ts';
import { readAttribute, readResource } from './attributes-protobuf.ts';
import { wordsSeconds } from './instant.ts';
import {
  type DataPoint,
  explicitBins,
  isResourceField,
  type MetricHead,
  type MetricKind,
  type MetricOrigin,
  pointOf,
} from './metric-points.ts';

const KIND_FIELDS: Readonly<Record<number, MetricKind>> = {
  5: 'gauge',
  7: 'sum',
  9: 'histogram',
  10: 'exponential',
  11: 'summary',
};

export function* protobufPoints(bytes: Uint8Array, texts: TextCache): Generator<PointOrReason> {
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (!reader.is(1, LENGTH)) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const resource = readResource(reader, texts).filter(isResourceField);
    while (reader.next()) {
      if (reader.is(2, LENGTH)) yield* scopePoints(reader, texts, resource);
      else reader.skip();
    }
    reader.leave(outer);
  }
}

function* scopePoints(
  reader: ProtoReader,
  texts: TextCache,
  resource: readonly (readonly [string, Literal])[],
): Generator<PointOrReason> {
  const outer = reader.enter();
  const start = reader.at;
  let scope = '';
  while (reader.next()) {
    if (reader.is(1, LENGTH)) scope = scopeName(reader);
    else reader.skip();
  }
  reader.at = start;
  while (reader.next()) {
    if (reader.is(2, LENGTH)) yield* metricPoints(reader, texts, { scope, resource });
    else reader.skip();
  }
  reader.leave(outer);
}

function scopeName(reader: ProtoReader): string {
  const outer = reader.enter();
  let name = '';
  while (reader.next()) {
    if (reader.is(1, LENGTH)) name = reader.text();
    else reader.skip();
  }
  reader.leave(outer);
  return name;
}

function* metricPoints(
  reader: ProtoReader,
  texts: TextCache,
  origin: MetricOrigin,
): Generator<PointOrReason> {
  const outer = reader.enter();
  const start = reader.at;
  let name = '';
  let unit = '';
  while (reader.next()) {
    if (reader.is(1, LENGTH)) name = reader.text();
    else if (reader.is(3, LENGTH)) unit = reader.text();
    else reader.skip();
  }
  reader.at = start;
  while (reader.next()) {
    const kind = reader.wire === LENGTH ? KIND_FIELDS[reader.field] : undefined;
    if (kind === undefined) reader.skip();
    else yield* dataPoints(reader, texts, { name, unit, kind }, origin);
  }
  reader.leave(outer);
}

function* dataPoints(
  reader: ProtoReader,
  texts: TextCache,
  named: Pick<MetricHead, 'name' | 'unit' | 'kind'>,
  origin: MetricOrigin,
): Generator<PointOrReason> {
  const outer = reader.enter();
  const start = reader.at;
  let temporality = 0;
  let isMonotonic = false;
  while (reader.next()) {
    if (reader.is(2, VARINT)) temporality = reader.unsigned();
    else if (reader.is(3, VARINT)) isMonotonic = reader.unsigned() !== 0;
    else reader.skip();
  }
  reader.at = start;
  const head = { ...named, temporality, isMonotonic };
  while (reader.next()) {
    if (!reader.is(1, LENGTH)) {
      reader.skip();
      continue;
    }
    const read =
      named.kind === 'exponential'
        ? exponentialPoint
        : named.kind === 'histogram'
          ? histogramPoint
          : numberPoint;
    const pointEnd = reader.enter();
    const data = read(reader, texts);
    reader.leave(pointEnd);
    yield pointOf(head, origin, data);
  }
  reader.leave(outer);
}

type Writable<T> = { -readonly [name in keyof T]: T[name] };
type Reading = Writable<DataPoint> & { attributes: [string, Literal][] };

function nothingYet(): Reading {
  return { attributes: [], start: 0, time: 0, flags: 0, count: 0 };
}

function seconds(reader: ProtoReader): number {
  reader.fixed64();
  return wordsSeconds(reader.low, reader.high);
}

function numberPoint(reader: ProtoReader, texts: TextCache): DataPoint {
  const point = nothingYet();
  while (reader.next()) {
    if (reader.is(7, LENGTH)) readAttribute(reader, texts, point.attributes);
    else if (reader.is(2, FIXED64)) point.start = seconds(reader);
    else if (reader.is(3, FIXED64)) point.time = seconds(reader);
    else if (reader.is(4, FIXED64)) point.value = reader.double();
    else if (reader.is(6, FIXED64)) point.value = reader.fixed64Signed();
    else if (reader.is(8, VARINT)) point.flags = reader.unsigned();
    else reader.skip();
  }
  return point;
}

function histogramPoint(reader: ProtoReader, texts: TextCache): DataPoint {
  const point = nothingYet();
  const bounds: number[] = [];
  const counts: number[] = [];
  const double = (): number => reader.double();
  const fixed = (): number => reader.fixed64Unsigned();
  while (reader.next()) {
    if (reader.is(9, LENGTH)) readAttribute(reader, texts, point.attributes);
    else if (reader.is(2, FIXED64)) point.start = seconds(reader);
    else if (reader.is(3, FIXED64)) point.time = seconds(reader);
    else if (reader.is(4, FIXED64)) point.count = reader.fixed64Unsigned();
    else if (reader.field === 6 && isNumbers(reader)) reader.repeated(counts, fixed, BINS_MAX);
    else if (reader.field === 7 && isNumbers(reader)) reader.repeated(bounds, double, BINS_MAX);
    else if (reader.is(10, VARINT)) point.flags = reader.unsigned();
    else if (reader.is(11, FIXED64)) point.min = reader.double();
    else if (reader.is(12, FIXED64)) point.max = reader.double();
    else reader.skip();
  }
  point.bins = explicitBins(bounds, counts, point.count);
  return point;
}

interface ExponentialBuckets {
  readonly offset: number;
  readonly counts: readonly number[];
}

function exponentialPoint(reader: ProtoReader, texts: TextCache): DataPoint {
  const point = nothingYet();
  let positive: ExponentialBuckets = { offset: 0, counts: [] };
  let negative = positive;
  let scale = 0;
  let zeroCount = 0;
  let zeroThreshold = 0;
  while (reader.next()) {
    if (reader.is(1, LENGTH)) readAttribute(reader, texts, point.attributes);
    else if (reader.is(2, FIXED64)) point.start = seconds(reader);
    else if (reader.is(3, FIXED64)) point.time = seconds(reader);
    else if (reader.is(4, FIXED64)) point.count = reader.fixed64Unsigned();
    else if (reader.is(6, VARINT)) scale = reader.zigzag();
    else if (reader.is(7, FIXED64)) zeroCount = reader.fixed64Unsigned();
    else if (reader.is(8, LENGTH)) positive = exponentialBuckets(reader);
    else if (reader.is(9, LENGTH)) negative = exponentialBuckets(reader);
    else if (reader.is(10, VARINT)) point.flags = reader.unsigned();
    else if (reader.is(12, FIXED64)) point.min = reader.double();
    else if (reader.is(13, FIXED64)) point.max = reader.double();
    else if (reader.is(14, FIXED64)) zeroThreshold = reader.double();
    else reader.skip();
  }
  const negativeCount = negative.counts.reduce((sum, count) => sum + count, 0);
  point.bins = { kind: 'exponential', scale, zeroThreshold, zeroCount, ...positive, negativeCount };
  return point;
}

function exponentialBuckets(reader: ProtoReader): ExponentialBuckets {
  const outer = reader.enter();
  const counts: number[] = [];
  let offset = 0;
  while (reader.next()) {
    if (reader.is(1, VARINT)) offset = reader.zigzag();
    else if (reader.field === 2 && (reader.wire === LENGTH || reader.wire === VARINT))
      reader.repeated(counts, () => reader.unsigned(), BINS_MAX);
    else reader.skip();
  }
  reader.leave(outer);
  return { offset, counts };
}

/** Eight-byte numbers, packed or not. */
function isNumbers({ wire }: ProtoReader): boolean {
  return wire === LENGTH || wire === FIXED64;
}
