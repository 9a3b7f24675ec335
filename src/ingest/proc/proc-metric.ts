/** What a metric of /proc is: the subject that it is counted from, and the way from the subject's columns to what is
 *  counted. The words in which the tables of metrics are written. Pure. */
import type { Field, MetricDescription, TypeName } from '../../model/metric.ts';
import type { SubjectName } from './subjects.ts';

/** A column of which something is summed up. */
export interface Amount {
  /** Fields beside the thing's own. */
  readonly fields: Readonly<Record<string, string>>;
  readonly column: number;
  /** What one unit of the column is in the metric's base unit. */
  readonly scale: number;
}

/** A numeric field of a thing. */
export interface Measured {
  readonly columns: readonly number[];
  /** Whether it is worked out of what counters gained, and not of what they are. */
  readonly gained: boolean;
  /** NaN where the thing has none: a disk that did nothing has no latency. */
  readonly of: (numbers: Float64Array) => number;
}

export type Counts =
  /** Sums: of what counters gained in the second, or of levels. */
  | { readonly kind: 'gained' | 'level'; readonly amounts: readonly Amount[] }
  /** Things, each as one, at their numeric fields. */
  | {
      readonly kind: 'things';
      /** A thing is one of the metric's where any of these is known. */
      readonly present: readonly number[];
      readonly measured: Readonly<Record<string, Measured>>;
    };

export interface ProcMetric {
  readonly description: MetricDescription;
  readonly subject: SubjectName;
  readonly counts: Counts;
}

const host: Field = { name: 'host', label: 'host', type: 'string' };
export const field = (name: string, label = name, type: TypeName = 'string'): Field => ({
  name,
  label,
  type,
});

const COSTS: Partial<Record<SubjectName, string>> = {
  processes: 'about 10 us a process and second, of at most 4096 processes',
  cgroups: '10 to 50 us a cgroup and second for each of its files, of at most 1024 cgroups',
  fileSystems: 'a statfs of each file system a second',
};
const CHEAP = 'next to nothing: a file of /proc is read once a second';

type Shape = Pick<MetricDescription, 'label' | 'unit'> & Partial<Pick<MetricDescription, 'amount'>>;

function describe(
  name: string,
  subject: SubjectName,
  shape: Shape & { readonly scope: MetricDescription['scope']; readonly fields: readonly Field[] },
): MetricDescription {
  return { name, ...shape, fields: [host, ...shape.fields], cost: COSTS[subject] ?? CHEAP };
}

/** A sum: `interval` of what was gained, `point` of levels. */
export function sum(
  name: string,
  of: Shape & {
    readonly fields: readonly Field[];
    readonly from: SubjectName;
    readonly amounts: readonly Amount[];
  },
  kind: 'gained' | 'level' = 'gained',
): ProcMetric {
  const { from, amounts, ...shape } = of;
  const scope = kind === 'gained' ? 'interval' : 'point';
  return { description: describe(name, from, { ...shape, scope }), subject: from, counts: { kind, amounts } };
}

/** Things at their values: how many are at this value. */
export function things(
  name: string,
  of: Shape & {
    readonly fields: readonly Field[];
    readonly from: SubjectName;
    readonly present: readonly number[];
    readonly measured: Readonly<Record<string, Measured>>;
  },
): ProcMetric {
  const { from, present, measured, ...shape } = of;
  return {
    description: describe(name, from, { ...shape, scope: 'point' }),
    subject: from,
    counts: { kind: 'things', present, measured },
  };
}

/** A column for each value of one field. */
export function split(name: string, columns: Readonly<Record<string, number>>, scale = 1): Amount[] {
  return Object.entries(columns).map(([value, column]) => ({ fields: { [name]: value }, column, scale }));
}

export function inOrder(name: string, values: readonly string[], scale = 1): Amount[] {
  return split(name, Object.fromEntries(values.map((value, column) => [value, column])), scale);
}

/** What was gained in columns, all in all, times `scale`. */
export function gain(columns: readonly number[], scale = 1): Measured {
  return { columns, gained: true, of: (gains) => scale * total(gains, columns) };
}

export function level(columns: readonly number[], scale = 1): Measured {
  return { columns, gained: false, of: (numbers) => scale * total(numbers, columns) };
}

/** `part` of `part` and `rest`, in percent. */
export function percent(part: readonly number[], rest: readonly number[], isGained = false): Measured {
  const all = [...part, ...rest];
  return {
    columns: all,
    gained: isGained,
    of: (numbers) => {
      const whole = total(numbers, all);
      return whole === 0 ? Number.NaN : Math.round((100 * total(numbers, part)) / whole);
    },
  };
}

/** NaN where none of them is known. */
export function total(numbers: Float64Array, columns: readonly number[]): number {
  let sumOfKnown = Number.NaN;
  for (const column of columns) {
    const value = numbers[column]!;
    if (!Number.isNaN(value)) sumOfKnown = Number.isNaN(sumOfKnown) ? value : sumOfKnown + value;
  }
  return sumOfKnown;
}

/** What a summed amount is. */
export const BYTES = { unit: 'B', amount: 'size' } as const;
export const SECONDS = { unit: 's', amount: 'time' } as const;
