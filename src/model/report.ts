/** Reports and their bytes (docs/REPORT_FORMAT.md). A batch is what one source says of one second: a report per
 *  enabled instrumentation, under one sequence number; it is the unit of repeat detection. A log entry carries
 *  the batches that one host had ready for one second, or a control event.
 *  Decoding is the one place where bytes become trusted: everything is checked, nothing is kept by reference
 *  beyond the caller's array. */
import {
  type Batch,
  FLAG_PARTIAL,
  GRID_KINDS,
  type Report,
  type Row,
  type Source,
  VERSION,
} from './batch.ts';
import { type ControlEvent, decodeControl, encodeControl } from './control.ts';
import { type Checksum, crc32c } from './crc32c.ts';
import { bucketCount, COUNT, type Grid, LL5 } from './grid.ts';
import type { Key } from './key.ts';
import { DISCRETE_FIELDS_MAX, ENTRY_BATCHES_MAX, KEY_VALUE_BYTES_MAX, REPORT_KEYS_MAX } from './limits.ts';
import type { CellsBuffer } from './series.ts';
import { ByteReader, BytesFault, ByteWriter } from './varint.ts';

export { encodeBatch, sourceName, type Batch, type Report, type Row, type Source } from './batch.ts';

/** A report whose header is checked and whose rows are still bytes. */
export interface ReportView {
  readonly instrumentation: string;
  readonly grid: Grid;
  readonly partial: boolean;
  readonly dropped: number;
  readonly rowCount: number;
  readonly fieldCount: number;
  readonly body: Uint8Array;
}

export interface BatchView {
  readonly source: Source;
  readonly sequence: number;
  readonly second: number;
  readonly reports: readonly ReportView[];
}

export type EntryView =
  | { readonly kind: 'reports'; readonly batches: readonly BatchView[] }
  | { readonly kind: 'control'; readonly event: ControlEvent };

/** Bytes that are no report: says where and what; nothing was taken from them. */
export class ReportCorruptError extends Error {
  readonly code = 'REPORT_CORRUPT';
  readonly offsetBytes: number;
  constructor(offsetBytes: number, what: string, options?: ErrorOptions) {
    super(`Cannot read report: ${what}`, options);
    this.offsetBytes = offsetBytes;
  }
}

const ENTRY_REPORTS = 1;
const ENTRY_CONTROL = 2;
const NAME_BYTES_MAX = 256;
const REPORTS_MAX = 1024;

/** One log entry of batches that are already encoded. */
export function encodeReportEntry(batches: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter(batches.reduce((n, b) => n + b.length + 5, 8));
  out.u8(ENTRY_REPORTS);
  out.varint(batches.length);
  for (const bytes of batches) {
    out.varint(bytes.length);
    out.raw(bytes);
  }
  return out.view();
}

export function encodeControlEntry(event: ControlEvent): Uint8Array {
  return Buffer.concat([Buffer.of(ENTRY_CONTROL), Buffer.from(encodeControl(event), 'utf8')]);
}

/** Throws ReportCorruptError or ControlEventError; then nothing of the entry is used. */
export function decodeEntry(payload: Uint8Array, checksum: Checksum = crc32c): EntryView {
  const kind = payload[0];
  if (kind === ENTRY_CONTROL) {
    return { kind: 'control', event: decodeControl(Buffer.from(payload.subarray(1)).toString('utf8')) };
  }
  if (kind !== ENTRY_REPORTS) throw new ReportCorruptError(0, `entry kind is ${kind}, expected 1 or 2`);
  return guarded(() => {
    const reader = new ByteReader(payload, 1);
    const count = reader.varint();
    if (count > ENTRY_BATCHES_MAX)
      throw new BytesFault(1, `found ${count} batches, expected at most ${ENTRY_BATCHES_MAX}`);
    const batches: BatchView[] = [];
    for (let i = 0; i < count; i++) {
      const end = reader.varint() + reader.at;
      batches.push(batchAt(payload, reader.at, end, checksum));
      reader.at = end;
    }
    if (reader.at !== reader.end) throw new BytesFault(reader.at, 'expected the end, found more bytes');
    return { kind: 'reports', batches };
  });
}

/** Reads a batch's headers and checks its checksum; rows are read by `decodeRows`. */
export function decodeBatch(bytes: Uint8Array, checksum: Checksum = crc32c): BatchView {
  return guarded(() => batchAt(bytes, 0, bytes.length, checksum));
}

/** The batch in [from, until) of `bytes`: places in a fault are places in `bytes`. */
function batchAt(bytes: Uint8Array, from: number, until: number, checksum: Checksum): BatchView {
  if (until > bytes.length)
    throw new BytesFault(from, `expected a batch of ${until - from} bytes, found ${bytes.length - from}`);
  if (until - from < 5) throw new BytesFault(from, `expected a batch, found ${until - from} bytes`);
  const end = until - 4;
  const found = checksum(bytes.subarray(from, end));
  const stored = new ByteReader(bytes, end).u32();
  if (found !== stored) throw new BytesFault(end, 'checksum differs');
  const reader = new ByteReader(bytes, from, end);
  const version = reader.u8();
  if (version !== VERSION) throw new BytesFault(from, `version is ${version}, expected ${VERSION}`);
  const host = reader.text(NAME_BYTES_MAX);
  const driver = reader.text(NAME_BYTES_MAX);
  const incarnation = Buffer.from(reader.take(8)).toString('hex');
  const sequence = reader.varint();
  const second = reader.u32();
  const count = reader.varint();
  if (count > REPORTS_MAX)
    throw new BytesFault(reader.at, `found ${count} reports, expected at most ${REPORTS_MAX}`);
  const reports: ReportView[] = [];
  for (let i = 0; i < count; i++) reports.push(decodeReportHeader(reader));
  if (reader.at !== end) throw new BytesFault(reader.at, 'expected the checksum, found more bytes');
  return { source: { host, driver, incarnation }, sequence, second, reports };
}

