/** The stored cells that a plan reads, with every cell's column and group known: a group is a key of the plan's
 *  fields. Owns: cutting blocks to the range, filtering and projecting keys, counting through the kernel in
 *  chunks of bounded memory. Does not: know what the counts are for. */
import type { CountLines } from '../model/count-lines.ts';
import type { Kernel, Placed, PlacedCells, Placement } from '../kernel/kernel.ts';
import { assert } from '../model/assert.ts';
import { bucketCount, type Grid } from '../model/grid.ts';
import type { Key } from '../model/key.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import { compilePredicate } from '../model/predicate.ts';
import type { BucketRaster } from '../model/raster.ts';
import { type CellBlock, type Cells, CellsBuffer, type SeriesReader } from '../model/series.ts';
import type { Plan } from './plan.ts';
import { sumOf } from '../model/sum.ts';
import { AnswerTooLargeError } from './result.ts';
import type { Ranges } from './value-set.ts';

/** Cells that a scan keeps as they are stored, 13 bytes each; beyond them all blocks are added up. */
const KEPT_CELLS_MAX = 8e6;
/** Cells that a scan keeps at all. */
const SCANNED_CELLS_MAX = 32e6;
/** Stored cells that a scan reads: some seconds of a core. */
const READ_CELLS_MAX = 500e6;
/** A block of which so many places share one is added up at once: what follows reads its cells several times. */
const SHARE_MIN = 4;

/** Members of one chunk's counts: 8 MiB, which stays in a cache and is quick to clear. */
const CHUNK_COUNTS = 2 ** 20;

export interface ScannedBlock {
  readonly cells: Cells;
  readonly origin: Origin;
  readonly columnOfStep: Int32Array;
  readonly groupOfKey: Int32Array;
  readonly firstColumn: number;
  readonly lastColumn: number;
}

/** The stored cells that a block's are from: as long as all is the same, so is what they say; with a greater length
 *  more was added behind. */
export interface Origin {
  readonly cells: Cells;
  readonly generation: number;
  readonly length: number;
  /** As the columns and groups of the scan, of the stored steps and keys. */
  readonly columnOfStep: Int32Array;
  readonly groupOfKey: Int32Array;
  /** [first, until): the steps that have a column. */
  readonly steps: readonly [number, number];
}

/** What is remembered of blocks, so that their cells need not be read again (block-sums.ts). */
export interface KnownSums {
  /** Adds the block's counts to those of its hues; false where it does not know them. */
  addTotals(block: ScannedBlock, hues: Hues, totals: Float64Array): boolean;
  /** Smallest and largest bucket among the cells of any hue, as the kernel's bucketRange; undefined where it does not
   *  know them. */
  range(block: ScannedBlock, hues: Hues): [number, number] | undefined;
  /** No cell before this one lies in the run of columns; 0 where it does not know. */
  firstCell(block: ScannedBlock, run: ColumnRun): number;
}

export interface Scan {
  readonly blocks: readonly ScannedBlock[];
  /** Per group its key, by the plan's fields. */
  readonly groups: readonly Key[];
  readonly columns: number;
  readonly grid: Grid;
  /** The buckets that count. */
  readonly mask: Ranges | undefined;
  readonly touched: readonly Touched[];
  /** Per group, over the whole range. */
  readonly totals?: Float64Array;
  /** What is remembered of its blocks. */
  readonly sums?: KnownSums;
}

/** Groups brought together: hueOfGroup -1 leaves a group out. */
export interface Hues {
  readonly count: number;
  readonly hueOfGroup: Int32Array;
}

export interface Buckets {
  readonly first: number;
  readonly count: number;
}

/** What was read of one level. */
export interface Touched {
  readonly stepSeconds: number;
  readonly stored: number;
  readonly open: number;
  readonly cells: number;
}

/** Reads everything once, in one go. */
export function scanBlocks(plan: Plan, reader: SeriesReader, kernel: Kernel, keptMax?: number): Scan {
  return toEnd(scanInSlices(plan, reader, kernel, keptMax));
}

/** Runs what could stop between its slices without stopping. */
export function toEnd<T>(slices: Iterator<unknown, T>): T {
  for (;;) {
    const { done, value } = slices.next();
    if (done === true) return value;
  }
}

/** Reads everything once; blocks stay as the reader gave them, or are added up where that saves much or they are
 *  too many. Between two
 *  stored blocks it yields the number of cells kept so far: time may pass there. From the first open block on,
 *  whose arrays change with time, it yields no more. To give up, end the iteration: it ends the reader's. */
