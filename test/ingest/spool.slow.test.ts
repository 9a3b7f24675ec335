import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Spool, SPOOL_BOUNDS, type SpoolBounds, type SpoolRecord } from '../../src/ingest/spool.ts';
import { directoryDisk } from '../../src/ingest/spool-disk.ts';
import { encodeRecord, FILE_MAGIC, recordPayload, scanRecords } from '../../src/ingest/spool-record.ts';
import { DyingDisk } from './dying-disk.ts';
import { entryOf, SOURCE } from './spool-entries.ts';
import { withDirectory } from './temporary-directory.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';

const clock = new ManualClock(1_000_000_000);

const open = (directory: string, bounds: Partial<SpoolBounds> = {}): Promise<Spool> =>
  Spool.open(directoryDisk(directory), clock, { ...SPOOL_BOUNDS, ...bounds });

const sequences = (spool: Spool): number[] =>
  [...spool.pending()].map((record) => record.batches[0]!.sequence);

async function payloads(spool: Spool): Promise<string[]> {
  const found: string[] = [];
  for (const record of spool.pending()) {
    found.push(Buffer.from((await spool.payloadOf(record)) ?? []).toString('hex'));
  }
  return found;
}

const hex = (sequence: number, padding = 0): string =>
  Buffer.from(entryOf(sequence, padding).payload).toString('hex');

async function sizeOf(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory)) bytes += (await stat(join(directory, name))).size;
  return bytes;
}

describe('spool records', () => {
  const record = fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 40 }));
  const fileOf = (records: readonly [number, Uint8Array][]): Buffer =>
    Buffer.concat([FILE_MAGIC, ...records.map(([second, payload]) => encodeRecord(second, payload))]);

  it('are read back, up to where a file is cut', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 5 }), fc.nat(300), (records, cut) => {
        const file = fileOf(records);
        const { records: found, intactBytes } = scanRecords(file.subarray(0, Math.min(cut, file.length)));
        const whole = records.filter((_, i) => fileOf(records.slice(0, i + 1)).length <= cut);
        expect(found.length).toBe(cut < FILE_MAGIC.length ? 0 : whole.length);
        expect(intactBytes).toBeLessThanOrEqual(cut);
        found.forEach(({ second, offsetBytes, lengthBytes }, i) => {
          expect(second).toBe(records[i]![0]);
          expect(file.subarray(offsetBytes, offsetBytes + lengthBytes)).toEqual(Buffer.from(records[i]![1]));
        });
      }),
    );
  });

  it('are not believed where a bit differs', () => {
    fc.assert(
      fc.property(record, fc.nat(), ([second, payload], at) => {
        const bytes = encodeRecord(second, payload);
        expect(recordPayload(bytes)).toEqual(Buffer.from(payload));
        const bit = at % (bytes.length * 8);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        expect(recordPayload(bytes)).toBeUndefined();
      }),
    );
  });
});

