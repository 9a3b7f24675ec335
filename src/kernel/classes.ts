/** Codec 2's bytes of sorted, merged cells: class-rANS (docs/SEGMENT_FORMAT.md, "Class-rANS of codec 2").
 *  Normative; the add-on writes and reads the same bytes. Key after key, bucket after bucket, a row is the cells
 *  of one key and bucket over the steps from the block's first to its last. A row has a class that says how many
 *  cells or how large they are; symbols are coded by tables of their class, measured over the whole block.
 *
 *  | part         | bytes                                                                     |
 *  |--------------|---------------------------------------------------------------------------|
 *  | cells        | varint; if 0, nothing follows                                             |
 *  | first step   | 1                                                                         |
 *  | last step    | 1                                                                         |
 *  | tables       | class-tables.ts                                                           |
 *  | words        | varint: how many                                                          |
 *  | states       | 4 varints: state - 2^15                                                   |
 *  | words        | 2 each, least byte first: rans.ts                                         |
 *  | bits         | the rest: what symbols leave open, in the order of their symbols (bits.ts)|
 *
 *  Invariant: whatever decodes encodes to the same bytes. */
import { BLOCK_STEPS } from '../model/limits.ts';
import type { Cells, CellsBuffer } from '../model/series.ts';
import { ByteReader, BytesFault, ByteWriter } from '../model/varint.ts';
import { BitReader, BitWriter } from './bits.ts';
import {
  baseContext,
  CLASSES,
  COARSE,
  DENSE,
  denseClass,
  FINE,
  isSparse,
  NUMBER_BITS_MAX,
  numberFloor,
  type NumberScheme,
  SHIFTED,
  sparseClass,
  sparseFloor,
  sparseTailBits,
  symbolOf,
  TABLE,
  tailBits,
  unzigzag,
  zigzag,
} from './class-model.ts';
import { readTables, writeTables } from './class-tables.ts';
import type { ColumnLimits } from './columns.ts';
import { STATE_LIMIT, STATE_MIN, STATES, SymbolReader, SymbolWriter } from './rans.ts';

/** A cell takes a symbol at least, and a symbol 0.0106 bits at least (FREQUENCY_MAX). */
const CELLS_PER_BYTE_MAX = 1024;
const INDICES_MAX = 0x10000;

export function encodeClasses(cells: Cells): Uint8Array {
  const out = new ByteWriter(cells.length + 64);
  out.varint(cells.length);
  if (cells.length === 0) return out.view();
  const [stepFirst, stepLast] = checkedSteps(cells);
  out.u8(stepFirst);
  out.u8(stepLast);
  const sink: Sink = { symbols: new SymbolWriter(), bits: new BitWriter() };
  putKeys(sink, cells, stepFirst, stepLast - stepFirst + 1);
  const tableBytes = writeTables(sink.symbols.counts);
  out.raw(tableBytes);
  const { states, words } = sink.symbols.finish(readTables(new BitReader(tableBytes, 0)));
  out.varint(words.length);
  for (const state of states) out.varint(state - STATE_MIN);
  for (const word of words) {
    out.u8(word & 0xff);
    out.u8(word >>> 8);
  }
  out.raw(sink.bits.finish());
  return out.view();
}

interface Sink {
  readonly symbols: SymbolWriter;
  readonly bits: BitWriter;
}

/** Smallest and largest step, once all cells are seen to be sorted, merged and counted. */
function checkedSteps({ length, step, key, bucket, count }: Cells): [number, number] {
  let [first, last] = [BLOCK_STEPS, -1];
  for (let i = 0; i < length; i++) {
    if (!Number.isSafeInteger(count[i]) || count[i]! <= 0) {
      throw new RangeError(`Cannot encode cell ${i}: count is ${count[i]}, expected a positive safe integer`);
    }
    const order =
      i === 0 ? 1 : key[i]! - key[i - 1]! || bucket[i]! - bucket[i - 1]! || step[i]! - step[i - 1]!;
    if (order <= 0) throw new RangeError(`Cannot encode cell ${i}: cells are not sorted and merged`);
    first = Math.min(first, step[i]!);
    last = Math.max(last, step[i]!);
  }
  return [first, last];
}

