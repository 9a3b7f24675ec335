/** A key: the tuple of the discrete fields' values of one row, in the order of the decomposition.
 *  Values are text, also where the field's type is integer. */
import { KEY_VALUE_BYTES_MAX } from './limits.ts';

export type Key = readonly string[];

/** What a bounded label set puts in place of the values it no longer tells apart. */
export const REMAINDER = '(other)';

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
