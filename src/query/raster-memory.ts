/** What live pictures looked like when they were drawn last: of the next one only those columns are counted whose cells
 *  changed. Owns: which columns these are, by the blocks that they are from; what is forgotten.
 *  Invariant: a picture drawn with a memory is, member by member, the one that is drawn without: a column's numbers
 *  follow from the cells that lie in it, each column's by themselves.
 *  Bounds: RASTER_BYTES_MAX a picture, BYTES_MAX together, of which the one drawn longest ago goes first. */
import { BLOCK_STEPS } from '../model/limits.ts';
import type { Cells } from '../model/series.ts';
import { BlockSums } from './block-sums.ts';
import type { ColumnRun, Scan, ScannedBlock } from './scan.ts';

/** Some ten live pictures of ten minutes in five hues. */
const BYTES_MAX = 32 * 2 ** 20;
const RASTER_BYTES_MAX = 16 * 2 ** 20;

/** Members by [hue][column][row], and by [column]. */
export interface DrawnCells {
  readonly cells: Float64Array;
  readonly under: Float64Array;
  readonly over: Float64Array;
}

export interface Shape {
  readonly hues: number;
  readonly columns: number;
  readonly rows: number;
}

export function emptyCells({ hues, columns, rows }: Shape): DrawnCells {
  return {
    cells: new Float64Array(hues * columns * rows),
    under: new Float64Array(columns),
    over: new Float64Array(columns),
  };
}

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
  readonly drawn: DrawnCells;
  readonly blocks: ReadonlyMap<Cells, KeptBlock>;
}

export class RasterMemory {
  readonly sums = new BlockSums();
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

  /** The picture's members; `draw` fills those of runs of columns, which are 0. */
  drawn(
    picture: Picture,
    scan: Scan,
    draw: (into: DrawnCells, runs: readonly ColumnRun[]) => void,
  ): DrawnCells {
    const kept = this.#kept.get(picture.name);
    const blocks = blocksOf(scan);
    const runs =
      kept === undefined || blocks === undefined
        ? ([[0, picture.columns]] as const)
        : runsOf(changedColumns(kept, picture, scan));
    const isSame = runs.length === 0 && kept?.picture.firstColumn === picture.firstColumn;
    if (isSame && kept.picture.columns === picture.columns) return kept.drawn;
    const drawn = copied(kept, picture, runs);
    draw(drawn, runs);
    if (blocks !== undefined) this.#keep({ picture, drawn, blocks });
    return drawn;
  }

  #keep(kept: Kept): void {
    const { name } = kept.picture;
    this.#forget(name);
    if (bytesOf(kept) > Math.min(RASTER_BYTES_MAX, this.#bytesMax)) return;
    this.#kept.set(name, kept);
    this.#bytes += bytesOf(kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#kept.delete(name);
    this.#bytes -= bytesOf(kept);
  }
}

function bytesOf({ drawn: { cells, under, over }, blocks }: Kept): number {
  return cells.byteLength + under.byteLength + over.byteLength + blocks.size * BLOCK_STEPS * 4;
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

function runsOf(changed: Uint8Array): ColumnRun[] {
  const runs: ColumnRun[] = [];
  for (let first = changed.indexOf(1); first >= 0;) {
    const end = changed.indexOf(0, first);
    const until = end < 0 ? changed.length : end;
    runs.push([first, until]);
    first = changed.indexOf(1, until);
  }
  return runs;
}

/** What is kept of the columns outside of the runs, at their new places. */
function copied(kept: Kept | undefined, picture: Picture, runs: readonly ColumnRun[]): DrawnCells {
  const { hues, columns, rows, firstColumn } = picture;
  const drawn = emptyCells(picture);
  if (kept === undefined) return drawn;
  const { drawn: was, picture: before } = kept;
  const slid = firstColumn - before.firstColumn;
  for (const [first, until] of runsBetween(runs, columns)) {
    for (let h = 0; h < hues; h++) {
      const from = (h * before.columns + first + slid) * rows;
      const part = was.cells.subarray(from, from + (until - first) * rows);
      drawn.cells.set(part, (h * columns + first) * rows);
    }
    drawn.under.set(was.under.subarray(first + slid, until + slid), first);
    drawn.over.set(was.over.subarray(first + slid, until + slid), first);
  }
  return drawn;
}

function runsBetween(runs: readonly ColumnRun[], columns: number): ColumnRun[] {
  const starts = [0, ...runs.map(([, until]) => until)];
  const ends = [...runs.map(([first]) => first), columns];
  return starts.map((first, i): ColumnRun => [first, ends[i]!]).filter(([first, until]) => first < until);
}
