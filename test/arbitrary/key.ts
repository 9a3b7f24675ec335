/** Random keys: any text that a source may send, the remainder, and few values, so that keys repeat. */
import fc from 'fast-check';
import { boundedValue, type Key, REMAINDER } from '../../src/model/key.ts';

export const arbitraryKeyValue: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('GET /', '/checkout', 'postgres', '200', '503', '', REMAINDER),
  fc.string({ unit: 'grapheme', maxLength: 60 }).map(boundedValue),
  fc.string({ unit: 'binary', maxLength: 20 }).map(boundedValue),
);

export function arbitraryKey(fieldCount: number): fc.Arbitrary<Key> {
  return fc.array(arbitraryKeyValue, { minLength: fieldCount, maxLength: fieldCount });
}
