/** Answers that are plain tables, in every format but pictures. */
import { crc32c } from '../model/crc32c.ts';
import { formatValue } from '../render/format.ts';
import { tableText } from '../render/terminal.ts';
import { type Answered, CONTENT_TYPES, type Format, type Presentation } from './answer.ts';
import { ProblemException } from './problem.ts';

export type Cell = string | number | boolean | null;

export interface TableColumn {
  readonly name: string;
  readonly unit?: string;
  /** A value times base ^ power is in `unit`; without them it is in `unit` as it stands. */
  readonly base?: 2 | 10;
  readonly power?: number;
}

export interface Table {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly Cell[])[];
  /** What else the JSON form says. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

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
      return bytes(tableCsv(table));
    case 'jsonl':
      return bytes(tableLines(table));
    case 'text':
      return bytes(`${tableText(readable(table), { columns: textColumns ?? 100 })}\n`);
    case 'png':
      throw noPicture();
  }
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

/** RFC 4180, with a header line. */
export function tableCsv({ columns, rows }: Table): string {
  const line = (cells: readonly Cell[]): string => cells.map(csvCell).join(',');
  return [line(columns.map((c) => c.name)), ...rows.map(line)].map((l) => `${l}\r\n`).join('');
}

export function tableLines({ columns, rows }: Table): string {
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
