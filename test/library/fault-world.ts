/** What the laws of faults are tried on: streams of one instrumentation, schedules for them, what the distinct
 *  batches say, and what Tailglow says. */
import fc from 'fast-check';
import { bucketEdge, LL5 } from '../../src/model/grid.ts';
import type { Batch } from '../../src/model/report.ts';
import {
  type Answer,
  type MetricDescription,
  openTailglow,
  type Tailglow,
} from '../../src/service/library.ts';
import { arbitraryFaultSchedule, type DeliveryStep } from '../arbitrary/faults.ts';
import type { ManualClock } from '../arbitrary/manual-clock.ts';
import { arbitraryStream } from '../arbitrary/stream.ts';

export const FROM = 1_800_000_000;
const SECONDS = 40;
export const METRIC: MetricDescription = {
  name: 'job.runs',
  label: 'jobs run',
  unit: 'runs',
  scope: 'interval',
  fields: [
    { name: 'queue', label: 'queue', type: 'string' },
    { name: 'latency', label: 'latency', type: 'time' },
  ],
  cost: 'nothing',
};
const stream = arbitraryStream({
  instrumentation: 'runs',
  grid: LL5,
  fields: 1,
  fromSecond: FROM,
  secondsMax: SECONDS,
  countMax: 1000,
});
export const withSchedule = stream.chain((batches) =>
  fc.record({ batches: fc.constant(batches), schedule: arbitraryFaultSchedule(batches.length) }),
);
export const QUERY = `job.runs by queue, latency from ${FROM} to ${FROM + SECONDS} step 1s | histograms`;

const nameOf = ({ source, sequence }: Batch): string => `${source.host} ${source.incarnation} ${sequence}`;

/** What the batches say, second by second, key by key, bucket by bucket; each batch once. */
export function modelRows(batches: readonly Batch[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const batch of new Map(batches.map((b) => [nameOf(b), b])).values()) {
    for (const { rows } of batch.reports) {
      for (const { key, histogram } of rows) {
        histogram.buckets.forEach((bucket, i) => {
          const place = JSON.stringify([batch.second, ...key, bucketEdge(LL5, bucket)]);
          counts.set(place, (counts.get(place) ?? 0) + histogram.counts[i]!);
        });
      }
    }
  }
  return counts;
}

/** Of a table of time, queue, lower, upper, count. */
export function foundRows(answer: Answer): Map<string, number> {
  if (answer.kind !== 'table') throw new Error(`expected a table, found ${answer.kind}`);
  return new Map(answer.rows.map((row) => [JSON.stringify(row.slice(0, 3)), Number(row[4])]));
}

export async function play(
  steps: readonly DeliveryStep<Batch>[],
  clock: ManualClock,
  receiver: { tailglow: Tailglow; crash: () => Promise<Tailglow> },
): Promise<Tailglow> {
  let { tailglow } = receiver;
  for (const step of steps) {
    if (step.kind === 'clock') clock.set(step.nowMs);
    else if (step.kind === 'deliver') await tailglow.report(step.batch);
    else tailglow = await receiver.crash();
  }
  return tailglow;
}

export async function opened(clock: ManualClock, directory?: string): Promise<Tailglow> {
  const tailglow = await openTailglow({
    metrics: [METRIC],
    clock,
    kernel: 'reference',
    ...(directory === undefined ? {} : { directory }),
  });
  await tailglow.instrument('instrument job.runs by queue, latency idle never as runs');
  return tailglow;
}
