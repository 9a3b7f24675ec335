/** One instrumentation of a metric of /proc: what it asks of the subject, and how a sample is counted into its tally.
 *  Owns: the tally. Does not: sample, keep time. */
import type { Report } from '../../model/batch.ts';
import type { Instrumentation } from '../../model/instrumentation.ts';
import { compilePredicate, type FieldReader, type Literal, predicateFields } from '../../model/predicate.ts';
import { Tally } from '../tally.ts';
import type { Counts, ProcMetric } from './proc-metric.ts';
import type { Asked, Thing } from './sample.ts';
import type { Sampled } from './sampler.ts';

/** `none`: the subject does not tell what is asked. `pending`: it takes a sample of the second before. */
export type Counted = 'counted' | 'pending' | 'none';

export class Measure {
  readonly instrumentation: Instrumentation;
  readonly metric: ProcMetric;
  readonly asked: Asked;
  readonly #host: string;
  readonly #tally: Tally;
  /** The numeric fields that are read. */
  readonly #numeric: readonly string[];
  readonly #needsGains: boolean;
  readonly #columns: readonly number[];
  #leftOut = 0;

  constructor(metric: ProcMetric, instrumentation: Instrumentation, host: string) {
    const { where, by, numeric } = instrumentation;
    this.instrumentation = instrumentation;
    this.metric = metric;
    this.#host = host;
    this.#tally = new Tally(instrumentation, where === undefined ? undefined : compilePredicate(where));
    const fields = new Set([...by, ...predicateFields(where), ...(numeric === undefined ? [] : [numeric])]);
    const { counts } = metric;
    this.#numeric = counts.kind === 'things' ? Object.keys(counts.measured).filter((f) => fields.has(f)) : [];
    this.#needsGains =
      counts.kind === 'gained' ||
      (counts.kind === 'things' && this.#numeric.some((field) => counts.measured[field]!.gained));
    this.#columns = columnsOf(counts, this.#numeric, numeric);
    this.asked = { fields, columns: new Set(this.#columns) };
  }

  count({ sample, gains }: Sampled): Counted {
    const { counts } = this.metric;
    if (!this.#areTold(Array.from(sample.things.values(), ({ numbers }) => numbers))) return 'none';
    if (this.#needsGains && !this.#areTold([...(gains?.values() ?? [])])) return 'pending';
    this.#leftOut = sample.leftOut;
    for (const [key, thing] of sample.things) {
      const gained = gains?.get(key);
      if (counts.kind === 'things') this.#countThing(counts, thing, gained);
      else this.#countAmounts(counts, thing, counts.kind === 'level' ? thing.numbers : gained);
    }
    return 'counted';
  }

  report(): Report {
    const { id, grid } = this.instrumentation;
    const { rows, dropped } = this.#tally.drain();
    return { instrumentation: id, grid, partial: false, dropped: dropped + this.#leftOut, rows };
  }

  /** Whether some of the numbers that are asked for are known. */
  #areTold(numbers: readonly Float64Array[]): boolean {
    return numbers.some((of) => this.#columns.some((column) => of[column]! >= 0));
  }

  #countAmounts({ amounts }: SumCounts, thing: Thing, numbers: Float64Array | undefined): void {
    if (numbers === undefined) return;
    let extra: Readonly<Record<string, string>> = {};
    const read: FieldReader = (field) => this.#fieldOf(field, extra, thing);
    for (const { fields, column, scale } of amounts) {
      extra = fields;
      const value = numbers[column]!;
      if (value > 0) this.#tally.count(read, value * scale);
    }
  }

  #countThing({ present, measured }: ThingCounts, thing: Thing, gains: Float64Array | undefined): void {
    const { numeric } = this.instrumentation;
    const values: Record<string, number> = {};
    for (const field of this.#numeric) {
      const { gained, of } = measured[field]!;
      const numbers = gained ? gains : thing.numbers;
      const value = numbers === undefined ? Number.NaN : of(numbers);
      if (!Number.isNaN(value)) values[field] = Math.round(value);
    }
    const isOne =
      numeric === undefined
        ? present.some((column) => !Number.isNaN(thing.numbers[column]!))
        : values[numeric] !== undefined;
    if (isOne) this.#tally.count((field) => this.#fieldOf(field, values, thing));
  }

  #fieldOf(field: string, first: Readonly<Record<string, Literal>>, thing: Thing): Literal | undefined {
    if (field === 'host') return this.#host;
    return first[field] ?? thing.fields[field];
  }
}

type SumCounts = Extract<Counts, { kind: 'gained' | 'level' }>;
type ThingCounts = Extract<Counts, { kind: 'things' }>;

function columnsOf(counts: Counts, read: readonly string[], numeric: string | undefined): readonly number[] {
  if (counts.kind !== 'things') return counts.amounts.map(({ column }) => column);
  const measured = read.flatMap((field) => counts.measured[field]!.columns);
  return numeric === undefined ? [...measured, ...counts.present] : measured;
}
