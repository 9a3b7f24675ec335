/** What a crash, a broken disk and bit rot leave behind, and what opening makes of it. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openFileLogReader } from '../../src/log/file-log-reader.ts';
import { openFileLog } from '../../src/log/file-log.ts';
import { readLogFiles } from '../../src/log/log-directory.ts';
import { FILE_HEADER_BYTES, RECORD_HEADER_BYTES } from '../../src/log/record.ts';
import { systemClock } from '../../src/model/clock.ts';
import { LogCorruptError } from '../../src/model/log.ts';
import { logFilesOf, payloadsOf, rewrite, withDirectory, writeLog } from './log-directory-for-test.ts';
import { take } from './log-laws.ts';

const arbitraryGroups = (minGroups: number): fc.Arbitrary<Uint8Array[][]> =>
  fc.array(fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { minLength: 1, maxLength: 4 }), {
    minLength: minGroups,
    maxLength: 6,
  });

const hex = (payload: Uint8Array): string => Buffer.from(payload).toString('hex');

/** Where each record of a single-file log begins, and the end. */
function places(groups: readonly (readonly Uint8Array[])[]): number[] {
  const out = [FILE_HEADER_BYTES];
  for (const payload of groups.flat()) out.push(out.at(-1)! + RECORD_HEADER_BYTES + payload.length);
  return out;
}

/** Opens, appends one entry, closes; gives what the log holds then. */
async function reopenAndAppend(directory: string, payload: Uint8Array): Promise<string[]> {
  const log = await openFileLog(directory, { clock: systemClock });
  await log.append(payload);
  await log.close();
  return payloadsOf(directory);
}

describe('a file cut short', () => {
  it('opens with exactly the records that are whole, at every length of the file', () =>
    withDirectory(async (directory) => {
      const groups = [[Buffer.of(1, 2, 3)], [Buffer.alloc(40, 7), Buffer.of(9)], [Buffer.alloc(20, 8)]];
      await writeLog(directory, groups);
      const [file] = logFilesOf(directory);
      const whole = readFileSync(file!);
      const ends = places(groups).slice(1);
      expect(whole.length).toBe(ends.at(-1));
      for (let length = FILE_HEADER_BYTES; length <= whole.length; length++) {
        writeFileSync(file!, whole.subarray(0, length));
        const kept = ends.filter((end) => end <= length).length;
        const log = await openFileLog(directory, { clock: systemClock });
        expect(log.tail.end()).toBe(kept);
        expect(log.cutBytes).toBe(length - (ends[kept - 1] ?? FILE_HEADER_BYTES));
        await log.close();
        expect(payloadsOf(directory)).toEqual(groups.flat().slice(0, kept).map(hex));
      }
    }));

  it('goes on after the cut, in the last of several files, and no confirmed entry is cut', () =>
    fc.assert(
      fc.asyncProperty(arbitraryGroups(1), fc.nat(), (groups, choice) =>
        withDirectory(async (directory) => {
          await writeLog(directory, groups, 200);
          const all = payloadsOf(directory);
          const file = logFilesOf(directory).at(-1)!;
          const bytes = readFileSync(file);
          const cut = FILE_HEADER_BYTES + (choice % (bytes.length - FILE_HEADER_BYTES + 1));
          writeFileSync(file, bytes.subarray(0, cut));
          const kept = payloadsOf(directory);
          expect(kept).toEqual(all.slice(0, kept.length));
          expect(await reopenAndAppend(directory, Buffer.of(0xee))).toEqual([...kept, 'ee']);
        }),
      ),
      { numRuns: 25 },
    ));

  it('is refused where even its header is cut: a file gets its name only when that is durable', () =>
    withDirectory(async (directory) => {
      await writeLog(directory, [[Buffer.of(1)]]);
      rewrite(logFilesOf(directory)[0]!, (bytes) => bytes.subarray(0, FILE_HEADER_BYTES - 1));
      await expect(openFileLog(directory, { clock: systemClock })).rejects.toThrow(LogCorruptError);
    }));

  it('opens whichever pages of the last, unconfirmed group reached the disk', () =>
    fc.assert(
      fc.asyncProperty(
        arbitraryGroups(2),
        fc.array(fc.boolean(), { minLength: 64, maxLength: 64 }),
        (groups, arrived) =>
          withDirectory(async (directory) => {
            await writeLog(directory, groups);
            const confirmed = groups.slice(0, -1).flat();
            const durableBytes = places(groups)[confirmed.length]!;
            rewrite(logFilesOf(directory)[0]!, (bytes) =>
              bytes.map((byte, at) =>
                at < durableBytes || arrived[((at - durableBytes) >> 4) % 64] ? byte : 0,
              ),
            );
            const kept = await reopenAndAppend(directory, Buffer.of(0xee));
            expect(kept.length).toBeGreaterThanOrEqual(confirmed.length + 1);
            expect(kept).toEqual([
              ...groups
                .flat()
                .map(hex)
                .slice(0, kept.length - 1),
              'ee',
            ]);
          }),
      ),
      { numRuns: 25 },
    ));

  it('loses a half-made next file without a word', () =>
    withDirectory(async (directory) => {
      await writeLog(directory, [[Buffer.of(1)]]);
      writeFileSync(path.join(directory, '0000000000000001.tglog.new'), 'tglow');
      expect(await reopenAndAppend(directory, Buffer.of(2))).toEqual(['01', '02']);
    }));
});

