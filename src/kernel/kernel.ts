/** The kernel: the hot loops over typed arrays, behind one interface with two implementations that agree bit
 *  for bit: `reference.ts` is normative and readable, `native.ts` is the add-on in native/.
 *  All functions are pure over the arrays given: no state between calls, callers allocate. Sizes and indices
 *  are checked before anything is written: what does not fit throws RangeError. Arrays may be longer than needed;
 *  they lie in ordinary memory (not shared), and one that is written overlaps no other. */
import type { CountLines, CountLinesBuffer } from '../model/count-lines.ts';
import type { Checksum } from '../model/crc32c.ts';
import type { Cells, CellsBuffer } from '../model/series.ts';
import type { BucketRaster, DrawnRoom, Mix } from '../model/raster.ts';

/** Which cells of a block go where. */
export interface Placement {
  /** Per step of the block (256): the raster's column, or -1 to leave out. */
  readonly columnOfStep: Int32Array;
  /** Per key of the block: the hue, or -1 to leave out. */
  readonly hueOfKey: Int32Array;
}

/** How buckets spread over rows, by overlap: bucket b (of a raster, from its bucketFirst) gives weight[j] of its count to
 *  row[j] for j in start[b] .. start[b + 1], and what `under` and `over` say of it to what lies below and above the rows. */
export interface RowSpread {
  readonly rows: number;
  readonly start: Int32Array;
  readonly row: Int32Array;
  readonly weight: Float64Array;
  /** Per bucket. */
  readonly under: Float64Array;
  readonly over: Float64Array;
}

/** Cells of a block, or its lines, and where they go. */
export type Placed = PlacedCells | PlacedLines;

export interface PlacedCells {
  readonly cells: Cells;
  readonly placement: Placement;
}

export interface PlacedLines {
  readonly lines: CountLines;
  readonly placement: Placement;
}

/** What of the cells is drawn: `buckets` buckets from bucketFirst on; where there are factors, times that of each column. */
export interface RasterWindow extends Pick<BucketRaster, 'hues' | 'columns' | 'bucketFirst' | 'buckets'> {
  readonly factors?: Float64Array | undefined;
}

export interface Kernel {
  readonly name: 'reference' | 'native';

  /** CRC-32C; see model/crc32c.ts. */
  readonly crc32c: Checksum;

  /** bucketIndex(LL5, value) of each of the first `length` values, into `out`; takes any double. */
  bucketIndices(values: Float64Array, length: number, out: Uint16Array): void;

  /** Orders cells by (key, bucket, step) and adds up those of the same place in their order, in place; a sum above
   *  2^53 - 1 stays there. Cells that are in order up to some place cost little up to there: a block that grows is
   *  sorted again and again. */
  sortMerge(cells: CellsBuffer): void;

  /** Codec 1's columns of sorted, merged cells (docs/SEGMENT_FORMAT.md), before deflate. Throws RangeError on
   *  cells that are not sorted and merged, or a count that is no positive safe integer. */
  encodeColumns(cells: Cells): Uint8Array;

  /** Reads what `encodeColumns` wrote, appending to `into`; throws BytesFault on bytes it could not have
   *  written (a bucket not below `buckets`, a key not below `keys`, a short or long column) and leaves `into` as it was. */
  decodeColumns(bytes: Uint8Array, limits: { keys: number; buckets: number }, into: CellsBuffer): void;

  /** Codec 2's bytes of sorted, merged cells (docs/SEGMENT_FORMAT.md, "Class-rANS of codec 2"): smaller than
   *  deflated columns, near what no codec can beat. Throws as encodeColumns. */
  encodeClasses(cells: Cells): Uint8Array;

  /** Reads what `encodeClasses` wrote; as decodeColumns. */
  decodeClasses(bytes: Uint8Array, limits: { keys: number; buckets: number }, into: CellsBuffer): void;

  /** Appends the placed cells to `into`, with their column for a step and their hue for a key, those of one place
   *  added up as sortMerge does, in its order. Columns are below 256, hues below 65,536. */
  addUp(cells: Cells, placement: Placement, into: CellsBuffer): void;

