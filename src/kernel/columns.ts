/** Codec 1's columns: sorted, merged cells as varints, column after column, before deflate
 *  (docs/SEGMENT_FORMAT.md, "Columns of codec 1"). Normative; the add-on writes and reads the same bytes.
 *
 *  | part     | values (varints, shortest form)                                          | how many      |
 *  |----------|--------------------------------------------------------------------------|---------------|
 *  | header   | cells; then the byte length of each of the six columns below             | 7             |
 *  | keyGaps  | key - (key before + 1); the first: key                                   | one a key     |
 *  | buckets  | buckets of the key, less 1                                               | one a key     |
 *  | bktGaps  | bucket - (bucket before in this key + 1); the first of a key: bucket     | one a bucket  |
 *  | steps    | steps of the bucket, less 1                                              | one a bucket  |
 *  | stepGaps | step - (step before in this bucket + 1); the first of a bucket: step     | one a cell    |
 *  | counts   | count - 1                                                                | one a cell    |
 *
 *  Ordered by (key, bucket, step), each place once. Invariant: whatever decodes encodes to the same bytes. */
import { BLOCK_STEPS } from '../model/limits.ts';
import type { Cells, CellsBuffer } from '../model/series.ts';
import { ByteReader, BytesFault, ByteWriter } from '../model/varint.ts';

const COLUMNS = 6;
/** Every cell has a byte of its own in two of the columns. */
const CELL_BYTES_MIN = 2;
const INDICES_MAX = 0x10000;

export interface ColumnLimits {
  readonly keys: number;
  readonly buckets: number;
}

export function encodeColumns(cells: Cells): Uint8Array {
  const columns = Array.from({ length: COLUMNS }, () => new ByteWriter(cells.length + 16));
  const [keyGaps, buckets, bucketGaps, steps, stepGaps, counts] = columns as Six<ByteWriter>;
  let previousKey = -1;
  for (let i = 0; i < cells.length;) {
    const key = cells.key[i]!;
    const keyEnd = runEnd(cells.key, i, cells.length);
    keyGaps.varint(gap(previousKey, key, i));
    let bucketsOfKey = 0;
    let previousBucket = -1;
    while (i < keyEnd) {
      const bucket = cells.bucket[i]!;
      const bucketEnd = runEnd(cells.bucket, i, keyEnd);
      bucketGaps.varint(gap(previousBucket, bucket, i));
      steps.varint(bucketEnd - i - 1);
      let previousStep = -1;
      for (; i < bucketEnd; i++) {
        stepGaps.varint(gap(previousStep, cells.step[i]!, i));
        counts.varint(countLess1(cells.count[i]!, i));
        previousStep = cells.step[i]!;
      }
      bucketsOfKey++;
      previousBucket = bucket;
    }
    buckets.varint(bucketsOfKey - 1);
    previousKey = key;
  }
  const out = new ByteWriter(columns.reduce((n, column) => n + column.length + 8, 8));
  out.varint(cells.length);
  for (const column of columns) out.varint(column.length);
  for (const column of columns) out.raw(column.view());
  return out.view();
}

/** Appends to `into`; throws BytesFault and leaves `into` as it was. */
export function decodeColumns(bytes: Uint8Array, limits: ColumnLimits, into: CellsBuffer): void {
  if (limits.keys > INDICES_MAX || limits.buckets > INDICES_MAX) {
    throw new RangeError(
      `Cannot decode ${limits.keys} keys, ${limits.buckets} buckets: an index has two bytes`,
    );
  }
  const header = new ByteReader(bytes);
  const length = readCellCount(header);
  const lengths = Array.from({ length: COLUMNS }, () => header.varint());
  let at = header.at;
  const columns = lengths.map((lengthBytes) => {
    if (lengthBytes > bytes.length - at) {
      throw new BytesFault(at, `expected a column of ${lengthBytes} bytes, found ${bytes.length - at}`);
    }
    return new ByteReader(bytes, at, (at += lengthBytes));
  }) as Six<ByteReader>;
  if (at !== bytes.length) throw new BytesFault(at, 'expected the end of the columns, found more bytes');
  into.reserve(length);
  const written = decodeKeys(columns, limits, { into, until: into.length + length });
  if (written !== into.length + length) {
    throw new BytesFault(at, `expected ${length} cells, found ${written - into.length}`);
  }
  for (const column of columns) {
    if (column.at !== column.end)
      throw new BytesFault(column.at, 'expected the end of a column, found more bytes');
  }
  into.length = written;
}

/** The number of cells that columns claim to hold; no more than their bytes can. */
export function columnsCellCount(bytes: Uint8Array): number {
  return readCellCount(new ByteReader(bytes));
}

type Six<T> = [T, T, T, T, T, T];

function decodeKeys(
  columns: Six<ByteReader>,
  limits: ColumnLimits,
  target: { into: CellsBuffer; until: number },
): number {
  const [keyGaps, buckets, bucketGaps, steps, stepGaps, counts] = columns;
  const { into, until } = target;
  let i = into.length;
  let key = -1;
  while (keyGaps.at < keyGaps.end) {
    key = advance(key, keyGaps, limits.keys, 'key');
    let bucket = -1;
    for (let b = buckets.varint(); b >= 0; b--) {
      bucket = advance(bucket, bucketGaps, limits.buckets, 'bucket');
      const end = i + steps.varint() + 1;
      if (end > until)
        throw new BytesFault(steps.at, `found more than the ${until - into.length} cells announced`);
      let step = -1;
      for (; i < end; i++) {
        step = advance(step, stepGaps, BLOCK_STEPS, 'step');
        const count = counts.varint() + 1;
        if (count > Number.MAX_SAFE_INTEGER) throw new BytesFault(counts.at, 'count is above 53 bits');
        into.step[i] = step;
        into.key[i] = key;
        into.bucket[i] = bucket;
        into.count[i] = count;
      }
    }
  }
  return i;
}

function readCellCount(header: ByteReader): number {
  const length = header.varint();
  const possible = Math.floor(header.bytes.length / CELL_BYTES_MIN);
  if (length > possible) throw new BytesFault(0, `found ${length} cells, expected at most ${possible}`);
  return length;
}

function advance(previous: number, gaps: ByteReader, limit: number, what: string): number {
  const next = previous + 1 + gaps.varint();
  if (next >= limit) throw new BytesFault(gaps.at, `${what} is ${next}, expected below ${limit}`);
  return next;
}

function runEnd(values: Uint16Array, from: number, until: number): number {
  let end = from + 1;
  while (end < until && values[end] === values[from]) end++;
  return end;
}

function gap(previous: number, value: number, at: number): number {
  if (value <= previous) throw new RangeError(`Cannot encode cell ${at}: cells are not sorted and merged`);
  return value - previous - 1;
}

function countLess1(count: number, at: number): number {
  if (Number.isSafeInteger(count) && count > 0) return count - 1;
  throw new RangeError(`Cannot encode cell ${at}: count is ${count}, expected a positive safe integer`);
}
