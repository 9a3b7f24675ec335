/** What class-rANS says about rows and numbers: which class a row is of, which table codes which symbol, how a
 *  number becomes a symbol and bits. Integers only, so that every language decides alike. Normative, with
 *  docs/SEGMENT_FORMAT.md, "Class-rANS of codec 2". Owns no bytes: class-tables.ts, rans.ts and classes.ts do.
 *
 *  | class    | row                                                                                     |
 *  |----------|-----------------------------------------------------------------------------------------|
 *  | 1 .. 15  | sparse: 1 .. 7 cells, then quarter octaves of their number (8, 10, 12, 14, 16, 20, ..)  |
 *  | 16       | dense: mean residue below 1/16                                                          |
 *  | 17 .. 26 | dense: half octaves of the mean residue, 1/16 .. 2                                      |
 *  | 27 .. 34 | dense: quarter octaves, 2 .. 8                                                          |
 *  | 35 .. 38 | dense: quarter octaves of what is left above the shift, 8 .. 16                         | */
import { bitLength } from './bits.ts';

/** Symbols of a table; the last is no symbol but what a slot holds that none has. */
export const SYMBOLS = 128;
export const NO_SYMBOL = SYMBOLS - 1;

export const DENSE = 16;
export const CLASSES = 39;
/** From this class on a row has a shift. */
export const SHIFTED = 35;
/** A row is sparse when less than a SPARSE_PART-th of its steps have a cell. */
export const SPARSE_PART = 8;

/** Table numbers; those with a width are arrays of tables. */
export const TABLE = {
  /** Of a row's class, given classBefore >> 2. */
  next: 0,
  /** Of the class of a key's first row, and of a row after empty ones. */
  first: 10,
  resumed: 11,
  keyGap: 12,
  bucketFirst: 13,
  empty: 14,
  shift: 15,
  /** Given baseContext(class). */
  base: 16,
  /** Given the sparse class. */
  gap: 20,
  count: 36,
  /** Given the dense class. */
  level: 52,
} as const;
export const TABLES = TABLE.level + CLASSES - DENSE;

/** How numbers become symbols: those below 1 << directBits are their own; of larger ones the symbol holds the
 *  octave and the highest `partBits` below its top bit, and the rest are bits. */
export interface NumberScheme {
  readonly directBits: number;
  readonly partBits: number;
}
export const FINE: NumberScheme = { directBits: 6, partBits: 0 };
export const COARSE: NumberScheme = { directBits: 4, partBits: 1 };
export const NUMBER_BITS_MAX = 53;

export function symbolOf({ directBits, partBits }: NumberScheme, value: number): number {
  if (value < 1 << directBits) return value;
  const top = bitLength(value) - 1;
  const part = Math.floor(value / 2 ** (top - partBits)) - (1 << partBits);
  return (1 << directBits) + ((top - directBits) << partBits) + part;
}

/** Bits that follow the symbol of a number. */
export function tailBits({ directBits, partBits }: NumberScheme, symbol: number): number {
  return symbol < 1 << directBits ? 0 : ((symbol - (1 << directBits)) >> partBits) + directBits - partBits;
}

/** The smallest number of a symbol. */
export function numberFloor({ directBits, partBits }: NumberScheme, symbol: number): number {
  if (symbol < 1 << directBits) return symbol;
  const part = (symbol - (1 << directBits)) & ((1 << partBits) - 1);
  return ((1 << partBits) + part) * 2 ** tailBits({ directBits, partBits }, symbol);
}

/** Signed to unsigned: 0, -1, 1, -2, 2 .. to 0, 1, 2, 3, 4. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

export function isSparse(cells: number, steps: number): boolean {
  return cells * SPARSE_PART < steps;
}

/** The class of a sparse row: 1 .. 31 cells, as a row has at most 256 steps. */
export function sparseClass(cells: number): number {
  if (cells < 8) return cells;
  const top = bitLength(cells) - 1;
  return 8 + (top - 3) * 4 + ((cells >> (top - 2)) & 3);
}

/** Bits of the number of cells that a sparse class leaves open. */
export function sparseTailBits(rowClass: number): number {
  return rowClass < 8 ? 0 : ((rowClass - 8) >> 2) + 1;
}

export function sparseFloor(rowClass: number): number {
  return rowClass < 8 ? rowClass : (4 + ((rowClass - 8) & 3)) << sparseTailBits(rowClass);
}

export function baseContext(rowClass: number): number {
  return rowClass < 27 ? 0 : 1 + ((rowClass - 27) >> 2);
}

/** Residues this many octaves above the middle one are no sign of what the row is like. */
const OUTLIER_OCTAVES = 3;
/** Sums of 256 clipped residues, times 16, stay exact in a double with room to divide. */
const CLIP_BITS_MAX = 36;

/** Class and shift of a dense row of `steps` residues, of which the `cells` first in `residue` may differ from 0. */
export function denseClass(
  residue: Float64Array,
  cells: number,
  steps: number,
): { rowClass: number; shift: number } {
  let bits = 0;
  for (let i = 0; i < cells; i++) bits += bitLength(residue[i]!);
  const clip = 2 ** Math.min(Math.floor(bits / steps) + OUTLIER_OCTAVES, CLIP_BITS_MAX);
  let sum = 0;
  for (let i = 0; i < cells; i++) sum += Math.min(residue[i]!, clip);
  const mean16ths = Math.floor((sum * 16) / steps);
  if (mean16ths === 0) return { rowClass: DENSE, shift: 0 };
  const top = bitLength(mean16ths) - 1;
  if (top < 5) {
    const half = top === 0 ? 0 : (mean16ths >> (top - 1)) & 1;
    return { rowClass: DENSE + 1 + 2 * top + half, shift: 0 };
  }
  const quarter = Math.floor(mean16ths / 2 ** (top - 2)) & 3;
  if (top < 7) return { rowClass: 27 + 4 * (top - 5) + quarter, shift: 0 };
  return { rowClass: SHIFTED + quarter, shift: top - 7 };
}
