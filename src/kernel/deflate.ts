/** Compresses to a zlib stream (RFC 1950, RFC 1951) in one pass, for pictures of palette indices: runs of a byte, what
 *  stands a row above, and codes that follow the picture. A search for other matches takes half as long again and finds
 *  next to nothing: noise does not repeat. The bytes depend on the input alone: native/ writes the same. A block is
 *  BLOCK_TOKENS tokens, written in the shortest of the three ways.
 *  Invariant: never longer than deflateBound(), which is what stored blocks take. */
import { assert } from '../model/assert.ts';
import { codeLengths, codesOf } from './prefix-code.ts';

/** Few, so that codes follow what changes from row to row; with fewer, making and saying the codes costs more than that
 *  gains. */
export const BLOCK_TOKENS = 4096;
/** The shortest that deflate knows; without a distance to say, it is shorter than its literals. */
const RUN_MIN = 3;
const MATCH_MAX = 258;
const DISTANCE_MAX = 32_768;
/** Literals of a picture take three bits or four, the distance of a row some fifteen; and what the matches leave over
 *  is a rarer mix of literals, each the longer for it. Measured: from 5 on each more was smaller, up to 16. */
const ROW_MATCH_MIN = 16;
/** So much longer than a run. */
const ROW_MATCH_GAIN = 4;
const ADLER_BASE = 65_521;
/** Sums of so many bytes stay below 2^32. */
const ADLER_BYTES = 5552;

const LITERALS = 286;
const DISTANCES = 30;
const END = 256;
const CODE_BITS = 15;
const LENGTH_CODE_BITS = 7;
/** The order in which the lengths of the length code are written. */
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15] as const;

/** First value and extra bits of each code of lengths (from 257 on) and of distances. */
const lengthExtra = Uint8Array.from({ length: 29 }, (_, c) => (c < 8 || c === 28 ? 0 : (c >> 2) - 1));
const distanceExtra = Uint8Array.from({ length: DISTANCES }, (_, c) => (c < 4 ? 0 : (c >> 1) - 1));
const lengthBase = bases(lengthExtra, RUN_MIN);
lengthBase[28] = MATCH_MAX;
const distanceBase = bases(distanceExtra, 1);

function bases(extra: Uint8Array, first: number): Uint16Array {
  const out = new Uint16Array(extra.length);
  for (let code = 0, next = first; code < extra.length; code++) {
    out[code] = next;
    next += 1 << extra[code]!;
  }
  return out;
}

const lengthCode = Uint8Array.from({ length: MATCH_MAX + 1 }, (_, length) =>
  Math.max(
    0,
    lengthBase.findLastIndex((base) => base <= length),
  ),
);

function distanceCode(distance: number): number {
  if (distance <= 4) return distance - 1;
  const top = 31 - Math.clz32(distance - 1);
  return 2 * top + (((distance - 1) >>> (top - 1)) & 1);
}

/** Bits of the codes of both alphabets. */
interface Lengths {
  readonly literals: Uint8Array;
  readonly distances: Uint8Array;
}

const FIXED: Lengths = {
  literals: Uint8Array.from({ length: 288 }, (_, s) => (s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8)),
  distances: new Uint8Array(DISTANCES).fill(5),
};

/** Bytes that `length` bytes take at most. */
export function deflateBound(length: number): number {
  return 2 + length + 5 * Math.max(1, Math.ceil(length / BLOCK_TOKENS)) + 4;
}

/** As Kernel.deflate says. */
export function deflate(bytes: Uint8Array, rowBytes: number, out: Uint8Array): number {
  const writer = new Bits(out);
  writer.put(0x0178, 16); // deflate, window of 32 KiB, quick
  const tokens = new Tokens(bytes, rowBytes);
  do {
    const from = tokens.at;
    tokens.nextBlock();
    writeBlock(writer, tokens, from);
  } while (tokens.at < bytes.length);
  writer.align();
  const sum = adler32(bytes);
  for (const shift of [24, 16, 8, 0]) writer.put((sum >>> shift) & 0xff, 8);
  return writer.length;
}

export function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let from = 0; from < bytes.length; from += ADLER_BYTES) {
    const until = Math.min(bytes.length, from + ADLER_BYTES);
    for (let i = from; i < until; i++) {
      a += bytes[i]!;
      b += a;
    }
    a %= ADLER_BASE;
    b %= ADLER_BASE;
  }
  return b * 0x10000 + a;
}

