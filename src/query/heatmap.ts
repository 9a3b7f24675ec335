/** A heatmap's raster from a scan. Hues partition the counts: no count is in two, and none is lost: the cells,
 *  `under` and `over` add up to `total`.
 *  A level (point scope) is the mean over the reports of a column, never their sum. */
import { compareKeys, type Key, keyText } from '../model/key.ts';
import { fieldOf, TYPES } from '../model/metric.ts';
import type { HueLabel, Overlay, Raster, Scale } from '../model/raster.ts';
import { assert } from '../model/assert.ts';
import { sumOf } from '../model/sum.ts';
import { defaultIsLog } from './check-heatmap.ts';
import type { HeatmapDrawing, RowWish } from './checked.ts';
import { assignHues, type Chosen, isSampled, largest, projectGroups, rankingValues } from './measure.ts';
import type { Plan } from './plan.ts';
import type { DrawRuns } from './raster-memory.ts';
import { drawCells, drawRuns, hueWeights, isCounted } from './draw-cells.ts';
import { type DrawnRun, emptyCells, type MixedCells } from './sliding-cells.ts';
import { PARTS, quantileReading } from './reading.ts';
import { axisEdges, edgesText } from './rows.ts';
import { type Buckets, forEachChunk, forEachHistogram, type Hues, occupiedBuckets } from './scan.ts';
import type { Sources } from './sources.ts';

export function heatmapRaster(sources: Sources, draw: HeatmapDrawing): Raster {
  const { plan, scan, known } = sources;
  const chosen = chooseHues(sources, draw);
  const { scale, edges, occupied } = axisOf(sources, draw, chosen.hues);
  const { hues } = chosen;
  const drawing = { edges, buckets: occupied ?? { first: 0, count: 1 }, hues, weight: draw.weight };
  const { buckets } = drawing;
  const which = [draw.hueFields, draw.hues, draw.exclude, chosen.keys];
  const totals = hueWeights(sources, drawing);
  const drawn = isCounted(plan, draw)
    ? remembered(
        sources,
        [...which, edgesText(edges)],
        { hues: hues.count, rows: edges.length - 1 },
        (runs, wish) => drawRuns(sources, drawing, runs, wish),
      )
    : drawCells(sources, drawing);
  const overlays = overlayLines(sources, draw, { buckets, hues, which });
  const type = valueType(plan);
  return {
    metric: plan.metric.name,
    fromSecond: plan.fromSecond,
    untilSecond: plan.untilSecond,
    columnSeconds: plan.columnSeconds,
    columns: plan.columns,
    rows: edges.length - 1,
    y: { scale, unit: type.unit, base: type.base, power: type.power, edges },
    grid: scan.grid,
    hueFields: draw.hueFields,
    hues: chosen.keys.map((key, h): HueLabel => ({ key, count: totals[h]! })),
    get cells() {
      return drawn.cells;
    },
    under: drawn.under,
    over: drawn.over,
    mix: drawn.mix,
    total: sumOf(totals),
    coverage: known.coverage,
    overlays,
  };
}

export interface Axis {
  readonly scale: Scale;
  readonly edges: readonly number[];
  /** Undefined where nothing is counted. */
  readonly occupied: Buckets | undefined;
}

/** The y axis of a picture of these hues. */
export function axisOf(sources: Sources, wish: RowWish, hues: Hues): Axis {
  const occupied = occupiedBuckets(sources.scan, hues, sources.kernel);
  const scale = scaleOf(sources.plan, wish);
  return { scale, edges: edgesOf(sources, wish, { scale, occupied, hues }), occupied };
}

export function valueType(plan: Plan) {
  const field = fieldOf(plan.metric, plan.numeric ?? '');
  assert(field !== undefined, 'a heatmap has a numeric field');
  return TYPES[field.type];
}

function scaleOf(plan: Plan, draw: RowWish): Scale {
  if (draw.scale !== undefined) return draw.scale;
  if (draw.y?.low === 0) return 'linear';
  return defaultIsLog(fieldOf(plan.metric, plan.numeric!)!) ? 'log' : 'linear';
}

/** The keys that have a hue, in the order of the keys (or as they are named), and the rest. */
function chooseHues(sources: Sources, draw: HeatmapDrawing): Chosen {
  const { plan, scan, known, kernel } = sources;
  if (draw.hueFields.length === 0) {
    return { keys: [undefined], hues: { count: 1, hueOfGroup: new Int32Array(scan.groups.length) } };
  }
  const all = projectGroups(scan, plan, draw.hueFields);
  const excluded = new Set(draw.exclude.map(keyText));
  const isExcluded = (key: Key): boolean => excluded.has(keyText(key));
  const { hues: choice } = draw;
  if (choice.kind === 'isolate') return assignHues(all, choice.keys, () => false);
  const asked = choice.kind === 'top' ? choice.measure : undefined;
  const measure = plan.pick?.measure ?? asked ?? { kind: 'count' };
  const ranking = rankingValues(scan, all.hues, { measure, known, plan, kernel });
  const values = ranking.map((value, h) => (isExcluded(all.keys[h]!) ? -1 : value));
  const isRest = (_: Key, h: number): boolean => values[h]! >= 0;
  if (choice.kind === 'select') return orOne(assignHues(all, choice.keys, isRest));
  const chosen = largest(all.keys, values, plan.pick?.count ?? choice.count).map((h) => all.keys[h]!);
  return orOne(assignHues(all, chosen.toSorted(compareKeys), isRest));
}

