/** Answers that are plain tables, in every format but pictures. */
import { crc32c } from '../model/crc32c.ts';
import type { TableColumn } from '../query/result.ts';
import { formatValue } from '../render/format.ts';
import { tableText } from '../render/terminal.ts';
import { type Answered, CONTENT_TYPES, type Format, type Presentation } from './answer.ts';
import { arrowEncoder } from './arrow.ts';
import { parquetEncoder } from './parquet.ts';
import { ProblemException } from './problem.ts';
import type { Cell, Table, TableEncoder } from './table.ts';

export type { Cell, Table, TableColumn } from './table.ts';

/** Throws ProblemException 406 for a picture. */
export function tableAnswer(table: Table, presentation: Presentation): Answered {
  return answered(tableBody(table, presentation), presentation.format, false);
}

export function tableBody(table: Table, { format, textColumns }: Presentation): Uint8Array {
  switch (format) {
    case 'json':
      return bytes(
        JSON.stringify({ kind: 'table', columns: table.columns, rows: table.rows, ...table.extra }),
      );
    case 'csv':
    case 'jsonl':
    case 'arrow':
    case 'parquet': {
      const encoder = tableEncoder(format);
      return Buffer.concat([encoder.write(table), encoder.end()]);
    }
    case 'text':
      return bytes(readableText(table, textColumns));
    case 'png':
      throw noPicture();
  }
}

/** For a terminal; what is said of the table stands elsewhere. */
export function readableText(table: Table, columns = 100): string {
  return `${tableText(readable(table), { columns })}\n`;
}

/** The formats that a table may be written in piece by piece. */
export const ENCODINGS = ['csv', 'jsonl', 'arrow', 'parquet'] as const;
export type Encoding = (typeof ENCODINGS)[number];

export function tableEncoder(encoding: Encoding): TableEncoder {
  switch (encoding) {
    case 'csv':
      return csvEncoder();
    case 'jsonl':
      return { write: (table) => bytes(tableLines(table)), end: () => new Uint8Array(0) };
    case 'arrow':
      return arrowEncoder();
    case 'parquet':
      return parquetEncoder();
  }
}

/** Typed formats that say what is unknown by null. */
export function isBinary(format: Format): boolean {
  return format === 'arrow' || format === 'parquet';
}

/** For people: values of a type with their unit. */
function readable({ columns, rows }: Table): Table {
  return {
    columns: columns.map(({ name, unit, power }) => ({
      name,
      ...(power === undefined && unit !== undefined ? { unit } : {}),
    })),
    rows: rows.map((row) => row.map((cell, c) => valueText(cell, columns[c]!))),
  };
}

function valueText(cell: Cell, { unit, base, power }: TableColumn): Cell {
  if (typeof cell !== 'number' || power === undefined) return cell;
  return formatValue(cell, { unit: unit ?? '', base: base ?? 10, power });
}

/** RFC 4180, with one header line. */
function csvEncoder(): TableEncoder {
  const line = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\r\n`;
  let headed = false;
  return {
    write: ({ columns, rows }) => {
      const head = headed ? '' : line(columns.map((c) => c.name));
      headed = true;
      return bytes(head + rows.map(line).join(''));
    },
    end: () => new Uint8Array(0),
  };
}

function tableLines({ columns, rows }: Table): string {
  return rows
    .map((row) => `${JSON.stringify(Object.fromEntries(columns.map((c, i) => [c.name, row[i] ?? null])))}\n`)
    .join('');
}

export function answered(body: Uint8Array, format: Format, immutable: boolean): Answered {
  return {
    kind: 'answered',
    contentType: CONTENT_TYPES[format],
    body,
    etag: `"${crc32c(body).toString(16)}-${body.length.toString(16)}"`,
    notModified: false,
    immutable,
  };
}

export function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

function csvCell(cell: Cell): string {
  const text = cell === null ? '' : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function noPicture(): ProblemException {
  return new ProblemException({
    status: 406,
    code: 'NO_PICTURE',
    title: 'No picture of this',
    detail:
      'Cannot draw this answer as image/png: only heatmaps are drawn; ask for application/json, text/csv or text/plain',
  });
}
