/** Unsigned LEB128 integers of up to 53 bits: 7 bits a byte, least first, top bit set on all but the last.
 *  One value has one form: the shortest; a longer one is refused, so what decodes encodes to the same bytes.
 *  Cursors are plain objects with a position, so that one function serves every codec. */

import { assert } from './assert.ts';

export class BytesFault extends Error {
  readonly code = 'BYTES';
  readonly offsetBytes: number;
  /** The message without the place. */
  readonly what: string;
  constructor(offsetBytes: number, what: string) {
    super(`${what} at byte ${offsetBytes}`);
    this.offsetBytes = offsetBytes;
    this.what = what;
  }
}

/** Reads values off a byte array; every read checks its bounds and throws BytesFault beyond them. */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  u8(): number {
    if (this.at >= this.end) throw new BytesFault(this.at, 'expected a byte, found the end');
    return this.bytes[this.at++]!;
  }

  u32(): number {
    const { bytes, at } = this;
    if (at + 4 > this.end) throw new BytesFault(at, 'expected 4 bytes, found the end');
    this.at = at + 4;
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  varint(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < 8; i++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 || value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new BytesFault(
      this.at,
      'expected an integer of at most 53 bits in its shortest form, found a longer one',
    );
  }

  /** A view of the next `length` bytes, no copy. */
  take(length: number): Uint8Array {
    if (length > this.end - this.at) {
      throw new BytesFault(this.at, `expected ${length} bytes, found ${this.end - this.at}`);
    }
    return this.bytes.subarray(this.at, (this.at += length));
  }

  text(maxBytes: number): string {
    const length = this.varint();
    if (length > maxBytes)
      throw new BytesFault(this.at, `expected a text of at most ${maxBytes} bytes, found ${length}`);
    const view = this.take(length);
    return Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('utf8');
  }
}

/** Writes values to a growing byte array. */
export class ByteWriter {
  #bytes: Uint8Array;
  length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  u32(value: number): void {
    this.#reserve(4);
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.length++] = (value >>> shift) & 0xff;
  }

  varint(value: number): void {
    assert(
      Number.isSafeInteger(value) && value >= 0,
      () => `${value} has no varint, expected an integer 0..2^53-1`,
    );
    this.#reserve(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  text(text: string, maxBytes = Infinity): void {
    const bytes = Buffer.from(text, 'utf8');
    assert(bytes.length <= maxBytes, () => `a text has ${bytes.length} bytes, expected at most ${maxBytes}`);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** What was written so far, a view. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #reserve(extra: number): void {
    if (this.length + extra <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.length + extra, this.#bytes.length * 2));
    grown.set(this.view());
    this.#bytes = grown;
  }
}
