/** Who is expected: a pure function of what was heard. A source is expected at second s when, of the seconds up
 *  to s at which it reported this instrumentation, the newest is at most SOURCE_FORGET_SECONDS back, lies in
 *  step with s, and the source did not end between it and s. So the order in which reports came is no matter. */
import { emptyBits, hasBit, isFull, type SecondBits, setBit } from '../model/coverage.ts';
import { BLOCK_STEPS, SOURCE_FORGET_SECONDS } from '../model/limits.ts';

export interface Expectation {
  /** Newest second heard before the block; undefined for none. */
  readonly carrySecond: number | undefined;
  /** Ascending. */
  readonly ends: readonly number[];
  readonly everySeconds: number;
  /** From this second on nothing is expected: the instrumentation expired. */
  readonly stopSecond: number;
}

/** Expected seconds of the block at `startSecond`, and the newest second heard in or before it. */
export function expectedBits(
  startSecond: number,
  heard: SecondBits | undefined,
  { carrySecond, ends, everySeconds, stopSecond }: Expectation,
): { readonly expected: SecondBits; readonly carrySecond: number | undefined } {
  if (heard !== undefined && isFull(heard)) {
    return { expected: new Uint8Array(heard), carrySecond: startSecond + BLOCK_STEPS - 1 };
  }
  const expected = emptyBits();
  const silent = heard === undefined;
  if (silent && (carrySecond === undefined || startSecond - carrySecond > SOURCE_FORGET_SECONDS)) {
    return { expected, carrySecond };
  }
  let last = carrySecond;
  let end = last === undefined ? undefined : firstAfter(ends, last);
  for (let step = 0; step < BLOCK_STEPS; step++) {
    const second = startSecond + step;
    if (heard?.[step >> 3] === 0xff) {
      // Eight at once: mostly all were heard.
      expected[step >> 3] = 0xff;
      last = second + 7;
      end = firstAfter(ends, last);
      step += 7;
    } else if (heard !== undefined && hasBit(heard, step)) {
      setBit(expected, step);
      last = second;
      end = firstAfter(ends, second);
    } else if (last !== undefined && second < stopSecond && (end === undefined || second < end)) {
      const since = second - last;
      if (since <= SOURCE_FORGET_SECONDS && since % everySeconds === 0) setBit(expected, step);
    }
  }
  return { expected, carrySecond: last };
}

/** Whether the source is awaited at one second: as expected, but only from reports of `withinSeconds`. */
export function awaitedAt(
  second: number,
  withinSeconds: number,
  { carrySecond, ends, everySeconds, stopSecond }: Expectation,
): boolean {
  if (carrySecond === undefined || carrySecond > second || second >= stopSecond) return false;
  const since = second - carrySecond;
  if (since > withinSeconds || since % everySeconds !== 0) return false;
  const end = firstAfter(ends, carrySecond);
  return end === undefined || second < end;
}

function firstAfter(ends: readonly number[], second: number): number | undefined {
  return ends.find((end) => end > second);
}
