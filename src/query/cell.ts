/** Who made a cell, a column or a box of the picture that the same read gives: per stored field and for whole keys the
 *  counts in the place, their share, and the share that the same key has outside. A cell's total is what the
 *  picture draws there, and its keys add up to that but for rounding; a value beyond its rows means all that is drawn as
 *  under or over.
 *  A level is the mean over the reports of the place, as in the picture. */
import { assert } from '../model/assert.ts';
import { bucketCount, bucketEdge } from '../model/grid.ts';
import type { CellDrawing } from './checked.ts';
import { axisOf } from './heatmap.ts';
import type { Sources } from './sources.ts';
import { type Known, levelReports, whatIsKnown } from './known.ts';
import { unitOf } from './lines.ts';
import type { Box } from './place.ts';
import { allGroups, countWithin, overlapping, placeCounts, type Values, weightsOf } from './place-counts.ts';
import { PARTS, quantileReading } from './reading.ts';
import { countsBy, rankedFields, rankKeys, unstoredFields } from './ranking.ts';
import type { CellResult, ColumnStatistics } from './result.ts';
import { sumOf } from '../model/sum.ts';
import { forEachHistogram, occupiedBuckets, withinColumns } from './scan.ts';
import type { SeriesReader } from '../model/series.ts';

const COLUMN_PERCENTS = [50, 90, 99];

export function cellResult(sources: Sources, draw: CellDrawing, reader: SeriesReader): CellResult {
  const { plan, scan, known, kernel } = sources;
  const { box, metric, instrumentation } = plan;
  assert(box !== undefined, 'a cell has its place');
  const values = valuesOf(sources, draw);
  const { inside, all } = placeCounts(scan, box, values, kernel);
  const scale = scalesOf(sources, box);
  const outside = all.map((count, g) => Math.max(0, count - inside[g]!) * scale.outside);
  const scaled = inside.map((count) => count * scale.inside);
  const columns = withinColumns(scan, box.firstColumn, box.untilColumn);
  const total = values === undefined ? sumOf(scaled) : countWithin(columns, values, kernel) * scale.inside;
  const totals = { inside: total, outside: sumOf(outside) };
  const unstored = unstoredFields(metric, instrumentation);
  return {
    kind: 'cell',
    metric: metric.name,
    fromSecond: box.fromSecond,
    untilSecond: box.untilSecond,
    columnSeconds: plan.columnSeconds,
    ...(plan.numeric === undefined ? {} : { unit: unitOf(sources, { kind: 'percentiles' }) }),
    ...(values === undefined ? {} : { values }),
    buckets: values === undefined ? [] : placeBuckets({ ...sources, scan: columns }, values, scale.inside),
    total,
    outside: totals.outside,
    rankings: rankedFields(plan.fields.length).map((places) =>
      rankKeys(
        places.map((place) => plan.fields[place]!),
        countsBy(scan.groups, places, { inside: scaled, outside }),
        totals,
      ),
    ),
    column: columnStatistics({ ...sources, scan: columns }, { box, scale: scale.inside, reader }),
    ...(unstored === undefined ? {} : { unstored }),
    coverage: known.coverage,
    notes: plan.notes,
  };
}

/** The values that are meant, with the row of the picture where one is. */
function valuesOf(sources: Sources, { place, rows }: CellDrawing): CellResult['values'] {
  const { values } = place;
  if (values === undefined || 'low' in values) return values;
  const { grid } = sources.scan;
  const { edges } = axisOf(sources, rows, allGroups(sources.scan));
  const row = edges.findLastIndex((edge) => edge <= values.within);
  if (row < 0) return { low: 0, high: edges[0]!, row: 'under' };
  if (row >= edges.length - 1)
    return {
      low: edges.at(-1)!,
      high: Math.max(bucketEdge(grid, bucketCount(grid)), edges.at(-1)! + 1),
      row: 'over',
    };
  return { low: edges[row]!, high: edges[row + 1]!, row };
}

/** What counts are multiplied with: of a level, so that they are its mean. */
function scalesOf({ plan, known }: Sources, box: Box): { inside: number; outside: number } {
  if (plan.metric.scope !== 'point') return { inside: 1, outside: 1 };
  const reports = (from: number, until: number): number => {
    let sum = 0;
    for (let column = from; column < until; column++) sum += levelReports(known, column);
    return Math.max(1, sum);
  };
  return { inside: 1 / reports(box.firstColumn, box.untilColumn), outside: 1 / reports(0, plan.columns) };
}

function placeBuckets(
  { scan, kernel }: Pick<Sources, 'scan' | 'kernel'>,
  values: Values,
  scale: number,
): CellResult['buckets'] {
  const buckets = overlapping(scan, values, kernel);
  if (buckets === undefined) return [];
  const weights = weightsOf(scan.grid, buckets, values);
  const found: CellResult['buckets'][number][] = [];
  forEachHistogram(scan, { hues: allGroups(scan), buckets, kernel }, (counts) => {
    counts.forEach((count, b) => {
      if (count === 0 || weights[b] === 0) return;
      const at = buckets.first + b;
      const bounds = { low: bucketEdge(scan.grid, at), high: bucketEdge(scan.grid, at + 1) };
      found.push({ ...bounds, count: count * scale, weight: weights[b]! });
    });
  });
  return found;
}

function columnStatistics(
  { plan, scan, kernel }: Sources,
  { box, scale, reader }: { box: Box; scale: number; reader: SeriesReader },
): ColumnStatistics {
  const columns = box.untilColumn - box.firstColumn;
  const { fromSecond, untilSecond } = box;
  const { coverage }: Known = whatIsKnown({ ...plan, fromSecond, untilSecond, columns }, reader);
  const hues = allGroups(scan);
  const buckets = occupiedBuckets(scan, hues, kernel);
  if (buckets === undefined) return { total: 0, percentiles: [], coverage };
  const statistics = { total: 0, percentiles: [] as ColumnStatistics['percentiles'][number][] };
  let max: ColumnStatistics['max'];
  forEachHistogram(scan, { hues, buckets, kernel }, (counts) => {
    statistics.total = sumOf(counts) * scale;
    if (plan.numeric === undefined) return;
    const shape = { grid: scan.grid, first: buckets.first, length: counts.length, sampled: false };
    const out = new Float64Array(PARTS * (COLUMN_PERCENTS.length + 1));
    quantileReading([...COLUMN_PERCENTS, 100], shape)(counts, 0, out);
    const part = (r: number, i: number): number => out[PARTS * r + i]!;
    const at = (r: number) => ({ value: part(r, 0), low: part(r, 1), high: part(r, 2) });
    if (statistics.total === 0) return;
    statistics.percentiles = COLUMN_PERCENTS.map((percent, r) => ({ percent, ...at(r) }));
    max = at(COLUMN_PERCENTS.length);
  });
  return { ...statistics, ...(max === undefined ? {} : { max }), coverage };
}
