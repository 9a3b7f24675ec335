/** What live pictures looked like when they were drawn last: of the next one only those columns are counted whose cells
 *  changed. Owns: which columns these are, by the blocks that they are from; what is forgotten.
 *  Invariant: a picture drawn with a memory is, member by member, the one that is drawn without: a column's numbers
 *  follow from the cells that lie in it, each column's by themselves.
 *  Bounds: RASTER_BYTES_MAX a picture, BYTES_MAX together, of which the one drawn longest ago goes first; beside them
 *  what was seen of one that is forgotten, and the last scan. */
import { assert } from '../model/assert.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import type { Mix } from '../model/raster.ts';
import type { Cells } from '../model/series.ts';
import { BlockLines } from './block-lines.ts';
import { BlockSums } from './block-sums.ts';
import type { RoomWish } from './lazy-cells.ts';
import { type DrawnRun, type MixedCells, type Shape, SlidingCells } from './sliding-cells.ts';
import type { ColumnRun, Scan, ScannedBlock } from './scan.ts';

/** Some ten live pictures of ten minutes in five hues. */
const BYTES_MAX = 32 * 2 ** 20;
const RASTER_BYTES_MAX = 16 * 2 ** 20;
/** Runs of columns that are drawn by themselves. */
const RUNS_MAX = 4;

/** Which picture it is: one of another name has nothing in common. */
export interface Picture extends Shape {
  readonly name: string;
  /** Its first column, counted in columns from 1970. */
  readonly firstColumn: number;
}

interface KeptBlock {
  readonly generation: number;
  readonly length: number;
  readonly columnOfStep: Int32Array;
}

interface Kept {
  readonly picture: Picture;
  readonly drawn: SlidingCells;
  readonly blocks: ReadonlyMap<Cells, KeptBlock>;
}

export interface DrawWish extends RoomWish {
  /** Of blocks of which lines may be made and kept. */
  readonly inLines?: boolean;
}

/** What runs of columns show. */
export type DrawRuns = (runs: readonly ColumnRun[], wish?: DrawWish) => readonly DrawnRun[];

