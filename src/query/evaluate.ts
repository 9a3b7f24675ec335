/** A plan over stored series gives the answer. Pure: the reader waits for nothing, the kernel does the loops.
 *  A long answer comes in slices, between which its caller may do something else. */
import type { Kernel } from '../kernel/kernel.ts';
import { assert, unreachable } from '../model/assert.ts';
import { REMAINDER } from '../model/key.ts';
import type { SeriesReader } from '../model/series.ts';
import type { Measure } from './checked.ts';
import { cellResult } from './cell.ts';
import { compareResult } from './compare.ts';
import { diffResult } from './diff.ts';
import { heatmapRaster } from './heatmap.ts';
import type { Sources } from './sources.ts';
import { histogramTable } from './histograms.ts';
import { whatIsKnown } from './known.ts';
import { linesResult, unitOf } from './lines.ts';
import { assignHues, largest, type Measured, measureHues, projectGroups, rankingValues } from './measure.ts';
import type { Plan } from './plan.ts';
import type { RasterMemory } from './raster-memory.ts';
import { isReadable } from './reading.ts';
import { soughtInVain, unseenNotes } from './unseen.ts';
import type { QueryResult, TableColumn, TableResult } from './result.ts';
import { scanInSlices, toEnd, type Touched, withTotals } from './scan.ts';

export interface Evaluation {
  readonly result: QueryResult;
  readonly touched: readonly Touched[];
  /** Its notes may be others later, over the same data: they say what was seen lately, or would. */
  readonly isPassing: boolean;
}

/** Yields as scanInSlices does; what follows the last stored block is one slice. With a memory the result is the same,
 *  and a live picture sooner there. */
export function* evaluateInSlices(
  plan: Plan,
  reader: SeriesReader,
  kernel: Kernel,
  memory?: RasterMemory,
): Generator<number, Evaluation> {
  if (plan.earlier !== undefined) return yield* evaluateTwice(plan, plan.earlier, reader, kernel);
  const { sums } = memory ?? {};
  const scanned = { ...(yield* scanInSlices(plan, reader, kernel)), ...(sums === undefined ? {} : { sums }) };
  const scan = plan.fields.length === 0 ? scanned : withTotals(scanned, kernel);
  const sources: Sources = { plan, scan, known: whatIsKnown(plan, reader), kernel, memory };
  return { ...noted(sources, reader, resultOf(sources, reader)), touched: scan.touched };
}

/** The earlier range first: from the first open block on no time may pass, be it in this range or in that. */
function* evaluateTwice(
  plan: Plan,
  range: NonNullable<Plan['earlier']>,
  reader: SeriesReader,
  kernel: Kernel,
): Generator<number, Evaluation> {
  const before: Plan = { ...plan, ...range };
  const earlierScan = yield* scanInSlices(before, reader, kernel);
  const mayPause = earlierScan.touched.every(({ open }) => open === 0);
  const slices = scanInSlices(plan, reader, kernel);
  const scan = mayPause ? yield* slices : toEnd(slices);
  const earlier = { plan: before, scan: earlierScan, known: whatIsKnown(before, reader), kernel };
  const sources = { plan, scan, known: whatIsKnown(plan, reader), kernel };
  return {
    ...noted(sources, reader, resultOf(sources, reader, earlier)),
    touched: [...scan.touched, ...earlierScan.touched],
  };
}

/** The same in one go. */
export function evaluate(
  plan: Plan,
  reader: SeriesReader,
  kernel: Kernel,
  memory?: RasterMemory,
): QueryResult {
  return toEnd(evaluateInSlices(plan, reader, kernel, memory)).result;
}

function noted(
  sources: Sources,
  reader: SeriesReader,
  result: QueryResult,
): Pick<Evaluation, 'result' | 'isPassing'> {
  const vain = soughtInVain(sources);
  if (vain.length === 0) return { result, isPassing: false };
  const notes = [...result.notes, ...unseenNotes(vain, sources.plan, reader)];
  return { result: { ...result, notes }, isPassing: true };
}

function resultOf(sources: Sources, reader: SeriesReader, earlier?: Sources): QueryResult {
  const { plan } = sources;
  const { draw } = plan;
  switch (draw.kind) {
    case 'heatmap':
      return {
        kind: 'heatmap',
        raster: heatmapRaster(sources, draw),
        options: draw.picture,
        weight: draw.weight,
        notes: plan.notes,
      };
    case 'cell':
      return cellResult(sources, draw, reader);
    case 'compare':
      return compareResult(sources, draw.place);
    case 'diff':
      return diffResult(sources, draw, earlier);
    case 'table':
      return tableResult(sources);
    case 'histograms':
      return histogramTable(sources);
    case 'percentiles':
    case 'count':
    case 'rate':
    case 'average':
    case 'maximum':
    case 'share':
    case 'apdex':
      return linesResult(sources, draw);
    default:
      return unreachable(draw);
  }
}

/** The picked keys, the largest first, then the rest together. */
function tableResult(sources: Sources): TableResult {
  const { plan, scan, known, kernel } = sources;
  assert(plan.pick !== undefined, 'a table has picked keys');
  const { count, measure } = plan.pick;
  const all = projectGroups(scan, plan, plan.fields);
  const values = rankingValues(scan, all.hues, { measure, known, plan, kernel });
  const keys = largest(all.keys, values, count).map((h) => all.keys[h]!);
  const chosen = assignHues(all, keys, (_, h) => values[h]! >= 0);
  const of = (wanted: Measure): Measured[] =>
    measureHues(scan, chosen.hues, { measure: wanted, known, plan, kernel });
  const counts = of({ kind: 'count' });
  const measured = measure.kind === 'count' ? undefined : of(measure);
  const rows = chosen.keys.map((key, h) => [
    ...(key ?? plan.fields.map(() => REMAINDER)),
    counts[h]!.value,
    ...(measured === undefined ? [] : measuredCells(measure, measured[h]!)),
  ]);
  return {
    kind: 'table',
    columns: [...plan.fields.map((name) => ({ name })), ...measureColumns(sources, measure)],
    rows,
    notes: plan.notes,
    coverage: known.coverage,
  };
}

function measuredCells(
  measure: Measure,
  { value, low, high, sampleLow, sampleHigh }: Measured,
): (number | null)[] {
  const known = (n: number): number | null => (Number.isNaN(n) ? null : n);
  if (!isReadable(measure)) return [known(value)];
  const sample = hasSample(measure) ? [known(sampleLow), known(sampleHigh)] : [];
  return [known(value), known(low), known(high), ...sample];
}

/** A maximum and a part of what happened say nothing of what else could have. */
function hasSample({ kind }: Measure): boolean {
  return kind !== 'maximum' && kind !== 'tail';
}

function measureColumns(sources: Sources, measure: Measure): TableColumn[] {
  const count = { name: 'count', ...unitOf(sources, { kind: 'count' }) };
  if (measure.kind === 'count') return [count];
  const unit = unitOf(sources, measure);
  const name = measure.kind === 'percentile' ? `p${measure.percent}` : measure.kind;
  const sample = hasSample(measure) ? [' sample low', ' sample high'] : [];
  const parts = isReadable(measure) ? ['', ' low', ' high', ...sample] : [''];
  return [count, ...parts.map((part) => ({ name: name + part, ...unit }))];
}
