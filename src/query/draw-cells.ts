/** The cells of a picture: counts of the placed cells, or their values, by hue, column and row. Owns: which part of a count
 *  a row gets, what a level's columns are divided by. Does not: choose hues or axes (heatmap.ts). */
import { bucketMiddle } from '../model/grid.ts';
import type { DrawnRoom } from '../model/raster.ts';
import { sumOf } from '../model/sum.ts';
import type { Weight } from './ast.ts';
import type { HeatmapDrawing } from './checked.ts';
import type { DrawnRun, MixedCells, Shape } from './sliding-cells.ts';
import type { Sources } from './sources.ts';
import { type Known, levelReports } from './known.ts';
import type { Plan } from './plan.ts';
import type { DrawWish } from './raster-memory.ts';
import { spreadBuckets, spreadCounts } from './rows.ts';
import {
  type Buckets,
  type ColumnRun,
  type Hues,
  hueTotals,
  placedBlocks,
  placedLines,
  type Scan,
} from './scan.ts';
import { LazyCells } from './lazy-cells.ts';

export interface Drawing {
  readonly edges: readonly number[];
  readonly buckets: Buckets;
  readonly hues: Hues;
  readonly weight: Weight;
}

/** Counts of events, as they are stored: nothing but a column's cells says what it shows. */
export function isCounted({ metric }: Plan, { weight }: Pick<HeatmapDrawing, 'weight'>): boolean {
  return weight === 'count' && metric.scope === 'interval';
}

/** All columns. `withCells`: where the cells of each hue are wanted, not only what is seen of them. */
export function drawCells(sources: Sources, drawing: Drawing, withCells = false): MixedCells {
  const run: ColumnRun = [0, sources.plan.columns];
  return new LazyCells(shapeOf(drawing, run), drawOf(sources, drawing, run), { withCells });
}

export function drawRuns(
  sources: Sources,
  drawing: Drawing,
  runs: readonly ColumnRun[],
  { inLines = false, ...wish }: DrawWish = {},
): DrawnRun[] {
  return runs.map((run) => ({
    first: run[0],
    drawn: new LazyCells(shapeOf(drawing, run), drawOf(sources, drawing, run, inLines), wish),
  }));
}

function shapeOf({ hues, edges }: Drawing, [first, until]: ColumnRun): Shape {
  return { hues: hues.count, columns: until - first, rows: edges.length - 1 };
}

function drawOf(
  { plan, scan, known, kernel, memory }: Sources,
  { edges, buckets, hues, weight }: Drawing,
  run: ColumnRun,
  inLines = false,
): (room: DrawnRoom) => void {
  const [first, until] = run;
  const spread =
    weight === 'count' && scan.mask === undefined
      ? spreadCounts(scan.grid, buckets, edges)
      : spreadBuckets(scan.grid, buckets, edges, factorOf(scan, weight));
  const window = {
    hues: hues.count,
    columns: until - first,
    bucketFirst: buckets.first,
    buckets: buckets.count,
    factors: plan.metric.scope === 'point' ? meansOf(known, run) : undefined,
  };
  return (room) => {
    const placed =
      inLines && memory !== undefined
        ? placedLines(scan, hues, run, (block) => memory.lines.of(block, kernel))
        : placedBlocks(scan, hues, run);
    kernel.rasterize(placed, window, spread, room);
  };
}

/** Per column what makes a mean of a sum over reports. */
function meansOf(known: Known, [first, until]: ColumnRun): Float64Array {
  return Float64Array.from({ length: until - first }, (_, c) => 1 / levelReports(known, first + c));
}

/** Of all that is drawn, also of what lies beyond the rows, per hue. */
export function hueWeights(sources: Sources, drawing: Drawing): Float64Array {
  const { plan, scan, kernel } = sources;
  const { hues } = drawing;
  if (isCounted(plan, drawing)) return hueTotals(scan, hues, kernel);
  const { columns } = plan;
  const { cells } = drawCells(sources, { ...drawing, edges: [0, Number.MAX_VALUE] }, true);
  return Float64Array.from({ length: hues.count }, (_, h) =>
    sumOf(cells.subarray(h * columns, (h + 1) * columns)),
  );
}

/** What one count of a bucket is drawn as; 0 for those that do not count. */
function factorOf({ grid, mask }: Scan, weight: Weight): (bucket: number) => number {
  const counts = (bucket: number): boolean =>
    mask === undefined || mask.some(([first, until]) => bucket >= first && bucket < until);
  const of = weight === 'value' ? (bucket: number) => bucketMiddle(grid, bucket) : () => 1;
  return (bucket) => (counts(bucket) ? of(bucket) : 0);
}
