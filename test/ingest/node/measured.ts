/** Measuring in the test's own process: what it says of the events that the test makes. */
import { afterEach, expect } from 'vitest';
import { Measuring } from '../../../src/ingest/node/measuring.ts';
import { total } from '../../../src/model/histogram.ts';
import type { SourceState } from '../../../src/model/instrumentation.ts';
import { decodeBatch, readBatch } from '../../../src/model/report.ts';
import { CellsBuffer } from '../../../src/model/series.ts';

let running: Measuring | undefined;
afterEach(() => {
  running?.stop();
  running = undefined;
});

export function start(): { measuring: Measuring; states: [string, SourceState][] } {
  const states: [string, SourceState][] = [];
  const options = { host: 'h', app: 'shop', pid: 7, random: Math.random };
  running = new Measuring({ ...options, onState: (id, state) => states.push([id, state]) });
  return { measuring: running, states };
}

/** Until the second after this one has begun. */
export async function nextSecond(measuring: Measuring): Promise<void> {
  const ms = 1005 - (measuring.clock.nowMs() % 1000);
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Everything that was counted until now, over all seconds: events by key, and the dropped. */
export function sealed(
  measuring: Measuring,
  id: string,
): { counts: Record<string, number>; dropped: number } {
  const counts = sealedAll(measuring);
  return { counts: counts.get(id)?.counts ?? {}, dropped: counts.get(id)?.dropped ?? 0 };
}

interface Counted {
  readonly counts: Record<string, number>;
  dropped: number;
}

export function sealedAll(measuring: Measuring): Map<string, Counted> {
  measuring.seal(true);
  const all = new Map<string, Counted>();
  for (const { bytes, sequence } of measuring.outbox.unwritten()) {
    measuring.outbox.acknowledge(sequence);
    const batch = readBatch(decodeBatch(bytes), () => new CellsBuffer());
    expect(batch.source).toMatchObject({ host: 'h', driver: 'node:shop[7]' });
    for (const { instrumentation, rows, dropped } of batch.reports) {
      const counted = all.get(instrumentation) ?? { counts: {}, dropped: 0 };
      all.set(instrumentation, counted);
      counted.dropped += dropped;
      for (const { key, histogram } of rows) {
        const name = key.join(' ');
        counted.counts[name] = (counted.counts[name] ?? 0) + total(histogram);
      }
    }
  }
  return all;
}
