/** The table of a row per bucket, as SQL stores keep histograms, and its questions in the SQL that SQLite and DuckDB
 *  share. Hosts and keys are numbers, as a careful schema would have them. */
import { bucketMiddle, LL5 } from '../../src/model/grid.ts';
import { type Fleet, histogramAt, type TimeRange } from './fleet.ts';
import { CannotError, type PercentileLines } from './peer.ts';

/** How the dialect divides integers. */
export type Division = '/' | '//';

export function heatmapSql(range: TimeRange, byKey: boolean, division: Division): string {
  const key = byKey ? ', key' : '';
  return `SELECT ${columnOf(range, division)} AS place, bucket${key}, sum(count) AS total FROM lat
    WHERE ${within(range)} GROUP BY place, bucket${key}`;
}

export function percentilesSql(range: TimeRange, division: Division): string {
  return `WITH counted AS (SELECT ${columnOf(range, division)} AS place, bucket, sum(count) AS n FROM lat
      WHERE ${within(range)} GROUP BY place, bucket),
    summed AS (SELECT place, bucket, sum(n) OVER (PARTITION BY place ORDER BY bucket) AS up,
      sum(n) OVER (PARTITION BY place) AS total FROM counted)
    SELECT place, min(bucket) FILTER (WHERE up >= 0.5 * total) AS p50,
      min(bucket) FILTER (WHERE up >= 0.99 * total) AS p99
    FROM summed GROUP BY place ORDER BY place`;
}

export function countSql(second: number): string {
  return `SELECT coalesce(sum(count), 0) AS total FROM lat WHERE ts = ${second}`;
}

function columnOf({ fromSecond, stepSeconds }: TimeRange, division: Division): string {
  return `(ts - ${fromSecond}) ${division} ${stepSeconds}`;
}

function within({ fromSecond, untilSecond }: TimeRange): string {
  return `ts >= ${fromSecond} AND ts < ${untilSecond}`;
}

/** Of rows (place, bucket of p50, bucket of p99). */
export function linesOfRows(rows: readonly (readonly unknown[])[]): PercentileLines {
  const line = (column: number): number[] => rows.map((row) => bucketMiddle(LL5, numberOf(row[column])));
  return { p50: line(1), p99: line(2) };
}

export function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  throw new CannotError(`wrong: ${JSON.stringify(value)} is no number`);
}

/** Calls `add` for each bucket of a second. */
export function eachBucket(
  fleet: Fleet,
  second: number,
  add: (host: number, key: number, bucket: number, count: number) => void,
): void {
  for (let host = 0; host < fleet.hosts; host++) {
    for (let key = 0; key < fleet.keys; key++) {
      const h = histogramAt(fleet, second, host, key);
      for (let i = fleet.start[h]!; i < fleet.start[h + 1]!; i++)
        add(host, key, fleet.bucket[i]!, fleet.count[i]!);
    }
  }
}
