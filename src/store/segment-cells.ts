/** The cells of a segment as bytes: two codecs, both read for ever (docs/SEGMENT_FORMAT.md). Owns: which codec
 *  writes, how each one reads. Does not: know where in a segment the bytes lie, or what is beside them.
 *  Invariants: the codec follows from the number of cells alone, so equal cells give equal bytes; a reader
 *  makes room for as many cells as the header announces and no more, once the bytes are long enough for them. */
import type { Kernel } from '../kernel/kernel.ts';
import { type Cells, CellsBuffer } from '../model/series.ts';
import { ByteReader, BytesFault } from '../model/varint.ts';
import { deflated, inflated } from './deflate.ts';

/** Varint columns + raw deflate. */
export const CODEC_COLUMNS = 1;
/** Class-rANS: a few per cent above the entropy. */
export const CODEC_CLASSES = 2;

/** Blocks of fewer cells are written as columns: the tables of classes eat what the classes gain, some tens of
 *  bytes a block at most, and take four times as long to read, without the add-on fifteen times. `npm run bench --
 *  codec` shows it, "a block of". */
export const CLASSES_CELLS_MIN = 1024;

/** Largest possible bytes of the columns of one cell, and of their header. */
const CELL_BYTES_MAX = 3 + 2 + 2 + 2 + 2 + 8;
const COLUMNS_HEADER_BYTES_MAX = 7 * 8;

export interface CellBytes {
  readonly codec: number;
  /** Bytes before deflate; those stored where nothing is deflated. */
  readonly rawBytes: number;
  readonly bytes: Uint8Array;
}

/** What a header says of the cells. */
export interface CellsHeader {
  readonly codec: number;
  readonly cellCount: number;
  readonly columnsRawBytes: number;
  readonly columnsBytes: number;
}

export function encodeCells(cells: Cells, kernel: Kernel): CellBytes {
  if (cells.length >= CLASSES_CELLS_MIN) {
    const bytes = kernel.encodeClasses(cells);
    return { codec: CODEC_CLASSES, rawBytes: bytes.length, bytes };
  }
  const raw = cells.length === 0 ? new Uint8Array(0) : kernel.encodeColumns(cells);
  return { codec: CODEC_COLUMNS, rawBytes: raw.length, bytes: deflated(raw) };
}

/** What cannot be true of any cells. */
export function cellsFault(h: CellsHeader): string | undefined {
  if (h.codec === CODEC_CLASSES) {
    if (h.cellCount === 0) return 'found codec 2 and no cells, expected codec 1';
    if (h.columnsRawBytes === h.columnsBytes) return undefined;
    return `the columns have ${h.columnsRawBytes} bytes, expected the ${h.columnsBytes} that are stored`;
  }
  if (h.codec !== CODEC_COLUMNS) return `codec is ${h.codec}, expected ${CODEC_COLUMNS} or ${CODEC_CLASSES}`;
  const columnsMax = h.cellCount === 0 ? 0 : h.cellCount * CELL_BYTES_MAX + COLUMNS_HEADER_BYTES_MAX;
  if (h.columnsRawBytes <= columnsMax) return undefined;
  return `the columns have ${h.columnsRawBytes} bytes, expected at most ${columnsMax}`;
}

/** Throws BytesFault; its byte is of `stored`. */
export function decodeCells(
  stored: Uint8Array,
  h: CellsHeader,
  limits: { readonly keys: number; readonly buckets: number },
  kernel: Kernel,
): Cells {
  const cells = new CellsBuffer(0);
  if (h.codec === CODEC_CLASSES) {
    expectCells(stored, h.cellCount);
    kernel.decodeClasses(stored, limits, cells);
    return cells;
  }
  const raw = inflated(stored, h.columnsRawBytes);
  if (h.cellCount === 0) return cells;
  try {
    expectCells(raw, h.cellCount);
    kernel.decodeColumns(raw, limits, cells);
  } catch (error) {
    if (!(error instanceof BytesFault)) throw error;
    throw new BytesFault(0, `inflated: ${error.message}; the stream begins`);
  }
  return cells;
}

/** Both codecs begin with the number of cells. */
function expectCells(bytes: Uint8Array, expected: number): void {
  const found = new ByteReader(bytes).varint();
  if (found !== expected) throw new BytesFault(0, `expected ${expected} cells, found ${found}`);
}
