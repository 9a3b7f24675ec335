/** Spans of one ExportTraceServiceRequest in JSON, one after another in one record, as spans-protobuf.ts has them.
 *  Throws OtlpJsonError. */
import type { Literal } from '../../model/predicate.ts';
import { instantDuration, instantOf } from './instant.ts';
import {
  attributesOf,
  isObject,
  type JsonObject,
  literalOf,
  numberOf,
  objects,
  parseJson,
  textOf,
} from './json.ts';
import { type AttributeNames, SpanRecord } from './span-record.ts';

export class JsonSpans {
  readonly #bytes: Uint8Array;
  readonly #names: AttributeNames;
  #values: unknown[] = [];
  readonly #record = new SpanRecord((place): Literal | undefined => literalOf(this.#values[place]));

  constructor(bytes: Uint8Array, names: AttributeNames) {
    this.#bytes = bytes;
    this.#names = names;
  }

  *read(): Generator<SpanRecord> {
    for (const { resource, scopeSpans } of objects(parseJson(this.#bytes)['resourceSpans'])) {
      const attributes = isObject(resource) ? attributesOf(resource['attributes']) : [];
      this.#record.enterResource(attributes.map(([key, value]) => [this.#names.of(key), value] as const));
      for (const { spans } of objects(scopeSpans)) {
        for (const span of objects(spans)) {
          this.#span(span);
          yield this.#record;
        }
      }
    }
  }

  #span(span: JsonObject): void {
    const record = this.#record;
    record.begin();
    this.#values = [];
    record.name = textOf(span['name']);
    record.kind = numberOf(span['kind']) ?? 0;
    const { status, startTimeUnixNano, endTimeUnixNano } = span;
    if (isObject(status)) record.status = numberOf(status['code']) ?? 0;
    for (const { key, value } of objects(span['attributes'])) {
      record.add(this.#names.of(textOf(key)), this.#values.length);
      this.#values.push(value);
    }
    const start = instantOf(startTimeUnixNano);
    const end = instantOf(endTimeUnixNano);
    record.endSecond = end?.second ?? 0;
    record.durationNs = start === undefined || end === undefined ? Number.NaN : instantDuration(start, end);
  }
}