export function* scanInSlices(
  plan: Plan,
  reader: SeriesReader,
  kernel: Kernel,
  keptMax = KEPT_CELLS_MAX,
): Generator<number, Scan> {
  const { instrumentation, fromSecond, untilSecond, columnSeconds, columns } = plan;
  const groups = new GroupIndex(plan);
  const blocks: ScannedBlock[] = [];
  const touched = new TouchedLevels();
  let scratch: CellsBuffer | undefined;
  let read = 0;
  let kept = 0;
  let mayPause = true;
  for (const block of reader.blocks(instrumentation.id, fromSecond, untilSecond, columnSeconds)) {
    touched.add(block);
    mayPause &&= block.open !== true;
    const stored = placedBlock(block, plan, groups);
    if (stored !== undefined) {
      read += block.cells.length;
      const share = shareOf(stored);
      const isDear = kept + block.cells.length > keptMax;
      const scanned =
        share >= SHARE_MIN || (isDear && share > 1)
          ? addedUp(stored, kernel, (scratch ??= new CellsBuffer(0)))
          : stored;
      kept += scanned.cells.length;
      if (kept > SCANNED_CELLS_MAX) throw tooManyCells(instrumentation.id, 'holds', SCANNED_CELLS_MAX);
      if (read > READ_CELLS_MAX) throw tooManyCells(instrumentation.id, 'is stored in', READ_CELLS_MAX);
      blocks.push(scanned);
    }
    if (mayPause) yield kept;
  }
  const grid = reader.grid(instrumentation.id) ?? instrumentation.grid;
  return { blocks, groups: groups.keys, columns, grid, mask: plan.buckets, touched: touched.levels() };
}

function tooManyCells(id: string, what: string, limit: number): AnswerTooLargeError {
  return new AnswerTooLargeError(
    `Cannot answer from ${id}: its range ${what} more than ${limit} cells, ask for fewer keys or less time`,
  );
}

class TouchedLevels {
  readonly #levels = new Map<number, { stepSeconds: number; stored: number; open: number; cells: number }>();

  add({ stepSeconds, open, cells }: CellBlock): void {
    let level = this.#levels.get(stepSeconds);
    if (level === undefined)
      this.#levels.set(stepSeconds, (level = { stepSeconds, stored: 0, open: 0, cells: 0 }));
    if (open === true) level.open++;
    else level.stored++;
    level.cells += cells.length;
  }