/** The input as literals and matches, a block at a time. */
class Tokens {
  readonly bytes: Uint8Array;
  /** First byte that is not in a token yet. */
  at = 0;
  /** Of this block: a literal, or length << 15 | distance - 1. */
  readonly list = new Uint32Array(BLOCK_TOKENS);
  length = 0;
  readonly literals = new Uint32Array(LITERALS);
  readonly distances = new Uint32Array(DISTANCES);
  /** Bits beside the codes. */
  extraBits = 0;
  readonly #rowBytes: number;

  constructor(bytes: Uint8Array, rowBytes: number) {
    this.bytes = bytes;
    this.#rowBytes = rowBytes;
  }

  nextBlock(): void {
    this.length = 0;
    this.extraBits = 0;
    this.literals.fill(0);
    this.distances.fill(0);
    this.literals[END] = 1;
    while (this.length < BLOCK_TOKENS && this.at < this.bytes.length) {
      const match = this.#longest();
      this.list[this.length++] = match === 0 ? this.bytes[this.at]! : match;
      if (match === 0) this.literals[this.bytes[this.at++]!]!++;
      else this.#count(match >>> 15, (match & 0x7fff) + 1);
    }
  }

  #count(length: number, distance: number): void {
    const codes = [lengthCode[length]!, distanceCode(distance)] as const;
    this.literals[END + 1 + codes[0]]!++;
    this.distances[codes[1]]!++;
    this.extraBits += lengthExtra[codes[0]]! + distanceExtra[codes[1]]!;
    this.at += length;
  }

  /** The match to take here, as a token; 0 for none. */
  #longest(): number {
    const row = this.#rowBytes;
    const run = this.at > 0 ? this.#matchAt(1) : 0;
    const above = row > 0 && row <= DISTANCE_MAX && row <= this.at ? this.#matchAt(row) : 0;
    if (above >= ROW_MATCH_MIN && above >= (run < RUN_MIN ? 0 : run) + ROW_MATCH_GAIN) {
      return (above << 15) | (row - 1);
    }
    return run < RUN_MIN ? 0 : run << 15;
  }

  /** How many bytes from here on are those `distance` before. */
  #matchAt(distance: number): number {
    const { bytes, at } = this;
    const end = Math.min(bytes.length, at + MATCH_MAX);
    let to = at;
    while (to < end && bytes[to - distance] === bytes[to]) to++;
    return to - at;
  }
}

/** Writes bits into bytes, the lowest first. */
class Bits {
  /** Whole bytes written. */
  length = 0;
  readonly #out: Uint8Array;
  #waiting = 0;
  #waitingBits = 0;

  constructor(out: Uint8Array) {
    this.#out = out;
  }

  /** Up to 16 bits. */
  put(value: number, bits: number): void {
    this.#waiting |= value << this.#waitingBits;
    for (this.#waitingBits += bits; this.#waitingBits >= 8; this.#waitingBits -= 8) {
      this.#out[this.length++] = this.#waiting;
      this.#waiting >>>= 8;
    }
  }

