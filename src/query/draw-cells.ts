/** The cells of a picture: counts of the placed cells, or their values, by hue, column and row. Owns: which part of a count
 *  a row gets, what a level's columns are divided by. Does not: choose hues or axes (heatmap.ts). */
import { assert } from '../model/assert.ts';
import { bucketMiddle } from '../model/grid.ts';
import type { DrawnLines } from '../model/raster.ts';
import { sumOf } from '../model/sum.ts';
import type { Weight } from './ast.ts';
import type { HeatmapDrawing } from './checked.ts';
import type { DrawnRun, MixedCells, Shape } from './sliding-cells.ts';
import type { Sources } from './sources.ts';
import { levelReports } from './known.ts';
import type { Plan } from './plan.ts';
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
import { type LineRoom, TurnedCells, uncleared } from './turned-cells.ts';

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

export function drawCells(sources: Sources, drawing: Drawing): MixedCells {
  const [whole] = drawRuns(sources, drawing, [[0, sources.plan.columns]]);
  assert(whole !== undefined, 'a picture has columns');
  return whole.drawn;
}

/** In `room`, where it is given, lie the lines of one run: of a picture that is remembered, so that its blocks are, too. */
export function drawRuns(
  sources: Sources,
  drawing: Drawing,
  runs: readonly ColumnRun[],
  room?: LineRoom,
): DrawnRun[] {
  const { plan, scan, kernel, memory } = sources;
  const { edges, buckets, hues, weight } = drawing;
  const spread =
    weight === 'count' && scan.mask === undefined
      ? spreadCounts(scan.grid, buckets, edges)
      : spreadBuckets(scan.grid, buckets, edges, factorOf(scan, weight));
  return runs.map((run): DrawnRun => {
    const [first, until] = run;
    const shape = { hues: hues.count, columns: until - first, rows: spread.rows };
    const window = { ...shape, bucketFirst: buckets.first, buckets: buckets.count };
    const draw = (drawn: DrawnLines): void => {
      const placed =
        room === undefined || memory === undefined
          ? placedBlocks(scan, hues, run)
          : placedLines(scan, hues, run, (block) => memory.lines.of(block, kernel));
      kernel.rasterize(placed, window, spread, drawn);
      if (plan.metric.scope === 'point')
        divideColumns(drawn, shape, (c) => levelReports(sources.known, first + c));
    };
    return { first, drawn: new TurnedCells(shape, draw, kernel, room) };
  });
}

/** Of all that is drawn, also of what lies beyond the rows, per hue. */
export function hueWeights(sources: Sources, drawing: Drawing): Float64Array {
  const { plan, scan, known, kernel } = sources;
  const { buckets, hues, weight } = drawing;
  if (isCounted(plan, drawing)) return hueTotals(scan, hues, kernel);
  const { columns } = plan;
  const shape = { hues: hues.count, columns, rows: 1 };
  const [lines, under, over] = [uncleared(hues.count * columns), uncleared(columns), uncleared(columns)];
  const all = { lines, under, over };
  const window = { ...shape, bucketFirst: buckets.first, buckets: buckets.count };
  const spread = spreadBuckets(scan.grid, buckets, [0, Number.MAX_VALUE], factorOf(scan, weight));
  kernel.rasterize(placedBlocks(scan, hues, [0, columns]), window, spread, all);
  if (plan.metric.scope === 'point') divideColumns(all, shape, (c) => levelReports(known, c));
  return Float64Array.from({ length: hues.count }, (_, h) =>
    sumOf(lines.subarray(h * columns, (h + 1) * columns)),
  );
}

/** What one count of a bucket is drawn as; 0 for those that do not count. */
function factorOf({ grid, mask }: Scan, weight: Weight): (bucket: number) => number {
  const counts = (bucket: number): boolean =>
    mask === undefined || mask.some(([first, until]) => bucket >= first && bucket < until);
  const of = weight === 'value' ? (bucket: number) => bucketMiddle(grid, bucket) : () => 1;
  return (bucket) => (counts(bucket) ? of(bucket) : 0);
}

function divideColumns(
  { lines, under, over }: DrawnLines,
  { hues, columns, rows }: Shape,
  by: (column: number) => number,
): void {
  for (let column = 0; column < columns; column++) {
    const factor = 1 / by(column);
    under[column]! *= factor;
    over[column]! *= factor;
    for (let i = column; i < hues * rows * columns; i += columns) lines[i]! *= factor;
  }
}
