/** The entropy coder of class-rANS: symbols of tables to 16-bit words and back (a range variant of asymmetric
 *  numeral systems). Four states take turns, symbol i in state i mod 4. A state is 2^15 .. 2^31 - 1, takes in or
 *  gives out one word at a time, and starts, for the writer, at 2^15; so a reader that ends with all states there
 *  and no word left has read exactly what a writer with the same tables writes. */
import { BytesFault } from '../model/varint.ts';
import { NO_SYMBOL, SYMBOLS, TABLES } from './class-model.ts';
import { type ClassTables, FREQUENCY_BITS, FREQUENCY_SUM } from './class-tables.ts';

export const STATES = 4;
export const STATE_MIN = 1 << 15;
export const STATE_LIMIT = 2 ** 31;
const STATE_BITS = 31;
const WORD_BITS = 16;

/** Symbols in the order in which they will be read, and how often each occurred. */
export class SymbolWriter {
  readonly counts = new Uint32Array(TABLES * SYMBOLS);
  #symbols = new Uint16Array(1024);
  #length = 0;

  put(table: number, symbol: number): void {
    if (this.#length === this.#symbols.length) {
      const grown = new Uint16Array(2 * this.#length);
      grown.set(this.#symbols);
      this.#symbols = grown;
    }
    const index = table * SYMBOLS + symbol;
    this.counts[index]!++;
    this.#symbols[this.#length++] = index;
  }

  /** The last symbol first, as the reader runs the other way. */
  finish({ frequency, start }: ClassTables): { states: Uint32Array; words: Uint16Array } {
    const states = new Uint32Array(STATES).fill(STATE_MIN);
    const words = new Uint16Array(this.#length);
    let from = words.length;
    for (let i = this.#length - 1; i >= 0; i--) {
      const index = this.#symbols[i]!;
      const f = frequency[index]!;
      let state = states[i % STATES]!;
      if (state >= f << (STATE_BITS - FREQUENCY_BITS)) {
        words[--from] = state;
        state >>>= WORD_BITS;
      }
      const quotient = (state / f) | 0;
      states[i % STATES] = (quotient << FREQUENCY_BITS) + start[index]! + (state - quotient * f);
    }
    return { states, words: words.subarray(from) };
  }
}

export class SymbolReader {
  /** How often each symbol was read. */
  readonly counts = new Uint32Array(TABLES * SYMBOLS);
  readonly #tables: ClassTables;
  /** Which symbol a slot of a table belongs to. */
  readonly #symbolOfSlot: Uint8Array;
  readonly #states: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #turn = 0;

  /** The words are the bytes in at .. end - 1, least byte first. */
  constructor(
    tables: ClassTables,
    states: Uint32Array,
    words: { bytes: Uint8Array; at: number; end: number },
  ) {
    this.#tables = tables;
    this.#symbolOfSlot = slotsOf(tables);
    this.#states = states.slice();
    this.#bytes = words.bytes;
    this.#at = words.at;
    this.#end = words.end;
  }

  get at(): number {
    return this.#at;
  }

  /** NO_SYMBOL where the table has none there. */
  get(table: number): number {
    const before = this.#states[this.#turn]!;
    const slot = before & (FREQUENCY_SUM - 1);
    const symbol = this.#symbolOfSlot[(table << FREQUENCY_BITS) + slot]!;
    const index = table * SYMBOLS + symbol;
    this.counts[index]!++;
    let state =
      this.#tables.frequency[index]! * (before >>> FREQUENCY_BITS) + slot - this.#tables.start[index]!;
    if (symbol === NO_SYMBOL) return symbol;
    if (state < STATE_MIN) {
      if (this.#at >= this.#end) throw new BytesFault(this.#at, 'expected a word, found the end');
      state = (state << WORD_BITS) | this.#bytes[this.#at]! | (this.#bytes[this.#at + 1]! << 8);
      this.#at += 2;
    }
    this.#states[this.#turn] = state;
    this.#turn = (this.#turn + 1) % STATES;
    return symbol;
  }

  /** Throws unless all was read that was written. */
  end(): void {
    if (this.#at !== this.#end) throw new BytesFault(this.#at, 'expected the end of the words, found more');
    if (this.#states.some((state) => state !== STATE_MIN)) {
      throw new BytesFault(this.#at, 'a state does not end where it began');
    }
  }
}

function slotsOf({ frequency, start }: ClassTables): Uint8Array {
  const symbolOfSlot = new Uint8Array(TABLES << FREQUENCY_BITS).fill(NO_SYMBOL);
  for (let index = 0; index < frequency.length; index++) {
    const slot = (Math.floor(index / SYMBOLS) << FREQUENCY_BITS) + start[index]!;
    symbolOfSlot.fill(index % SYMBOLS, slot, slot + frequency[index]!);
  }
  return symbolOfSlot;
}
