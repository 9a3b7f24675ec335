/** What may happen to batches on their way: crashes, repeats, delays that reorder, a receiver's clock that jumps. A
 *  schedule is plain data, so that a failing one shrinks and can be kept; `applyFaults` makes the steps of it.
 *  Law: whoever counts each batch once gives the same answer under every schedule as without one: each batch is
 *  delivered at least once, and all deliveries of it are the same.
 *  Bounds: a delay is by places, a clock is wrong by no more than a store forgives, so that nothing is refused. */
import fc from 'fast-check';
import { FUTURE_SECONDS_MAX } from '../../src/model/limits.ts';
import type { Batch } from '../../src/model/report.ts';

export type Fault =
  /** The receiver dies before delivery `at` and comes back: what it confirmed it has. */
  | { readonly kind: 'crash'; readonly at: number }
  /** The batch of delivery `at` comes `times` times more, at once and again at the end. */
  | { readonly kind: 'repeat'; readonly at: number; readonly times: number }
  /** The batch of delivery `at` comes `places` deliveries later. */
  | { readonly kind: 'delay'; readonly at: number; readonly places: number }
  /** From delivery `at` on the receiver's clock is wrong by `offsetMs`; 0 puts it right. */
  | { readonly kind: 'clock'; readonly at: number; readonly offsetMs: number }
  /** No batch is delivered for `seconds` before delivery `at`, while time goes on. */
  | { readonly kind: 'silence'; readonly at: number; readonly seconds: number };

export type FaultSchedule = readonly Fault[];

export type DeliveryStep<B> =
  | { readonly kind: 'deliver'; readonly batch: B }
  | { readonly kind: 'crash' }
  /** What the receiver's clock shows now, Unix milliseconds: never before the batch's second has begun, less
   *  what a receiver forgives. */
  | { readonly kind: 'clock'; readonly nowMs: number };

/** A receiver's clock is late by less than FUTURE_SECONDS_MAX, or reports are refused, rightly. */
const OFFSET_MS_MIN = -(FUTURE_SECONDS_MAX - 1) * 1000;
const OFFSET_MS_MAX = 3_600_000;

/** The deliveries of the batches under the schedule. Faults beyond the last delivery happen after it.
 *  Time: a batch is delivered when its second is over, so `clock` steps come before each delivery that needs one. */
export function applyFaults<B extends Pick<Batch, 'second'>>(
  batches: readonly B[],
  schedule: FaultSchedule,
): DeliveryStep<B>[] {
  const order = delayed(batches, schedule);
  const steps: DeliveryStep<B>[] = [];
  const again: B[] = [];
  let offsetMs = 0;
  let trueMs = 0;
  const deliver = (batch: B): void => {
    trueMs = Math.max(trueMs, (batch.second + 1) * 1000);
    steps.push({ kind: 'clock', nowMs: trueMs + offsetMs }, { kind: 'deliver', batch });
  };
  for (let at = 0; at <= order.length; at++) {
    const batch = order[at];
    const faults = schedule.filter((fault) => Math.min(fault.at, order.length) === at);
    for (const fault of faults) {
      if (fault.kind === 'crash') steps.push({ kind: 'crash' });
      else if (fault.kind === 'clock') offsetMs = fault.offsetMs;
      else if (fault.kind === 'silence') trueMs += fault.seconds * 1000;
    }
    if (batch === undefined) break;
    deliver(batch);
    for (const fault of faults) {
      if (fault.kind !== 'repeat') continue;
      for (let i = 0; i < fault.times; i++) deliver(batch);
      again.push(batch);
    }
  }
  for (const batch of again) deliver(batch);
  return steps;
}

function delayed<B>(batches: readonly B[], schedule: FaultSchedule): readonly B[] {
  const places = batches.map((batch, at) => {
    const delays = schedule.filter((fault) => fault.kind === 'delay' && fault.at === at);
    const by = delays.reduce((sum, fault) => sum + (fault.kind === 'delay' ? fault.places : 0), 0);
    // Between two places: behind the batch that it is delayed past.
    return { batch, place: by === 0 ? at : at + by + 0.5 };
  });
  return places.toSorted((a, b) => a.place - b.place).map(({ batch }) => batch);
}

/** Schedules for so many deliveries; the empty one is the simplest. */
export function arbitraryFaultSchedule(deliveries: number): fc.Arbitrary<FaultSchedule> {
  const at = fc.nat(Math.max(0, deliveries));
  const fault: fc.Arbitrary<Fault> = fc.oneof(
    fc.record({ kind: fc.constant('crash' as const), at }),
    fc.record({ kind: fc.constant('repeat' as const), at, times: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('delay' as const), at, places: fc.integer({ min: 1, max: 20 }) }),
    fc.record({
      kind: fc.constant('clock' as const),
      at,
      offsetMs: fc.oneof(fc.constant(0), fc.integer({ min: OFFSET_MS_MIN, max: OFFSET_MS_MAX })),
    }),
    fc.record({ kind: fc.constant('silence' as const), at, seconds: fc.integer({ min: 1, max: 700 }) }),
  );
  return fc.array(fault, { maxLength: 8 });
}
