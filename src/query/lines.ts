/** Lines over time: counts, rates, and what is read off histograms, one per key of the statement's discrete fields.
 *  The largest keys have a line each, the rest shares one: nothing is left out silently.
 *  A column of which nothing is known is NaN; one in which nothing happened is 0. */
import { assert } from '../model/assert.ts';
import { calledText, compareKeys, type Key, type KeyNames, REMAINDER } from '../model/key.ts';
import { fieldOf, TYPES } from '../model/metric.ts';
import type { BucketRaster } from '../model/raster.ts';
import type { Drawing, Measure } from './checked.ts';
import type { Sources } from './sources.ts';
import { levelReports, spokenSeconds } from './known.ts';
import { assignHues, isSampled, largest, measureHues, projectGroups, rankingValues } from './measure.ts';
import { measureText } from './print.ts';
import { PARTS, quantileReading, type Reading, readingOf, type Shape, writeParts } from './reading.ts';
import type { LinesResult, Series, ValueUnit, Whole } from './result.ts';
import { forEachChunk, hueTotals, occupiedBuckets } from './scan.ts';

/** Keys with a line of their own where the statement picks none: more are not told apart. */
export const LINE_KEYS_MAX = 20;

type LineDrawing = Extract<Drawing, { kind: LinesResult['measure'] }>;

export function linesResult(sources: Sources, draw: LineDrawing): LinesResult {
  const { plan, known } = sources;
  const chosen = chooseLines(sources);
  const perHue = isCounted(draw) ? countLines : valueLines;
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
  if (draw.kind === 'share' || draw.kind === 'tail') return { unit: '%', base: 10, power: 0 };
  if (draw.kind === 'apdex') return { unit: '', base: 10, power: 0 };
  if (draw.kind !== 'count' && draw.kind !== 'rate') {
    const { unit, base, power, name } = TYPES[fieldOf(metric, numeric!)!.type];
    return { unit, base, power, type: name };
  }
  const amount = metric.amount && TYPES[metric.amount];
  const { base, power } = amount ?? { base: 10, power: 0 };
  const unit = amount === undefined || amount.unit === '' ? metric.unit : amount.unit;
  return { unit: draw.kind === 'rate' ? `${unit}/s` : unit, base, power };
}

function isCounted(draw: LineDrawing): draw is Extract<LineDrawing, { kind: 'count' | 'rate' }> {
  return draw.kind === 'count' || draw.kind === 'rate';
}

/** What each key has a line for. */
function measuresOf(draw: LineDrawing): readonly Measure[] {
  if (draw.kind !== 'percentiles') return [draw];
  return draw.percents.map((percent) => ({ kind: 'percentile', percent }));
}

/** A key in words, with its names where they are known. */
export function keyLineName(key: Key | undefined, names?: KeyNames): string {
  return key === undefined ? REMAINDER : key.map((value, i) => calledText(value, names?.[i])).join(', ');
}

function lineName(key: Key | undefined, measure: Measure, { plan }: Sources): string {
  const name = keyLineName(key);
  const what = measureText(measure, plan.metric, plan.numeric);
  if (plan.fields.length === 0) return what;
  return plan.draw.kind === 'percentiles' ? `${name} ${what}` : name;
}

/** The measure over the whole range, by key. */
function wholes(sources: Sources, { hues }: Lines, measure: Measure): readonly Whole[] {
  const { plan, scan, known, kernel } = sources;
  const measured = measureHues(scan, hues, { measure, known, plan, kernel });
  const counts = hueTotals(scan, hues, kernel);
  return measured.map((whole, h) => ({ ...whole, count: counts[h]! }));
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
  const [measure] = measuresOf(draw) as [Measure];
  const whole = wholes(sources, { keys, hues }, measure);
  return keys.map((key, h) => ({
    name: lineName(key, measure, sources),
    key,
    values: lines[h]!,
    whole: whole[h]!,
  }));
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
function valueLines(sources: Sources, draw: LineDrawing, chosen: Lines): Series[] {
  const { plan, scan, kernel } = sources;
  const { keys, hues } = chosen;
  const measures = measuresOf(draw);
  const unknown = (): Float64Array => new Float64Array(plan.columns).fill(Number.NaN);
  const whole = measures.map((measure) => wholes(sources, chosen, measure));
  const sampled = isSampled(plan) && draw.kind !== 'maximum';
  const lines = keys.map((key, h) => {
    const counts = new Float64Array(plan.columns);
    return measures.map((measure, m) => ({
      name: lineName(key, measure, sources),
      key,
      values: unknown(),
      low: unknown(),
      high: unknown(),
      ...(sampled ? { sampleLow: unknown(), sampleHigh: unknown() } : {}),
      counts,
      whole: whole[m]![h]!,
    }));
  });
  const buckets = occupiedBuckets(scan, hues, kernel);
  if (buckets === undefined) return lines.flat();
  const read = lineReading(draw, { grid: scan.grid, first: buckets.first, length: buckets.count, sampled });
  const out = new Float64Array(PARTS * measures.length);
  forEachChunk(scan, { hues, buckets, kernel }, ({ columns, counts }, firstColumn) => {
    for (let place = 0; place < hues.count * columns; place++) {
      const total = read(counts, place * buckets.count, out);
      if (total === 0) continue;
      const column = firstColumn + (place % columns);
      lines[Math.floor(place / columns)]!.forEach((line, m) => {
        line.counts[column] = total;
        writeParts(line, column, out, PARTS * m);
      });
    }
  });
  return lines.flat();
}

function lineReading(draw: LineDrawing, shape: Shape): Reading {
  if (draw.kind === 'percentiles') return quantileReading(draw.percents, shape);
  assert(draw.kind !== 'count' && draw.kind !== 'rate', 'counts are added up, not read');
  return readingOf(draw, shape);
}
