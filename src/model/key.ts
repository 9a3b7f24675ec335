/** A key: the tuple of the discrete fields' values of one row, in the order of the decomposition.
 *  Values are text, also where the field's type is integer. */
import { KEY_VALUE_BYTES_MAX } from './limits.ts';

export type Key = readonly string[];

/** What a bounded label set puts in place of the values it no longer tells apart. */
export const REMAINDER = '(other)';

/** What the values of a key are called, by place; null where a value has no name. */
export type KeyNames = readonly (string | null)[];

/** A value with its name, for people: the value stays, as two may be called the same. */
export function calledText(value: string, name: string | null | undefined): string {
  return name === undefined || name === null || name === value ? value : `${name} (${value})`;
}

/** Fields as columns of a table, each that is named followed by the column of its names. */
export function keyHeads(fields: readonly string[], named: readonly string[] = []): string[] {
  return fields.flatMap((field) => (named.includes(field) ? [field, `${field} name`] : [field]));
}

/** The cells of `keyHeads`. */
export function keyCells(
  fields: readonly string[],
  { key, names }: { readonly key: Key | undefined; readonly names?: KeyNames },
  named: readonly string[] = [],
): (string | null)[] {
  return fields.flatMap((field, f) => {
    const value = key?.[f] ?? REMAINDER;
    return named.includes(field) ? [value, names?.[f] ?? null] : [value];
  });
}

/** One text per key, for maps and sorting. Injective. */
export function keyText(key: Key): string {
  return JSON.stringify(key);
}

export function remainderKey(fieldCount: number): Key {
  return Array.from({ length: fieldCount }, () => REMAINDER);
}

/** Orders keys by their values, so that output is the same whatever order data came in. */
export function compareKeys(a: Key, b: Key): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i]! !== b[i]!) return a[i]! < b[i]! ? -1 : 1;
  }
  return a.length - b.length;
}

/** Cuts a value to its bound without splitting a character; control characters become spaces. */
export function boundedValue(text: string): string {
  let clean = text;
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(clean)) clean = clean.replace(/[\u0000-\u001f\u007f]/g, ' ');
  if (clean.length * 3 <= KEY_VALUE_BYTES_MAX) return clean;
  const bytes = Buffer.from(clean, 'utf8');
  if (bytes.length <= KEY_VALUE_BYTES_MAX) return clean;
  let end = KEY_VALUE_BYTES_MAX;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
