/** What a place holds, and two layers against each other, as JSON and as tables. In the table of a cell a row has a key
 *  of some of the fields; the others are null, and stand for all of their values. */
import { keyHeads, REMAINDER } from '../model/key.ts';
import type { DiffRaster } from '../model/raster.ts';
import type { CellResult, CompareResult, KeyRanking, KeyShare } from '../query/result.ts';
import { diffCells } from '../render/diff-json.ts';
import type { Cell, Table, TableColumn } from './tables.ts';

export function cellJson(result: CellResult) {
  const { kind, metric, unit, values, buckets, total, outside, column, unstored, coverage, notes } = result;
  return {
    kind,
    metric,
    from: result.fromSecond,
    to: result.untilSecond,
    step: result.columnSeconds,
    ...unit,
    values: values ?? null,
    buckets,
    total,
    outside,
    rankings: result.rankings.map(rankingJson),
    column: {
      total: column.total,
      ...Object.fromEntries(
        column.percentiles.map(({ percent, ...bounded }) => [`p${percent}`, bounded] as const),
      ),
      ...(column.max === undefined ? {} : { max: column.max }),
      coverage: column.coverage,
    },
    ...(unstored === undefined ? {} : { unstored }),
    coverage,
    notes,
  };
}

function rankingJson({ fields, keys, rows }: KeyRanking) {
  return { fields, keys, rows: rows.map((row) => ({ ...row, key: row.key ?? null })) };
}

/** Single fields first, whole keys last. */
export function cellTable({ rankings, named }: CellResult): Table {
  const fields = rankings.at(-1)?.fields ?? [];
  const columns: TableColumn[] = [
    ...keyHeads(fields, named).map((name): TableColumn => ({ name, holds: 'key' })),
    ...['count', 'share', 'outside', 'share outside', 'lift'].map((name): TableColumn => ({
      name,
      holds: 'value',
    })),
  ];
  const rows = rankings.flatMap((ranking) =>
    ranking.rows.map((row) => [...rankedCells(ranking.fields, row, { fields, named }), ...shareCells(row)]),
  );
  return { columns, rows };
}

export function compareJson({
  fromSecond,
  untilSecond,
  columnSeconds,
  unit,
  values,
  ...rest
}: CompareResult) {
  const { kind, metric, ...more } = rest;
  return {
    kind,
    metric,
    from: fromSecond,
    to: untilSecond,
    step: columnSeconds,
    ...unit,
    values: values ?? null,
    ...more,
  };
}

export function compareTable({ rows, named }: CompareResult): Table {
  const numbers = ['count', 'share', 'outside', 'share outside', 'lift', 'score', 'p', 'q'];
  const columns: TableColumn[] = [
    { name: 'field', holds: 'key' },
    { name: 'value', holds: 'key' },
    ...(named === undefined ? [] : [{ name: 'value name', holds: 'key' } as const]),
    ...numbers.map((name): TableColumn => ({ name, holds: 'value' })),
  ];
  return {
    columns,
    rows: rows.map((row) => [
      row.field,
      row.value,
      ...(named === undefined ? [] : [row.name ?? null]),
      ...shareCells(row),
      row.score,
      row.p,
      row.q,
    ]),
  };
}

/** One row a cell that either layer counts in; counts beyond the y axis have none. */
export function diffTable(raster: DiffRaster): Table {
  const { y, a, b, fromSecond, columnSeconds } = raster;
  const edge = { holds: 'value', unit: y.unit, base: y.base, power: y.power } as const;
  const numbers = ['a', 'b', 'share a', 'share b', 'score', 'significant'];
  const columns: TableColumn[] = [
    { name: 'second', holds: 'second' },
    { name: 'low', ...edge },
    { name: 'high', ...edge },
    ...numbers.map((name): TableColumn => ({ name, holds: 'value' })),
  ];
  const rows = diffCells(raster).map(([column, row, inA, inB, score, significant]): Cell[] => [
    fromSecond + column * columnSeconds,
    y.edges[row]!,
    y.edges[row + 1]!,
    inA,
    inB,
    a.total > 0 ? inA / a.total : null,
    b.total > 0 ? inB / b.total : null,
    score,
    significant,
  ]);
  return { columns, rows };
}

function rankedCells(
  own: readonly string[],
  { key, names }: KeyShare,
  {
    fields,
    named = [],
  }: { readonly fields: readonly string[]; readonly named?: readonly string[] | undefined },
): Cell[] {
  return fields.flatMap((field) => {
    const place = own.indexOf(field);
    const value = place < 0 ? null : (key?.[place] ?? REMAINDER);
    return named.includes(field) ? [value, names?.[place] ?? null] : [value];
  });
}

function shareCells({ count, share, outside, outsideShare, lift }: Omit<KeyShare, 'key'>): Cell[] {
  return [count, share, outside, outsideShare, lift];
}