function putNumber({ symbols, bits }: Sink, table: number, scheme: NumberScheme, value: number): void {
  const symbol = symbolOf(scheme, value);
  symbols.put(table, symbol);
  bits.put(value - numberFloor(scheme, symbol), tailBits(scheme, symbol));
}

/** In place of the class before, where there is none: the first row of a key, the row after empty ones. */
const FIRST = 0;
const RESUMED = -1;

function putKeys(sink: Sink, cells: Cells, stepFirst: number, steps: number): void {
  const { length, key, bucket } = cells;
  let keyBefore = -1;
  let bucketFirst = 0;
  for (let i = 0; i < length;) {
    putNumber(sink, TABLE.keyGap, COARSE, key[i]! - keyBefore - 1);
    putNumber(sink, TABLE.bucketFirst, COARSE, zigzag(bucket[i]! - bucketFirst));
    keyBefore = key[i]!;
    bucketFirst = bucket[i]!;
    let bucketNext = bucketFirst;
    let classBefore = FIRST;
    while (i < length && key[i] === keyBefore) {
      const from = i;
      for (i++; i < length && key[i] === keyBefore && bucket[i] === bucket[from];) i++;
      const empty = bucket[from]! - bucketNext;
      if (empty > 0) putEmpty(sink, classBefore, empty);
      bucketNext = bucket[from]! + 1;
      classBefore = putRow(sink, rowOf(cells, from, i, stepFirst, steps), empty > 0 ? RESUMED : classBefore);
    }
    putEmpty(sink, classBefore, 0);
  }
}

/** `rows` empty rows before one that is not; none: the key ends. */
function putEmpty(sink: Sink, classBefore: number, rows: number): void {
  sink.symbols.put(TABLE.next + (classBefore >> 2), 0);
  putNumber(sink, TABLE.empty, COARSE, rows);
}

function putClass({ symbols }: Sink, classBefore: number, rowClass: number): void {
  if (classBefore > 0) symbols.put(TABLE.next + (classBefore >> 2), 1 + zigzag(rowClass - classBefore));
  else symbols.put(classBefore === FIRST ? TABLE.first : TABLE.resumed, rowClass);
}

/** Steps relative to the first of the block. */
interface Row {
  readonly steps: number;
  readonly step: Uint8Array;
  readonly count: Float64Array;
}

function rowOf(cells: Cells, from: number, until: number, stepFirst: number, steps: number): Row {
  const step = cells.step.slice(from, until);
  for (let i = 0; i < step.length; i++) step[i]! -= stepFirst;
  return { steps, step, count: cells.count.subarray(from, until) };
}

/** The row's class. */
function putRow(sink: Sink, row: Row, classBefore: number): number {
  return isSparse(row.step.length, row.steps)
    ? putSparse(sink, row, classBefore)
    : putDense(sink, row, classBefore);
}

function putSparse(sink: Sink, { step, count }: Row, classBefore: number): number {
  const rowClass = sparseClass(step.length);
  putClass(sink, classBefore, rowClass);
  sink.bits.put(step.length - sparseFloor(rowClass), sparseTailBits(rowClass));
  let stepNext = 0;
  for (let i = 0; i < step.length; i++) {
    putNumber(sink, TABLE.gap + rowClass, COARSE, step[i]! - stepNext);
    putNumber(sink, TABLE.count + rowClass, COARSE, count[i]! - 1);
    stepNext = step[i]! + 1;
  }
  return rowClass;
}

function putDense(sink: Sink, { steps, step, count }: Row, classBefore: number): number {
  const base = step.length < steps ? 0 : count.reduce((least, n) => Math.min(least, n));
  const residue = count.map((n) => n - base);
  const { rowClass, shift } = denseClass(residue, residue.length, steps);
  putClass(sink, classBefore, rowClass);
  putNumber(sink, TABLE.base + baseContext(rowClass), COARSE, base);
  if (rowClass >= SHIFTED) putNumber(sink, TABLE.shift, COARSE, shift);
  const table = TABLE.level + rowClass - DENSE;
  for (let t = 0, i = 0; t < steps; t++) {
    const value = step[i] === t ? residue[i++]! : 0;
    const level = Math.floor(value / 2 ** shift);
    putNumber(sink, table, FINE, level);
    sink.bits.put(value - level * 2 ** shift, shift);
  }
  return rowClass;
}