  /** Adds the cells up by key and bucket, each with a count for every step; what is new follows in the order of the cells.
   *  False where a count would be above 65,535, or there would be more than linesMax: the lines are of no use then. */
  addLines(cells: Cells, into: CountLinesBuffer): boolean;

  /** Smallest and largest bucket among the placed cells: [low, high], or [0, -1] when there are none. */
  bucketRange(cells: Cells, placement: Placement): [number, number];

  /** Adds the placed cells into the raster; buckets outside its range go to `under` and `over`. */
  accumulate(cells: Cells, placement: Placement, raster: BucketRaster): void;

  /** Adds up what is placed of all blocks as `accumulate` does, and spreads the sums over rows: a cell of a hue, column and
   *  row is the sum of count * weight in ascending bucket order, times the column's factor. Sets out.cells
   *  [hue][column][row], where they are wanted, to these, and out.mix [column][row] to what `mix` finds of them. out.under and
   *  out.over [column] are such sums too, those of the hues added up, ascending, before they are multiplied. Counts are
   *  integers: of one hue, column and bucket they add up to at most 2^53, so that their order says nothing. Buckets outside
   *  of the window are left out. Sets all of `out`, whatever it held. At most 255 hues. */
  rasterize(blocks: readonly Placed[], window: RasterWindow, spread: RowSpread, out: DrawnRoom): void;

  /** Per cell of values[hue][cell] the sum over hues, ascending, and 1 + the hue with the largest count (the lowest
   *  such hue on a tie); 0 where none is above 0. At most 255 hues. */
  mix(values: Float64Array, shape: { hues: number; cells: number }, into: Mix): void;

  /** Sets occupied[bin] to 1 for each half-octave (model/half-octave.ts) that holds one of the first `cells` sums, which are
   *  0 or more; sums of 0 are none. `occupied` has HALF_OCTAVES members. */
  halfOctaves(sums: Float64Array, cells: number, occupied: Uint8Array): void;

  /** Sums of [column][row] by row, columns ascending: sets out[row]. */
  rowSums(sums: Float64Array, shape: { columns: number; rows: number }, out: Float64Array): void;

  /** Palette index of each cell: 0 where no hue is the strongest; else 1 + hue * levels + level, of the strongest hue
   *  (counted from 0) and the level of the sum: the number of `thresholds` (ascending, levels - 1 of them) at or below
   *  it. The palette has at most 256 members; sums are 0 or more. */
  shade(mix: Mix, shape: { cells: number; levels: number }, thresholds: Float64Array, out: Uint8Array): void;

  /** Enlarges (or thins) cells[column][row] to a rectangle of pixels:
   *  pixels[from + y * stride + x] = palette[cells[columnOfX[x] * rows + rowOfY[y]]]. `palette` has 256 members. */
  paint(cells: Uint8Array, stretch: Stretch, palette: Uint8Array, to: PixelRows): void;

  /** Rows of `width` pixels as a PNG has them, each behind its filter (W3C PNG, filter method 0): "up" and zeros where it
   *  repeats the one above, else "none" and the row. `out` has width + 1 members a row. */
  filterRows(pixels: Uint8Array, width: number, out: Uint8Array): void;

  /** A zlib stream of the bytes into `out`, which has deflateBound(bytes.length) members or more; how many it takes.
   *  Repeats are looked for at a distance of one byte and, from 1 to 32,768, of `rowBytes`. */
  deflate(bytes: Uint8Array, rowBytes: number, out: Uint8Array): number;
}

/** Which cell of [column][row] each pixel of a rectangle shows, as wide and high as the lists are long. */
export interface Stretch {
  readonly columns: number;
  readonly rows: number;
  readonly columnOfX: Int32Array;
  readonly rowOfY: Int32Array;
}

/** Rows of pixels, `stride` from one to the next; the rectangle's first is at `from`. */
export interface PixelRows {
  readonly pixels: Uint8Array;
  readonly from: number;
  readonly stride: number;
}
