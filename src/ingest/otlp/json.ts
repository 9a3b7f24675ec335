/** Reading OTLP's JSON, which came from outside: each access says what is there, or nothing. The one error is
 *  OtlpJsonError: the body is no JSON, or its outermost form is another. Fields of an odd form read as absent, as
 *  unknown fields do. */
import type { Literal } from '../../model/predicate.ts';

export class OtlpJsonError extends Error {
  readonly code = 'OTLP_JSON';
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function parseJson(bytes: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (cause) {
    throw new OtlpJsonError('Cannot read the body: it is no JSON', { cause });
  }
  if (!isObject(value)) throw new OtlpJsonError('Cannot read the body: expected a JSON object');
  return value;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects of a list; none where it is no list. */
export function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A number, or 64 bits as text; undefined for anything else. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value === '') return undefined;
  const number = Number(value);
  return Number.isNaN(number) && value !== 'NaN' ? undefined : number;
}

/** An AnyValue's scalar. */
export function literalOf(value: unknown): Literal | undefined {
  if (!isObject(value)) return undefined;
  const { stringValue, boolValue, intValue, doubleValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return String(boolValue);
  const int = numberOf(intValue);
  if (int !== undefined) return int;
  const double = numberOf(doubleValue);
  return double === undefined ? undefined : String(double);
}

/** The scalar attributes of a list of KeyValues. */
export function attributesOf(value: unknown): [string, Literal][] {
  return objects(value).flatMap(({ key, value: of }): [string, Literal][] => {
    const literal = literalOf(of);
    return literal === undefined ? [] : [[textOf(key), literal]];
  });
}
