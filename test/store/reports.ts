/** Short ways to write log entries by hand. */
import { COUNT } from '../../src/model/grid.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import type { Key } from '../../src/model/key.ts';
import type { Batch, Report } from '../../src/model/report.ts';
import type { ControlEvent } from '../../src/model/control.ts';
import type { LogEntry } from '../../src/model/log.ts';
import { payloadOf } from '../sim/entries.ts';

/** The first second of a block and of a UTC day, nearly: 06:30 into it. */
export const START = 256 * 7_013_000;

export function requests(more: Partial<Instrumentation> = {}): Instrumentation {
  return {
    id: 'requests',
    metric: 'http.requests',
    by: ['route'],
    grid: COUNT,
    scope: 'interval',
    everySeconds: 1,
    keepSeconds: 86_400,
    idleSeconds: 0,
    createdSecond: START,
    ...more,
  };
}

/** A log that is written by hand, one entry a call. */
export class HandLog {
  readonly entries: LogEntry[] = [];
  readonly #sequences = new Map<string, number>();

  control(event: ControlEvent, arrivedSecond = START): LogEntry {
    return this.#append(payloadOf({ kind: 'control', event }), arrivedSecond * 1000);
  }

  create(instrumentation: Instrumentation): LogEntry {
    return this.control({ kind: 'instrumentation-created', instrumentation });
  }

  /** One report of `host`/proc, that arrives as its second ends, or at `arrivedMs`. */
  report(
    second: number,
    rows: readonly (readonly [key: Key, count: number])[],
    more: Partial<Report> & { host?: string; sequence?: number; arrivedMs?: number } = {},
  ): LogEntry {
    const { host = 'web1', sequence, arrivedMs, ...rest } = more;
    const next = sequence ?? this.#sequences.get(host) ?? 0;
    this.#sequences.set(host, next + 1);
    const report: Report = {
      instrumentation: 'requests',
      grid: COUNT,
      partial: false,
      dropped: 0,
      rows: rows.map(([key, count]) => ({ key, histogram: { buckets: [0], counts: [count] } })),
      ...rest,
    };
    const batch: Batch = {
      source: { host, driver: 'proc', incarnation: '0123456789abcdef' },
      sequence: next,
      second,
      reports: [report],
    };
    return this.#append(payloadOf({ kind: 'batches', batches: [batch] }), arrivedMs ?? (second + 1) * 1000);
  }

  bytes(payload: Uint8Array, arrivedMs = START * 1000): LogEntry {
    return this.#append(payload, arrivedMs);
  }

  #append(payload: Uint8Array, arrivedMs: number): LogEntry {
    const entry = { offset: this.entries.length, arrivedMs, payload };
    this.entries.push(entry);
    return entry;
  }
}
