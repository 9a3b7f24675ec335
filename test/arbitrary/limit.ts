/** Limits of assertions as people write them ('250ms', '64KiB', a number in base units), on the scale of the values
 *  that they are compared with; and values as people read them. */
import { TYPES, type ValueType } from '../../src/model/metric.ts';
import { baseText, isUnit, SIZE_UNITS, TIME_UNITS, toBase } from '../../src/query/unit.ts';

/** A number is in the base unit of the values (nanoseconds, bytes), or as plain values are. */
export type Limit = number | string;
/** What plain values are in. */
export type PlainUnit = keyof typeof TIME_UNITS | keyof typeof SIZE_UNITS;

export class LimitError extends Error {
  readonly code = 'LIMIT_INVALID';
}

export interface Scale {
  /** Throws LimitError. */
  readonly read: (limit: Limit) => number;
  readonly text: (value: number) => string;
}

const LITERAL = /^(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*([A-Za-z%]*)$/;

/** `type` is what the values are in where they say so, `unit` what plain ones are said to be in. */
export function newScale(type: ValueType | undefined, unit: PlainUnit | undefined): Scale {
  if (type !== undefined)
    return { read: (limit) => readLimit(limit, type, 1), text: (value) => baseText(value, type) };
  if (unit === undefined) return { read: readBare, text: plainText };
  const isTime = Object.hasOwn(TIME_UNITS, unit);
  const size = { ...TIME_UNITS, ...SIZE_UNITS }[unit];
  return {
    read: (limit) => readLimit(limit, isTime ? TYPES.time : TYPES.size, size),
    text: (value) => `${plainText(value)}${unit}`,
  };
}

/** In units of `size` base units. */
function readLimit(limit: Limit, type: ValueType, size: number): number {
  if (typeof limit === 'number') return finite(limit);
  const [, number, unit = ''] = LITERAL.exec(limit) ?? [];
  if (number === undefined || (unit !== '' && !isUnit(unit)))
    throw new LimitError(
      `Cannot read limit ${JSON.stringify(limit)}: expected a number with a unit, such as 250ms`,
    );
  const read = toBase(Number(number), unit, type);
  if ('fault' in read) throw new LimitError(`Cannot read limit ${JSON.stringify(limit)}: ${read.fault}`);
  return read.value / size;
}

function readBare(limit: Limit): number {
  const value =
    typeof limit === 'number' ? limit : LITERAL.exec(limit)?.[2] === '' ? Number(limit) : undefined;
  if (value !== undefined) return finite(value);
  throw new LimitError(
    `Cannot read limit ${JSON.stringify(limit)}: plain values have no unit; say { unit: 'ms' } of them, or give a number`,
  );
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new LimitError(`Cannot read limit ${value}: expected a finite number`);
}

function plainText(value: number): string {
  return String(Number(value.toPrecision(6)));
}
