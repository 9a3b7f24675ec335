/** Spans of one ExportTraceServiceRequest in protobuf, one after another in one record. Knows the fields that are counted
 *  by; ids, events, links are skipped by their length. Throws WireError. */
import type { Literal } from '../../model/predicate.ts';
import { FIXED64, LENGTH, ProtoReader, VARINT } from '../foreign/protobuf.ts';
import { isAsciiAt, type TextCache } from '../foreign/text-cache.ts';
import { ATTRIBUTES_MAX, readResource, readValue } from './attributes-protobuf.ts';
import { type AttributeName, type AttributeNames, SpanRecord } from './span-record.ts';
import { wordsDuration, wordsSecond } from './instant.ts';

export class ProtobufSpans {
  readonly #names: AttributeNames;
  readonly #texts: TextCache;
  readonly #record: SpanRecord;
  readonly #reader: ProtoReader;

  constructor(bytes: Uint8Array, names: AttributeNames, texts: TextCache) {
    this.#reader = new ProtoReader(bytes);
    this.#names = names;
    this.#texts = texts;
    this.#record = new SpanRecord((place) => this.#valueAt(place));
  }

  /** The same record each time: it holds the span until the next is asked for. `durationNs` below 0 or NaN: the times
   *  do not fit. */
  *read(): Generator<SpanRecord> {
    const reader = this.#reader;
    while (reader.next()) {
      if (!reader.is(1, LENGTH)) {
        reader.skip();
        continue;
      }
      const outer = reader.enter();
      this.#enterResource(reader);
      while (reader.next()) {
        if (!reader.is(2, LENGTH)) {
          reader.skip();
          continue;
        }
        const scope = reader.enter();
        while (this.#nextSpan(reader)) yield this.#record;
        reader.leave(scope);
      }
      reader.leave(outer);
    }
  }

  /** Reads the next span of a scope into the record; false where there is none. */
  #nextSpan(reader: ProtoReader): boolean {
    while (reader.next()) {
      if (reader.is(2, LENGTH)) {
        this.#span(reader);
        return true;
      }
      reader.skip();
    }
    return false;
  }

  #enterResource(reader: ProtoReader): void {
    const attributes = readResource(reader, this.#texts);
    this.#record.enterResource(
      attributes.map(([key, value]): readonly [ReturnType<AttributeNames['of']>, Literal] => [
        this.#names.of(key),
        value,
      ]),
    );
  }

  #span(reader: ProtoReader): void {
    const record = this.#record;
    record.begin();
    const outer = reader.enter();
    let startLow = 0;
    let startHigh = 0;
    let endLow = 0;
    let endHigh = 0;
    while (reader.next()) {
      if (reader.is(9, LENGTH)) this.#attribute(reader);
      else if (reader.is(5, LENGTH)) {
        const end = reader.lengthEnd();
        record.name = this.#texts.text(reader.bytes, reader.at, end);
        reader.at = end;
      } else if (reader.is(6, VARINT)) record.kind = reader.unsigned();
      else if (reader.is(7, FIXED64)) {
        reader.fixed64();
        startLow = reader.low;
        startHigh = reader.high;
      } else if (reader.is(8, FIXED64)) {
        reader.fixed64();
        endLow = reader.low;
        endHigh = reader.high;
      } else if (reader.is(15, LENGTH)) this.#status(reader);
      else reader.skip();
    }
    reader.leave(outer);
    record.endSecond = wordsSecond(endLow, endHigh);
    record.durationNs = wordsDuration(startLow, startHigh, endLow, endHigh);
  }

  #attribute(reader: ProtoReader): void {
    const record = this.#record;
    if (record.count >= ATTRIBUTES_MAX) throw reader.fault(`more than ${ATTRIBUTES_MAX} attributes`);
    const outer = reader.enter();
    let name: AttributeName | undefined;
    let place = -1;
    while (reader.next()) {
      if (reader.is(1, LENGTH)) {
        const end = reader.lengthEnd();
        name = this.#nameAt(reader, end);
        reader.at = end;
      } else if (reader.is(2, LENGTH)) {
        place = reader.at;
        reader.at = reader.lengthEnd();
      } else reader.skip();
    }
    reader.leave(outer);
    if (name !== undefined && place >= 0) record.add(name, place);
  }

  /** Spans that follow each other mostly have the same keys in the same order: the span before is looked at first. */
  #nameAt(reader: ProtoReader, end: number): AttributeName {
    const { bytes, at } = reader;
    const expected = this.#record.names[this.#record.count];
    if (expected !== undefined && isAsciiAt(expected.key, bytes, at, end)) return expected;
    return this.#names.of(this.#texts.text(bytes, at, end));
  }

  #status(reader: ProtoReader): void {
    const outer = reader.enter();
    while (reader.next()) {
      if (reader.is(3, VARINT)) this.#record.status = reader.unsigned();
      else reader.skip();
    }
    reader.leave(outer);
  }

  #valueAt(place: number): Literal | undefined {
    const reader = this.#reader;
    const { at, end } = reader;
    reader.at = place;
    reader.end = reader.bytes.length;
    const value = readValue(reader, this.#texts);
    reader.at = at;
    reader.end = end;
    return value;
  }
}
