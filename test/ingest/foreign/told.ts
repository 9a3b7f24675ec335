/** What a driver told, as the fold would add it up: for the tests of drivers of what others send. */
import type { EncodedBatch } from '../../../src/ingest/driver.ts';
import type { Instrumentation } from '../../../src/model/instrumentation.ts';
import { gridOf, type MetricDescription } from '../../../src/model/metric.ts';
import type { Predicate } from '../../../src/model/predicate.ts';
import { decodeBatch, readBatch } from '../../../src/model/report.ts';
import { CellsBuffer } from '../../../src/model/series.ts';

export interface Told {
  readonly second: number;
  readonly instrumentation: string;
  readonly partial: boolean;
  readonly dropped: number;
  readonly key: string;
  readonly bucket: number;
  readonly count: number;
}

/** A line a cell; a report without cells has one of count 0. */
export function told(batches: readonly EncodedBatch[]): Told[] {
  return batches.flatMap(({ bytes }) => {
    const { second, reports } = readBatch(decodeBatch(bytes), () => new CellsBuffer());
    return reports.flatMap(({ instrumentation, partial, dropped, rows }) => {
      const of = { second, instrumentation, partial, dropped };
      if (rows.length === 0) return [{ ...of, key: '', bucket: 0, count: 0 }];
      return rows.flatMap(({ key, histogram }) =>
        histogram.buckets.map((bucket, i) => ({
          ...of,
          key: key.join(' '),
          bucket,
          count: histogram.counts[i]!,
        })),
      );
    });
  });
}

export function sum(lines: readonly Told[]): number {
  return lines.reduce((total, { count }) => total + count, 0);
}

/** Counts by key. */
export function byKey(lines: readonly Told[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { key, count } of lines) if (count > 0) counts[key] = (counts[key] ?? 0) + count;
  return counts;
}

export function instrumentationOf(
  metric: MetricDescription,
  of: { by?: readonly string[]; numeric?: string; where?: Predicate },
): Instrumentation {
  return {
    id: metric.name.replace('.', '_'),
    metric: metric.name,
    by: of.by ?? [],
    ...(of.numeric === undefined ? {} : { numeric: of.numeric }),
    ...(of.where === undefined ? {} : { where: of.where }),
    grid: gridOf(metric, of.numeric),
    scope: metric.scope,
    everySeconds: 1,
    keepSeconds: 60,
    idleSeconds: 0,
    createdSecond: 0,
  };
}

/** 0 up to 1, the same in each run. */
export function lehmer(seed = 7): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}