  /** The coarsest first. */
  levels(): Touched[] {
    return [...this.#levels.values()].toSorted((x, y) => y.stepSeconds - x.stepSeconds);
  }
}

/** Undefined where no step of it counts. */
function placedBlock(block: CellBlock, plan: Plan, groups: GroupIndex): ScannedBlock | undefined {
  const steps = stepsWithin(block, plan);
  const [first, until] = steps;
  if (first >= until) return undefined;
  const columnOfStep = columnsOf(block, steps, plan);
  const { cells, generation = 0 } = block;
  const groupOfKey = groups.ofBlock(block.keys);
  return {
    cells,
    origin: { cells, generation, length: cells.length, columnOfStep, groupOfKey, steps },
    columnOfStep,
    groupOfKey,
    firstColumn: columnOfStep[first]!,
    lastColumn: columnOfStep[until - 1]!,
  };
}

/** How many places of the block share one of the picture, about. */
function shareOf({ origin, groupOfKey, firstColumn, lastColumn }: ScannedBlock): number {
  const [first, until] = origin.steps;
  const groups = new Set<number>();
  let placed = 0;
  for (let key = 0; key < groupOfKey.length; key++) {
    if (groupOfKey[key]! < 0) continue;
    groups.add(groupOfKey[key]!);
    placed++;
  }
  return ((until - first) / (1 + lastColumn - firstColumn)) * (placed / Math.max(1, groups.size));
}

/** The block's placed cells with a step a column and a key a group, those of one place as one. */
function addedUp(block: ScannedBlock, kernel: Kernel, scratch: CellsBuffer): ScannedBlock {
  const { cells, columnOfStep, groupOfKey, firstColumn, lastColumn } = block;
  const groups = [...new Set(groupOfKey)].filter((group) => group >= 0);
  const indexOf = new Map(groups.map((group, i) => [group, i]));
  scratch.length = 0;
  kernel.addUp(
    cells,
    {
      columnOfStep: columnOfStep.map((column) => (column < 0 ? -1 : column - firstColumn)),
      hueOfKey: groupOfKey.map((group) => indexOf.get(group) ?? -1),
    },
    scratch,
  );
  const { length } = scratch;
  return {
    origin: block.origin,
    cells: {
      length,
      step: scratch.step.slice(0, length),
      key: scratch.key.slice(0, length),
      bucket: scratch.bucket.slice(0, length),
      count: scratch.count.slice(0, length),
    },
    columnOfStep: Int32Array.from({ length: BLOCK_STEPS }, (_, c) =>
      firstColumn + c <= lastColumn ? firstColumn + c : -1,
    ),
    groupOfKey: Int32Array.from(groups),
    firstColumn,
    lastColumn,
  };
}

/** Steps beyond the range or the block's window are nobody's column. */
function stepsWithin({ startSecond, stepSeconds, window }: CellBlock, plan: Plan): readonly [number, number] {
  const from = Math.max(plan.fromSecond, window?.fromSecond ?? 0);
  const until = Math.min(plan.untilSecond, window?.untilSecond ?? plan.untilSecond);
  const first = Math.max(0, Math.ceil((from - startSecond) / stepSeconds));
  return [first, Math.min(BLOCK_STEPS, Math.ceil((until - startSecond) / stepSeconds))];
}

function columnsOf(
  { startSecond, stepSeconds }: CellBlock,
  [first, until]: readonly [number, number],
  { fromSecond, columnSeconds }: Plan,
): Int32Array {
  assert(
    columnSeconds % stepSeconds === 0,
    () => `a block has steps of ${stepSeconds} s, a column ${columnSeconds} s`,
  );
  const columnOfStep = new Int32Array(BLOCK_STEPS).fill(-1);
  for (let step = first; step < until; step++) {
    columnOfStep[step] = Math.floor((startSecond + step * stepSeconds - fromSecond) / columnSeconds);
  }
  return columnOfStep;
}

/** Numbers the groups as keys are met; remembers the outcome per stored key. */
class GroupIndex {
  readonly keys: Key[] = [];
  readonly #groupOfStored = new Map<string, number>();
  readonly #groupOfKey = new Map<string, number>();
  readonly #matches: (key: Key) => boolean;
  readonly #places: readonly number[];
  readonly #single: boolean;

  constructor({ fields, keyFilter, instrumentation }: Plan) {
    const test = compilePredicate(keyFilter);
    const place = new Map(instrumentation.by.map((field, i) => [field, i]));
    this.#matches = (key) => test((field) => key[place.get(field) ?? -1]);
    this.#places = fields.map((field) => place.get(field)!);
    this.#single = fields.length === 0 && keyFilter === undefined;
    if (fields.length === 0) {
      this.keys.push([]);
      this.#groupOfKey.set('', 0);
    }
  }

  ofBlock(keys: readonly Key[]): Int32Array {
    return this.#single ? new Int32Array(keys.length) : Int32Array.from(keys, (key) => this.#of(key));
  }

  #of(key: Key): number {
    const text = key.join('\0');
    let group = this.#groupOfStored.get(text);
    if (group === undefined) {
      group = this.#matches(key) ? this.#group(this.#places.map((place) => key[place]!)) : -1;
      this.#groupOfStored.set(text, group);
    }
    return group;
  }

  #group(key: Key): number {
    const text = key.join('\0');
    let group = this.#groupOfKey.get(text);
    if (group === undefined) {
      group = this.keys.push(key) - 1;
      this.#groupOfKey.set(text, group);
    }
    return group;
  }
}

/** [first, until) columns. */
export type ColumnRun = readonly [number, number];

/** Counts of the placed cells, chunk of columns by chunk; a raster's column 0 is `firstColumn`. The raster is
 *  the visitor's until it returns. Buckets that do not count are 0. Of `runs` alone, where there are any, ascending. */
