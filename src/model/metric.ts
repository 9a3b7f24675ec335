/** What can be measured, described so fully that a screen hard-codes nothing. Sources offer metrics;
 *  the catalogue is the union of what they offer. */
import { COUNT, type Grid, LL5 } from './grid.ts';

/** A type of values. `unit` is the SI or IEC unit, `power` the exponent of `base` that scales an integer value
 *  to that unit: time is in units of 10^-9 s. */
export interface ValueType {
  readonly name: TypeName;
  readonly arity: 'discrete' | 'numeric';
  /** True for a discrete type whose values are integers and may be compared as numbers. */
  readonly integer?: boolean;
  readonly unit: string;
  readonly base: 2 | 10;
  readonly power: number;
  /** How a numeric decomposition by this type counts. */
  readonly grid: Grid;
}

export type TypeName =
  | 'string'
  | 'integer'
  | 'number'
  | 'time'
  | 'size'
  | 'percent'
  | 'subsecond'
  | 'hundredths';

const discrete = { arity: 'discrete', unit: '', base: 10, power: 0, grid: COUNT } as const;

export const TYPES: { readonly [name in TypeName]: ValueType } = {
  string: { name: 'string', ...discrete },
  integer: { name: 'integer', ...discrete, integer: true },
  number: { name: 'number', arity: 'numeric', unit: '', base: 10, power: 0, grid: LL5 },
  time: { name: 'time', arity: 'numeric', unit: 's', base: 10, power: -9, grid: LL5 },
  size: { name: 'size', arity: 'numeric', unit: 'B', base: 2, power: 0, grid: LL5 },
  percent: {
    name: 'percent',
    arity: 'numeric',
    unit: '%',
    base: 10,
    power: 0,
    grid: { kind: 'linear', width: 1 },
  },
  subsecond: {
    name: 'subsecond',
    arity: 'numeric',
    unit: 's',
    base: 10,
    power: -3,
    grid: { kind: 'linear', width: 1 },
  },
  hundredths: { name: 'hundredths', arity: 'numeric', unit: '', base: 10, power: -2, grid: LL5 },
};

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type: TypeName;
}

export interface MetricDescription {
  /** `module.stat`, letters, digits and underscore. */
  readonly name: string;
  readonly label: string;
  /** What one counted thing is, in the plural: 'requests', or the unit of a summed amount: 'B'. */
  readonly unit: string;
  /** The type of the amounts, where rows carry amounts (bytes, time) and not numbers of events. */
  readonly amount?: TypeName;
  /** interval: adds over time. point: a level, which adds over sources but not over time. */
  readonly scope: 'interval' | 'point';
  readonly fields: readonly Field[];
  /** What measuring costs the measured, as a person should hear it before asking. */
  readonly cost: string;
  /** The same as a number, where it goes by the event: CPU time of one, in nanoseconds, estimated. */
  readonly costNs?: number;
}

export const METRIC_NAME = /^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$/;
export const FIELD_NAME = /^[a-z][a-z0-9_]*$/;

export function fieldOf(metric: MetricDescription, name: string): Field | undefined {
  return metric.fields.find((f) => f.name === name);
}

export function isNumeric(field: Field): boolean {
  return TYPES[field.type].arity === 'numeric';
}

/** The grid of a decomposition by `numeric`, or the one-bucket grid where there is none. */
export function gridOf(metric: MetricDescription, numeric: string | undefined): Grid {
  const field = numeric === undefined ? undefined : fieldOf(metric, numeric);
  return field === undefined ? COUNT : TYPES[field.type].grid;
}
