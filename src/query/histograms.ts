/** Histograms as they are stored, as a table: a row for each non-empty bucket of each step and key, in the order
 *  of time, key, value. Exact: no counts are spread over rows of a picture, none are left out.
 *  A bucket holds values from `lower` up to, not including, `upper`; the last of a linear grid takes all above. */
import { bucketCount, bucketEdge, type Grid } from '../model/grid.ts';
import { compareKeys, type Key, REMAINDER } from '../model/key.ts';
import type { Sources } from './sources.ts';
import { unitOf } from './lines.ts';
import { assignHues, type Chosen, largest, projectGroups, rankingValues } from './measure.ts';
import { AnswerTooLargeError, type TableColumn, type TableResult } from './result.ts';
import { forEachChunk, occupiedBuckets } from './scan.ts';

/** About 100 MB as objects, and no program reads more of them in one answer. */
export const HISTOGRAM_ROWS_MAX = 1_000_000;

export function histogramTable(sources: Sources, rowsMax = HISTOGRAM_ROWS_MAX): TableResult {
  const { plan, known } = sources;
  return {
    kind: 'table',
    columns: tableColumns(sources),
    rows: tableRows(sources, chooseKeys(sources), rowsMax),
    notes: plan.notes,
    coverage: known.coverage,
  };
}

function tableColumns(sources: Sources): TableColumn[] {
  const value = { holds: 'value', ...unitOf(sources, { kind: 'percentiles' }) } as const;
  return [
    { name: 'time', holds: 'second' },
    ...sources.plan.fields.map((name): TableColumn => ({ name, holds: 'key' })),
    { name: 'lower', ...value },
    { name: 'upper', ...value },
    { name: 'count', holds: 'count', ...unitOf(sources, { kind: 'count' }) },
  ];
}

/** All keys in their order; of a statement that picks, those and the rest together. */
function chooseKeys(sources: Sources): Chosen {
  const { plan, scan, known, kernel } = sources;
  const all = projectGroups(scan, plan, plan.fields);
  if (plan.pick === undefined) {
    const keys = all.keys.toSorted(compareKeys);
    return assignHues(all, keys, () => false);
  }
  const { count, measure } = plan.pick;
  const values = rankingValues(scan, all.hues, { measure, known, plan, kernel });
  const keys = largest(all.keys, values, count).map((h) => all.keys[h]!);
  return assignHues(all, keys.toSorted(compareKeys), (_, h) => values[h]! >= 0);
}

type Row = TableResult['rows'][number];

function tableRows({ plan, scan, kernel }: Sources, { keys, hues }: Chosen, rowsMax: number): Row[] {
  const rows: Row[] = [];
  const buckets = occupiedBuckets(scan, hues, kernel);
  if (buckets === undefined) return rows;
  const texts = keys.map((key): Key => key ?? plan.fields.map(() => REMAINDER));
  const bounds = Array.from({ length: buckets.count }, (_, b) => boundsOf(scan.grid, buckets.first + b));
  forEachChunk(scan, { hues, buckets, kernel }, ({ columns, counts }, firstColumn) => {
    for (let place = 0; place < columns * hues.count; place++) {
      const column = Math.floor(place / hues.count);
      const hue = place % hues.count;
      const second = plan.fromSecond + (firstColumn + column) * plan.columnSeconds;
      const at = (hue * columns + column) * buckets.count;
      for (let b = 0; b < buckets.count; b++) {
        const count = counts[at + b]!;
        if (count === 0) continue;
        if (rows.length >= rowsMax) throw tooManyRows(rowsMax);
        rows.push([second, ...texts[hue]!, ...bounds[b]!, count]);
      }
    }
  });
  return rows;
}

/** Null where there is no upper bound. */
function boundsOf(grid: Grid, bucket: number): readonly [lower: number, upper: number | null] {
  const isOpen = grid.kind === 'linear' && bucket === bucketCount(grid) - 1;
  return [bucketEdge(grid, bucket), isOpen ? null : bucketEdge(grid, bucket + 1)];
}

function tooManyRows(rowsMax: number): AnswerTooLargeError {
  return new AnswerTooLargeError(
    `Cannot answer with more than ${rowsMax} rows: ask for a longer step, fewer keys or less time`,
  );
}
