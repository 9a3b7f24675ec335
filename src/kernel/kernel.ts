/** The kernel: the hot loops over typed arrays, behind one interface with two implementations that agree bit
 *  for bit: `reference.ts` is normative and readable, `native.ts` is the add-on in native/.
 *  All functions are pure over the arrays given: no state between calls, callers allocate. Sizes and indices
 *  are checked before anything is written: what does not fit throws RangeError. Arrays may be longer than needed;
 *  they lie in ordinary memory (not shared), and one that is written overlaps no other. */
import type { Checksum } from '../model/crc32c.ts';
import type { Cells, CellsBuffer } from '../model/series.ts';
import type { BucketRaster } from '../model/raster.ts';

/** Which cells of a block go where. */
export interface Placement {
  /** Per step of the block (256): the raster's column, or -1 to leave out. */
  readonly columnOfStep: Int32Array;
  /** Per key of the block: the hue, or -1 to leave out. */
  readonly hueOfKey: Int32Array;
}

/** How buckets spread over rows, by overlap: bucket b (of the raster, from its bucketFirst) gives
 *  weight[j] of its count to row[j] for j in start[b] .. start[b + 1]. Weights of one bucket sum to at most 1;
 *  what is missing lies outside the rows. */
export interface RowSpread {
  readonly rows: number;
  readonly start: Int32Array;
  readonly row: Int32Array;
  readonly weight: Float64Array;
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

  /** Smallest and largest bucket among the placed cells: [low, high], or [0, -1] when there are none. */
  bucketRange(cells: Cells, placement: Placement): [number, number];

  /** Adds the placed cells into the raster; buckets outside its range go to `under` and `over`. */
  accumulate(cells: Cells, placement: Placement, raster: BucketRaster): void;

  /** Spreads buckets over rows: out[hue][column][row] += counts * weight, in ascending bucket order.
   *  `out` has hues * columns * rows members. */
  spread(raster: BucketRaster, spread: RowSpread, out: Float64Array): void;

  /** Sets occupied[bin] to 1 for each half-octave (model/half-octave.ts) that holds the sum over hues of a cell of
   *  rows[hue][cell], hues ascending; sums of 0 are none. `occupied` has HALF_OCTAVES members. */
  halfOctaves(rows: Float64Array, shape: Omit<ShadeShape, 'levels'>, occupied: Uint8Array): void;

  /** Palette index of each cell of [column][row] from rows[hue][column][row]: 0 where all hues are 0; else
   *  1 + hue * levels + level, of the hue with the largest count (the lowest such hue on a tie) and the
   *  level of the sum over hues: the number of `thresholds` (ascending, levels - 1 of them) at or below it. */
  shade(rows: Float64Array, shape: ShadeShape, thresholds: Float64Array, out: Uint8Array): void;

  /** A zlib stream of the bytes into `out`, which has deflateBound(bytes.length) members or more; how many it takes.
   *  Repeats are looked for at a distance of one byte and, from 1 to 32,768, of `rowBytes`. */
  deflate(bytes: Uint8Array, rowBytes: number, out: Uint8Array): number;
}

export interface ShadeShape {
  readonly hues: number;
  /** columns * rows */
  readonly cells: number;
  readonly levels: number;
}
