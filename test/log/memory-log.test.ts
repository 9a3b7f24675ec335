import { expect, it } from 'vitest';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { systemClock } from '../../src/model/clock.ts';
import { contents, logLaws, type LogUnderTest, take } from './log-laws.ts';

function memoryLogUnderTest(): Promise<LogUnderTest> {
  const log = new MemoryLog();
  return Promise.resolve({
    openWriter: (clock = systemClock) => Promise.resolve(log.writer(clock)),
    openReader: () => log.reader(),
    dispose: () => Promise.resolve(),
  });
}

logLaws('log in memory', memoryLogUnderTest, 50);

it('gives up the oldest entries that all readings have passed, and refuses what would cost an unread one', async () => {
  const log = new MemoryLog({ bytesMax: 4 * 1024 * 1024 });
  const writer = log.writer(systemClock);
  const megabyte = new Uint8Array(1024 * 1024);
  const reader = log.reader();
  const batches = reader.read(0, new AbortController().signal)[Symbol.asyncIterator]();
  for (let i = 0; i < 4; i++) await writer.append(megabyte);
  await batches.next();
  await expect(writer.append(megabyte)).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
  const second = await batches.next();
  await writer.append(megabyte);
  expect(log.sizeBytes).toBe(4 * 1024 * 1024);
  expect(second.value?.[0]?.offset).toBe(1);
  const late = log.reader();
  expect((await take(late, 0, 4)).map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
  await reader.close();
  await batches.return?.();
});

it('begins for a reader at the oldest entry kept, and does not know the time of those trimmed', async () => {
  const log = new MemoryLog();
  const clock = { ...systemClock, nowMs: () => 1000 };
  const writer = log.writer(clock);
  for (let i = 0; i < 3000; i++) await writer.append(Buffer.of(i & 0xff));
  await writer.trim(2998);
  const reader = log.reader();
  expect(contents(await take(reader, 0, 2))).toEqual([2998, 2999].map((i) => Buffer.of(i).toString('hex')));
  expect(await reader.seek(1000)).toBeUndefined();
  expect(await reader.seek(1001)).toBe(3000);
  await writer.trim(99_999);
  expect([log.sizeBytes, await reader.end()]).toEqual([0, 3000]);
});

it('keeps what was appended, whatever the caller does with its bytes', async () => {
  const log = new MemoryLog();
  const bytes = Buffer.of(7);
  await log.writer(systemClock).append(bytes);
  bytes[0] = 9;
  expect(contents(await take(log.reader(), 0, 1))).toEqual(['07']);
});