export function forEachChunk(
  scan: Scan,
  what: { hues: Hues; buckets: Buckets; kernel: Kernel; runs?: readonly ColumnRun[] },
  visit: (raster: BucketRaster, firstColumn: number) => void,
): void {
  const { hues, buckets, kernel, runs = [[0, scan.columns]] } = what;
  const perColumn = Math.max(1, hues.count * buckets.count);
  const widthMax = Math.max(1, Math.floor(CHUNK_COUNTS / perColumn));
  const chunks = runs.flatMap((run) => chunksOf(run, widthMax));
  const width = Math.max(0, ...chunks.map(([first, until]) => until - first));
  const memory = new Float64Array(width * perColumn);
  for (const [index, [firstColumn, untilColumn]] of chunks.entries()) {
    const columns = untilColumn - firstColumn;
    const raster: BucketRaster = {
      hues: hues.count,
      columns,
      bucketFirst: buckets.first,
      buckets: buckets.count,
      counts: memory.subarray(0, columns * perColumn),
      under: new Float64Array(hues.count * columns),
      over: new Float64Array(hues.count * columns),
    };
    if (index > 0) raster.counts.fill(0);
    for (const { cells, placement } of placedBlocks(scan, hues, [firstColumn, untilColumn])) {
      kernel.accumulate(cells, placement, raster);
    }
    clearMasked(raster, scan.mask);
    visit(raster, firstColumn);
  }
}

function chunksOf([first, until]: ColumnRun, width: number): ColumnRun[] {
  return Array.from({ length: Math.ceil((until - first) / width) }, (_, i) => {
    const from = first + i * width;
    return [from, Math.min(until, from + width)];
  });
}

/** The cells that lie in a run of columns, of which the first is 0. */
export function placedBlocks(scan: Scan, hues: Hues, run: ColumnRun): PlacedCells[] {
  return blocksIn(scan, run).map((block) => ({
    cells: cellsFrom(block.cells, scan.sums?.firstCell(block, run) ?? 0),
    placement: placementOf(block, hues, run),
  }));
}

/** As placedBlocks, with the lines of those that have some. */
export function placedLines(
  scan: Scan,
  hues: Hues,
  run: ColumnRun,
  linesOf: (block: ScannedBlock) => CountLines | undefined,
): Placed[] {
  return blocksIn(scan, run).map((block): Placed => {
    const placement = placementOf(block, hues, run);
    const lines = linesOf(block);
    return lines === undefined ? { cells: block.cells, placement } : { lines, placement };
  });
}

function blocksIn({ blocks }: Scan, [first, until]: ColumnRun): ScannedBlock[] {
  return blocks.filter((block) => block.lastColumn >= first && block.firstColumn < until);
}

function placementOf(block: ScannedBlock, hues: Hues, [first, until]: ColumnRun): Placement {
  return { columnOfStep: shifted(block, first, until), hueOfKey: huesOf(block, hues) };
}

/** Those behind the first so many. */
export function cellsFrom(cells: Cells, first: number): Cells {
  if (first === 0) return cells;
  const { length, step, key, bucket, count } = cells;
  return {
    length: length - first,
    step: step.subarray(first, length),
    key: key.subarray(first, length),
    bucket: bucket.subarray(first, length),
    count: count.subarray(first, length),
  };
}

function shifted(
  { columnOfStep, firstColumn, lastColumn }: ScannedBlock,
  from: number,
  until: number,
): Int32Array {
  if (from === 0 && firstColumn >= from && lastColumn < until) return columnOfStep;
  return columnOfStep.map((column) => (column >= from && column < until ? column - from : -1));
}

function huesOf({ groupOfKey }: ScannedBlock, { hueOfGroup }: Hues): Int32Array {
  return groupOfKey.map((group) => (group < 0 ? -1 : hueOfGroup[group]!));
}

function clearMasked(
  { hues, columns, buckets, bucketFirst, counts }: BucketRaster,
  mask: Ranges | undefined,
): void {
  if (mask === undefined) return;
  for (let place = 0; place < hues * columns; place++) {
    const base = place * buckets - bucketFirst;
    let from = bucketFirst;
    for (const [first, until] of mask) {
      if (first > from) counts.fill(0, base + from, base + Math.min(first, bucketFirst + buckets));
      from = Math.max(from, until);
      if (from >= bucketFirst + buckets) break;
    }
    if (from < bucketFirst + buckets) counts.fill(0, base + from, base + bucketFirst + buckets);
  }
}

