/** What every log keeps, whatever carries it: one suite over the file log and the RabbitMQ log. A law makes its
 *  own log, so that laws do not see each other's entries. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { ENTRY_BYTES_MAX } from '../../src/model/limits.ts';
import {
  ARRIVAL_DISORDER_MS_MAX,
  type LogEntry,
  type LogReader,
  type LogWriter,
} from '../../src/model/log.ts';

export interface LogUnderTest {
  /** The writer; there is one at a time, and opening again continues the same log. */
  openWriter(clock?: Clock): Promise<LogWriter>;
  /** A reader of the log, in the company of the writer opened last. */
  openReader(): LogReader;
  dispose(): Promise<void>;
}

const payloads = (maxCount: number): fc.Arbitrary<Uint8Array[]> =>
  fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { minLength: 1, maxLength: maxCount });

/** Reads from `from` until `count` entries came. */
export async function take(reader: LogReader, from: number, count: number): Promise<LogEntry[]> {
  const enough = new AbortController();
  const entries: LogEntry[] = [];
  if (count === 0) return entries;
  for await (const batch of reader.read(from, enough.signal)) {
    entries.push(...batch);
    if (entries.length >= count) enough.abort();
  }
  return entries;
}

export function contents(entries: readonly LogEntry[]): string[] {
  return entries.map(({ payload }) => Buffer.from(payload).toString('hex'));
}

const hex = (all: readonly Uint8Array[]): string[] =>
  all.map((payload) => Buffer.from(payload).toString('hex'));

/** A payload of `length` bytes that differs from others of another seed. */
function bytesOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (seed + i * 31 + (i >> 8)) & 0xff;
  return bytes;
}

