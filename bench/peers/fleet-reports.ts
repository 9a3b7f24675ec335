/** The fleet as Tailglow's sources report it: one binary batch a host and second, and the statements that measure
 *  and ask it. */
import type { Kernel } from '../../src/kernel/kernel.ts';
import { type Batch, encodeBatch, type Row } from '../../src/model/batch.ts';
import { LL5 } from '../../src/model/grid.ts';
import { fromCounts } from '../../src/model/histogram.ts';
import { encodeReportEntry } from '../../src/model/report.ts';
import { type Fleet, histogramAt, type TimeRange } from './fleet.ts';

/** What a store keeps apart: each host's histograms of each key, or each key's, added up over the hosts. */
export type Keeping = 'by host and key' | 'by key';

export const INSTRUMENTATION = 'fleet';

export function instrumentStatement(keeping: Keeping): string {
  const by = keeping === 'by key' ? 'route' : 'host, route';
  return `instrument http.requests by ${by}, latency keep 7d idle never as ${INSTRUMENTATION}`;
}

export function heatmapStatement(range: TimeRange, byKey: boolean): string {
  return byKey
    ? `http.requests by route, latency ${rangeText(range)} | heatmap hue route top 6`
    : `http.requests by latency ${rangeText(range)} | heatmap`;
}

export function percentilesStatement(range: TimeRange): string {
  return `http.requests by latency ${rangeText(range)} | percentiles 50, 99`;
}

export function countStatement(second: number): string {
  const range = { fromSecond: second, untilSecond: second + 1, stepSeconds: 1 };
  return `http.requests ${rangeText(range)} | count`;
}

function rangeText({ fromSecond, untilSecond, stepSeconds }: TimeRange): string {
  return `from ${fromSecond} to ${untilSecond} step ${stepSeconds}s`;
}

/** The log entry of some hosts' second: an instrumenter appends its own host's, a relay those of many. */
export function reportEntry(
  fleet: Fleet,
  { second, hosts, sequence }: { second: number; hosts: readonly number[]; sequence: number },
  keeping: Keeping,
  { crc32c }: Kernel,
): Uint8Array {
  const batches = hosts.map((host) => {
    const rows = Array.from({ length: fleet.keys }, (_, key) => rowOf(fleet, { second, host, key }, keeping));
    return batchOf(hostName(host), { second, sequence }, rows);
  });
  return encodeReportEntry(batches.map((batch) => encodeBatch(batch, crc32c)));
}

function rowOf(
  fleet: Fleet,
  { second, host, key }: { second: number; host: number; key: number },
  keeping: Keeping,
): Row {
  const h = histogramAt(fleet, second, host, key);
  const buckets: number[] = [];
  const counts: number[] = [];
  for (let i = fleet.start[h]!; i < fleet.start[h + 1]!; i++) {
    buckets.push(fleet.bucket[i]!);
    counts.push(fleet.count[i]!);
  }
  return {
    key: keeping === 'by key' ? [route(key)] : [hostName(host), route(key)],
    histogram: { buckets, counts },
  };
}

/** One second of all hosts, added up by key before it is reported: what a store by key makes of them anyway. */
export function mergedEntry(
  fleet: Fleet,
  { second, sequence }: { second: number; sequence: number },
  { crc32c }: Kernel,
): Uint8Array {
  const rows = Array.from({ length: fleet.keys }, (_, key): Row => {
    const sums = new Map<number, number>();
    for (let host = 0; host < fleet.hosts; host++) {
      const h = histogramAt(fleet, second, host, key);
      for (let i = fleet.start[h]!; i < fleet.start[h + 1]!; i++) {
        const bucket = fleet.bucket[i]!;
        sums.set(bucket, (sums.get(bucket) ?? 0) + fleet.count[i]!);
      }
    }
    return { key: [route(key)], histogram: fromCounts(sums) };
  });
  return encodeReportEntry([encodeBatch(batchOf('relay', { second, sequence }, rows), crc32c)]);
}

function batchOf(
  host: string,
  { second, sequence }: { second: number; sequence: number },
  rows: readonly Row[],
): Batch {
  return {
    source: { host, driver: 'bench', incarnation: '0123456789abcdef' },
    sequence,
    second,
    reports: [{ instrumentation: INSTRUMENTATION, grid: LL5, partial: false, dropped: 0, rows }],
  };
}

function route(key: number): string {
  return `/route/${key}`;
}

function hostName(host: number): string {
  return `web${host}`;
}
