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
    openWriter: async () => (log = await openFileLog(directory, { clock: systemClock, fileBytes })),
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
