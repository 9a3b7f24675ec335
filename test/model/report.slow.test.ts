/** The wire form of reports: round trip, and bytes that are none are said to be none, whatever they are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AssertionFault } from '../../src/model/assert.ts';
import { ControlEventError } from '../../src/model/control.ts';
import { crc32c } from '../../src/model/crc32c.ts';
import { LL5 } from '../../src/model/grid.ts';
import { type Key, keyText } from '../../src/model/key.ts';
import { KEY_VALUE_BYTES_MAX, REPORT_KEYS_MAX } from '../../src/model/limits.ts';
import {
  type Batch,
  decodeBatch,
  decodeEntry,
  decodeRows,
  encodeBatch,
  encodeControlEntry,
  encodeReportEntry,
  readBatch,
  ReportCorruptError,
  type Row,
  sourceName,
} from '../../src/model/report.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { arbitraryControlEvent } from '../arbitrary/control.ts';
import { arbitraryBatch } from '../arbitrary/report.ts';
import { cellList } from '../arbitrary/series.ts';

const newCells = (): CellsBuffer => new CellsBuffer();

/** Reads everything there is to read in a batch. */
function readAll(bytes: Uint8Array): Batch {
  return readBatch(decodeBatch(bytes), newCells);
}

/** Changes a byte and mends the checksum, so that the change reaches what lies behind it. */
function withByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const changed = bytes.slice();
  const body = changed.subarray(0, -4);
  body[at % body.length] = value;
  new DataView(changed.buffer).setUint32(body.length, crc32c(body), true);
  return changed;
}

