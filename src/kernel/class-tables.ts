/** The frequency tables of class-rANS, as they are stored and as they are used. Stored are how often each symbol
 *  occurred, rounded to a few bits: more of them for a table that codes more symbols, as only that pays for them.
 *  Reader and writer make the same frequencies of the rounded counts: at least 1 a symbol, 2^11 in all, and none
 *  above FREQUENCY_MAX, so that every symbol costs something and few bytes cannot claim many cells.
 *
 *  | part                        | bits                                                               |
 *  |-----------------------------|--------------------------------------------------------------------|
 *  | tables in use               | gamma                                                              |
 *  | each, ascending: its number | gamma of number - (number before + 1)                              |
 *  | first symbol, last - first  | gamma each                                                         |
 *  | precision                   | 2: mantissa bits of the counts                                     |
 *  | each symbol's count         | gamma of zigzag(length - length before), the length in bits (0: no |
 *  |                             | such symbol); then min(precision, length - 1) bits after its top   |
 *
 *  Then zeros to the end of the byte. */
import { BytesFault } from '../model/varint.ts';
import { bitLength, type BitReader, BitWriter } from './bits.ts';
import { NO_SYMBOL, SYMBOLS, TABLES, unzigzag, zigzag } from './class-model.ts';

export const FREQUENCY_BITS = 11;
export const FREQUENCY_SUM = 1 << FREQUENCY_BITS;
/** A symbol that always comes costs a hundredth of a bit still. */
export const FREQUENCY_MAX = FREQUENCY_SUM - 16;

const PRECISION_BITS = 2;
const COUNT_BITS_MAX = 32;

/** frequency[table * SYMBOLS + symbol], 0 for a symbol that does not occur; start: the sum of those before it. */
export interface ClassTables {
  readonly frequency: Uint16Array;
  readonly start: Uint16Array;
}

/** Mantissa bits for a table that coded `total` symbols. */
function precisionOf(total: number): number {
  return total < 1 << 9 ? 0 : total < 1 << 12 ? 1 : total < 1 << 15 ? 2 : 3;
}

/** counts[table * SYMBOLS + symbol]. */
export function writeTables(counts: Uint32Array): Uint8Array {
  const out = new BitWriter();
  const used: number[] = [];
  for (let table = 0; table < TABLES; table++) {
    if (countsOf(counts, table).some((count) => count > 0)) used.push(table);
  }
  out.gamma(used.length);
  let before = -1;
  for (const table of used) {
    out.gamma(table - before - 1);
    writeTable(out, countsOf(counts, table));
    before = table;
  }
  return out.finish();
}

function countsOf(counts: Uint32Array, table: number): Uint32Array {
  return counts.subarray(table * SYMBOLS, (table + 1) * SYMBOLS);
}

function writeTable(out: BitWriter, counts: Uint32Array): void {
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  const precision = precisionOf(counts.reduce((sum, count) => sum + count, 0));
  out.gamma(first);
  out.gamma(last - first);
  out.put(precision, PRECISION_BITS);
  let lengthBefore = 0;
  for (let symbol = first; symbol <= last; symbol++) {
    const count = counts[symbol]!;
    const length = bitLength(count);
    out.gamma(zigzag(length - lengthBefore));
    lengthBefore = length;
    if (length === 0) continue;
    const kept = Math.min(precision, length - 1);
    out.put(Math.floor(count / 2 ** (length - 1 - kept)) - 2 ** kept, kept);
  }
}

/** Reads what writeTables wrote. That the counts are those of the symbols is for the caller to see. */
export function readTables(bits: BitReader): ClassTables {
  const frequency = new Uint16Array(TABLES * SYMBOLS);
  let table = -1;
  for (let left = bits.gamma(); left > 0; left--) {
    table += 1 + bits.gamma();
    if (table >= TABLES) throw new BytesFault(bits.at, `table is ${table}, expected below ${TABLES}`);
    normalise(readTable(bits), frequency.subarray(table * SYMBOLS, (table + 1) * SYMBOLS));
  }
  bits.endByte();
  return { frequency, start: startsOf(frequency) };
}

/** The counts as far as they are known: in the middle of what they may be. */
function readTable(bits: BitReader): Float64Array {
  const weights = new Float64Array(SYMBOLS);
  const first = bits.gamma();
  const last = first + bits.gamma();
  if (last >= NO_SYMBOL) throw new BytesFault(bits.at, `symbol is ${last}, expected below ${NO_SYMBOL}`);
  const precision = bits.get(PRECISION_BITS);
  let length = 0;
  for (let symbol = first; symbol <= last; symbol++) {
    length += unzigzag(bits.gamma());
    if (length < 0 || length > COUNT_BITS_MAX) {
      throw new BytesFault(bits.at, `a count has ${length} bits, expected at most ${COUNT_BITS_MAX}`);
    }
    if (length === 0) continue;
    const kept = Math.min(precision, length - 1);
    const open = length - 1 - kept;
    weights[symbol] = (2 ** kept + bits.get(kept)) * 2 ** open + (open > 0 ? 2 ** (open - 1) : 0);
  }
  if (weights[first] === 0 || weights[last] === 0) throw new BytesFault(bits.at, 'a table has an empty end');
  return weights;
}

/** Frequencies in proportion to the weights, to the nearest; the largest makes the sum come out. */
function normalise(weights: Float64Array, frequency: Uint16Array): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (let symbol = 0; symbol < SYMBOLS; symbol++) {
    const weight = weights[symbol]!;
    if (weight === 0) continue;
    frequency[symbol] = Math.max(1, Math.floor((weight * FREQUENCY_SUM + Math.floor(total / 2)) / total));
    sum += frequency[symbol]!;
  }
  for (; sum > FREQUENCY_SUM; sum--) frequency[largestOf(frequency)]!--;
  const largest = largestOf(frequency);
  frequency[largest] = Math.min(frequency[largest]! + FREQUENCY_SUM - sum, FREQUENCY_MAX);
}

/** The first among equals. */
function largestOf(frequency: Uint16Array): number {
  let largest = 0;
  for (let symbol = 1; symbol < SYMBOLS; symbol++) {
    if (frequency[symbol]! > frequency[largest]!) largest = symbol;
  }
  return largest;
}

function startsOf(frequency: Uint16Array): Uint16Array {
  const start = new Uint16Array(frequency.length);
  for (let i = 1; i < frequency.length; i++) {
    start[i] = i % SYMBOLS === 0 ? 0 : start[i - 1]! + frequency[i - 1]!;
  }
  return start;
}