/** The number of cells that the bytes claim to hold; no more than such bytes can. */
export function classesCellCount(bytes: Uint8Array): number {
  return readCellCount(new ByteReader(bytes));
}

function readCellCount(header: ByteReader): number {
  const length = header.varint();
  const possible = header.bytes.length * CELLS_PER_BYTE_MAX;
  if (length > possible) throw new BytesFault(0, `found ${length} cells, expected at most ${possible}`);
  return length;
}

/** Appends to `into`; throws BytesFault and leaves `into` as it was. */
export function decodeClasses(bytes: Uint8Array, limits: ColumnLimits, into: CellsBuffer): void {
  if (limits.keys > INDICES_MAX || limits.buckets > INDICES_MAX) {
    throw new RangeError(
      `Cannot decode ${limits.keys} keys, ${limits.buckets} buckets: an index has two bytes`,
    );
  }
  const header = new ByteReader(bytes);
  const length = readCellCount(header);
  if (length === 0) {
    if (header.at < bytes.length) throw new BytesFault(header.at, 'expected the end, found more bytes');
    return;
  }
  const stepFirst = header.u8();
  const stepLast = header.u8();
  if (stepLast < stepFirst) throw new BytesFault(header.at, `steps end at ${stepLast}, before ${stepFirst}`);
  const tablesAt = header.at;
  const tableBits = new BitReader(bytes, tablesAt);
  const tables = readTables(tableBits);
  header.at = tableBits.at;
  const wordBytes = header.varint() * 2;
  const states = Uint32Array.from({ length: STATES }, () => readState(header));
  const words = { bytes, at: header.at, end: header.at + wordBytes };
  header.take(wordBytes);
  const source: Source = {
    symbols: new SymbolReader(tables, states, words),
    bits: new BitReader(bytes, words.end),
    limits,
    stepFirst,
    steps: stepLast - stepFirst + 1,
    into,
    at: into.length,
    end: into.length + length,
    seenFirst: BLOCK_STEPS,
    seenLast: -1,
    residue: new Float64Array(BLOCK_STEPS),
  };
  into.reserve(length);
  takeKeys(source);
  source.symbols.end();
  source.bits.endByte();
  if (source.bits.at < bytes.length)
    throw new BytesFault(source.bits.at, 'expected the end, found more bytes');
  if (source.seenFirst !== 0 || source.seenLast !== stepLast - stepFirst) {
    throw new BytesFault(1, 'no cell is at the first or the last step');
  }
  const expected = writeTables(source.symbols.counts);
  if (Buffer.compare(expected, bytes.subarray(tablesAt, tableBits.at)) !== 0) {
    throw new BytesFault(tablesAt, 'the tables are not those of the symbols');
  }
  into.length = source.end;
}

function readState(header: ByteReader): number {
  const state = header.varint() + STATE_MIN;
  if (state < STATE_LIMIT) return state;
  throw new BytesFault(header.at, `a state is ${state}, expected below 2^31`);
}

/** What is read from and to; `at`, and the smallest and largest relative step, move on. */
interface Source {
  readonly symbols: SymbolReader;
  readonly bits: BitReader;
  readonly limits: ColumnLimits;
  readonly stepFirst: number;
  readonly steps: number;
  readonly into: CellsBuffer;
  at: number;
  readonly end: number;
  seenFirst: number;
  seenLast: number;
  readonly residue: Float64Array;
}

function takeNumber({ symbols, bits }: Source, table: number, scheme: NumberScheme): number {
  const symbol = symbols.get(table);
  const tail = tailBits(scheme, symbol);
  const value = tail >= NUMBER_BITS_MAX ? Infinity : numberFloor(scheme, symbol) + bits.get(tail);
  if (Number.isSafeInteger(value)) return value;
  throw new BytesFault(symbols.at, 'expected a number of at most 53 bits, found none');
}

function takeKeys(source: Source): void {
  const { limits, symbols } = source;
  let key = -1;
  let bucket = 0;
  while (source.at < source.end) {
    key += 1 + takeNumber(source, TABLE.keyGap, COARSE);
    if (key >= limits.keys) throw new BytesFault(symbols.at, `key is ${key}, expected below ${limits.keys}`);
    bucket += unzigzag(takeNumber(source, TABLE.bucketFirst, COARSE));
    takeRows(source, key, bucket);
  }
}

