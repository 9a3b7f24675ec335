/** Varints and cursors: round trip, one form per value, bounds kept. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionFault } from '../../src/model/assert.ts';
import { ByteReader, BytesFault, ByteWriter } from '../../src/model/varint.ts';
import { arbitraryValue } from '../arbitrary/grid.ts';

function written(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(1);
  write(out);
  return out.view();
}

describe('varint', () => {
  it('reads what was written, in as many bytes as 7 bits each take', () => {
    fc.assert(
      fc.property(fc.array(arbitraryValue), (values) => {
        const bytes = written((out) => values.forEach((value) => out.varint(value)));
        const reader = new ByteReader(bytes);
        expect(values.map(() => reader.varint())).toEqual(values);
        expect(reader.at).toBe(bytes.length);
        expect(bytes.length).toBe(
          values.reduce((n, v) => n + Math.ceil(Math.max(1, v.toString(2).length) / 7), 0),
        );
      }),
    );
  });

  it('has one form: any bytes that read as a value are what writing it gives', () => {
    const bytes = fc.array(fc.oneof(fc.constantFrom(0, 0x80, 0xff, 0x7f, 0x1f), fc.nat(255)), {
      maxLength: 10,
    });
    fc.assert(
      fc.property(bytes, (list) => {
        const reader = new ByteReader(Uint8Array.from(list));
        try {
          const value = reader.varint();
          expect(Number.isSafeInteger(value)).toBe(true);
          expect([...written((out) => out.varint(value))]).toEqual(list.slice(0, reader.at));
        } catch (error) {
          expect(error).toBeInstanceOf(BytesFault);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([-1, 0.5, NaN, 2 ** 53, Infinity])('%d cannot be written', (value) => {
    expect(() => written((out) => out.varint(value))).toThrow(AssertionFault);
  });
});

describe('cursors', () => {
  it('words, texts and raw bytes round trip', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.nat(255), fc.nat(0xffffffff), text, fc.uint8Array(), (byte, word, string, raw) => {
        const reader = new ByteReader(
          written((out) => {
            out.u8(byte);
            out.u32(word);
            out.text(string);
            out.raw(raw);
          }),
        );
        expect([reader.u8(), reader.u32(), reader.text(1000), reader.take(raw.length)]).toEqual([
          byte,
          word,
          string,
          raw,
        ]);
      }),
    );
  });

  it('never reads beyond its end', () => {
    const reads: ((reader: ByteReader) => unknown)[] = [
      (reader) => reader.u8(),
      (reader) => reader.u32(),
      (reader) => reader.varint(),
      (reader) => reader.take(1),
      (reader) => reader.text(10),
    ];
    for (const read of reads) {
      const reader = new ByteReader(Uint8Array.of(1, 2, 3, 0x81, 0x82, 0x83, 1, 1, 1, 1, 1), 4, 4);
      expect(() => read(reader)).toThrow(BytesFault);
    }
  });

  it('refuses a text above the bound before reading it', () => {
    expect(() => new ByteReader(written((out) => out.text('four'))).text(3)).toThrow(
      /at most 3 bytes, found 4/,
    );
  });
});