/** Real waiting, and a time that the test sets. */
class SetClock implements Clock {
  atMs = systemClock.nowMs();
  nowMs(): number {
    return this.atMs;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}

async function withLog<T>(
  make: () => Promise<LogUnderTest>,
  use: (log: LogUnderTest) => Promise<T>,
): Promise<T> {
  const log = await make();
  try {
    return await use(log);
  } finally {
    await log.dispose();
  }
}

/** `clockMsMax`: how far one step may move the writer's clock; a broker's own does not move with it. */
export function logLaws(
  name: string,
  make: () => Promise<LogUnderTest>,
  runs: number,
  clockMsMax = 200_000,
): void {
  describe(`${name} keeps the laws of a log`, () => {
    it('gives every confirmed append exactly once, in order of offset, to a reader from 0', async () => {
      await fc.assert(
        fc.asyncProperty(payloads(60), fc.integer({ min: 1, max: 20 }), (all, burst) =>
          withLog(make, async (log) => {
            const writer = await log.openWriter();
            for (let i = 0; i < all.length; i += burst) {
              await Promise.all(all.slice(i, i + burst).map((payload) => writer.append(payload)));
            }
            const reader = log.openReader();
            const entries = await take(reader, 0, all.length);
            expect(contents(entries)).toEqual(hex(all));
            const offsets = entries.map((entry) => entry.offset);
            expect(offsets).toEqual([...new Set(offsets)].toSorted((a, b) => a - b));
            expect(await reader.end()).toBeGreaterThan(offsets.at(-1)!);
            await Promise.all([reader.close(), writer.close()]);
          }),
        ),
        { numRuns: runs },
      );
    });

    it('gives the suffix to a reader from any offset, also from one that is a hole', async () => {
      await fc.assert(
        fc.asyncProperty(payloads(40), fc.nat(), (all, choice) =>
          withLog(make, async (log) => {
            const writer = await log.openWriter();
            await Promise.all(all.map((payload) => writer.append(payload)));
            const reader = log.openReader();
            const entries = await take(reader, 0, all.length);
            const from = choice % (entries.at(-1)!.offset + 1);
            const suffix = entries.filter((entry) => entry.offset >= from);
            const again = await take(reader, from, suffix.length);
            expect(again.map((e) => e.offset)).toEqual(suffix.map((e) => e.offset));
            expect(contents(again)).toEqual(contents(suffix));
            await Promise.all([reader.close(), writer.close()]);
          }),
        ),
        { numRuns: runs },
      );
    });

    it('wakes a reader that waits at the end, and two readers go at their own pace', () =>
      withLog(make, async (log) => {
        const writer = await log.openWriter();
        const [early, late] = [log.openReader(), log.openReader()];
        const live = take(early, 0, 6);
        for (let i = 0; i < 6; i++) {
          await writer.append(bytesOf(10, i));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        const seen = await live;
        expect(contents(seen)).toEqual(contents(await take(late, 0, 6)));
        expect(seen).toHaveLength(6);
        await Promise.all([early.close(), late.close(), writer.close()]);
      }));

    it('ends the iteration when the signal aborts, and when the reader closes', () =>
      withLog(make, async (log) => {
        const writer = await log.openWriter();
        await writer.append(Buffer.of(1));
        for (const end of ['abort', 'close'] as const) {
          const reader = log.openReader();
          const stop = new AbortController();
          let batches = 0;
          for await (const batch of reader.read(0, stop.signal)) {
            batches += batch.length;
            setTimeout(() => (end === 'abort' ? stop.abort() : void reader.close()), 10);
          }
          expect(batches).toBe(1);
          await reader.close();
        }
        await writer.close();
      }));

    it('ends the iteration before an offset, also one that is a hole, and at the end', async () => {
      await fc.assert(
        fc.asyncProperty(payloads(30), fc.nat(), fc.nat(), (all, choice, until) =>
          withLog(make, async (log) => {
            const writer = await log.openWriter();
            await Promise.all(all.map((payload) => writer.append(payload)));
            const reader = log.openReader();
            const entries = await take(reader, 0, all.length);
            const end = await reader.end();
            const [from, untilOffset] = [choice % (end + 1), until % (end + 1)];
            const found: LogEntry[] = [];
            for await (const batch of reader.read(from, new AbortController().signal, untilOffset))
              found.push(...batch);
            const wanted = entries.filter(({ offset }) => offset >= from && offset < untilOffset);
            expect(found.map((e) => e.offset)).toEqual(wanted.map((e) => e.offset));
            await Promise.all([reader.close(), writer.close()]);
          }),
        ),
        { numRuns: runs },
      );
    });

    it('continues for a reader that is closed and opened again where it was', () =>
      withLog(make, async (log) => {
        const writer = await log.openWriter();
        await Promise.all(Array.from({ length: 30 }, (_, i) => writer.append(bytesOf(20, i))));
        const first = log.openReader();
        const part = (await take(first, 0, 10)).slice(0, 10);
        await first.close();
        const second = log.openReader();
        const rest = await take(second, part.at(-1)!.offset + 1, 20);
        expect(contents([...part, ...rest])).toEqual(
          hex(Array.from({ length: 30 }, (_, i) => bytesOf(20, i))),
        );
        await Promise.all([second.close(), writer.close()]);
      }));

    it('carries payloads of every size up to the largest', () =>
      withLog(make, async (log) => {
        const writer = await log.openWriter();
        const sizes = [1, 2, 4095, 65_536, 131_072, 1_048_576, ENTRY_BYTES_MAX - 1, ENTRY_BYTES_MAX, 3];
        const all = sizes.map((size, i) => bytesOf(size, i));
        await Promise.all(all.map((payload) => writer.append(payload)));
        const reader = log.openReader();
        const entries = await take(reader, 0, all.length);
        expect(entries.map((entry) => entry.payload.length)).toEqual(sizes);
        entries.forEach((entry, i) => expect(Buffer.compare(entry.payload, all[i]!)).toBe(0));
        await Promise.all([reader.close(), writer.close()]);
      }));

    it('resolves concurrent appends in the order of the calls', () =>
      withLog(make, async (log) => {
        const writer = await log.openWriter();
        const order: number[] = [];
        const appends = Array.from({ length: 200 }, (_, i) =>
          writer.append(bytesOf(1 + (i % 50) * 40, i)).then(() => order.push(i)),
        );
        await Promise.all(appends);
        expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i));
        await writer.close();
      }));

    it('stamps entries with the time of their arrival', () =>
      withLog(make, async (log) => {
        const writer = await log.openWriter();
        const beforeMs = Math.floor(Date.now());
        await writer.append(Buffer.of(1));
        const afterMs = Date.now();
        const reader = log.openReader();
        const [entry] = await take(reader, 0, 1);
        expect(entry!.arrivedMs).toBeGreaterThanOrEqual(beforeMs);
        expect(entry!.arrivedMs).toBeLessThanOrEqual(afterMs);
        await Promise.all([reader.close(), writer.close()]);
      }));

    it('keeps its identity and its entries when the writer opens it again; another log has another', () =>
      withLog(make, async (log) => {
        const first = await log.openWriter();
        await first.append(Buffer.of(1));
        const before = log.openReader();
        const identity = await before.identity();
        await Promise.all([before.close(), first.close()]);
        const second = await log.openWriter();
        await second.append(Buffer.of(2));
        const after = log.openReader();
        expect(await after.identity()).toBe(identity);
        expect(contents(await take(after, 0, 2))).toEqual(['01', '02']);
        await withLog(make, async (other) => {
          const writer = await other.openWriter();
          const reader = other.openReader();
          expect(await reader.identity()).not.toBe(identity);
          await Promise.all([reader.close(), writer.close()]);
        });
        await Promise.all([after.close(), second.close()]);
      }));

    it('finds the entries of a time and after, whatever a clock that is set back a little says', async () => {
      const step = fc.oneof(
        fc.integer({ min: 0, max: clockMsMax }),
        fc.integer({ min: -Math.min(clockMsMax, ARRIVAL_DISORDER_MS_MAX / 10), max: 0 }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), fc.nat(), (steps, choice) =>
          withLog(make, async (log) => {
            const clock = new SetClock();
            const beganMs = clock.atMs;
            const writer = await log.openWriter(clock);
            for (const [i, ms] of steps.entries()) {
              clock.atMs += ms;
              await writer.append(bytesOf(200, i));
            }
            const reader = log.openReader();
            const entries = await take(reader, 0, steps.length);
            for (const wantedMs of [entries[choice % steps.length]!.arrivedMs, beganMs, clock.atMs + 1e7]) {
              const from = await reader.seek(wantedMs);
              expect(from).toBeLessThanOrEqual(await reader.end());
              const since = entries.filter(({ arrivedMs }) => arrivedMs >= wantedMs);
              expect(since.every(({ offset }) => offset >= from!)).toBe(true);
            }
            await Promise.all([reader.close(), writer.close()]);
          }),
        ),
        { numRuns: runs },
      );
    });

    it('refuses appends once closed', () =>
      withLog(make, async (log) => {
        const writer = await log.openWriter();
        await writer.append(Buffer.of(1));
        await writer.close();
        await expect(writer.append(Buffer.of(2))).rejects.toMatchObject({ code: 'LOG_UNAVAILABLE' });
      }));
  });
}