function takeRows(source: Source, key: number, bucketFirst: number): void {
  const { limits, symbols, into } = source;
  let classBefore = FIRST;
  for (let bucket = bucketFirst; ; bucket++) {
    let rowClass = takeClass(source, classBefore);
    if (rowClass === 0) {
      const empty = takeNumber(source, TABLE.empty, COARSE);
      if (empty === 0) return;
      bucket += empty;
      rowClass = takeClass(source, RESUMED);
    }
    if (bucket < 0 || bucket >= limits.buckets) {
      throw new BytesFault(symbols.at, `bucket is ${bucket}, expected below ${limits.buckets}`);
    }
    const from = source.at;
    if (rowClass < DENSE) takeSparse(source, rowClass);
    else takeDense(source, rowClass);
    into.key.fill(key, from, source.at);
    into.bucket.fill(bucket, from, source.at);
    classBefore = rowClass;
  }
}

/** 0 after a row only: there the next symbol tells how many rows are empty. */
function takeClass({ symbols }: Source, classBefore: number): number {
  let rowClass: number;
  if (classBefore > 0) {
    const symbol = symbols.get(TABLE.next + (classBefore >> 2));
    if (symbol === 0) return 0;
    rowClass = classBefore + unzigzag(symbol - 1);
  } else {
    rowClass = symbols.get(classBefore === FIRST ? TABLE.first : TABLE.resumed);
  }
  if (rowClass >= 1 && rowClass < CLASSES) return rowClass;
  throw new BytesFault(symbols.at, `class is ${rowClass}, expected 1 to ${CLASSES - 1}`);
}

function takeSparse(source: Source, rowClass: number): void {
  const cells = sparseFloor(rowClass) + source.bits.get(sparseTailBits(rowClass));
  if (!isSparse(cells, source.steps)) {
    throw new BytesFault(source.symbols.at, `a sparse row has ${cells} cells of ${source.steps}`);
  }
  let stepNext = 0;
  for (let i = 0; i < cells; i++) {
    const step = stepNext + takeNumber(source, TABLE.gap + rowClass, COARSE);
    if (step >= source.steps) {
      throw new BytesFault(source.symbols.at, `step is ${step}, expected below ${source.steps}`);
    }
    putCell(source, step, 1 + takeNumber(source, TABLE.count + rowClass, COARSE));
    stepNext = step + 1;
  }
}

function takeDense(source: Source, rowClass: number): void {
  const { bits, steps, residue, at: from, symbols } = source;
  const base = takeNumber(source, TABLE.base + baseContext(rowClass), COARSE);
  const shift = rowClass >= SHIFTED ? takeNumber(source, TABLE.shift, COARSE) : 0;
  if (shift > NUMBER_BITS_MAX) throw new BytesFault(symbols.at, `shift is ${shift}, expected at most 53`);
  const table = TABLE.level + rowClass - DENSE;
  let least = Infinity;
  for (let t = 0; t < steps; t++) {
    const level = takeNumber(source, table, FINE);
    const value = level * 2 ** shift + bits.get(shift);
    least = Math.min(least, value);
    if (base + value === 0) continue;
    residue[source.at - from] = value;
    putCell(source, t, base + value);
  }
  const cells = source.at - from;
  const expected = denseClass(residue, cells, steps);
  if (isSparse(cells, steps) || (base > 0 && least > 0) || (base === 0 && cells === steps)) {
    throw new BytesFault(symbols.at, `a dense row has ${cells} cells of ${steps} over a base of ${base}`);
  }
  if (expected.rowClass !== rowClass || expected.shift !== shift) {
    throw new BytesFault(
      symbols.at,
      `a row of class ${expected.rowClass} is said to be of class ${rowClass}`,
    );
  }
}

/** Key and bucket are put for the whole row. */
function putCell(source: Source, step: number, count: number): void {
  const { into, at, symbols, stepFirst } = source;
  if (at >= source.end) throw new BytesFault(symbols.at, 'found more cells than announced');
  if (count > Number.MAX_SAFE_INTEGER) throw new BytesFault(symbols.at, 'count is above 53 bits');
  into.step[at] = stepFirst + step;
  into.count[at] = count;
  source.seenFirst = Math.min(source.seenFirst, step);
  source.seenLast = Math.max(source.seenLast, step);
  source.at++;
}
