import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Batch } from '../../../src/model/batch.ts';
import { bucketCount, LL5 } from '../../../src/model/grid.ts';
import { type Histogram, merge } from '../../../src/model/histogram.ts';
import { type Key, keyText } from '../../../src/model/key.ts';
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX, REPORT_KEYS_MAX } from '../../../src/model/limits.ts';
import { decodeEntry, readBatch } from '../../../src/model/report.ts';
import { CellsBuffer } from '../../../src/model/series.ts';
import { type Packed, Packer } from '../../../src/ingest/backfill/packer.ts';
import { arbitraryHistogram } from '../../arbitrary/histogram.ts';
import { arbitraryKey } from '../../arbitrary/key.ts';

interface Counts {
  readonly second: number;
  readonly key: Key;
  readonly histogram: Histogram;
}

const source = { host: 'import', driver: 'shop', incarnation: '0011223344556677' };

function packed(rows: Iterable<Counts>, everySeconds = 1): Packed[] {
  const packer = new Packer({ instrumentation: 'shop', grid: LL5, everySeconds, source });
  const entries: Packed[] = [];
  for (const { second, key, histogram } of rows)
    if (packer.add(second, key, histogram)) entries.push(...packer.take());
  entries.push(...packer.take());
  return entries;
}

function batchesOf(entries: readonly Packed[]): Batch[] {
  return entries.flatMap(({ payload }) => {
    const view = decodeEntry(payload);
    if (view.kind !== 'reports') throw new Error('expected reports');
    return view.batches.map((batch) => readBatch(batch, () => new CellsBuffer()));
  });
}

function sums(rows: Iterable<Counts>): Map<string, Histogram> {
  const all = new Map<string, Histogram>();
  for (const { second, key, histogram } of rows) {
    if (histogram.buckets.length === 0) continue;
    const place = `${second} ${keyText(key)}`;
    all.set(place, merge(all.get(place) ?? { buckets: [], counts: [] }, histogram));
  }
  return all;
}

function* countsOf(batches: readonly Batch[]): Generator<Counts> {
  for (const { second, reports } of batches)
    for (const { rows } of reports) for (const { key, histogram } of rows) yield { second, key, histogram };
}

const second = fc.oneof(fc.integer({ min: 1000, max: 1400 }), fc.integer({ min: 0, max: 100_000 }));
const row: fc.Arbitrary<Counts> = fc.record({
  second,
  key: arbitraryKey(2),
  histogram: arbitraryHistogram(LL5, { countMax: 2 ** 30 }),
});

it('holds exactly what the rows hold, in whatever order they come, and the same bytes each time', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 300 }), (rows) => {
      const entries = packed(rows);
      const batches = batchesOf(entries);
      expect(sums(countsOf(batches))).toEqual(sums(rows));
      expect(batches.map((batch) => batch.sequence)).toEqual(batches.map((_, i) => i));
      expect(entries.map((e) => e.fromSequence)).toEqual(
        [0, ...entries.map((e) => e.untilSequence)].slice(0, entries.length),
      );
      expect(packed(rows).map((e) => e.payload)).toEqual(entries.map((e) => e.payload));
    }),
    { numRuns: 12 },
  );
});

it('stays within an entry, however wide the rows are', () => {
  const buckets = Array.from({ length: bucketCount(LL5) }, (_, b) => b);
  const histogram = { buckets, counts: buckets.map(() => 2 ** 40) };
  const rows = Array.from({ length: 60 }, (_, i) => ({
    second: 5 + (i % 3),
    key: Array.from({ length: 8 }, (_v, f) => `${i}-${f}`.padEnd(120, 'x')),
    histogram,
  }));
  const entries = packed(rows);
  expect(Math.max(...entries.map((e) => e.payload.length))).toBeLessThan(ENTRY_BYTES_MAX / 4);
  expect(sums(countsOf(batchesOf(entries)))).toEqual(sums(rows));
});

it('has no more keys in a report, nor batches in an entry, than may be, and loses none', () => {
  const rows = Array.from({ length: 3000 }, (_, i) => ({
    second: 10,
    key: [`/${i}`],
    histogram: { buckets: [1], counts: [1] },
  }));
  const batches = batchesOf(packed(rows));
  expect(Math.max(...batches.map((b) => b.reports[0]!.rows.length))).toBe(REPORT_KEYS_MAX);
  expect(sums(countsOf(batches))).toEqual(sums(rows));
  const spread = rows.map((r, i) => ({ ...r, second: i }));
  for (const { fromSequence, untilSequence } of packed(spread))
    expect(untilSequence - fromSequence).toBeLessThanOrEqual(ENTRY_BATCHES_MAX);
});

it('says of a short gap that nothing happened, and nothing of a long one', () => {
  const at = (s: number): Counts => ({
    second: s,
    key: ['/a', ''],
    histogram: { buckets: [1], counts: [1] },
  });
  const seconds = (rows: Counts[], every?: number): number[] =>
    batchesOf(packed(rows, every)).map((b) => b.second);
  expect(seconds([at(10), at(14)])).toEqual([10, 11, 12, 13, 14]);
  expect(seconds([at(10), at(40)], 10)).toEqual([10, 20, 30, 40]);
  expect(seconds([at(10), at(71)])).toEqual([10, 71]);
  expect(seconds([at(10), at(70)])).toHaveLength(61);
});
