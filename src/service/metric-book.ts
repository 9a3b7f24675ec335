/** The metrics that a program said it records, and whether an event is one of theirs. What it refuses can only be a
 *  slip of the program, so it throws rather than count something else. */
import { type MetricDescription, TYPES } from '../model/metric.ts';
import type { Literal } from '../model/predicate.ts';
import { nearest, oneOf, quoted } from '../query/diagnostic.ts';

export type RecordFault = 'METRIC_UNKNOWN' | 'FIELD_UNKNOWN' | 'VALUE_INVALID' | 'BATCH_TOO_LARGE';

/** What was to be recorded is not what the metrics say. */
export class RecordError extends Error {
  readonly code: RecordFault;
  constructor(code: RecordFault, message: string) {
    super(message);
    this.code = code;
  }
}

interface Known {
  /** By field: whether its values are numbers. */
  readonly numeric: ReadonlyMap<string, boolean>;
  readonly timeField: string | undefined;
}

export class MetricBook {
  readonly #known: ReadonlyMap<string, Known>;

  constructor(metrics: readonly MetricDescription[]) {
    this.#known = new Map(
      metrics.map(({ name, fields }) => [
        name,
        {
          numeric: new Map(fields.map((f) => [f.name, TYPES[f.type].arity === 'numeric'])),
          timeField: fields.find((f) => f.type === 'time')?.name,
        },
      ]),
    );
  }

  has(metric: string): boolean {
    return this.#known.has(metric);
  }

  /** Throws RecordError. */
  check(metric: string, fields: { readonly [field: string]: Literal }, amount: number): void {
    const { numeric } = this.#metric(metric);
    for (const field in fields) {
      const isNumeric = numeric.get(field);
      const value = fields[field];
      if (isNumeric === undefined)
        throw unknown('FIELD_UNKNOWN', `field ${quoted(field)} of ${metric}`, field, [...numeric.keys()]);
      if (typeof value === 'number' ? Number.isNaN(value) : isNumeric || typeof value !== 'string')
        throw invalid(metric, field, value, isNumeric ? 'a number in its base unit' : 'a text or a number');
    }
    if (!Number.isSafeInteger(amount) || amount < 1)
      throw invalid(metric, 'its amount', amount, 'a positive integer');
  }

  /** Throws RecordError where the metric has none. */
  timeField(metric: string): string {
    const { timeField } = this.#metric(metric);
    if (timeField !== undefined) return timeField;
    throw new RecordError('FIELD_UNKNOWN', `Cannot time ${metric}: it has no field of type "time"`);
  }

  #metric(metric: string): Known {
    const known = this.#known.get(metric);
    if (known !== undefined) return known;
    throw unknown('METRIC_UNKNOWN', `metric ${quoted(metric)}`, metric, [...this.#known.keys()]);
  }
}

function unknown(code: RecordFault, what: string, name: string, names: readonly string[]): RecordError {
  const near = nearest(name, names);
  const state = near === undefined ? `expected ${oneOf(names)}` : `did you mean ${quoted(near)}?`;
  return new RecordError(code, `Cannot record ${what}: ${names.length === 0 ? 'none is described' : state}`);
}

function invalid(metric: string, field: string, value: unknown, expected: string): RecordError {
  return new RecordError(
    'VALUE_INVALID',
    `Cannot record ${metric} with ${field} ${String(value)}: expected ${expected}`,
  );
}
