/** Rows of a file, as a stream of pieces: JSON lines and CSV, gzipped or not. Owns: lines and their numbers, the bounds
 *  on a row. Does not: know what a row means. A row that cannot be read is given with the reason, and the next is
 *  read. Memory is bounded by a piece and a row, whatever the file. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip, gunzipSync, constants } from 'node:zlib';
import { type CsvError, parse } from 'csv-parse';
import type { RowRecord } from './row.ts';

/** A longer row is told and left out. */
export const ROW_BYTES_MAX = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** What the format is told from. */
const PEEK_BYTES = 64 * 1024;
const PIECE_ROWS = 1000;

export type FileFormat = { readonly kind: 'jsonl' } | { readonly kind: 'csv'; readonly delimiter: string };

export interface FileRow {
  /** From 1; of a row over several lines the last. */
  readonly line: number;
  readonly record: RowRecord | undefined;
  /** Why there is no record. */
  readonly why?: string;
}

export interface SourceFile {
  readonly path: string;
  /** So many bytes are read, also where the file grows meanwhile. */
  readonly bytes: number;
}

export class FileFormatError extends Error {
  readonly code = 'FILE_FORMAT';
}

/** Tells by the first bytes: a line that begins with `{` is JSON, any other a CSV header, whose most frequent of
 *  comma, tab and semicolon is its delimiter. */
export async function recognise(path: string, asked?: 'jsonl' | 'csv'): Promise<FileFormat> {
  const head = await firstBytes(path);
  const line = head.trimStart().split(/\r?\n/, 1)[0] ?? '';
  const kind = asked ?? (line.replace(/^\ufeff/, '').startsWith('{') ? 'jsonl' : 'csv');
  if (kind === 'jsonl') return { kind };
  const times = (sign: string): number => line.split(sign).length;
  const delimiter = [',', '\t', ';'].reduce((a, b) => (times(b) > times(a) ? b : a));
  return { kind, delimiter };
}

async function firstBytes(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(PEEK_BYTES), 0, PEEK_BYTES, 0);
    const bytes = buffer.subarray(0, bytesRead);
    if (!isGzip(path)) return bytes.toString('utf8');
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }).toString('utf8');
  } finally {
    await file.close();
  }
}

function isGzip(path: string): boolean {
  return path.endsWith('.gz');
}

/** `onBytes` gets the file's bytes as they are read, before they are unpacked. Throws FileFormatError. */
export function fileRows(
  file: SourceFile,
  format: FileFormat,
  onBytes: (bytes: Uint8Array) => void,
): AsyncGenerator<readonly FileRow[]> {
  const text = textBytes(file, onBytes);
  return format.kind === 'jsonl' ? jsonRows(text) : csvRows(text, format.delimiter, file.path);
}

function textBytes(file: SourceFile, onBytes: (bytes: Uint8Array) => void): AsyncIterable<Buffer> {
  const raw = fileBytes(file, onBytes);
  return isGzip(file.path) ? Readable.from(raw).compose(createGunzip()) : raw;
}

async function* fileBytes(
  { path, bytes }: SourceFile,
  onBytes: (bytes: Uint8Array) => void,
): AsyncGenerator<Buffer> {
  if (bytes === 0) return;
  const stream = createReadStream(path, { end: bytes - 1, highWaterMark: CHUNK_BYTES });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    onBytes(chunk);
    yield chunk;
  }
}

async function* jsonRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly FileRow[]> {
  let line = 0;
  for await (const lines of linesOf(chunks)) {
    const rows: FileRow[] = [];
    for (const text of lines) {
      line++;
      const row = text === undefined ? tooLong(line) : jsonRow(text, line);
      if (row !== undefined) rows.push(row);
    }
    yield rows;
  }
}

function jsonRow(text: string, line: number): FileRow | undefined {
  if (text.trim() === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { line, record: undefined, why: `it is no JSON: ${text.slice(0, 60)}` };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { line, record: value as RowRecord };
  return { line, record: undefined, why: `it is no JSON object: ${text.slice(0, 60)}` };
}

function tooLong(line: number): FileRow {
  return { line, record: undefined, why: `it is longer than ${ROW_BYTES_MAX} bytes` };
}

/** The lines of each chunk; undefined for one that is too long. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly (string | undefined)[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  const ended = (last: Buffer): string | undefined => {
    const bytes = restBytes + last.length;
    const text = bytes > ROW_BYTES_MAX ? undefined : Buffer.concat([...rest, last]).toString('utf8');
    rest = [];
    restBytes = 0;
    return text;
  };
  for await (const chunk of chunks) {
    const lines: (string | undefined)[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      lines.push(ended(chunk.subarray(start, end)));
      start = end + 1;
    }
    const tail = chunk.subarray(start);
    restBytes += tail.length;
    if (restBytes <= ROW_BYTES_MAX) rest.push(tail);
    else rest = [];
    yield lines;
  }
  if (restBytes > 0) yield [ended(Buffer.alloc(0))];
}

interface CsvRow {
  readonly info: { readonly lines: number };
  readonly record: readonly string[];
}

async function* csvRows(
  chunks: AsyncIterable<Buffer>,
  delimiter: string,
  path: string,
): AsyncGenerator<readonly FileRow[]> {
  let rows: FileRow[] = [];
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    max_record_size: ROW_BYTES_MAX,
    relax_column_count: true,
    relax_quotes: true, // a stray quote is a part of its cell
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      const lines = Number(error?.['lines'] ?? 0);
      rows.push({ line: lines, record: undefined, why: error?.message ?? 'it cannot be read' });
      return undefined;
    },
  });
  let heads: readonly string[] | undefined;
  for await (const { info, record } of Readable.from(chunks).compose(parser) as AsyncIterable<CsvRow>) {
    if (heads === undefined) heads = headsOf(record, path);
    else rows.push(csvRow(heads, record, info.lines));
    if (rows.length < PIECE_ROWS) continue;
    yield rows;
    rows = [];
  }
  if (rows.length > 0) yield rows;
}

function headsOf(record: readonly string[], path: string): readonly string[] {
  const heads = record.map((head) => head.trim());
  const twice = heads.find((head, i) => heads.indexOf(head) !== i);
  if (twice !== undefined)
    throw new FileFormatError(
      `Cannot read "${path}": its header has the column ${JSON.stringify(twice)} twice`,
    );
  return heads;
}

function csvRow(heads: readonly string[], cells: readonly string[], line: number): FileRow {
  if (cells.length !== heads.length) {
    const why = `it has ${cells.length} cells, the header has ${heads.length}`;
    return { line, record: undefined, why };
  }
  return { line, record: Object.fromEntries(heads.map((head, c) => [head, cells[c]])) };
}