export class RasterMemory {
  readonly sums = new BlockSums();
  readonly lines = new BlockLines();
  /** The scan that was drawn last, and what of it: its blocks may be more than all that is kept. */
  #scan: Scan | undefined;
  #ofScan: SlidingCells[] = [];
  /** Of a picture that is forgotten: memory that was written lately is written sooner. */
  #spare: Mix | undefined;
  readonly #bytesMax: number;
  /** By name, the one drawn longest ago first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(bytesMax: number = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get sizeBytes(): number {
    return this.#bytes;
  }

  /** The picture's members, which are the memory's: they hold until a picture of another scan is drawn. `draw` gives
   *  what runs of columns show. */
  drawn(picture: Picture, scan: Scan, draw: DrawRuns): MixedCells {
    if (scan !== this.#scan) this.#answered(scan);
    const blocks = blocksOf(scan);
    const kept = this.#kept.get(picture.name);
    const whole = (wish: DrawWish): MixedCells => {
      const { hues, columns, rows } = picture;
      const inLines = hues * columns * rows * 8 <= RASTER_BYTES_MAX;
      const [run] = draw([[0, columns]], { ...wish, inLines });
      assert(run !== undefined, 'a picture has columns');
      return run.drawn;
    };
    if (blocks === undefined) return whole({});
    if (kept === undefined || kept.picture.columns !== picture.columns) {
      const drawn = whole({ mix: this.#spare });
      if (drawn.mix === this.#spare) this.#spare = undefined;
      return this.#keep({ picture, drawn: new SlidingCells(picture, drawn), blocks });
    }
    const { wantsCells: withCells } = kept.drawn;
    const runs = draw(runsOf(changedColumns(kept, picture, scan)), { withCells });
    kept.drawn.slide(picture.firstColumn - kept.picture.firstColumn, () => whole({ withCells: true }).cells);
    for (const run of runs) kept.drawn.set(run);
    return this.#keep({ ...kept, picture, blocks });
  }

  /** What was drawn of the scan before is answered. */
  #answered(scan: Scan): void {
    const kept = new Set([...this.#kept.values()].map(({ drawn }) => drawn));
    for (const drawn of this.#ofScan) {
      drawn.answered();
      if (!kept.has(drawn)) this.#spare = drawn.mix;
    }
    this.#scan = scan;
    this.#ofScan = [];
  }

  #keep(kept: Kept): MixedCells {
    const { picture, drawn } = kept;
    this.#ofScan.push(drawn);
    this.#forget(picture.name);
    if (bytesOf(kept) > Math.min(RASTER_BYTES_MAX, this.#bytesMax)) return drawn;
    this.#kept.set(picture.name, kept);
    this.#bytes += bytesOf(kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#forget(oldest);
    }
    return drawn;
  }

  #forget(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#kept.delete(name);
    if (!this.#ofScan.includes(kept.drawn)) this.#spare = kept.drawn.mix;
    this.#bytes -= bytesOf(kept);
  }
}

function bytesOf({ drawn, blocks }: Kept): number {
  return drawn.bytesMax + blocks.size * BLOCK_STEPS * 4;
}

/** Undefined where two have the same cells, as a reading that time passed in may: then nothing tells them apart. */
function blocksOf(scan: Scan): Map<Cells, KeptBlock> | undefined {
  const blocks = new Map<Cells, KeptBlock>(scan.blocks.map(({ origin }) => [origin.cells, origin]));
  return blocks.size === scan.blocks.length ? blocks : undefined;
}

/** 1 for each column of the picture that is not as it was kept. */
function changedColumns({ picture: before, blocks }: Kept, picture: Picture, scan: Scan): Uint8Array {
  const slid = picture.firstColumn - before.firstColumn;
  const changed = new Uint8Array(picture.columns);
  for (let c = 0; c < picture.columns; c++) {
    if (c + slid < 0 || c + slid >= before.columns) changed[c] = 1;
  }
  const left = new Map(blocks);
  for (const block of scan.blocks) {
    const was = left.get(block.origin.cells);
    left.delete(block.origin.cells);
    markChanges(block, was, slid, changed);
  }
  for (const { columnOfStep } of left.values()) markSteps(columnOfStep, slid, changed);
  return changed;
}

function markChanges(
  { origin }: ScannedBlock,
  was: KeptBlock | undefined,
  slid: number,
  changed: Uint8Array,
): void {
  const { columnOfStep, cells, length } = origin;
  if (was === undefined || was.generation !== origin.generation || was.length > length) {
    markSteps(columnOfStep, 0, changed);
    if (was !== undefined) markSteps(was.columnOfStep, slid, changed);
    return;
  }
  for (let step = 0; step < BLOCK_STEPS; step++) {
    const now = columnOfStep[step]!;
    const then = was.columnOfStep[step]! < 0 ? -1 : was.columnOfStep[step]! - slid;
    if (now === then) continue;
    mark(now, changed);
    mark(then, changed);
  }
  for (let i = was.length; i < length; i++) mark(columnOfStep[cells.step[i]!]!, changed);
}

function markSteps(columnOfStep: Int32Array, slid: number, changed: Uint8Array): void {
  for (const column of columnOfStep) if (column >= 0) mark(column - slid, changed);
}

function mark(column: number, changed: Uint8Array): void {
  if (column >= 0 && column < changed.length) changed[column] = 1;
}

/** Few: each reads all cells of the blocks that it lies in. Where there would be more, what lies between them is drawn
 *  anew, too. */
function runsOf(changed: Uint8Array): ColumnRun[] {
  const runs: ColumnRun[] = [];
  for (let first = changed.indexOf(1); first >= 0;) {
    const end = changed.indexOf(0, first);
    const until = end < 0 ? changed.length : end;
    runs.push([first, until]);
    first = changed.indexOf(1, until);
  }
  return runs.length > RUNS_MAX ? [[runs[0]![0], runs.at(-1)![1]]] : runs;
}