function decodeReportHeader(reader: ByteReader): ReportView {
  const instrumentation = reader.text(NAME_BYTES_MAX);
  const partial = (reader.u8() & FLAG_PARTIAL) !== 0;
  const dropped = reader.varint();
  const grid = decodeGrid(reader);
  const rowCount = reader.varint();
  if (rowCount > REPORT_KEYS_MAX + 1) {
    throw new BytesFault(reader.at, `found ${rowCount} rows, expected at most ${REPORT_KEYS_MAX + 1}`);
  }
  const fieldCount = reader.varint();
  if (fieldCount > DISCRETE_FIELDS_MAX) {
    throw new BytesFault(reader.at, `found ${fieldCount} fields, expected at most ${DISCRETE_FIELDS_MAX}`);
  }
  const body = reader.take(reader.varint());
  return { instrumentation, grid, partial, dropped, rowCount, fieldCount, body };
}

function decodeGrid(reader: ByteReader): Grid {
  const at = reader.at;
  const kind = GRID_KINDS[reader.u8()];
  const parameter = reader.varint();
  if (kind === 'log-linear' && parameter === 5) return LL5;
  if (kind === 'linear' && parameter > 0) return { kind, width: parameter };
  if (kind === 'count' && parameter === 0) return COUNT;
  throw new BytesFault(at, `grid is ${kind} ${parameter}, which this version does not know`);
}

/** Appends the rows' cells at `step` to `target`. `keyIndex` is asked once a row with the raw bytes of the key
 *  as a binary string (injective, cheap to look up) and a way to read it; its answer is the cells' key index.
 *  Throws ReportCorruptError and leaves `target` as it was. */
export function decodeRows(
  view: ReportView,
  step: number,
  target: CellsBuffer,
  keyIndex: (raw: string, read: () => Key) => number,
): void {
  const start = target.length;
  try {
    guarded(() => {
      const reader = new ByteReader(view.body);
      const buckets = bucketCount(view.grid);
      for (let row = 0; row < view.rowCount; row++) {
        const keyStart = reader.at;
        for (let f = 0; f < view.fieldCount; f++) skipValue(reader);
        const bytes = Buffer.from(view.body.buffer, view.body.byteOffset + keyStart, reader.at - keyStart);
        const key = keyIndex(bytes.toString('latin1'), () => readKey(bytes, view.fieldCount));
        decodeCells(reader, { step, key, buckets }, target);
      }
      if (reader.at !== reader.end)
        throw new BytesFault(reader.at, 'expected the end of the rows, found more bytes');
    });
  } catch (error) {
    target.length = start;
    throw error;
  }
}

function skipValue(reader: ByteReader): void {
  const length = reader.varint();
  if (length > KEY_VALUE_BYTES_MAX) {
    throw new BytesFault(
      reader.at,
      `found a value of ${length} bytes, expected at most ${KEY_VALUE_BYTES_MAX}`,
    );
  }
  reader.take(length);
}

function readKey(bytes: Uint8Array, fieldCount: number): Key {
  const reader = new ByteReader(bytes);
  return Array.from({ length: fieldCount }, () => reader.text(KEY_VALUE_BYTES_MAX));
}

function decodeCells(
  reader: ByteReader,
  place: { step: number; key: number; buckets: number },
  target: CellsBuffer,
): void {
  const count = reader.varint();
  if (count > place.buckets) {
    throw new BytesFault(reader.at, `found ${count} cells, expected at most ${place.buckets}`);
  }
  target.reserve(count);
  const { step, key, bucket, count: counts } = target;
  let at = target.length;
  let next = 0;
  for (let i = 0; i < count; i++) {
    const index = next + reader.varint();
    if (index >= place.buckets) {
      throw new BytesFault(reader.at, `bucket is ${index}, expected below ${place.buckets}`);
    }
    const n = reader.varint() + 1;
    if (n > Number.MAX_SAFE_INTEGER) throw new BytesFault(reader.at, 'count is above 53 bits');
    step[at] = place.step;
    key[at] = place.key;
    bucket[at] = index;
    counts[at] = n;
    at++;
    next = index + 1;
  }
  target.length = at;
}

/** The plain value of a batch view, for tests, tools and the simulator. */
export function readBatch(view: BatchView, newCells: () => CellsBuffer): Batch {
  const reports = view.reports.map((report): Report => {
    const cells = newCells();
    const keys: Key[] = [];
    decodeRows(report, 0, cells, (_raw, read) => keys.push(read()) - 1);
    const rows = keys.map((key, k): Row => {
      const buckets: number[] = [];
      const counts: number[] = [];
      for (let i = 0; i < cells.length; i++) {
        if (cells.key[i] !== k) continue;
        buckets.push(cells.bucket[i]!);
        counts.push(cells.count[i]!);
      }
      return { key, histogram: { buckets, counts } };
    });
    const { instrumentation, grid, partial, dropped } = report;
    return { instrumentation, grid, partial, dropped, rows };
  });
  return { source: view.source, sequence: view.sequence, second: view.second, reports };
}

function guarded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof BytesFault)
      throw new ReportCorruptError(error.offsetBytes, error.message, { cause: error });
    throw error;
  }
}