describe('a changed byte', () => {
  it('in an entry that was durable is LogCorruptError on opening, and names the file and the record', () =>
    fc.assert(
      fc.asyncProperty(
        arbitraryGroups(2),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (groups, choice, mask) =>
          withDirectory(async (directory) => {
            await writeLog(directory, groups);
            const durable = groups.slice(0, -1).flat().length;
            const all = places(groups);
            const at = FILE_HEADER_BYTES + (choice % (all[durable]! - FILE_HEADER_BYTES));
            const file = logFilesOf(directory)[0]!;
            rewrite(file, (bytes) => bytes.map((byte, i) => (i === at ? byte ^ mask : byte)));
            const opened = openFileLog(directory, { clock: systemClock });
            const record = all.findLast((place) => place <= at);
            await expect(opened).rejects.toMatchObject({
              code: 'LOG_CORRUPT',
              path: file,
              offsetBytes: record,
            });
          }),
      ),
      { numRuns: 25 },
    ));

  it('in an older file is LogCorruptError to a reader, after all that comes before', () =>
    withDirectory(async (directory) => {
      const groups = Array.from({ length: 8 }, (_, i) => [Buffer.alloc(50, i)]);
      await writeLog(directory, groups, 300);
      const file = logFilesOf(directory)[1]!;
      const at = FILE_HEADER_BYTES + (RECORD_HEADER_BYTES + 50) + 40;
      rewrite(file, (bytes) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)));
      const log = await openFileLog(directory, { clock: systemClock });
      const reader = openFileLogReader(directory, log.tail);
      const seen: number[] = [];
      const failed = (async () => {
        for await (const batch of reader.read(0, new AbortController().signal)) {
          seen.push(...batch.map((entry) => entry.offset));
        }
      })();
      const offsetBytes = FILE_HEADER_BYTES + RECORD_HEADER_BYTES + 50;
      await expect(failed).rejects.toMatchObject({ code: 'LOG_CORRUPT', path: file, offsetBytes });
      expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i));
      await log.close();
    }));

  it('is reported as a value by readLogFiles, which goes on behind it', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(), (choice) =>
        withDirectory(async (directory) => {
          const groups = Array.from({ length: 12 }, (_, i) => [Buffer.alloc(20 + i, i)]);
          await writeLog(directory, groups, 300);
          const [file, ...others] = logFilesOf(directory);
          expect(others.length).toBeGreaterThan(1);
          const length = readFileSync(file!).length;
          const at = FILE_HEADER_BYTES + (choice % (length - FILE_HEADER_BYTES));
          rewrite(file!, (bytes) => bytes.map((byte, i) => (i === at ? byte ^ 0x55 : byte)));
          const findings = [...readLogFiles(directory)];
          const damages = findings.filter((finding) => finding.kind === 'damage');
          expect(damages[0]).toMatchObject({ path: file, torn: false });
          const entries = findings.flatMap((finding) => (finding.kind === 'entry' ? [finding.entry] : []));
          expect(entries).toHaveLength(groups.length - 1);
          for (const entry of entries) expect(hex(entry.payload)).toBe(hex(groups[entry.offset]![0]!));
        }),
      ),
      { numRuns: 20 },
    ));

  it('in a header, a missing file and a file of another log are reported by readLogFiles', () =>
    withDirectory((directory) =>
      withDirectory(async (other) => {
        const groups = Array.from({ length: 16 }, (_, i) => [Buffer.alloc(50, i)]);
        await writeLog(directory, groups, 300);
        await writeLog(other, groups, 300);
        const files = logFilesOf(directory);
        rewrite(files[1]!, (bytes) => bytes.map((byte, i) => (i === 13 ? byte ^ 1 : byte)));
        copyFileSync(path.join(other, path.basename(files[2]!)), files[2]!);
        rmSync(files[4]!);
        const found = [...readLogFiles(directory)].flatMap((f) =>
          f.kind === 'damage' ? [`${f.path}: ${f.what}`] : [],
        );
        expect(found).toHaveLength(3);
        expect(found[0]).toBe(`${files[1]}: checksum of the header differs`);
        expect(found[1]).toMatch(`${files[2]}: file is of log `);
        expect(found[2]).toBe(
          `${files[5]}: file begins at offset 15, expected 12, where the one before it ends`,
        );
      }),
    ));
});

it('a file that is missing in the middle is LogCorruptError to a reader, not a silent gap', () =>
  withDirectory(async (directory) => {
    await writeLog(
      directory,
      Array.from({ length: 12 }, (_, i) => [Buffer.alloc(50, i)]),
      300,
    );
    const files = logFilesOf(directory);
    rewrite(files[1]!, (bytes) => bytes.subarray(0, FILE_HEADER_BYTES + RECORD_HEADER_BYTES + 50));
    const log = await openFileLog(directory, { clock: systemClock });
    const reader = openFileLogReader(directory, log.tail);
    await expect(take(reader, 0, 12)).rejects.toMatchObject({ code: 'LOG_CORRUPT', path: files[1] });
    await log.close();
  }));
