/** Durations and times of a statement: whole seconds, within bounds. */
import type * as ast from './ast.ts';
import type { Faults } from './diagnostic.ts';
import { printQuantity } from './print.ts';
import { durationSeconds, secondsText } from './unit.ts';

export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** How far back a time may lie. */
export const OFFSET: Bounds = { min: 1, max: 3650 * 86_400 };

export function checkMoment(moment: ast.Moment, faults: Faults): void {
  if (moment.kind === 'now' && moment.back !== undefined) checkDuration(moment.back, 'time', OFFSET, faults);
}

export function checkDuration(
  quantity: ast.Quantity,
  what: string,
  bounds: Bounds,
  faults: Faults,
): number | undefined {
  const written = printQuantity(quantity);
  const seconds = durationSeconds(quantity.value, quantity.unit);
  if (seconds === undefined) {
    const message = `Cannot use ${written} as ${what}: expected a duration such as 10m`;
    faults.add('UNIT', message, quantity.span, {
      suggestion: quantity.unit === '' ? `${quantity.value}s` : undefined,
    });
    return undefined;
  }
  if (!Number.isInteger(seconds)) {
    faults.add('UNIT', `Cannot use ${written} as ${what}: expected whole seconds`, quantity.span);
    return undefined;
  }
  if (seconds < bounds.min || seconds > bounds.max) {
    const limits = `${secondsText(bounds.min)}..${secondsText(bounds.max)}`;
    faults.add('LIMIT', `Cannot use ${written} as ${what}: expected ${limits}`, quantity.span);
    return undefined;
  }
  return seconds;
}
