/** Lines over time: counts, rates, averages and percentiles, one per key of the statement's discrete fields.
 *  The largest keys have a line each, the rest shares one: nothing is left out silently.
 *  A column of which nothing is known is NaN; one in which nothing happened is 0. */
import { compareKeys, type Key, REMAINDER } from '../model/key.ts';
import { fieldOf, TYPES } from '../model/metric.ts';
import type { BucketRaster } from '../model/raster.ts';
import type { Drawing } from './checked.ts';
import type { Sources } from './heatmap.ts';
import { levelReports, spokenSeconds } from './known.ts';
import {
  assignHues,
  denseAverage,
  denseQuantiles,
  largest,
  projectGroups,
  rankingValues,
} from './measure.ts';
import type { LinesResult, Series, ValueUnit } from './result.ts';
import { forEachChunk, occupiedBuckets } from './scan.ts';

/** Keys with a line of their own where the statement picks none: more are not told apart. */
export const LINE_KEYS_MAX = 20;

type LineDrawing = Extract<Drawing, { kind: 'percentiles' | 'count' | 'rate' | 'average' }>;

export function linesResult(sources: Sources, draw: LineDrawing): LinesResult {
  const { plan, known } = sources;
  const chosen = chooseLines(sources);
  const perHue = draw.kind === 'count' || draw.kind === 'rate' ? countLines : valueLines;
  return {
    kind: 'lines',
    metric: plan.metric.name,
    measure: draw.kind,
    fields: plan.fields,
    ...unitOf(sources, draw),
    fromSecond: plan.fromSecond,
    untilSecond: plan.untilSecond,
    columnSeconds: plan.columnSeconds,
    columns: plan.columns,
    series: perHue(sources, draw, chosen),
    coverage: known.coverage,
    notes: plan.notes,
  };
}

function chooseLines(sources: Sources) {
  const { plan, scan, known, kernel } = sources;
  const all = projectGroups(scan, plan, plan.fields);
  if (plan.fields.length === 0) return { ...all, keys: [undefined] };
  const measure = plan.pick?.measure ?? ({ kind: 'count' } as const);
  const values = rankingValues(scan, all.hues, { measure, known, plan, kernel });
  const keys = largest(all.keys, values, plan.pick?.count ?? LINE_KEYS_MAX).map((h) => all.keys[h]!);
  return assignHues(all, keys.toSorted(compareKeys), (_, h) => values[h]! >= 0);
}

type Lines = ReturnType<typeof chooseLines>;

/** What values of a measure are in. */
export function unitOf({ plan }: Pick<Sources, 'plan'>, draw: { readonly kind: string }): ValueUnit {
  const { metric, numeric } = plan;
  if (draw.kind !== 'count' && draw.kind !== 'rate') {
    const { unit, base, power, name } = TYPES[fieldOf(metric, numeric!)!.type];
    return { unit, base, power, type: name };
  }
  const amount = metric.amount && TYPES[metric.amount];
  const { base, power } = amount ?? { base: 10, power: 0 };
  const unit = amount === undefined || amount.unit === '' ? metric.unit : amount.unit;
  return { unit: draw.kind === 'rate' ? `${unit}/s` : unit, base, power };
}

function lineName(key: Key | undefined, measure: string, { plan }: Sources): string {
  if (plan.fields.length === 0) return measure;
  const name = key === undefined ? REMAINDER : key.join(', ');
  return plan.draw.kind === 'percentiles' ? `${name} ${measure}` : name;
}

function countLines(sources: Sources, draw: LineDrawing, { keys, hues }: Lines): Series[] {
  const { plan, scan, known, kernel } = sources;
  const lines = keys.map(() => new Float64Array(plan.columns));
  const buckets =
    scan.mask === undefined
      ? { first: 0, count: 1 }
      : (occupiedBuckets(scan, hues, kernel) ?? { first: 0, count: 1 });
  forEachChunk(scan, { hues, buckets, kernel }, (raster, firstColumn) => {
    lines.forEach((values, h) => {
      for (let c = 0; c < raster.columns; c++)
        values[firstColumn + c] = placeTotal(raster, h, c, scan.mask === undefined);
    });
  });
  const isHeard = Array.from(
    { length: plan.columns },
    (_, c) => known.heard[c] === 1 || lines.some((v) => v[c]! > 0),
  );
  const isLevel = plan.metric.scope === 'point';
  for (const values of lines) {
    for (let c = 0; c < plan.columns; c++) {
      if (!isHeard[c]!) values[c] = Number.NaN;
      else if (draw.kind === 'rate') values[c]! /= spokenSeconds(known, c);
      else if (isLevel) values[c]! /= levelReports(known, c);
    }
  }
  return keys.map((key, h) => ({ name: lineName(key, draw.kind, sources), key, values: lines[h]! }));
}

function placeTotal(
  { columns, buckets, counts, over }: BucketRaster,
  hue: number,
  column: number,
  all: boolean,
): number {
  const place = hue * columns + column;
  let total = all ? over[place]! : 0;
  for (let b = 0; b < buckets; b++) total += counts[place * buckets + b]!;
  return total;
}

/** Values with bounds, from the counts of each bucket. */
function valueLines(sources: Sources, draw: LineDrawing, { keys, hues }: Lines): Series[] {
  const { plan, scan, kernel } = sources;
  const percents = draw.kind === 'percentiles' ? draw.percents : [];
  const order = percents.map((_, i) => i).toSorted((a, b) => percents[a]! - percents[b]!);
  const ranks = order.map((i) => percents[i]! / 100);
  const names = draw.kind === 'percentiles' ? percents.map((percent) => `p${percent}`) : ['average'];
  const places = draw.kind === 'percentiles' ? order : [0];
  const unknown = (): Float64Array => new Float64Array(plan.columns).fill(Number.NaN);
  const lines = keys.map((key) =>
    names.map((name) => ({
      name: lineName(key, name, sources),
      key,
      values: unknown(),
      low: unknown(),
      high: unknown(),
    })),
  );
  const buckets = occupiedBuckets(scan, hues, kernel);
  if (buckets === undefined) return lines.flat();
  const out = new Float64Array(3 * names.length);
  forEachChunk(scan, { hues, buckets, kernel }, ({ columns, counts }, firstColumn) => {
    const dense = { grid: scan.grid, first: buckets.first, counts, length: buckets.count };
    for (let place = 0; place < hues.count * columns; place++) {
      if (draw.kind === 'percentiles') denseQuantiles(dense, place * buckets.count, ranks, out);
      else denseAverage(dense, place * buckets.count, out);
      const column = firstColumn + (place % columns);
      places.forEach((at, r) => {
        const line = lines[Math.floor(place / columns)]![at]!;
        line.values[column] = out[3 * r]!;
        line.low[column] = out[3 * r + 1]!;
        line.high[column] = out[3 * r + 2]!;
      });
    }
  });
  return lines.flat();
}
