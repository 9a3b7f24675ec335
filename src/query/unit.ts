/** Units of literals, and their conversion to the integers that a field counts in. Owns: the table of units.
 *  `m` is minutes, as in every query language that people know. Units are case-sensitive, as in SI. */
import { VALUE_MAX } from '../model/grid.ts';
import type { ValueType } from '../model/metric.ts';

/** Nanoseconds. */
export const TIME_UNITS = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
  w: 604_800e9,
} as const;

/** Bytes. */
export const SIZE_UNITS = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

export type TimeUnit = keyof typeof TIME_UNITS;
export type SizeUnit = keyof typeof SIZE_UNITS;
export type Unit = TimeUnit | SizeUnit | '%';

export const UNITS: readonly Unit[] = [
  ...(Object.keys(TIME_UNITS) as TimeUnit[]),
  ...(Object.keys(SIZE_UNITS) as SizeUnit[]),
  '%',
];

export function isUnit(text: string): text is Unit {
  return (UNITS as readonly string[]).includes(text);
}

export function isTimeUnit(unit: string): unit is TimeUnit {
  return Object.hasOwn(TIME_UNITS, unit);
}

function isSizeUnit(unit: string): unit is SizeUnit {
  return Object.hasOwn(SIZE_UNITS, unit);
}

/** Seconds of a duration; undefined where the unit is none of time. May have a fraction. */
export function durationSeconds(value: number, unit: string): number | undefined {
  if (!isTimeUnit(unit)) return undefined;
  const ns = TIME_UNITS[unit];
  return ns >= 1e9 ? value * (ns / 1e9) : value / (1e9 / ns);
}

/** The units that a literal for a field of this type may carry; '' is a bare number. */
export function unitsOf(type: ValueType): readonly (Unit | '')[] {
  if (type.unit === 's') return Object.keys(TIME_UNITS) as TimeUnit[];
  if (type.unit === 'B') return Object.keys(SIZE_UNITS) as SizeUnit[];
  return type.unit === '%' ? ['%', ''] : [''];
}

export type Conversion = { readonly value: number } | { readonly fault: string };

/** A literal as an integer in the type's base unit, or what is wrong with it. Zero needs no unit. */
export function toBase(value: number, unit: Unit | '', type: ValueType): Conversion {
  const nearest = nearestBase(value, unit, type);
  if ('fault' in nearest) return nearest;
  const exact = scaled(value, unit, type);
  if (exact > VALUE_MAX) return { fault: 'found a value above 2^53 base units' };
  if (Math.abs(exact - nearest.value) > 1e-9 * Math.max(1, Math.abs(exact))) {
    return { fault: `found a value finer than what is counted, ${baseUnitText(type)}` };
  }
  return nearest;
}

/** A bound between values: as toBase, but it may lie between two integers, as the edges of a picture's rows do. */
export function boundBase(value: number, unit: Unit | '', type: ValueType): Conversion {
  const nearest = nearestBase(value, unit, type);
  return 'fault' in nearest ? nearest : { value: scaled(value, unit, type) };
}

/** As toBase, for what was measured elsewhere: a value finer than what is counted is rounded, one beyond all that is
 *  counted is the largest. */
export function nearestBase(value: number, unit: Unit | '', type: ValueType): Conversion {
  const units = unitsOf(type);
  if (!units.includes(unit) && !(value === 0 && unit === '')) return { fault: unitFault(unit, units) };
  if (value < 0) return { fault: 'found a value below 0, which this field never has' };
  return { value: Math.min(Math.round(scaled(value, unit, type)), VALUE_MAX) };
}

function scaled(value: number, unit: Unit | '', type: ValueType): number {
  if (isTimeUnit(unit)) {
    const perBase = 10 ** (type.power + 9);
    const ns = TIME_UNITS[unit];
    return ns >= perBase ? value * (ns / perBase) : value / (perBase / ns);
  }
  if (isSizeUnit(unit)) return value * SIZE_UNITS[unit];
  return type.power < 0 && type.unit === '' ? value * type.base ** -type.power : value;
}

function unitFault(unit: Unit | '', units: readonly (Unit | '')[]): string {
  const named = units.filter((u) => u !== '');
  if (unit === '') return `found a bare number, expected one with a unit: ${named.join(' ')}`;
  if (named.length === 0) return `found the unit "${unit}", expected a bare number`;
  return `found the unit "${unit}", expected one of ${named.join(' ')}`;
}

function baseUnitText(type: ValueType): string {
  if (type.unit === 's') return type.power === -9 ? '1ns' : '1ms';
  return type.unit === 'B' ? '1B' : String(type.base ** type.power);
}

/** A base-unit integer as an exact literal: toBase gives the same integer back. */
export function exactText(value: number, type: ValueType): string {
  if (type.unit === 's') return divided(value, timeSteps(type));
  if (type.unit === 'B') return divided(value, SIZE_STEPS);
  if (type.unit === '%') return `${value}%`;
  return String(type.power < 0 ? value / type.base ** -type.power : value);
}

function divided(value: number, steps: readonly (readonly [string, number])[]): string {
  const [unit, size] = steps.find(([, s]) => value !== 0 && value % s === 0) ?? steps.at(-1)!;
  return `${value / size}${unit}`;
}

/** A base-unit value for a person: at most 4 digits, in the unit that suits. */
export function baseText(value: number, type: ValueType): string {
  if (type.unit === 's') return rounded(value, timeSteps(type));
  if (type.unit === 'B') return rounded(value, SIZE_STEPS);
  if (type.unit === '%') return `${decimal(value)}%`;
  return decimal(type.power < 0 ? value / type.base ** -type.power : value);
}

/** Units no finer than the base unit, the coarsest first, with their size in base units. */
function timeSteps(type: ValueType): readonly (readonly [string, number])[] {
  const perBase = 10 ** (type.power + 9);
  return (['s', 'ms', 'us', 'ns'] as const)
    .filter((unit) => TIME_UNITS[unit] >= perBase)
    .map((unit) => [unit, TIME_UNITS[unit] / perBase]);
}

const SIZE_STEPS = (['TiB', 'GiB', 'MiB', 'KiB', 'B'] as const).map((u) => [u, SIZE_UNITS[u]] as const);

function rounded(value: number, steps: readonly (readonly [string, number])[]): string {
  const [unit, size] = steps.find(([, s]) => value >= s) ?? steps.at(-1)!;
  return `${decimal(value / size)}${unit}`;
}

function decimal(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** Whole seconds in the coarsest unit that divides them. */
export function secondsText(seconds: number): string {
  for (const unit of ['w', 'd', 'h', 'm'] as const) {
    const size = TIME_UNITS[unit] / 1e9;
    if (seconds >= size && seconds % size === 0) return `${seconds / size}${unit}`;
  }
  return `${seconds}s`;
}
