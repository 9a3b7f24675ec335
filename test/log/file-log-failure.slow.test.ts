/** Disks that fail, fill and stall; bounds; the lock; trimming. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogLockedError } from '../../src/log/directory-lock.ts';
import { openFileLogReader } from '../../src/log/file-log-reader.ts';
import { type FileLog, openFileLog } from '../../src/log/file-log.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { LogUnavailableError } from '../../src/model/log.ts';
import { FailingDisk, systemError } from './failing-disk.ts';
import { logFilesOf, payloadsOf, withDirectory, writeLog } from './log-directory-for-test.ts';
import { contents, take } from './log-laws.ts';

/** Sleeps as long as a turn of the event loop, and remembers how long was asked. */
class QuickClock implements Clock {
  readonly sleepsMs: number[] = [];
  offsetMs = 0;
  nowMs(): number {
    return Date.now() + this.offsetMs;
  }
  sleep(ms: number): Promise<void> {
    this.sleepsMs.push(ms);
    return new Promise((resolve) => setImmediate(resolve));
  }
}

/** Appends until it is confirmed, as a spool does; gives how often it was refused. */
async function persist(log: FileLog, payload: Uint8Array): Promise<number> {
  for (let refusals = 0; ; refusals++) {
    try {
      await log.append(payload);
      return refusals;
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

describe('a disk that fails', () => {
  it('at any operations, by itself recovers; all confirmed is read, in order, and also after opening anew', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 6 })), { maxLength: 4 }),
        fc.constantFrom('ENOSPC' as const, 'EIO' as const),
        fc.array(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }), {
          minLength: 4,
          maxLength: 12,
        }),
        (outages, code, groups) =>
          withDirectory(async (directory) => {
            const disk = new FailingDisk();
            const clock = new QuickClock();
            const log = await openFileLog(directory, { clock, disk, fileBytes: 400 });
            const openedAt = disk.operations;
            disk.fault = () => {
              const n = disk.operations - openedAt;
              return outages.some(([from, length]) => n > from && n <= from + length)
                ? systemError(code)
                : undefined;
            };
            const live = openFileLogReader(directory, log.tail);
            const seen: number[] = [];
            const stop = new AbortController();
            const reading = (async () => {
              for await (const batch of live.read(0, stop.signal))
                seen.push(...batch.map((e) => e.payload[0]!));
            })();
            const sent: number[] = [];
            for (const group of groups) {
              const first = sent.length;
              sent.push(...group.map((_, i) => first + i));
              await Promise.all(group.map((length, i) => persist(log, Buffer.alloc(length, first + i))));
            }
            expect(log.health()).toEqual({ ok: true });
            const end = log.tail.end();
            await log.close();
            const again = await openFileLog(directory, { clock });
            expect(again.tail.end()).toBe(end);
            const entries = await take(openFileLogReader(directory, again.tail), 0, end);
            expect(entries.map((entry) => entry.offset)).toEqual(Array.from({ length: end }, (_, i) => i));
            // A refused append may still have been kept, so a payload may repeat, but none is missing.
            expect([...new Set(entries.map((entry) => entry.payload[0]!))].toSorted((a, b) => a - b)).toEqual(
              sent,
            );
            while (seen.length < end) await new Promise((resolve) => setImmediate(resolve));
            stop.abort();
            await reading;
            expect(seen).toEqual(entries.map((entry) => entry.payload[0]!));
            await again.close();
          }),
      ),
      { numRuns: 25 },
    ));

  it('refuses all that waits with the cause, says so in its health, and tries again ever more slowly', () =>
    withDirectory(async (directory) => {
      const disk = new FailingDisk();
      const clock = new QuickClock();
      const log = await openFileLog(directory, { clock, disk });
      await log.append(Buffer.of(1));
      let full = true;
      disk.fault = (operation) => (full && operation === 'write' ? systemError('ENOSPC') : undefined);
      const refused = await Promise.allSettled([log.append(Buffer.of(2)), log.append(Buffer.of(3))]);
      for (const result of refused) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: { code: 'LOG_UNAVAILABLE', cause: { code: 'ENOSPC' } },
        });
      }
      expect(log.health()).toMatchObject({ ok: false, reason: 'no space left on device' });
      await expect(log.append(Buffer.of(4))).rejects.toThrow(/^Cannot append to log ".*": a write failed$/);
      while (clock.sleepsMs.length < 9) await new Promise((resolve) => setImmediate(resolve));
      expect(clock.sleepsMs.slice(0, 9)).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
      full = false;
      while (!log.health().ok) await new Promise((resolve) => setImmediate(resolve));
      await log.append(Buffer.of(5));
      await log.close();
      expect(payloadsOf(directory)).toEqual(['01', '05']);
    }));

  it('puts nothing more into a file once the next one may exist', () =>
    withDirectory(async (directory) => {
      const disk = new FailingDisk();
      const log = await openFileLog(directory, { clock: new QuickClock(), disk, fileBytes: 300 });
      await log.append(Buffer.alloc(100, 1));
      // The next file gets its name, but the directory cannot be synced; what comes then would fit the old file.
      let failures = 1;
      disk.fault = (operation) =>
        operation === 'sync-directory' && failures-- > 0 ? systemError('EIO') : undefined;
      await expect(log.append(Buffer.alloc(200, 2))).rejects.toThrow(LogUnavailableError);
      await persist(log, Buffer.of(3));
      await persist(log, Buffer.of(4));
      await log.close();
      expect(payloadsOf(directory)).toEqual(['01'.repeat(100), '03', '04']);
      const again = await openFileLog(directory, { clock: systemClock });
      expect(again.tail.end()).toBe(3);
      await again.close();
    }));

  it('closes also while it is down, and leaves what was confirmed', () =>
    withDirectory(async (directory) => {
      const disk = new FailingDisk();
      const log = await openFileLog(directory, { clock: systemClock, disk });
      await log.append(Buffer.of(1));
      disk.fault = () => systemError('EIO');
      await expect(log.append(Buffer.of(2))).rejects.toThrow(LogUnavailableError);
      await log.close();
      expect(payloadsOf(directory)[0]).toBe('01');
      const again = await openFileLog(directory, { clock: systemClock });
      await again.close();
    }));
});

