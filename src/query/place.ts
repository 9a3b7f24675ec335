/** A place of a picture as whole columns of its plan. Owns: what its times mean, widening it to columns. */
import type { Moment } from './ast.ts';
import type { Place } from './checked.ts';
import { DAY_SECONDS, instantText, resolveMoment } from './moment.ts';

/** Whole columns but where the range cuts the last one short. */
export interface Box {
  readonly firstColumn: number;
  readonly untilColumn: number;
  readonly fromSecond: number;
  readonly untilSecond: number;
}

interface Span {
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly columnSeconds: number;
  /** What `now` means, in the time of the picture. */
  readonly nowSecond: number;
}

export interface PlaceProblem {
  readonly code: 'EMPTY_RANGE' | 'OUTSIDE_RANGE';
  readonly message: string;
}

export function resolvePlace(
  place: Place,
  span: Span,
): { readonly box: Box; readonly notes: readonly string[] } | PlaceProblem {
  const { fromSecond, untilSecond, columnSeconds, nowSecond } = span;
  const start = startOf(place.from, span);
  const end = place.to === undefined ? start + 1 : resolve(place.to, nowSecond, start);
  const what = place.to === undefined ? instantText(start) : `${instantText(start)} to ${instantText(end)}`;
  if (end <= start) {
    return { code: 'EMPTY_RANGE', message: `Cannot look at ${what}: the end is not after the start` };
  }
  if (end <= fromSecond || start >= untilSecond) {
    const range = `${instantText(fromSecond)} to ${instantText(untilSecond)}`;
    const message = `Cannot look at ${what}: it is outside of what the statement reads, ${range}`;
    return { code: 'OUTSIDE_RANGE', message };
  }
  const firstColumn = Math.max(0, Math.floor((start - fromSecond) / columnSeconds));
  const untilColumn = Math.ceil((Math.min(end, untilSecond) - fromSecond) / columnSeconds);
  const box = {
    firstColumn,
    untilColumn,
    fromSecond: fromSecond + firstColumn * columnSeconds,
    untilSecond: Math.min(untilSecond, fromSecond + untilColumn * columnSeconds),
  };
  const isAsked = box.fromSecond === start && box.untilSecond === end;
  if (isAsked || place.to === undefined) return { box, notes: [] };
  const note = `the box is ${instantText(box.fromSecond)} to ${instantText(box.untilSecond)}: whole columns within the range`;
  return { box, notes: [note] };
}

/** A time of day that the range does not hold is the one nearest to it. */
function startOf(moment: Moment, { fromSecond, untilSecond, nowSecond }: Span): number {
  const second = resolve(moment, nowSecond, fromSecond - 1);
  const isBefore = moment.kind === 'clock' && second - untilSecond > fromSecond - (second - DAY_SECONDS);
  return isBefore ? second - DAY_SECONDS : second;
}

/** A time of day is the first one after `after`. */
function resolve(moment: Moment, nowSecond: number, after: number): number {
  return resolveMoment(moment, nowSecond, moment.kind === 'clock' ? after : undefined);
}
