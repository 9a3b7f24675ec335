/** Times of OTLP: unsigned nanoseconds since 1970 in 64 bits, more than a double holds. Seconds and differences are
 *  exact all the same: of two words, or of the decimal digits that JSON has. */

/** 2^32 ns are 4 s and so many. All products below stay under 2^53. */
const WORD_NANOS = 294_967_296;

/** The whole seconds. */
export function wordsSecond(low: number, high: number): number {
  const top = (high >>> 16) * WORD_NANOS;
  const topSeconds = Math.floor(top / 1e9);
  const rest = (top - topSeconds * 1e9) * 65_536 + (high & 0xffff) * WORD_NANOS + low;
  return high * 4 + topSeconds * 65_536 + Math.floor(rest / 1e9);
}

/** With their fraction, as near as a double has it: a quarter of a microsecond. */
export function wordsSeconds(low: number, high: number): number {
  const second = wordsSecond(low, high);
  // The last 32 bits of what is left are all of it: a second has fewer nanoseconds.
  const nanos = (low - Math.imul((second % 0x1_0000_0000) | 0, 1e9 | 0)) >>> 0;
  return second + nanos / 1e9;
}

/** End minus start in ns, exact up to 2^53 (104 days); below 0 where the end is before the start. */
export function wordsDuration(startLow: number, startHigh: number, endLow: number, endHigh: number): number {
  return (endHigh - startHigh) * 0x1_0000_0000 + (endLow - startLow);
}

export interface Instant {
  readonly second: number;
  readonly nanos: number;
}

/** Of decimal digits, or of a number where a sender writes one; undefined where it is no such time. */
export function instantOf(value: unknown): Instant | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || !/^\d{1,20}$/.test(text)) return undefined;
  return { second: Number(text.slice(0, -9)), nanos: Number(text.slice(-9)) };
}

export function instantSeconds(instant: Instant | undefined): number {
  return instant === undefined ? 0 : instant.second + instant.nanos / 1e9;
}

export function instantDuration(start: Instant, end: Instant): number {
  return (end.second - start.second) * 1e9 + (end.nanos - start.nanos);
}