describe('a disk that stalls', () => {
  it('makes appends wait up to the bound of bytes, then refuses, and confirms all that waited in order', () =>
    withDirectory(async (directory) => {
      const disk = new FailingDisk();
      const clock = new QuickClock();
      const log = await openFileLog(directory, { clock, disk });
      let release = (): void => {};
      disk.gate = new Promise((resolve) => (release = resolve));
      const first = log.append(Buffer.of(1));
      await new Promise((resolve) => setImmediate(resolve));
      const big = Buffer.alloc(4 * 1024 * 1024, 2);
      const waiting = Array.from({ length: 16 }, () => log.append(big));
      await expect(log.append(Buffer.of(3))).rejects.toThrow(
        /16 entries of 67108864 bytes wait for the disk$/,
      );
      expect(log.health()).toEqual({ ok: true });
      clock.offsetMs += 7000;
      expect(log.health()).toMatchObject({ ok: false, reason: 'a write takes 7 s' });
      release();
      await Promise.all([first, ...waiting]);
      expect(log.health()).toEqual({ ok: true });
      await log.append(Buffer.of(4));
      expect(log.tail.end()).toBe(18);
      await log.close();
    }));

  it('bounds the number of entries that wait, too', () =>
    withDirectory(async (directory) => {
      const disk = new FailingDisk();
      const log = await openFileLog(directory, { clock: systemClock, disk });
      let release = (): void => {};
      disk.gate = new Promise((resolve) => (release = resolve));
      const first = log.append(Buffer.of(1));
      await new Promise((resolve) => setImmediate(resolve));
      const waiting = Array.from({ length: 65_536 }, () => log.append(Buffer.of(2)));
      await expect(log.append(Buffer.of(3))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
      release();
      await Promise.all([first, ...waiting]);
      expect(log.tail.end()).toBe(65_537);
      await log.close();
    }));

  it('shows no entry to a reader before it is durable', () =>
    withDirectory(async (directory) => {
      const disk = new FailingDisk();
      const log = await openFileLog(directory, { clock: systemClock, disk });
      await log.append(Buffer.of(1));
      let release = (): void => {};
      disk.gate = new Promise((resolve) => (release = resolve));
      const second = log.append(Buffer.of(2));
      const reader = openFileLogReader(directory, log.tail);
      const seen: string[] = [];
      const stop = new AbortController();
      const reading = (async () => {
        for await (const batch of reader.read(0, stop.signal)) seen.push(...contents(batch));
      })();
      while (payloadsOf(directory).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(seen).toEqual(['01']);
      release();
      await second;
      while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(seen).toEqual(['01', '02']);
      stop.abort();
      await reading;
      await log.close();
    }));
});

describe('the lock', () => {
  /** Another process that holds the log of `directory` as the log itself does. */
  async function holder(directory: string): Promise<ChildProcess> {
    const script = `
      const fs = require('node:fs'), { spawnSync } = require('node:child_process');
      const fd = fs.openSync(process.argv[1], 'a+');
      const { status } = spawnSync('flock', ['-x', '-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
      if (status !== 0) process.exit(3);
      fs.ftruncateSync(fd, 0); fs.writeSync(fd, process.pid + '\\n');
      console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['-e', script, path.join(directory, 'lock')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout!, 'data');
    return child;
  }

  it('refuses a second writer, names the process, and is free once the holder is dead, however it died', () =>
    withDirectory(async (directory) => {
      const child = await holder(directory);
      await expect(openFileLog(directory, { clock: systemClock })).rejects.toMatchObject({
        code: 'LOG_LOCKED',
        pid: child.pid,
        message: `Cannot open log "${directory}": process ${child.pid} has it open`,
      });
      child.kill('SIGKILL');
      await once(child, 'exit');
      const log = await openFileLog(directory, { clock: systemClock });
      await log.append(Buffer.of(1));
      await log.close();
    }));

  it('refuses a second writer in the same process, until the first is closed', () =>
    withDirectory(async (directory) => {
      const log = await openFileLog(directory, { clock: systemClock });
      const second = openFileLog(directory, { clock: systemClock });
      await expect(second).rejects.toThrow(LogLockedError);
      await expect(second).rejects.toMatchObject({ pid: process.pid });
      await log.close();
      await (await openFileLog(directory, { clock: systemClock })).close();
    }));

  it('is given back when opening fails', () =>
    withDirectory(async (directory) => {
      const disk = new FailingDisk();
      disk.fault = () => systemError('ENOSPC');
      await expect(openFileLog(directory, { clock: systemClock, disk })).rejects.toMatchObject({
        code: 'ENOSPC',
      });
      await (await openFileLog(directory, { clock: systemClock })).close();
    }));
});

describe('trim', () => {
  it('deletes whole files that lie below the offset and no other, never the newest', () =>
    fc.assert(
      fc.asyncProperty(fc.nat(40), (offset) =>
        withDirectory(async (directory) => {
          await writeLog(
            directory,
            Array.from({ length: 32 }, (_, i) => [Buffer.alloc(50, i)]),
            300,
          );
          const before = logFilesOf(directory).map((file) => Number(path.basename(file, '.tglog')));
          const log = await openFileLog(directory, { clock: systemClock, fileBytes: 300 });
          await Promise.all([log.trim(offset), log.trim(offset)]);
          const after = logFilesOf(directory).map((file) => Number(path.basename(file, '.tglog')));
          const expected = before.filter((_, i) => i === before.length - 1 || before[i + 1]! > offset);
          expect(after).toEqual(expected);
          const entries = await take(openFileLogReader(directory, log.tail), 0, 32 - after[0]!);
          expect(entries.map((entry) => entry.offset)).toEqual(
            Array.from({ length: 32 - after[0]! }, (_, i) => after[0]! + i),
          );
          await log.close();
        }),
      ),
      { numRuns: 20 },
    ));

  it('takes no file from under a reader, which goes on at the oldest kept', () =>
    withDirectory(async (directory) => {
      await writeLog(
        directory,
        Array.from({ length: 32 }, (_, i) => [Buffer.alloc(50, i)]),
        300,
      );
      const log = await openFileLog(directory, { clock: systemClock, fileBytes: 300 });
      const stop = new AbortController();
      const offsets: number[] = [];
      for await (const batch of openFileLogReader(directory, log.tail).read(1, stop.signal)) {
        if (offsets.length === 0) await log.trim(20);
        offsets.push(...batch.map((entry) => entry.offset));
        if (offsets.at(-1) === 31) stop.abort();
      }
      expect(offsets).toEqual([1, 2, ...Array.from({ length: 14 }, (_, i) => 18 + i)]);
      expect(existsSync(path.join(directory, '0000000000000000.tglog'))).toBe(false);
      await log.close();
    }));
});

it('finds offsets in a large file, in any order, whatever was read before', () =>
  withDirectory(async (directory) => {
    const log = await openFileLog(directory, { clock: systemClock });
    const count = 3000;
    await Promise.all(
      Array.from({ length: count }, (_, i) => log.append(Buffer.alloc(500 + (i % 7) * 700, i % 251))),
    );
    await log.append(Buffer.alloc(4 * 1024 * 1024, 1));
    await log.append(Buffer.alloc(10, 1));
    const reader = openFileLogReader(directory, log.tail);
    await fc.assert(
      fc.asyncProperty(fc.nat(count + 1), async (from) => {
        const [entry] = await take(reader, from, 1);
        expect(entry!.offset).toBe(from);
      }),
      { numRuns: 60 },
    );
    expect(await take(reader, 0, count + 2)).toHaveLength(count + 2);
    await log.close();
  }));
