/** The cells of a picture: counts of the placed cells, or their values, by hue, column and row. Owns: which part of a count
 *  a row gets, what a level's columns are divided by. Does not: choose hues or axes (heatmap.ts). */
import { assert } from '../model/assert.ts';
import { bucketMiddle } from '../model/grid.ts';
import type { Weight } from './ast.ts';
import type { HeatmapDrawing } from './checked.ts';
import { type DrawnRun, type MixedCells, type Shape, uncleared } from './sliding-cells.ts';
import type { Sources } from './sources.ts';
import { levelReports } from './known.ts';
import type { Plan } from './plan.ts';
import { spreadBuckets } from './rows.ts';
import { type Buckets, type ColumnRun, type Hues, hueTotals, placedBlocks, type Scan } from './scan.ts';

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

export function drawRuns(sources: Sources, drawing: Drawing, runs: readonly ColumnRun[]): DrawnRun[] {
  const { plan, scan, kernel } = sources;
  const { edges, buckets, hues, weight } = drawing;
  const spread = spreadBuckets(scan.grid, buckets, edges, factorOf(scan, weight));
  return runs.map((run): DrawnRun => {
    const [first, until] = run;
    const shape = { hues: hues.count, columns: until - first, rows: spread.rows };
    const drawn = uncleared(shape);
    const window = { ...shape, bucketFirst: buckets.first, buckets: buckets.count };
    kernel.rasterize(placedBlocks(scan, hues, run), window, spread, drawn);
    if (plan.metric.scope === 'point')
      divideColumns(drawn, shape, (c) => levelReports(sources.known, first + c));
    kernel.mix(drawn.cells, { hues: hues.count, cells: shape.columns * spread.rows }, drawn.mix);
    return { first, drawn };
  });
}

/** Of all that is drawn, also of what lies beyond the rows, per hue. */
export function hueWeights(sources: Sources, drawing: Drawing): Float64Array {
  const { plan, scan, known, kernel } = sources;
  const { buckets, hues, weight } = drawing;
  if (isCounted(plan, drawing)) return hueTotals(scan, hues, kernel);
  const { columns } = plan;
  const shape = { hues: hues.count, columns, rows: 1 };
  const all = uncleared(shape);
  const window = { ...shape, bucketFirst: buckets.first, buckets: buckets.count };
  const spread = spreadBuckets(scan.grid, buckets, [0, Number.MAX_VALUE], factorOf(scan, weight));
  kernel.rasterize(placedBlocks(scan, hues, [0, columns]), window, spread, all);
  if (plan.metric.scope === 'point') divideColumns(all, shape, (c) => levelReports(known, c));
  return Float64Array.from({ length: hues.count }, (_, h) =>
    all.cells.subarray(h * columns, (h + 1) * columns).reduce((sum, value) => sum + value, 0),
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
  { cells, under, over }: MixedCells,
  { hues, columns, rows }: Shape,
  by: (column: number) => number,
): void {
  for (let column = 0; column < columns; column++) {
    const factor = 1 / by(column);
    under[column]! *= factor;
    over[column]! *= factor;
    for (let h = 0; h < hues; h++) {
      const from = (h * columns + column) * rows;
      for (let i = from; i < from + rows; i++) cells[i]! *= factor;
    }
  }
}
