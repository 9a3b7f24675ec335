/** The span at hand, in a form that is filled anew for each: counting a span allocates next to nothing. Attributes are
 *  kept as where they stand, and read when a predicate or a decomposition asks for them. Owns: the fields of a span
 *  (docs/INGEST.md). Does not: decode, count. */
import type { FieldReader, Literal } from '../../model/predicate.ts';
import { fieldName } from '../foreign/names.ts';

/** Keys that are remembered with the field that they are; more are looked up anew each time. */
const NAMES_MAX = 4096;

/** An attribute key and the field that it is. */
export interface AttributeName {
  readonly key: string;
  readonly field: string;
  /** Whether the catalogue has it; undefined before it was asked. */
  isOffered: boolean | undefined;
}

/** Attributes that would hide a field that every span has are named `attr_...`. */
const OWN_FIELDS = new Set(['host', 'service', 'span', 'kind', 'status', 'latency']);

export class AttributeNames {
  readonly #names = new Map<string, AttributeName>();

  of(key: string): AttributeName {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const field = fieldName(key);
    const name = { key, field: OWN_FIELDS.has(field) ? `attr_${field}` : field, isOffered: undefined };
    if (this.#names.size < NAMES_MAX) this.#names.set(key, name);
    return name;
  }
}

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUSES = ['unset', 'ok', 'error'];

/** Where the value of an attribute stands, as its decoder has it. */
export type ValuePlace = number;

export class SpanRecord {
  service = '';
  host = '';
  name = '';
  kind = 0;
  status = 0;
  /** The second in which it ended. */
  endSecond = 0;
  durationNs = 0;
  /** Of the span; only the first `count` are this one's. */
  readonly names: AttributeName[] = [];
  readonly #places: ValuePlace[] = [];
  count = 0;
  readonly #valueAt: (place: ValuePlace) => Literal | undefined;
  #resource: readonly (readonly [AttributeName, Literal])[] = [];

  constructor(valueAt: (place: ValuePlace) => Literal | undefined) {
    this.#valueAt = valueAt;
  }

  get resource(): readonly (readonly [AttributeName, Literal])[] {
    return this.#resource;
  }

  /** Takes the attributes of what the spans that follow come from. */
  enterResource(attributes: readonly (readonly [AttributeName, Literal])[]): void {
    const text = (key: string): string => String(attributes.find(([name]) => name.key === key)?.[1] ?? '');
    this.service = text('service.name');
    this.host = text('host.name');
    this.#resource = attributes.filter(
      ([{ key }]) => key !== 'service.name' && key !== 'host.name' && !key.startsWith('telemetry.'),
    );
  }

  begin(): void {
    this.name = '';
    this.kind = 0;
    this.status = 0;
    this.count = 0;
  }

  add(name: AttributeName, place: ValuePlace): void {
    this.names[this.count] = name;
    this.#places[this.count++] = place;
  }

  valueOf(index: number): Literal | undefined {
    return this.#valueAt(this.#places[index]!);
  }

  readonly read: FieldReader = (field) => {
    switch (field) {
      case 'latency':
        return this.durationNs;
      case 'span':
        return this.name;
      case 'service':
        return this.service;
      case 'host':
        return this.host;
      case 'kind':
        return KINDS[this.kind] ?? KINDS[0];
      case 'status':
        return STATUSES[this.status] ?? STATUSES[0];
      default:
        return this.#attribute(field);
    }
  };

  #attribute(field: string): Literal | undefined {
    for (let i = 0; i < this.count; i++) if (this.names[i]!.field === field) return this.valueOf(i);
    for (const [name, value] of this.#resource) if (name.field === field) return value;
    return undefined;
  }
}
