/** Times as files have them. A text is RFC 3339 (a space may stand for the T) or a number; a number is Unix time,
 *  in the unit that is told or else by its size: below 1e11 seconds, below 1e14 milliseconds, below 1e17
 *  microseconds, above nanoseconds. So seconds are right up to the year 5138, the others from 1973 on. */
import { readInstant, SECOND_MAX } from '../../query/moment.ts';

export const TIME_SCALES = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 } as const;
export type TimeScale = keyof typeof TIME_SCALES;

const NUMBER = /^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The Unix second that `value` lies in, or why there is none. */
export function readTime(value: unknown, scale: TimeScale | undefined): number | { readonly fault: string } {
  if (typeof value === 'number') return unixSecondOf(value, scale);
  if (typeof value !== 'string' || value === '') return { fault: 'it has no time' };
  if (NUMBER.test(value)) return unixSecondOf(Number(value), scale);
  const read = readInstant(value.trim().replace(' ', 'T'));
  return 'value' in read ? read.value : { fault: `time is ${JSON.stringify(value)}: ${read.fault}` };
}

function unixSecondOf(value: number, scale: TimeScale | undefined): number | { readonly fault: string } {
  const second = Math.floor(value / TIME_SCALES[scale ?? scaleOf(value)]);
  if (second >= 0 && second <= SECOND_MAX) return second;
  return { fault: `time is ${value}: expected a time from 1970 on` };
}

function scaleOf(value: number): TimeScale {
  if (value < 1e11) return 's';
  if (value < 1e14) return 'ms';
  return value < 1e17 ? 'us' : 'ns';
}