/** Histograms over the whole range, hue by hue, in bounded memory: counts[b] is of bucket buckets.first + b. */
export function forEachHistogram(
  scan: Scan,
  what: { hues: Hues; buckets: Buckets; kernel: Kernel },
  visit: (counts: Float64Array, hue: number) => void,
): void {
  const { hues, buckets, kernel } = what;
  const batch = Math.max(1, Math.floor(CHUNK_COUNTS / Math.max(1, buckets.count)));
  const flat: Scan = { ...scan, columns: 1, blocks: scan.blocks.map(flattened) };
  for (let first = 0; first < hues.count; first += batch) {
    const count = Math.min(batch, hues.count - first);
    const hueOfGroup = hues.hueOfGroup.map((hue) => (hue >= first && hue < first + count ? hue - first : -1));
    forEachChunk(flat, { hues: { count, hueOfGroup }, buckets, kernel }, (raster) => {
      for (let h = 0; h < count; h++) {
        visit(raster.counts.subarray(h * buckets.count, (h + 1) * buckets.count), first + h);
      }
    });
  }
}

/** The same cells, those of the columns [first, until) alone and all as one column. */
export function withinColumns(scan: Scan, first: number, until: number): Scan {
  const { groups, grid, mask, touched } = scan;
  const blocks = scan.blocks
    .filter((block) => block.lastColumn >= first && block.firstColumn < until)
    .map((block) => ({
      ...block,
      columnOfStep: block.columnOfStep.map((column) => (column >= first && column < until ? 0 : -1)),
      firstColumn: 0,
      lastColumn: 0,
    }));
  return { blocks, groups, columns: 1, grid, mask, touched };
}

function flattened(block: ScannedBlock): ScannedBlock {
  const columnOfStep = block.columnOfStep.map((column) => (column < 0 ? -1 : 0));
  return { ...block, columnOfStep, firstColumn: 0, lastColumn: 0 };
}

/** Exact totals per hue over the whole range, from those of the groups where they are known. */
export function hueTotals(scan: Scan, hues: Hues, kernel: Kernel): Float64Array {
  if (scan.totals === undefined) return countTotals(scan, hues, kernel);
  const totals = new Float64Array(hues.count);
  hues.hueOfGroup.forEach((hue, group) => {
    if (hue >= 0) totals[hue]! += scan.totals![group]!;
  });
  return totals;
}

/** The scan with the totals of its groups, which ranking and legends ask for again and again. */
export function withTotals(scan: Scan, kernel: Kernel): Scan {
  const each = { count: scan.groups.length, hueOfGroup: Int32Array.from(scan.groups, (_, group) => group) };
  return { ...scan, totals: countTotals(scan, each, kernel) };
}

function countTotals(scan: Scan, hues: Hues, kernel: Kernel): Float64Array {
  const totals = new Float64Array(hues.count);
  if (hues.count === 0) return totals;
  if (scan.mask !== undefined) {
    const buckets = wholeGrid(scan);
    forEachHistogram(scan, { hues, buckets, kernel }, (counts, hue) => {
      totals[hue] = sumOf(counts);
    });
    return totals;
  }
  const rest = scan.blocks.filter((block) => scan.sums?.addTotals(block, hues, totals) !== true);
  if (rest.length === 0) return totals;
  const flat: Scan = { ...scan, columns: 1, blocks: rest.map(flattened) };
  forEachChunk(flat, { hues, buckets: { first: 0, count: 1 }, kernel }, ({ counts, over }) => {
    for (let h = 0; h < hues.count; h++) totals[h]! += counts[h]! + over[h]!;
  });
  return totals;
}

export function wholeGrid({ grid }: Scan): Buckets {
  return { first: 0, count: bucketCount(grid) };
}

function rangeOf(block: ScannedBlock, hues: Hues, kernel: Kernel): [number, number] {
  const placement = { columnOfStep: block.columnOfStep, hueOfKey: huesOf(block, hues) };
  return kernel.bucketRange(block.cells, placement);
}

/** The least range of buckets that holds every cell of the hues that counts; undefined where there is none. */
export function occupiedBuckets(scan: Scan, hues: Hues, kernel: Kernel): Buckets | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = -1;
  for (const block of scan.blocks) {
    const [first, last] = scan.sums?.range(block, hues) ?? rangeOf(block, hues, kernel);
    if (last < first) continue;
    low = Math.min(low, first);
    high = Math.max(high, last);
  }
  if (scan.mask !== undefined) {
    low = Math.max(low, scan.mask[0]?.[0] ?? Number.POSITIVE_INFINITY);
    high = Math.min(high, (scan.mask.at(-1)?.[1] ?? 0) - 1);
  }
  return high < low ? undefined : { first: low, count: high - low + 1 };
}