describe('the spool', () => {
  it('gives back after a restart what was neither forgotten nor dropped, in order and byte for byte', async () => {
    await withDirectory(async (directory) => {
      const spool = await open(directory);
      const safe = Promise.all([0, 1, 2, 3, 4].map((sequence) => spool.put(entryOf(sequence, 3))));
      expect(await safe).toEqual([true, true, true, true, true]);
      const records: SpoolRecord[] = [...spool.pending()];
      spool.forget(records[0]!);
      await spool.close();
      const again = await open(directory);
      // What was forgotten lies in the same file, and comes again: the fold drops it.
      expect(await payloads(again)).toEqual([0, 1, 2, 3, 4].map((sequence) => hex(sequence, 3)));
      for (const record of again.pending()) again.forget(record);
      await again.close();
      expect(await readdir(directory)).toEqual([]);
    });
  });

  it('leaves an empty file when all is forgotten', async () => {
    await withDirectory(async (directory) => {
      const spool = await open(directory);
      for (let sequence = 0; sequence < 20; sequence++) {
        await spool.put(entryOf(sequence));
        for (const record of spool.pending()) spool.forget(record);
        await spool.settled();
        expect(await sizeOf(directory)).toBe(0);
      }
      await spool.put(entryOf(20));
      await spool.close();
      const again = await open(directory);
      expect(sequences(again)).toEqual([20]);
      await again.close();
    });
  });

  it('never writes what the log took before the disk had it', async () => {
    await withDirectory(async (directory) => {
      const disk = new DyingDisk(directory);
      const spool = await Spool.open(disk, clock);
      await spool.put(entryOf(0));
      const before = disk.operations;
      const puts = [1, 2, 3].map((sequence) => spool.put(entryOf(sequence)));
      for (const record of [...spool.pending()].slice(2)) spool.forget(record);
      await Promise.all(puts);
      await spool.settled();
      expect(disk.operations - before).toBe(1);
      await spool.close();
    });
  });

  it('cuts a torn tail at every byte, and goes on behind it', async () => {
    await withDirectory(async (directory) => {
      const spool = await open(join(directory, 'whole'));
      for (let sequence = 0; sequence < 3; sequence++) await spool.put(entryOf(sequence));
      await spool.close();
      const [name] = await readdir(join(directory, 'whole'));
      const file = await readFile(join(directory, 'whole', name!));
      const recordBytes = (file.length - FILE_MAGIC.length) / 3;
      for (let length = 0; length <= file.length; length++) {
        const cut = join(directory, `cut-${length}`);
        await mkdir(cut);
        await writeFile(join(cut, name!), file.subarray(0, length));
        const torn = await open(cut);
        const whole = Math.max(0, Math.floor((length - FILE_MAGIC.length) / recordBytes));
        expect(sequences(torn)).toEqual([0, 1, 2].slice(0, whole));
        await torn.put(entryOf(9));
        await torn.close();
        const again = await open(cut);
        expect(sequences(again)).toEqual([...[0, 1, 2].slice(0, whole), 9]);
        await again.close();
      }
    });
  });

  it('keeps what it called safe, whenever it is killed', async () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.nat(30).map((padding) => ({ kind: 'put' as const, padding })) },
      { weight: 2, arbitrary: fc.nat(5).map((at) => ({ kind: 'forget' as const, at })) },
      { weight: 1, arbitrary: fc.constant({ kind: 'settle' as const }) },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        fc.nat(24),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (steps, operations, part) =>
          withDirectory(async (directory) => {
            const disk = new DyingDisk(directory, operations, part);
            const spool = await Spool.open(disk, clock, { ...SPOOL_BOUNDS, bytesMax: 64 * 200 });
            const safe = new Set<number>();
            const forgotten = new Set<number>();
            const paddings: number[] = [];
            for (const s of steps) {
              if (s.kind === 'put') {
                const sequence = paddings.push(s.padding) - 1;
                void spool.put(entryOf(sequence, s.padding)).then((is) => is && safe.add(sequence));
              } else if (s.kind === 'forget') {
                const record = [...spool.pending()][s.at];
                if (record !== undefined) forgotten.add(record.batches[0]!.sequence);
                if (record !== undefined) spool.forget(record);
              } else await spool.settled();
            }
            await spool.settled();
            const dropped = new Set([...spool.dropped()].map(({ second }) => second - 1_000_000));
            await disk.close(); // the process is gone: nothing more is written
            const again = await open(directory);
            const found = sequences(again);
            expect(found).toEqual(found.toSorted((a, b) => a - b));
            for (const sequence of safe) {
              if (!forgotten.has(sequence) && !dropped.has(sequence)) expect(found).toContain(sequence);
            }
            expect(await payloads(again)).toEqual(found.map((sequence) => hex(sequence, paddings[sequence])));
            await again.close();
          }),
      ),
      { numRuns: 60 },
    );
  });

  it('holds its bounds, lets the oldest go first and says which', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(40), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1500, max: 20_000 }),
        fc.integer({ min: 1, max: 40 }),
        (paddings, bytesMax, secondsMax) =>
          withDirectory(async (directory) => {
            const spool = await open(directory, { bytesMax, secondsMax });
            for (const [sequence, padding] of paddings.entries()) {
              await spool.put(entryOf(sequence, padding));
              await spool.settled();
              expect(await sizeOf(directory)).toBeLessThanOrEqual(bytesMax + 600);
            }
            const kept = sequences(spool);
            expect(kept.length).toBeLessThanOrEqual(secondsMax);
            expect(kept).toEqual(paddings.map((_, i) => i).slice(paddings.length - kept.length));
            const gone = paddings.length - kept.length;
            expect(spool.stats().dropped).toBe(gone);
            expect([...spool.dropped()]).toEqual(
              Array.from({ length: gone }, (_, i) => ({
                source: 'web1/proc',
                second: 1_000_000 + i,
                batches: 1,
              })),
            );
            await spool.close();
            const again = await open(directory, { bytesMax, secondsMax });
            expect(sequences(again).slice(-kept.length)).toEqual(kept);
            await again.close();
          }),
      ),
      { numRuns: 25 },
    );
  });

  it('counts apart what the log had taken', async () => {
    await withDirectory(async (directory) => {
      const spool = await open(directory, { secondsMax: 2 });
      await spool.put(entryOf(0));
      [...spool.pending()][0]!.sentMs = 1;
      for (const sequence of [1, 2]) await spool.put(entryOf(sequence));
      expect(spool.stats()).toMatchObject({ dropped: 0, droppedUncovered: 1 });
      await spool.close();
    });
  });

  it('goes on in memory while the disk is full, within a bound, and catches up', async () => {
    await withDirectory(async (directory) => {
      const own = new ManualClock(1_000_000_000);
      const disk = new DyingDisk(directory);
      const memoryBytesMax = 10 * entryOf(0).payload.length;
      const spool = await Spool.open(disk, own, { ...SPOOL_BOUNDS, memoryBytesMax });
      expect(await spool.put(entryOf(0))).toBe(true);
      disk.left = 0;
      const outcomes: boolean[] = [];
      for (let sequence = 1; sequence <= 14; sequence++) {
        void spool.put(entryOf(sequence)).then((safe) => outcomes.push(safe));
        await spool.settled();
      }
      expect(spool.fault()?.reason).toContain('no space left');
      // The first is on disk; of the others ten fit, and the oldest four were let go.
      expect(sequences(spool)).toEqual([0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
      expect(outcomes).toEqual([false, false, false, false]);
      expect(spool.stats().dropped).toBe(4);
      expect(await payloads(spool)).toEqual(sequences(spool).map((sequence) => hex(sequence)));
      disk.left = Number.POSITIVE_INFINITY;
      own.set(own.nowMs() + 5_000);
      expect(await spool.put(entryOf(15))).toBe(true);
      await spool.settled();
      expect(spool.fault()).toBeUndefined();
      expect(outcomes.length).toBe(14);
      await spool.close();
      const again = await open(directory);
      // The put that found the disk well again was one too many for the memory, by a moment.
      expect(sequences(again)).toEqual([0, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
      await again.close();
    });
  });

  it('starts without a disk, and says so', async () => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'file'), '');
      const spool = await open(join(directory, 'file'));
      expect(spool.fault()?.reason).toContain('EEXIST');
      void spool.put(entryOf(0));
      expect(await payloads(spool)).toEqual([hex(0)]);
      await spool.close();
    });
  });

  it('drops a record that the disk gives back changed', async () => {
    await withDirectory(async (directory) => {
      const first = await open(directory);
      for (const sequence of [0, 1]) await first.put(entryOf(sequence));
      await first.close();
      const spool = await open(directory);
      const [name] = await readdir(directory);
      const file = await readFile(join(directory, name!));
      file[file.length - 1]! ^= 1;
      await writeFile(join(directory, name!), file);
      const [good, bad] = [...spool.pending()];
      expect(await spool.payloadOf(good!)).toBeDefined();
      expect(await spool.payloadOf(bad!)).toBeUndefined();
      expect(sequences(spool)).toEqual([0]);
      expect([...spool.dropped()]).toEqual([{ source: 'web1/proc', second: 1_000_001, batches: 1 }]);
      await spool.close();
    });
  });

  it('knows the sources of what an earlier process left', async () => {
    await withDirectory(async (directory) => {
      const first = await open(directory);
      await first.put(entryOf(7));
      await first.close();
      const spool = await open(directory);
      expect([...spool.pending()].map((record) => record.batches)).toEqual([
        [{ source: SOURCE, sequence: 7, second: 1_000_007 }],
      ]);
      await spool.close();
    });
  });
});
