/** The value of a batch, and the writing half of its bytes (docs/REPORT_FORMAT.md); report.ts reads them.
 *  It stands alone because a probe loads it into other people's programs: it must load in a millisecond or two,
 *  so no schema library comes with it. */
import { assert } from './assert.ts';
import { type Checksum, crc32c } from './crc32c.ts';
import type { Grid } from './grid.ts';
import type { Histogram } from './histogram.ts';
import type { Key } from './key.ts';
import { KEY_VALUE_BYTES_MAX, REPORT_KEYS_MAX } from './limits.ts';
import { ByteWriter } from './varint.ts';

/** One instrumenter's stream. A restart is a new incarnation: sequence numbers begin again at 0. */
export interface Source {
  readonly host: string;
  readonly driver: string;
  /** 16 hexadecimal digits, random. */
  readonly incarnation: string;
}

export function sourceName(source: { readonly host: string; readonly driver: string }): string {
  return `${source.host}/${source.driver}`;
}

export interface Row {
  readonly key: Key;
  /** On the one-bucket grid: bucket 0 and its count or amount. */
  readonly histogram: Histogram;
}

export interface Report {
  readonly instrumentation: string;
  readonly grid: Grid;
  /** The source knows that something is still to come for this second. */
  readonly partial: boolean;
  /** Events that a bound of the source dropped: counted, not in any row. */
  readonly dropped: number;
  readonly rows: readonly Row[];
}

export interface Batch {
  readonly source: Source;
  /** 0, 1, 2 ... within an incarnation. */
  readonly sequence: number;
  readonly second: number;
  readonly reports: readonly Report[];
}

/** A report whose rows are bytes already. */
export interface EncodedReport extends Omit<Report, 'rows'> {
  readonly rowCount: number;
  readonly fieldCount: number;
  readonly body: Uint8Array;
}

export const VERSION = 1;
export const FLAG_PARTIAL = 1;
export const GRID_KINDS = ['log-linear', 'linear', 'count'] as const;

export function encodeBatch(batch: Batch, checksum: Checksum = crc32c): Uint8Array {
  return encodeReports({ ...batch, reports: batch.reports.map(encodeRows) }, checksum);
}

/** As encodeBatch, of reports that were encoded before. */
export function encodeReports(
  batch: Omit<Batch, 'reports'> & { readonly reports: readonly EncodedReport[] },
  checksum: Checksum = crc32c,
): Uint8Array {
  const out = new ByteWriter(1024);
  out.u8(VERSION);
  out.text(batch.source.host);
  out.text(batch.source.driver);
  out.raw(Buffer.from(batch.source.incarnation, 'hex'));
  out.varint(batch.sequence);
  out.u32(batch.second);
  out.varint(batch.reports.length);
  for (const report of batch.reports) encodeReport(out, report);
  out.u32(checksum(out.view()));
  return out.view().slice();
}

function encodeReport(out: ByteWriter, report: EncodedReport): void {
  out.text(report.instrumentation);
  out.u8(report.partial ? FLAG_PARTIAL : 0);
  out.varint(report.dropped);
  out.u8(GRID_KINDS.indexOf(report.grid.kind));
  out.varint(report.grid.kind === 'log-linear' ? 5 : report.grid.kind === 'linear' ? report.grid.width : 0);
  out.varint(report.rowCount);
  out.varint(report.fieldCount);
  out.varint(report.body.length);
  out.raw(report.body);
}

function encodeRows({ rows, ...report }: Report): EncodedReport {
  const fieldCount = rows[0]?.key.length ?? 0;
  assert(rows.length <= REPORT_KEYS_MAX + 1, () => `a report has ${rows.length} rows`);
  assert(
    rows.every((row) => row.key.length === fieldCount),
    'the keys of a report are of one length',
  );
  const body = new ByteWriter(512);
  for (const row of rows) encodeRow(body, row);
  return { ...report, rowCount: rows.length, fieldCount, body: body.view() };
}

function encodeRow(out: ByteWriter, row: Row): void {
  for (const value of row.key) out.text(value, KEY_VALUE_BYTES_MAX);
  const { buckets, counts } = row.histogram;
  out.varint(buckets.length);
  let next = 0;
  for (let i = 0; i < buckets.length; i++) {
    out.varint(buckets[i]! - next);
    out.varint(counts[i]! - 1);
    next = buckets[i]! + 1;
  }
}
