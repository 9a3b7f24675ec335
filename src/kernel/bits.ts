/** Numbers of a few bits each, packed least bit first. A last byte that is not full is filled up with zeros, and
 *  a reader insists on them, so what decodes encodes to the same bytes. Numbers have at most 53 bits. */
import { BytesFault, ByteWriter } from '../model/varint.ts';

/** Bits handled at once: a piece and 7 bits that wait for their byte fit 32-bit arithmetic. */
const PIECE_BITS = 16;
/** Longest prefix of a gamma code: its numbers are small ones. */
const GAMMA_PREFIX_MAX = 8;

/** 0 for 0; else the place of the top bit, from 1. */
export function bitLength(value: number): number {
  return value < 2 ** 32 ? 32 - Math.clz32(value) : 64 - Math.clz32(Math.floor(value / 2 ** 32));
}

export class BitWriter {
  readonly #out = new ByteWriter();
  #waiting = 0;
  #waitingBits = 0;

  put(value: number, bits: number): void {
    let rest = value;
    for (let left = bits; left > 0; left -= PIECE_BITS) {
      const piece = Math.min(left, PIECE_BITS);
      const above = Math.floor(rest / 2 ** piece);
      this.#waiting |= (rest - above * 2 ** piece) << this.#waitingBits;
      rest = above;
      for (this.#waitingBits += piece; this.#waitingBits >= 8; this.#waitingBits -= 8) {
        this.#out.u8(this.#waiting & 0xff);
        this.#waiting >>>= 8;
      }
    }
  }

  /** Elias gamma of value + 1: as many ones as it has bits below its top one, a zero, those bits. */
  gamma(value: number): void {
    const below = bitLength(value + 1) - 1;
    this.put(2 ** below - 1, below + 1);
    this.put(value + 1 - 2 ** below, below);
  }

  /** All bytes, the last filled up; write no more after it. */
  finish(): Uint8Array {
    if (this.#waitingBits > 0) this.#out.u8(this.#waiting);
    this.#waitingBits = 0;
    return this.#out.view();
  }
}

export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #waiting = 0;
  #waitingBits = 0;

  constructor(bytes: Uint8Array, at: number, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  /** The first byte that no bit was read of. */
  get at(): number {
    return this.#at;
  }

  get(bits: number): number {
    let value = 0;
    for (let done = 0; done < bits; done += PIECE_BITS) {
      const piece = Math.min(bits - done, PIECE_BITS);
      for (; this.#waitingBits < piece; this.#waitingBits += 8) {
        if (this.#at >= this.#end) throw new BytesFault(this.#at, 'expected more bits, found the end');
        this.#waiting |= this.#bytes[this.#at++]! << this.#waitingBits;
      }
      value += (this.#waiting & ((1 << piece) - 1)) * 2 ** done;
      this.#waiting >>>= piece;
      this.#waitingBits -= piece;
    }
    return value;
  }

  gamma(): number {
    let below = 0;
    while (this.get(1) === 1) {
      if (++below > GAMMA_PREFIX_MAX)
        throw new BytesFault(this.#at, 'expected a small number, found a larger');
    }
    return 2 ** below + this.get(below) - 1;
  }

  /** Throws unless only the zeros that fill up the last byte are left of it. */
  endByte(): void {
    if (this.#waiting !== 0) throw new BytesFault(this.#at - 1, 'expected zero bits, found others');
    this.#waitingBits = 0;
  }
}
