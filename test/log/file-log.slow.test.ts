import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { openFileLogReader } from '../../src/log/file-log-reader.ts';
import { type FileLog, openFileLog } from '../../src/log/file-log.ts';
import { shareTail, tailFromPort } from '../../src/log/log-tail.ts';
import { systemClock } from '../../src/model/clock.ts';
import { contents, logLaws, type LogUnderTest, take } from './log-laws.ts';

/** Small files, so that every law crosses from file to file. */
async function fileLogUnderTest(fileBytes: number): Promise<LogUnderTest> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'tailglow-log-'));
  let log: FileLog | undefined;
  return {
    openWriter: async (clock = systemClock) => (log = await openFileLog(directory, { clock, fileBytes })),
    openReader: () => openFileLogReader(directory, log!.tail),
    dispose: () => rm(directory, { recursive: true }),
  };
}

logLaws('file log of small files', () => fileLogUnderTest(2000), 20);
logLaws('file log of one file', () => fileLogUnderTest(64 * 1024 * 1024), 10);

it('tells a reader in another thread the durable end over a port', async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'tailglow-log-'));
  const log = await openFileLog(directory, { clock: systemClock });
  await log.append(Buffer.of(1));
  const { port1, port2 } = new MessageChannel();
  shareTail(log, port1);
  const tail = await tailFromPort(port2);
  expect(tail.end()).toBe(1);
  const reader = openFileLogReader(directory, tail);
  const three = take(reader, 0, 3);
  await log.append(Buffer.of(2));
  await log.append(Buffer.of(3));
  expect(contents(await three)).toEqual(['01', '02', '03']);
  port2.close();
  await Promise.all([reader.close(), log.close()]);
  await rm(directory, { recursive: true });
});

it('refuses to follow a port that closes before any news', async () => {
  const { port1, port2 } = new MessageChannel();
  const tail = tailFromPort(port2);
  port1.close();
  await expect(tail).rejects.toThrow('closed before the first news');
});

it('knows when entries of a time may be trimmed, and finds a time in a file without walking it again', async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'tailglow-log-'));
  let atMs = 1_000_000_000_000;
  const clock = { ...systemClock, nowMs: () => atMs };
  const log = await openFileLog(directory, { clock, fileBytes: 2 * 1024 * 1024 });
  const payload = new Uint8Array(64 * 1024);
  for (let i = 0; i < 100; i++, atMs += 60_000) await log.append(payload);
  const reader = openFileLogReader(directory, log.tail);
  const firstMs = 1_000_000_000_000;
  expect(await reader.seek(0)).toBe(0);
  for (const again of [1, 2]) {
    expect([again, await reader.seek(firstMs + 47 * 60_000)]).toEqual([again, 47]);
    expect([again, await reader.seek(firstMs + 60 * 60_000 - 1)]).toEqual([again, 60]);
  }
  expect(await reader.seek(atMs)).toBe(100);
  await log.trim(50);
  const [oldest] = await take(reader, 0, 1);
  expect(oldest!.offset).toBeGreaterThan(0);
  expect(await reader.seek(oldest!.arrivedMs - 60_000)).toBeUndefined();
  expect(await reader.seek(oldest!.arrivedMs + 120_000)).toBe(oldest!.offset + 2);
  await Promise.all([reader.close(), log.close()]);
  await rm(directory, { recursive: true });
});