describe('a batch', () => {
  it('round trips', () => {
    fc.assert(
      fc.property(arbitraryBatch, (batch) => {
        expect(readAll(encodeBatch(batch))).toEqual(batch);
      }),
    );
  });

  it('names its source as a person reads it', () => {
    expect(sourceName({ host: 'web1', driver: 'node' })).toBe('web1/node');
  });

  it('with any bit wrong is refused', () => {
    fc.assert(
      fc.property(arbitraryBatch, fc.nat(), fc.nat(7), (batch, at, bit) => {
        const bytes = encodeBatch(batch);
        bytes[at % bytes.length]! ^= 1 << bit;
        expect(() => decodeBatch(bytes)).toThrow(/checksum differs/);
      }),
    );
  });

  it('of hostile bytes under a right checksum is a report or a ReportCorruptError that names a byte', () => {
    const hostile = fc.oneof(
      fc
        .tuple(arbitraryBatch, fc.nat(), fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.nat(255)))
        .map(([batch, at, value]) => withByte(encodeBatch(batch), at, value)),
      fc.uint8Array({ minLength: 4, maxLength: 60 }).map((bytes) => withByte(bytes.slice(), 0, 1)),
    );
    let refused = 0;
    fc.assert(
      fc.property(hostile, (bytes) => {
        try {
          readAll(bytes);
        } catch (error) {
          refused++;
          expect(error).toBeInstanceOf(ReportCorruptError);
          const { offsetBytes, message } = error as ReportCorruptError;
          expect(offsetBytes).toBeLessThanOrEqual(bytes.length);
          expect(message).toMatch(/^Cannot read report: .* at byte \d+$/);
        }
      }),
      { numRuns: 1000 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  it('that a reader would refuse is not written', () => {
    const row = (...key: string[]): Row => ({ key, histogram: { buckets: [1], counts: [1] } });
    const writing = (rows: readonly Row[]): (() => Uint8Array) => {
      const report = { instrumentation: 'a', grid: LL5, partial: false, dropped: 0, rows };
      const source = { host: 'h', driver: 'd', incarnation: '0'.repeat(16) };
      return () => encodeBatch({ source, sequence: 0, second: 1, reports: [report] });
    };
    expect(writing([row('x'.repeat(KEY_VALUE_BYTES_MAX))])).not.toThrow();
    expect(writing([row('x'.repeat(KEY_VALUE_BYTES_MAX + 1))])).toThrow(AssertionFault);
    expect(writing([row('a'), row('a', 'b')])).toThrow(AssertionFault);
    expect(writing([{ key: ['a'], histogram: { buckets: [1], counts: [0] } }])).toThrow(AssertionFault);
    expect(writing([{ key: ['a'], histogram: { buckets: [2, 2], counts: [1, 1] } }])).toThrow(AssertionFault);
    expect(writing(Array.from({ length: REPORT_KEYS_MAX + 1 }, () => row('a')))).not.toThrow();
    expect(writing(Array.from({ length: REPORT_KEYS_MAX + 2 }, () => row('a')))).toThrow(AssertionFault);
  });

  it.each([0, 1, 4])('of %d bytes is refused', (length) => {
    expect(() => decodeBatch(new Uint8Array(length))).toThrow(ReportCorruptError);
  });
});

describe('decodeRows', () => {
  it('appends cells that say what the rows say', () => {
    fc.assert(
      fc.property(arbitraryBatch, (batch) => {
        const cells = newCells();
        const keys: Key[] = [];
        const views = decodeBatch(encodeBatch(batch)).reports;
        views.forEach((view, step) => decodeRows(view, step, cells, (_raw, read) => keys.push(read()) - 1));
        const expected = batch.reports.flatMap((report, step) =>
          report.rows.flatMap((row) =>
            row.histogram.buckets.map((bucket, i) => [
              step,
              keyText(row.key),
              bucket,
              row.histogram.counts[i],
            ]),
          ),
        );
        expect(
          cellList(cells).map(([step, key, bucket, count]) => [step, keyText(keys[key]!), bucket, count]),
        ).toEqual(expected);
      }),
    );
  });

  it('asks for each key by bytes that tell keys apart', () => {
    fc.assert(
      fc.property(arbitraryBatch, (batch) => {
        for (const view of decodeBatch(encodeBatch(batch)).reports) {
          const byRaw = new Map<string, string>();
          decodeRows(view, 0, newCells(), (raw, read) => {
            byRaw.set(raw, keyText(read()));
            return 0;
          });
          expect(byRaw.size).toBe(view.rowCount);
          expect(new Set(byRaw.values()).size).toBe(view.rowCount);
        }
      }),
    );
  });

  it('leaves the target as it was when the rows are corrupt', () => {
    const batch: Batch = {
      source: { host: 'web1', driver: 'node', incarnation: '00112233aabbccdd' },
      sequence: 0,
      second: 1_800_000_000,
      reports: [
        {
          instrumentation: 'a',
          grid: LL5,
          partial: false,
          dropped: 0,
          rows: ['x', 'y'].map((value) => ({
            key: [value],
            histogram: { buckets: [1, 900, 1500], counts: [1, 2, 3] },
          })),
        },
      ],
    };
    const [view] = decodeBatch(encodeBatch(batch)).reports;
    for (let length = 0; length < view!.body.length; length++) {
      const cells = newCells();
      cells.push(1, 2, 3, 4);
      const cut = { ...view!, body: view!.body.subarray(0, length) };
      expect(() => decodeRows(cut, 0, cells, () => 0)).toThrow(ReportCorruptError);
      expect(cellList(cells)).toEqual([[1, 2, 3, 4]]);
    }
    const longer = { ...view!, body: Buffer.concat([view!.body, Buffer.of(0)]) };
    expect(() => decodeRows(longer, 0, newCells(), () => 0)).toThrow(/found more bytes/);
  });
});

describe('a log entry', () => {
  it('carries batches', () => {
    fc.assert(
      fc.property(fc.array(arbitraryBatch, { maxLength: 3 }), (batches) => {
        const entry = decodeEntry(encodeReportEntry(batches.map((batch) => encodeBatch(batch))));
        expect(entry.kind === 'reports' && entry.batches.map((view) => readBatch(view, newCells))).toEqual(
          batches,
        );
      }),
    );
  });

  it('carries a control event', () => {
    fc.assert(
      fc.property(arbitraryControlEvent, (event) => {
        expect(decodeEntry(encodeControlEntry(event))).toEqual({ kind: 'control', event });
      }),
    );
  });

  it('of random bytes is refused by a typed error', () => {
    const bytes = fc.tuple(fc.constantFrom(1, 2, 3), fc.uint8Array({ maxLength: 50 }));
    fc.assert(
      fc.property(bytes, ([kind, rest]) => {
        try {
          const entry = decodeEntry(Uint8Array.of(kind, ...rest));
          expect(entry.kind === 'reports' && entry.batches).toEqual([]);
        } catch (error) {
          const expected = kind === 2 ? ControlEventError : ReportCorruptError;
          expect(error).toBeInstanceOf(expected);
        }
      }),
      { numRuns: 500 },
    );
    expect(() => decodeEntry(new Uint8Array(0))).toThrow(ReportCorruptError);
  });
});
