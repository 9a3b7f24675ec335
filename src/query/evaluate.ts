/** A plan over stored series gives the answer. Synchronous and pure: the reader waits for nothing, the kernel
 *  does the loops. */
import type { Kernel } from '../kernel/kernel.ts';
import { assert, unreachable } from '../model/assert.ts';
import { REMAINDER } from '../model/key.ts';
import type { SeriesReader } from '../model/series.ts';
import type { Measure } from './checked.ts';
import { heatmapRaster, type Sources } from './heatmap.ts';
import { whatIsKnown } from './known.ts';
import { linesResult, unitOf } from './lines.ts';
import { assignHues, largest, type Measured, measureHues, projectGroups, rankingValues } from './measure.ts';
import type { Plan } from './plan.ts';
import type { QueryResult, TableColumn, TableResult } from './result.ts';
import { scanBlocks, withTotals } from './scan.ts';

export function evaluate(plan: Plan, reader: SeriesReader, kernel: Kernel): QueryResult {
  const scanned = scanBlocks(plan, reader, kernel);
  const scan = plan.fields.length === 0 ? scanned : withTotals(scanned, kernel);
  const sources: Sources = { plan, scan, known: whatIsKnown(plan, reader), kernel };
  const { draw } = plan;
  switch (draw.kind) {
    case 'heatmap':
      return {
        kind: 'heatmap',
        raster: heatmapRaster(sources, draw),
        options: draw.picture,
        notes: plan.notes,
      };
    case 'table':
      return tableResult(sources);
    case 'percentiles':
    case 'count':
    case 'rate':
    case 'average':
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

function measuredCells({ kind }: Measure, { value, low, high }: Measured): (number | null)[] {
  const known = (n: number): number | null => (Number.isNaN(n) ? null : n);
  return kind === 'rate' ? [known(value)] : [known(value), known(low), known(high)];
}

function measureColumns(sources: Sources, measure: Measure): TableColumn[] {
  const count = { name: 'count', ...unitOf(sources, { kind: 'count' }) };
  if (measure.kind === 'count') return [count];
  const unit = unitOf(sources, measure);
  if (measure.kind === 'rate') return [count, { name: 'rate', ...unit }];
  const name = measure.kind === 'percentile' ? `p${measure.percent}` : 'average';
  return [count, { name, ...unit }, { name: `${name} low`, ...unit }, { name: `${name} high`, ...unit }];
}
