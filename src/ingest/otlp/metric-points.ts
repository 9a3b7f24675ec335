/** From a data point of OTLP, however it was encoded, to a point: which kinds there are, and which cannot be counted.
 *  Pure. */
import type { Literal } from '../../model/predicate.ts';
import type { Bins } from '../foreign/bins.ts';
import { unitOf } from '../foreign/names.ts';
import type { PointMetric, PointOrReason } from '../foreign/point.ts';

export type MetricKind = 'gauge' | 'sum' | 'histogram' | 'exponential' | 'summary';

/** What stands before the points of one metric. */
export interface MetricHead {
  readonly name: string;
  readonly unit: string;
  readonly kind: MetricKind;
  /** 0 unspecified, 1 delta, 2 cumulative. */
  readonly temporality: number;
  readonly isMonotonic: boolean;
}

export interface MetricOrigin {
  readonly scope: string;
  readonly resource: readonly (readonly [string, Literal])[];
}

/** A data point as it was read; times in seconds, 0 where there is none. */
export interface DataPoint {
  readonly attributes: readonly (readonly [string, Literal])[];
  readonly start: number;
  readonly time: number;
  readonly flags: number;
  readonly value?: number | undefined;
  readonly count: number;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly bins?: Bins | undefined;
}

const NO_RECORDED_VALUE = 1;

export function pointOf(head: MetricHead, origin: MetricOrigin, data: DataPoint): PointOrReason {
  if (head.kind === 'summary') return 'summaries have quantiles and no buckets';
  if ((data.flags & NO_RECORDED_VALUE) !== 0) return 'they say that there is no value';
  const temporality = head.kind === 'gauge' ? 2 : head.temporality;
  if (temporality !== 1 && temporality !== 2) return 'their temporality is not said';
  const value = head.kind === 'gauge' || head.kind === 'sum' ? data.value : data.bins;
  if (value === undefined) return 'they have no value';
  const { min, max, count } = data;
  const hasRange = min !== undefined && max !== undefined;
  if (typeof value !== 'number' && value.kind === 'explicit' && value.bounds.length === 0 && !hasRange)
    if (count > 0) return 'histograms without buckets';
  return {
    metric: metricOf(head),
    origin: origin.scope,
    labels: new Map([...origin.resource, ...data.attributes]),
    temporality: temporality === 1 ? 'delta' : 'cumulative',
    start: data.start === 0 ? undefined : data.start,
    time: data.time,
    value,
    ...(min === undefined && max === undefined ? {} : { extremes: { min, max } }),
  };
}

function metricOf({ name, unit, kind, isMonotonic }: MetricHead): PointMetric {
  const counted =
    kind === 'gauge' || (kind === 'sum' && !isMonotonic) ? 'level' : kind === 'sum' ? 'count' : 'histogram';
  return { name, unit: unitOf(unit), kind: counted };
}

/** Resource attributes that are no fields: they tell of the SDK. */
export function isResourceField([key]: readonly [string, Literal]): boolean {
  return !key.startsWith('telemetry.');
}

/** Without buckets there is one, of all. */
export function explicitBins(bounds: readonly number[], counts: readonly number[], count: number): Bins {
  return { kind: 'explicit', bounds, counts: counts.length === 0 && bounds.length === 0 ? [count] : counts };
}
