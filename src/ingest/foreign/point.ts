/** One point of a time series as others send it, whatever the protocol: what a decoder gives and the intake takes.
 *  Times are Unix seconds with a fraction. */
import { createHash } from 'node:crypto';
import type { Literal } from '../../model/predicate.ts';
import type { Bins, Extremes } from './bins.ts';
import type { Unit } from './names.ts';

/** What a series is a series of. */
export interface PointMetric {
  /** As the sender has it. */
  readonly name: string;
  readonly unit: Unit;
  /** count: a sum that only grows. level: a value that goes up and down. histogram: counts by value. */
  readonly kind: 'count' | 'level' | 'histogram';
}

export interface Point {
  readonly metric: PointMetric;
  /** What tells two series of one name and the same labels apart: an instrumentation scope, say. */
  readonly origin: string;
  /** By the sender's keys. */
  readonly labels: ReadonlyMap<string, Literal>;
  /** delta: what was new since `start`. cumulative: all since `start`. level: what it is, or by how much it changed. */
  readonly temporality: 'delta' | 'cumulative';
  /** Undefined where the sender does not know. */
  readonly start: number | undefined;
  readonly time: number;
  /** In the sender's unit. */
  readonly value: number | Bins;
  readonly extremes?: Extremes;
}

/** A series that is named at greater length is kept by its hash: a hundred thousand are kept. */
const KEY_MAX = 1024;

/** A point, or why it is none that can be counted. */
export type PointOrReason = Point | string;

/** One text per series. */
export function seriesKey({ metric, origin, labels }: Pick<Point, 'metric' | 'origin' | 'labels'>): string {
  const pairs = [...labels].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const text = JSON.stringify([metric.name, metric.kind, origin, pairs]);
  return text.length <= KEY_MAX ? text : createHash('sha256').update(text).digest('base64');
}
