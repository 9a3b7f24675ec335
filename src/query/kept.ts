/** What of an instrumentation is still there, step by step: each level has its retention, and a pin keeps its
 *  seconds for ever. Owns: whether a step can be answered from somewhere. Does not: read, delete, choose. */
import { keepSecondsOf, LEVELS, type Retention } from '../model/level.ts';
import type { Pin } from '../model/pin.ts';
import type { SecondRange } from '../model/series.ts';

export interface Keeping {
  readonly instrumentation: Retention & { readonly id: string };
  /** Also those of others. */
  readonly pins: readonly Pin[];
  /** Retention counts back from here. */
  readonly nowSecond: number;
}

/** From here on steps of this length can be answered, pins aside: from a level whose step divides it. */
export function keptSince({ instrumentation, nowSecond }: Keeping, stepSeconds: number): number {
  const levels = LEVELS.filter((level) => stepSeconds % level === 0);
  return nowSecond - Math.max(...levels.map((level) => keepSecondsOf(instrumentation, level)));
}

/** Whether all of the range can be answered in steps of this length. */
export function isKept(keeping: Keeping, range: SecondRange, stepSeconds: number): boolean {
  const { instrumentation, pins } = keeping;
  const untilSecond = Math.min(range.untilSecond, keptSince(keeping, stepSeconds));
  let second = range.fromSecond;
  const own = pins.filter((pin) => pin.instrumentation === instrumentation.id);
  for (const pin of own.toSorted((a, b) => a.fromSecond - b.fromSecond)) {
    if (pin.fromSecond > second) break;
    second = Math.max(second, pin.untilSecond);
  }
  return second >= untilSecond;
}
