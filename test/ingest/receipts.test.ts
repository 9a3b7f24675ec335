import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeReceipts,
  RECEIPT_BYTES,
  type ReceiptRecord,
  RECEIPTS_MAGIC,
  scanReceipts,
} from '../../src/ingest/receipt-record.ts';
import { Receipts } from '../../src/ingest/receipts.ts';
import { directoryDisk, type SpoolDisk } from '../../src/ingest/spool-disk.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { DyingDisk } from './dying-disk.ts';
import { withDirectory } from './temporary-directory.ts';

const receipt = fc
  .uint8Array({ minLength: RECEIPT_BYTES, maxLength: RECEIPT_BYTES })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const record: fc.Arbitrary<ReceiptRecord> = fc.record({
  second: fc.nat(),
  receipts: fc.uniqueArray(receipt, { maxLength: 3 }),
  entries: fc.array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { maxLength: 3 }),
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const plain = ({ second, receipts, entries }: ReceiptRecord) => [second, receipts, entries.map(hex)];
const fileOf = (records: readonly ReceiptRecord[]): Buffer =>
  Buffer.concat([RECEIPTS_MAGIC, ...records.map(encodeReceipts)]);

describe('records of receipts', () => {
  it('are read back, up to where a file is cut', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), fc.nat(600), (records, cut) => {
        const whole = records.filter((_, i) => fileOf(records.slice(0, i + 1)).length <= cut);
        const found = scanReceipts(fileOf(records).subarray(0, cut));
        expect(found.map(plain)).toEqual(whole.map(plain));
      }),
    );
  });

  it('are not believed where a bit differs', () => {
    fc.assert(
      fc.property(record, fc.nat(), (one, at) => {
        const file = fileOf([one]);
        const bit = at % (file.length * 8);
        file[bit >> 3]! ^= 1 << (bit & 7);
        expect(scanReceipts(file)).toEqual([]);
      }),
    );
  });
});

interface Kept {
  readonly name: string;
  readonly entry: string;
}

const nameOf = (i: number): string => i.toString(16).padStart(2 * RECEIPT_BYTES, '0');
const kept = (i: number): Kept => ({ name: nameOf(i), entry: hex(Buffer.from(`counts of ${i}`)) });

async function openOn(disk: SpoolDisk, clock: ManualClock, notes: string[] = []): Promise<Receipts> {
  return Receipts.open({ disk, clock, onNote: (note) => notes.push(note), fileBytesMax: 300 });
}

const keep = (receipts: Receipts, { name, entry }: Kept): Promise<void> =>
  receipts.keep([name], [Buffer.from(entry, 'hex')]);

/** What a process that starts now knows: receipts, and entries that it spools again. */
async function knownAfter(directory: string, clock: ManualClock, count: number) {
  const receipts = await openOn(directoryDisk(directory), clock);
  const has = Array.from({ length: count }, (_, i) => receipts.has(nameOf(i)));
  const entries = new Set(receipts.earlier().map(hex));
  await receipts.close(false);
  return { has, entries };
}

describe('receipts', () => {
  it('are known after a crash at any operation of the disk, each with its counts and none without', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(24), fc.double({ min: 0, max: 1, noNaN: true }), async (left, part) => {
        await withDirectory(async (directory) => {
          const clock = new ManualClock();
          const notes: string[] = [];
          const receipts = await openOn(new DyingDisk(directory, left, part), clock, notes);
          const safe: number[] = [];
          for (let i = 0; i < 12; i++) {
            await keep(receipts, kept(i));
            if (notes.length === 0) safe.push(i);
            expect(receipts.has(nameOf(i))).toBe(true);
          }
          await receipts.close(false);
          const { has, entries } = await knownAfter(directory, clock, 12);
          for (const i of safe) expect([i, has[i]]).toEqual([i, true]);
          has.forEach((isKnown, i) => expect(entries.has(kept(i).entry)).toBe(isKnown));
        });
      }),
      { numRuns: 25 },
    );
  });

  it('are all on disk again once it works again', async () => {
    await withDirectory(async (directory) => {
      const clock = new ManualClock();
      const disk = new DyingDisk(directory, 4);
      const notes: string[] = [];
      const receipts = await openOn(disk, clock, notes);
      for (let i = 0; i < 6; i++) await keep(receipts, kept(i));
      expect(notes[0]).toContain('Cannot keep receipts');
      disk.left = Number.POSITIVE_INFINITY;
      await clock.advance(6000);
      await keep(receipts, kept(6));
      await receipts.close(false);
      const { has, entries } = await knownAfter(directory, clock, 7);
      expect([has.every(Boolean), entries.size]).toEqual([true, 7]);
    });
  });

  it('forget the oldest past their bound, and entries after a minute', async () => {
    await withDirectory(async (directory) => {
      const clock = new ManualClock();
      const options = { disk: directoryDisk(directory), clock, onNote: () => {}, receiptsMax: 3 };
      const receipts = await Receipts.open(options);
      for (let i = 0; i < 4; i++) await keep(receipts, kept(i));
      expect([0, 1, 2, 3].map((i) => receipts.has(nameOf(i)))).toEqual([false, true, true, true]);
      await clock.advance(61_000);
      await keep(receipts, kept(4));
      expect(receipts.earlier().map(hex)).toEqual([kept(4).entry]);
      receipts.forget([nameOf(4)]);
      expect(receipts.has(nameOf(4))).toBe(false);
      await receipts.close(false);
    });
  });

  it('spool nothing again after an end in good order', async () => {
    await withDirectory(async (directory) => {
      const clock = new ManualClock();
      const receipts = await openOn(directoryDisk(directory), clock);
      await keep(receipts, kept(0));
      await receipts.close(true);
      const { has, entries } = await knownAfter(directory, clock, 1);
      expect([has, entries.size]).toEqual([[true], 0]);
    });
  });
});
