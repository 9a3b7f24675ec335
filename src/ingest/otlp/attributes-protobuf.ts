/** Attributes (KeyValue, AnyValue, Resource) off protobuf. Scalars only: an array, a map or bytes is no value of a
 *  field, and reads as none. */
import type { Literal } from '../../model/predicate.ts';
import { FIXED64, LENGTH, type ProtoReader, VARINT } from '../foreign/protobuf.ts';
import type { TextCache } from '../foreign/text-cache.ts';

/** Attributes of one resource, span or point. */
export const ATTRIBUTES_MAX = 1024;

/** The AnyValue that the reader has just come to the length of; the reader stands behind it afterwards. */
export function readValue(reader: ProtoReader, texts: TextCache): Literal | undefined {
  const outer = reader.enter();
  let value: Literal | undefined;
  while (reader.next()) {
    if (reader.is(1, LENGTH)) {
      const end = reader.lengthEnd();
      value = texts.text(reader.bytes, reader.at, end);
      reader.at = end;
    } else if (reader.is(2, VARINT)) value = reader.unsigned() === 0 ? 'false' : 'true';
    else if (reader.is(3, VARINT)) value = reader.signed();
    else if (reader.is(4, FIXED64)) value = String(reader.double());
    else reader.skip();
  }
  reader.leave(outer);
  return value;
}

/** A field of KeyValues, one of which the reader has come to: adds it where it has a scalar value. */
export function readAttribute(reader: ProtoReader, texts: TextCache, into: [string, Literal][]): void {
  if (into.length >= ATTRIBUTES_MAX) throw reader.fault(`more than ${ATTRIBUTES_MAX} attributes`);
  const outer = reader.enter();
  let key = '';
  let value: Literal | undefined;
  while (reader.next()) {
    if (reader.is(1, LENGTH)) {
      const end = reader.lengthEnd();
      key = texts.text(reader.bytes, reader.at, end);
      reader.at = end;
    } else if (reader.is(2, LENGTH)) value = readValue(reader, texts);
    else reader.skip();
  }
  reader.leave(outer);
  if (value !== undefined) into.push([key, value]);
}

/** The attributes of the Resource in field 1 of the message that the reader is in; it stands at the message's first
 *  field before and after, as the resource may come behind what is of it. */
export function readResource(reader: ProtoReader, texts: TextCache): [string, Literal][] {
  const start = reader.at;
  const attributes: [string, Literal][] = [];
  while (reader.next()) {
    if (!reader.is(1, LENGTH)) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    while (reader.next()) {
      if (reader.is(1, LENGTH)) readAttribute(reader, texts, attributes);
      else reader.skip();
    }
    reader.leave(outer);
  }
  reader.at = start;
  return attributes;
}
