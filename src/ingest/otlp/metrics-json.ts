/** Points of an ExportMetricsServiceRequest in JSON, one after another: the same points as metrics-protobuf.ts gives of
 *  the same request. Throws OtlpJsonError. */
import type { Bins } from '../foreign/bins.ts';
import type { PointOrReason } from '../foreign/point.ts';
import { instantOf, instantSeconds } from './instant.ts';
import { attributesOf, isObject, type JsonObject, numberOf, objects, parseJson, textOf } from './json.ts';
import {
  type DataPoint,
  explicitBins,
  isResourceField,
  type MetricHead,
  type MetricKind,
  type MetricOrigin,
  pointOf,
} from './metric-points.ts';

const KIND_NAMES: readonly (readonly [string, MetricKind])[] = [
  ['gauge', 'gauge'],
  ['sum', 'sum'],
  ['histogram', 'histogram'],
  ['exponentialHistogram', 'exponential'],
  ['summary', 'summary'],
];

export function* jsonPoints(bytes: Uint8Array): Generator<PointOrReason> {
  for (const { resource, scopeMetrics } of objects(parseJson(bytes)['resourceMetrics'])) {
    const attributes = isObject(resource) ? attributesOf(resource['attributes']).filter(isResourceField) : [];
    for (const { scope, metrics } of objects(scopeMetrics)) {
      const origin = { scope: isObject(scope) ? textOf(scope['name']) : '', resource: attributes };
      for (const metric of objects(metrics)) yield* metricPoints(metric, origin);
    }
  }
}

function* metricPoints(metric: JsonObject, origin: MetricOrigin): Generator<PointOrReason> {
  for (const [name, kind] of KIND_NAMES) {
    const of = metric[name];
    if (!isObject(of)) continue;
    const head: MetricHead = {
      name: textOf(metric['name']),
      unit: textOf(metric['unit']),
      kind,
      temporality: numberOf(of['aggregationTemporality']) ?? 0,
      isMonotonic: of['isMonotonic'] === true,
    };
    for (const point of objects(of['dataPoints'])) yield pointOf(head, origin, dataPoint(kind, point));
  }
}

function dataPoint(kind: MetricKind, point: JsonObject): DataPoint {
  const { startTimeUnixNano, timeUnixNano, min, max } = point;
  const count = numberOf(point['count']) ?? 0;
  return {
    attributes: attributesOf(point['attributes']),
    start: instantSeconds(instantOf(startTimeUnixNano)),
    time: instantSeconds(instantOf(timeUnixNano)),
    flags: numberOf(point['flags']) ?? 0,
    count,
    value: numberOf(point['asInt']) ?? numberOf(point['asDouble']),
    min: numberOf(min),
    max: numberOf(max),
    bins:
      kind === 'histogram' ? explicit(point, count) : kind === 'exponential' ? exponential(point) : undefined,
  };
}

function explicit({ explicitBounds, bucketCounts }: JsonObject, count: number): Bins {
  return explicitBins(numbers(explicitBounds), numbers(bucketCounts), count);
}

function exponential(point: JsonObject): Bins {
  const { scale, zeroCount, zeroThreshold, positive, negative } = point;
  const side = isObject(positive) ? positive : {};
  const below = isObject(negative) ? numbers(negative['bucketCounts']) : [];
  return {
    kind: 'exponential',
    scale: numberOf(scale) ?? 0,
    zeroThreshold: numberOf(zeroThreshold) ?? 0,
    zeroCount: numberOf(zeroCount) ?? 0,
    offset: numberOf(side['offset']) ?? 0,
    counts: numbers(side['bucketCounts']),
    negativeCount: below.reduce((sum, n) => sum + n, 0),
  };
}

/** What is no number in a list makes its buckets odd, so that they are refused. */
function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map((each) => numberOf(each) ?? Number.NaN) : [];
}