  /** Bits to the end of the byte once `more` are written. */
  fillAfter(more: number): number {
    return -(this.#waitingBits + more) & 7;
  }

  align(): void {
    this.put(0, this.fillAfter(0));
  }

  bytes(bytes: Uint8Array): void {
    this.#out.set(bytes, this.length);
    this.length += bytes.length;
  }
}

/** The lengths of both codes as symbols of the length code: the symbol, and its extra bits' value << 5. */
interface CodeHeader {
  readonly literals: number;
  readonly distances: number;
  readonly symbols: readonly number[];
  /** Of the length code. */
  readonly lengths: Uint8Array;
  /** Lengths of the length code that are written. */
  readonly ordered: number;
  readonly bits: number;
}

function writeBlock(writer: Bits, tokens: Tokens, from: number): void {
  const last = tokens.at === tokens.bytes.length ? 1 : 0;
  const codes = {
    literals: codeLengths(tokens.literals, CODE_BITS),
    distances: codeLengths(tokens.distances, CODE_BITS),
  };
  const header = codeHeader(codes.literals, codes.distances);
  const stored = 3 + writer.fillAfter(3) + 32 + 8 * (tokens.at - from);
  const fixed = 3 + bitsOf(tokens, FIXED);
  const dynamic = 3 + header.bits + bitsOf(tokens, codes);
  if (stored <= Math.min(fixed, dynamic)) {
    writer.put(last, 3);
    writeStored(writer, tokens.bytes.subarray(from, tokens.at));
  } else if (fixed <= dynamic) {
    writer.put(last | (1 << 1), 3);
    writeTokens(writer, tokens, FIXED);
  } else {
    writer.put(last | (2 << 1), 3);
    writeHeader(writer, header);
    writeTokens(writer, tokens, codes);
  }
}

function bitsOf({ literals, distances, extraBits }: Tokens, lengths: Lengths): number {
  let bits = extraBits;
  literals.forEach((count, symbol) => (bits += count * lengths.literals[symbol]!));
  distances.forEach((count, symbol) => (bits += count * lengths.distances[symbol]!));
  return bits;
}

function writeStored(writer: Bits, bytes: Uint8Array): void {
  assert(bytes.length <= 0xffff, 'a block of so few tokens and more bytes is shorter with a fixed code');
  writer.align();
  writer.put(bytes.length, 16);
  writer.put(bytes.length ^ 0xffff, 16);
  writer.bytes(bytes);
}

function writeTokens(writer: Bits, tokens: Tokens, lengths: Lengths): void {
  const literals = codesOf(lengths.literals);
  const distances = codesOf(lengths.distances);
  const put = (symbol: number): void => writer.put(literals[symbol]!, lengths.literals[symbol]!);
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens.list[i]!;
    if (token < END) {
      put(token);
      continue;
    }
    const [length, distance] = [token >>> 15, (token & 0x7fff) + 1];
    const code = lengthCode[length]!;
    put(END + 1 + code);
    writer.put(length - lengthBase[code]!, lengthExtra[code]!);
    const far = distanceCode(distance);
    writer.put(distances[far]!, lengths.distances[far]!);
    writer.put(distance - distanceBase[far]!, distanceExtra[far]!);
  }
  put(END);
}

function codeHeader(literalLengths: Uint8Array, distanceLengths: Uint8Array): CodeHeader {
  const literals = Math.max(END + 1, used(literalLengths));
  const distances = Math.max(1, used(distanceLengths));
  const symbols = repeats([
    ...literalLengths.subarray(0, literals),
    ...distanceLengths.subarray(0, distances),
  ]);
  const counts = new Uint32Array(LENGTH_ORDER.length);
  for (const symbol of symbols) counts[symbol & 31]!++;
  const lengths = codeLengths(counts, LENGTH_CODE_BITS);
  const ordered = Math.max(4, 1 + LENGTH_ORDER.findLastIndex((symbol) => lengths[symbol]! > 0));
  let bits = 5 + 5 + 4 + 3 * ordered;
  counts.forEach((count, symbol) => (bits += count * (lengths[symbol]! + repeatBits(symbol))));
  return { literals, distances, symbols, lengths, ordered, bits };
}

function used(lengths: Uint8Array): number {
  return 1 + lengths.findLastIndex((bits) => bits > 0);
}

function repeatBits(symbol: number): number {
  return symbol < 16 ? 0 : symbol === 16 ? 2 : symbol === 17 ? 3 : 7;
}

/** 18: 11..138 zeros, 17: 3..10 zeros, 16: 3..6 times the length before. */
function repeats(lengths: readonly number[]): number[] {
  const symbols: number[] = [];
  for (let at = 0; at < lengths.length;) {
    const length = lengths[at]!;
    let run = 1;
    while (at + run < lengths.length && lengths[at + run] === length) run++;
    if (length > 0) {
      symbols.push(length);
      at++;
      run--;
    }
    for (let left = run; left > 0;) {
      const most = Math.min(left, length > 0 ? 6 : 138);
      if (most < 3) symbols.push(length);
      else if (length > 0) symbols.push(16 | ((most - 3) << 5));
      else symbols.push(most < 11 ? 17 | ((most - 3) << 5) : 18 | ((most - 11) << 5));
      left -= most < 3 ? 1 : most;
    }
    at += run;
  }
  return symbols;
}

function writeHeader(writer: Bits, header: CodeHeader): void {
  const { literals, distances, symbols, lengths, ordered } = header;
  writer.put(literals - (END + 1), 5);
  writer.put(distances - 1, 5);
  writer.put(ordered - 4, 4);
  for (const symbol of LENGTH_ORDER.slice(0, ordered)) writer.put(lengths[symbol]!, 3);
  const codes = codesOf(lengths);
  for (const entry of symbols) {
    const symbol = entry & 31;
    writer.put(codes[symbol]!, lengths[symbol]!);
    writer.put(entry >>> 5, repeatBits(symbol));
  }
}
