/** Results as tables and as JSON: one row a column of a line, one row a cell of a heatmap. */
import { keyCells, keyHeads } from '../model/key.ts';
import type { Raster } from '../model/raster.ts';
import type { LinesResult, Series } from '../query/result.ts';
import { formatValue } from '../render/format.ts';
import { linesText, type TerminalOptions } from '../render/terminal.ts';
import type { Cell, Table, TableColumn } from './tables.ts';

/** NaN, which JSON has not, is null: nothing is known there. */
export function linesJson(result: LinesResult) {
  const { kind, metric, measure, unit, base, power, type, fields, named, coverage, notes } = result;
  return {
    kind,
    metric,
    measure,
    unit,
    base,
    power,
    ...(type === undefined ? {} : { type }),
    fields,
    ...(named === undefined ? {} : { named }),
    from: result.fromSecond,
    to: result.untilSecond,
    step: result.columnSeconds,
    columns: result.columns,
    series: result.series.map(seriesJson),
    coverage,
    notes,
  };
}

function seriesJson({ name, key, names, whole, ...columns }: Series) {
  return {
    name,
    key: key ?? null,
    ...(names === undefined ? {} : { names }),
    ...(Object.fromEntries(Object.entries(columns).map(([part, values]) => [part, known(values)])) as {
      [part in keyof typeof columns]: Cell[];
    }),
    whole: Object.fromEntries(Object.entries(whole).map(([part, value]) => [part, numberCell(value)])),
  };
}

function known(values: Float64Array): Cell[] {
  return Array.from(values, numberCell);
}

/** Columns `second`, the fields, `series` where there are several a key, `value`, and of what is read off
 *  histograms its bounds and the count that it was read from. What is not
 *  known has no row; with `unknown` it has one whose value is null. */
export function linesTable(result: LinesResult, { unknown = false } = {}): Table {
  const { fields, named: called, series, fromSecond, columnSeconds, columns, unit, base, power } = result;
  const bounded = series.some((s) => s.low !== undefined);
  const named = result.measure === 'percentiles';
  const value = { holds: 'value', unit, base, power } as const;
  const heads: TableColumn[] = [
    SECOND,
    ...keyHeads(fields, called).map(keyColumn),
    ...(named ? [keyColumn('series')] : []),
    { name: 'value', ...value },
    ...(bounded ? BOUNDS.map((name) => ({ name, ...value })) : []),
    ...(bounded ? [{ name: 'count', holds: 'count' } as const] : []),
  ];
  const rows: Cell[][] = [];
  for (let c = 0; c < columns; c++) {
    for (const { name, values, low, high, sampleLow, sampleHigh, counts, ...key } of series) {
      if (Number.isNaN(values[c]!) && !unknown) continue;
      const bounds = bounded ? [low, high, sampleLow, sampleHigh, counts] : [];
      rows.push([
        fromSecond + c * columnSeconds,
        ...keyCells(fields, key, called),
        ...(named ? [name] : []),
        numberCell(values[c]),
        ...bounds.map((bound) => numberCell(bound?.[c])),
      ]);
    }
  }
  return { columns: heads, rows };
}

const BOUNDS = ['low', 'high', 'sample low', 'sample high'] as const;

const SECOND: TableColumn = { name: 'second', holds: 'second' };

function keyColumn(name: string): TableColumn {
  return { name, holds: 'key' };
}

/** NaN is null: nothing is known there. */
function numberCell(value: number | undefined): Cell {
  return value === undefined || Number.isNaN(value) ? null : value;
}

export function linesTextOf(result: LinesResult, options: TerminalOptions, title: string): string {
  const { fromSecond, untilSecond, series } = result;
  const format = (value: number): string => formatValue(value, result);
  return `${linesText({ title, fromSecond, untilSecond, series, format }, options)}\n`;
}

/** One row a non-zero cell; counts beyond the y axis have none. */
export function heatmapTable({
  fromSecond,
  columnSeconds,
  columns,
  rows,
  y,
  hueFields,
  named,
  hues,
  cells,
}: Raster): Table {
  const edge = { holds: 'value', unit: y.unit, base: y.base, power: y.power } as const;
  // Rows share a bucket's count by overlap, so that a cell may hold a fraction: no whole numbers.
  const heads: TableColumn[] = [
    SECOND,
    { name: 'low', ...edge },
    { name: 'high', ...edge },
    ...keyHeads(hueFields, named).map(keyColumn),
    { name: 'count', holds: 'value' },
  ];
  const lines: Cell[][] = [];
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      hues.forEach((label, hue) => {
        const count = cells[(hue * columns + column) * rows + row]!;
        if (count === 0) return;
        const values = keyCells(hueFields, label, named);
        lines.push([fromSecond + column * columnSeconds, y.edges[row]!, y.edges[row + 1]!, ...values, count]);
      });
    }
  }
  return { columns: heads, rows: lines };
}