/** A picture of nothing has one hue all the same. */
function orOne(chosen: Chosen): Chosen {
  if (chosen.keys.length > 0) return chosen;
  return { keys: [undefined], hues: { ...chosen.hues, count: 1 } };
}

function edgesOf(
  sources: Sources,
  draw: RowWish,
  what: { scale: Scale; occupied: Buckets | undefined; hues: Hues },
): readonly number[] {
  const { plan, scan } = sources;
  const { scale, occupied, hues } = what;
  const ends =
    draw.y === undefined && occupied !== undefined ? occupiedEnds(sources, occupied, hues) : undefined;
  return axisEdges({
    scale,
    type: valueType(plan),
    grid: scan.grid,
    height: plan.height,
    ...(draw.buckets === undefined ? {} : { buckets: draw.buckets }),
    ...(draw.y === undefined ? {} : { range: draw.y }),
    ...(ends === undefined ? {} : { occupied: ends }),
  });
}

/** The least and the largest occupied bucket, and the least that holds no zero. */
function occupiedEnds({ scan, kernel }: Sources, buckets: Buckets, hues: Hues) {
  const high = buckets.first + buckets.count - 1;
  if (buckets.first > 0 && scan.mask === undefined)
    return { low: buckets.first, lowPositive: buckets.first, high };
  const used: number[] = [];
  forEachHistogram(scan, { hues: asOne(hues), buckets, kernel }, (counts) => {
    counts.forEach((count, b) => count > 0 && used.push(buckets.first + b));
  });
  if (used.length === 0) return undefined;
  return { low: used[0]!, lowPositive: used.find((b) => b > 0) ?? 1, high: used.at(-1)! };
}

/** What follows from each column's cells by themselves: of a live picture the columns that did not change are those
 *  that were drawn a moment ago. `of` is all that a column's numbers follow from, but its cells. */
function remembered(
  { plan, scan, memory }: Sources,
  of: readonly unknown[],
  { hues, rows }: { readonly hues: number; readonly rows: number },
  draw: DrawRuns,
): MixedCells {
  const { columns, columnSeconds, fromSecond } = plan;
  if (memory === undefined || !plan.live || fromSecond % columnSeconds !== 0) {
    const [whole] = draw([[0, columns]]);
    assert(whole !== undefined, 'a picture has columns');
    return whole.drawn;
  }
  const asked = [
    plan.instrumentation.id,
    columnSeconds,
    plan.fields,
    plan.keyFilter,
    plan.buckets,
    scan.grid,
  ];
  const name = JSON.stringify([asked, of]);
  const picture = { name, firstColumn: fromSecond / columnSeconds, columns, hues, rows };
  return memory.drawn(picture, scan, draw);
}

/** Percentiles per column with their bounds, from the exact counts of all that is drawn. */
function overlayLines(
  sources: Sources,
  { overlay }: HeatmapDrawing,
  of: { buckets: Buckets; hues: Hues; which: readonly unknown[] },
): Overlay[] {
  if (overlay.length === 0) return [];
  const { plan, scan, kernel } = sources;
  const { buckets, hues, which } = of;
  const sampled = isSampled(plan);
  const shape = { grid: scan.grid, first: buckets.first, length: buckets.count, sampled };
  const read = quantileReading(overlay, shape);
  // Per column the parts of each line, then the count.
  const rows = PARTS * overlay.length + 1;
  const { cells } = remembered(sources, [...which, 'lines', overlay], { hues: 1, rows }, (runs) =>
    runs.map((run): DrawnRun => {
      const [first, until] = run;
      const drawn = emptyCells({ hues: 1, columns: until - first, rows });
      const out = new Float64Array(rows);
      forEachChunk(scan, { hues: asOne(hues), buckets, kernel, runs: [run] }, (raster, firstColumn) => {
        for (let c = 0; c < raster.columns; c++) {
          out[rows - 1] = read(raster.counts, c * buckets.count, out);
          drawn.cells.set(out, (firstColumn - first + c) * rows);
        }
      });
      return { first, drawn };
    }),
  );
  const part = (row: number): Float64Array =>
    Float64Array.from({ length: plan.columns }, (_, c) => cells[c * rows + row]!);
  const counts = part(rows - 1);
  return overlay.map((percent, i) => ({
    name: `p${percent}`,
    values: part(PARTS * i),
    low: part(PARTS * i + 1),
    high: part(PARTS * i + 2),
    ...(sampled ? { sampleLow: part(PARTS * i + 3), sampleHigh: part(PARTS * i + 4) } : {}),
    counts,
  }));
}

/** All that has a hue, as one. */
function asOne({ hueOfGroup }: Hues): Hues {
  return { count: 1, hueOfGroup: hueOfGroup.map((hue) => Math.min(hue, 0)) };
}
