/** The metrics that others name as they come: described when first seen, with the fields that their events carry.
 *  A description only ever grows, so that what was asked of it stays askable. Owns: the bounds on metrics, fields and
 *  bytes. Does not: append to the log (whoever hears of it by `DriverSink.seen` does). */
import type { Field, MetricDescription, TypeName } from '../../model/metric.ts';
import type { Drops } from './drops.ts';

/** Metrics of one driver: a node exporter has three hundred. */
export const METRICS_MAX = 2000;
/** Fields of one metric. More are not offered: their values cannot be asked for. */
export const FIELDS_MAX = 48;
/** Of all descriptions as JSON, since one log entry carries them all. */
export const BYTES_MAX = 1024 * 1024;

export interface OfferOptions {
  /** Names that other drivers offer: never taken. */
  readonly isTaken: (metric: string) => boolean;
  /** Put before the module of a metric whose name is taken. */
  readonly prefix: string;
  readonly drops: Drops;
  /** A metric is new, or has a new field: all of it. */
  readonly onSeen: (metric: MetricDescription) => void;
}

export class OfferedMetric {
  readonly #offer: Offer;
  readonly #fields = new Map<string, Field>();
  #description: MetricDescription;

  constructor(offer: Offer, description: MetricDescription) {
    this.#offer = offer;
    this.#description = description;
    for (const field of description.fields) this.#fields.set(field.name, field);
  }

  get description(): MetricDescription {
    return this.#description;
  }

  get name(): string {
    return this.#description.name;
  }

  has(field: string): boolean {
    return this.#fields.has(field);
  }

  /** Offers a field that an event carries; false where there is no room for another. */
  take(name: string, label: string, type: TypeName): boolean {
    if (this.#fields.has(name)) return true;
    const field: Field = { name, label: label.slice(0, 128), type };
    if (this.#fields.size >= FIELDS_MAX || !this.#offer.grow(field)) return false;
    this.#fields.set(name, field);
    this.#description = { ...this.#description, fields: [...this.#description.fields, field] };
    this.#offer.tell(this);
    return true;
  }
}

export class Offer {
  readonly #options: OfferOptions;
  readonly #metrics = new Map<string, OfferedMetric>();
  #bytes = 0;

  constructor(options: OfferOptions) {
    this.#options = options;
  }

  descriptions(): readonly MetricDescription[] {
    return [...this.#metrics.values()].map((metric) => metric.description);
  }

  get(name: string): OfferedMetric | undefined {
    return this.#metrics.get(name);
  }

  /** What was offered before this process started. */
  remember(descriptions: readonly MetricDescription[]): void {
    for (const description of descriptions) {
      const known = this.#metrics.get(description.name);
      if (known === undefined) this.#add(description);
      else for (const field of description.fields) known.take(field.name, field.label, field.type);
    }
  }

  /** The metric that this is an event of; offered now where it is new. Undefined, and counted, where it is known with
   *  another meaning or there are too many. */
  claim(description: MetricDescription): OfferedMetric | undefined {
    const { isTaken, prefix, drops } = this.#options;
    const name = isTaken(description.name) ? `${prefix}_${description.name}` : description.name;
    const known = this.#metrics.get(name);
    if (known !== undefined) {
      if (meaning(known.description) === meaning(description)) return known;
      drops.add('a metric of this name means something else');
      return undefined;
    }
    const added = this.#add(name === description.name ? description : { ...description, name });
    if (added === undefined) drops.add('too many metrics');
    else this.tell(added);
    return added;
  }

  /** Whether there is room for a field; to be called by the metric that gets it. */
  grow(field: Field): boolean {
    const bytes = this.#bytes + JSON.stringify(field).length;
    if (bytes > BYTES_MAX) return false;
    this.#bytes = bytes;
    return true;
  }

  tell({ description }: OfferedMetric): void {
    this.#options.onSeen(description);
  }

  #add(description: MetricDescription): OfferedMetric | undefined {
    const bytes = this.#bytes + JSON.stringify(description).length;
    if (bytes > BYTES_MAX || this.#metrics.size >= METRICS_MAX) return undefined;
    this.#bytes = bytes;
    const metric = new OfferedMetric(this, description);
    this.#metrics.set(description.name, metric);
    return metric;
  }
}

/** Equal for two that count the same kind of thing; their discrete fields may differ. */
function meaning({ scope, amount, fields }: MetricDescription): string {
  const numeric = fields.filter(({ name }) => ['latency', 'size', 'value'].includes(name));
  return JSON.stringify([scope, amount ?? null, numeric.map((field) => [field.name, field.type])]);
}
