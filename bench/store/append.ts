/** How long a report waits until it is durable, at a fleet's rate, in the log of this machine; beside what the disk
 *  takes for the bytes of a millisecond. */
import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openFileLog } from '../../src/log/file-log.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { LogEntry } from '../../src/model/log.ts';
import type { BenchRow } from '../bench.ts';
import { elapsedMs } from './built.ts';

export interface AppendShape {
  readonly reportsPerSecond: number;
  readonly seconds: number;
}

/** Milliseconds of the p99 that a fleet may wait. */
const GOAL_MS = 10;

export async function appendRows(
  directory: string,
  { reportsPerSecond, seconds }: AppendShape,
  reports: readonly LogEntry[],
  kernel: Kernel,
): Promise<BenchRow[]> {
  const payloads = reports.slice(1).map(({ payload }) => payload);
  const meanBytes = payloads.reduce((sum, { length }) => sum + length, 0) / payloads.length;
  const bare = bareMs(directory, Math.ceil((meanBytes * reportsPerSecond) / 1000), seconds * 100);
  const log = await openFileLog(join(directory, 'log'), { clock: systemClock, checksum: kernel.crc32c });
  const waits: Promise<number>[] = [];
  const start = performance.now();
  while (waits.length < reportsPerSecond * seconds) {
    const due = Math.min(reportsPerSecond * seconds, ((performance.now() - start) / 1000) * reportsPerSecond);
    while (waits.length < due) waits.push(appended(log, payloads[waits.length % payloads.length]!));
    await setTimeout(1);
  }
  const waited = (await Promise.all(waits)).toSorted((a, b) => a - b);
  await log.close();
  const name = `durable append, ${reportsPerSecond} reports/s of ${Math.round(meanBytes)} B`;
  const [p50, p99] = [quantile(waited, 0.5), quantile(waited, 0.99)];
  return [
    { name: `${name}, p50`, value: p50, unit: 'ms', versus: beside(p50, quantile(bare, 0.5), 'p50') },
    { name: `${name}, p99`, value: p99, unit: 'ms', versus: beside(p99, GOAL_MS, undefined) },
  ];
}

function beside(value: number, limit: number, of: string | undefined): NonNullable<BenchRow['versus']> {
  const name = of === undefined ? `the goal of ${limit} ms` : `a bare write and fdatasync, ${of}`;
  return { name, ratio: value / limit, what: 'x' };
}

async function appended(
  log: { append(payload: Uint8Array): Promise<void> },
  payload: Uint8Array,
): Promise<number> {
  const start = performance.now();
  await log.append(payload);
  return performance.now() - start;
}

/** Ascending. */
function bareMs(directory: string, bytes: number, rounds: number): number[] {
  mkdirSync(directory, { recursive: true });
  const file = openSync(join(directory, 'bare'), 'w');
  const data = Buffer.alloc(bytes, 'tailglow');
  const times = Array.from({ length: Math.ceil(rounds) }, () =>
    elapsedMs(() => {
      writeSync(file, data);
      fdatasyncSync(file);
    }),
  );
  closeSync(file);
  return times.toSorted((a, b) => a - b);
}

export function quantile(ascending: readonly number[], rank: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(rank * ascending.length))]!;
}
