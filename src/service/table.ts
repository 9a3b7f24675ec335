/** A table as data, and what its columns are in formats that have types. Owns: the type of each column. Does not:
 *  write any format. A column that does not say what it holds is judged by its cells. */
import type { TableColumn } from '../query/result.ts';

export type { TableColumn } from '../query/result.ts';

export type Cell = string | number | boolean | null;

export interface Table {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly Cell[])[];
  /** What else the JSON form says. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** Writes a table piece by piece: pieces have the same columns, and there is at least one. */
export interface TableEncoder {
  /** The bytes that come next. */
  write(piece: Table): Uint8Array;
  /** The last bytes; nothing is written after them. */
  end(): Uint8Array;
}

export type ColumnType = 'second' | 'text' | 'integer' | 'number' | 'boolean';

const TYPE_OF = { second: 'second', key: 'text', count: 'integer', value: 'number' } as const;

/** `count` is a 64-bit integer, other numbers are doubles: exact up to 2^53, as all that is counted is. */
export function columnTypes({ columns, rows }: Table): ColumnType[] {
  return columns.map(({ holds }, c) => (holds === undefined ? judged(rows, c) : TYPE_OF[holds]));
}

function judged(rows: readonly (readonly Cell[])[], column: number): ColumnType {
  const kinds = new Set<string>();
  for (const row of rows) {
    const cell = row[column] ?? null;
    if (cell !== null) kinds.add(typeof cell);
  }
  if (kinds.size !== 1) return 'text';
  return kinds.has('number') ? 'number' : kinds.has('boolean') ? 'boolean' : 'text';
}

/** The column's cells as its type has them: text where it is text. */
export function columnCells(rows: readonly (readonly Cell[])[], column: number, type: ColumnType): Cell[] {
  return rows.map((row) => {
    const cell = row[column] ?? null;
    return cell === null || type !== 'text' ? cell : String(cell);
  });
}
