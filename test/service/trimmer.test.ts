/** The trimmer: what it lets go follows from the log and the folds alone, so a restart changes nothing. */
import { afterEach, expect, it } from 'vitest';
import { MemoryLog } from '../../src/log/memory-log.ts';
import type { AggregatorClient, AggregatorStatus } from '../../src/service/answer.ts';
import { Trimmer } from '../../src/service/trimmer.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';

const HOUR_MS = 3_600_000;
let trimmer: Trimmer | undefined;
afterEach(() => trimmer?.close());

async function world() {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const writer = log.writer(clock);
  // An entry an hour, for two days.
  for (let hour = 0; hour < 48; hour++) {
    await writer.append(Uint8Array.of(hour));
    clock.set(clock.nowMs() + HOUR_MS);
  }
  const needed = { store: 48, catalogue: 48 };
  const aggregator: AggregatorClient = {
    ask: () => Promise.resolve({ kind: 'status', trimOffset: needed.store } as AggregatorStatus),
    close: () => Promise.resolve(),
  };
  const start = (): Trimmer =>
    new Trimmer({
      writer,
      reader: log.reader(),
      keepMs: 24 * HOUR_MS,
      clock,
      aggregators: [aggregator],
      catalogueOffset: () => needed.catalogue,
      onFault: (error) => {
        throw error;
      },
    });
  const first = async (): Promise<number | undefined> => {
    const stop = new AbortController();
    for await (const [entry] of log.reader().read(0, stop.signal)) return entry?.offset;
    return undefined;
  };
  return { clock, needed, start, first };
}

it('keeps what is young, at once after a start', async () => {
  const { clock, start, first } = await world();
  trimmer = start();
  expect(await first()).toBe(0);
  await clock.advance(60_000);
  const kept = await first();
  expect(kept).toBeGreaterThanOrEqual(23);
  expect(kept).toBeLessThanOrEqual(25);
});

it('keeps what a fold has not covered, or the catalogue', async () => {
  const { clock, needed, start, first } = await world();
  needed.store = 7;
  trimmer = start();
  await clock.advance(60_000);
  expect(await first()).toBe(7);
  needed.store = 20;
  needed.catalogue = 9;
  await clock.advance(60_000);
  expect(await first()).toBe(9);
});
