/** The log in memory: for a library that touches no disk. Keeps the port's laws but for outliving its process.
 *  Owns: the entries, their bound, who has read how far. Several readers, and one writer after another.
 *  Bound: `bytesMax` of payloads. Past it the oldest entries go which every reading under way has passed; where
 *  that is not enough an append is refused: the caller lets its readers go on, and appends again. */
import { randomUUID } from 'node:crypto';
import { assert } from '../model/assert.ts';
import type { Clock } from '../model/clock.ts';
import { ENTRY_BYTES_MAX } from '../model/limits.ts';
import { type LogEntry, type LogReader, LogUnavailableError, type LogWriter } from '../model/log.ts';
import { HEALTHY, type LogHealth } from './health.ts';
import { type DurableTail, Tail } from './log-tail.ts';

/** Hours of a program that reports each second, and small beside what a test process takes anyway. */
const BYTES_MAX = 64 * 1024 * 1024;
/** Of one batch, as readers of a file get it. */
const BATCH_BYTES_MAX = 1024 * 1024;
/** Entries that are gone are cut off the list once they are so many: an append then costs the same for ever. */
const GONE_MAX = 1024;

assert(ENTRY_BYTES_MAX <= BYTES_MAX, 'every entry fits the log');

export interface MemoryLogOptions {
  readonly bytesMax?: number;
  readonly identity?: string;
}

export interface MemoryLogWriter extends LogWriter {
  readonly confirmsDurably: false;
  health(): LogHealth;
}

/** A reading under way: entries from `next` on are still to come. */
interface Reading {
  next: number;
}

export class MemoryLog {
  readonly identity: string;
  readonly #bytesMax: number;
  readonly #tail = new Tail(0);
  readonly #readings = new Set<Reading>();
  /** entries[i] has offset `#listOffset` + i; those below #firstOffset are gone. */
  #entries: LogEntry[] = [];
  #listOffset = 0;
  #firstOffset = 0;
  #sizeBytes = 0;
  /** The latest arrival among those gone. */
  #goneMs = Number.NEGATIVE_INFINITY;

  constructor({ bytesMax = BYTES_MAX, identity = randomUUID() }: MemoryLogOptions = {}) {
    this.#bytesMax = bytesMax;
    this.identity = identity;
  }

  get tail(): DurableTail {
    return this.#tail;
  }

  /** Payload bytes held. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  writer(clock: Clock): MemoryLogWriter {
    let isClosed = false;
    return {
      confirmsDurably: false,
      append: (payload) =>
        isClosed
          ? Promise.reject(new LogUnavailableError('Cannot append to log in memory: it is closed'))
          : this.#append(payload, Math.floor(clock.nowMs())),
      trim: (offset) => {
        this.#trim(offset);
        return Promise.resolve();
      },
      health: () => HEALTHY,
      close: () => {
        isClosed = true;
        return Promise.resolve();
      },
    };
  }

  reader(): LogReader {
    const closed = new AbortController();
    return {
      read: (from, signal, untilOffset = Number.POSITIVE_INFINITY) =>
        this.#read(from, untilOffset, AbortSignal.any([signal, closed.signal])),
      seek: (arrivedMs) => Promise.resolve(this.#seek(arrivedMs)),
      identity: () => Promise.resolve(this.identity),
      end: () => Promise.resolve(this.#tail.end()),
      close: () => {
        closed.abort();
        return Promise.resolve();
      },
    };
  }

  #append(payload: Uint8Array, arrivedMs: number): Promise<void> {
    assert(
      payload.length >= 1 && payload.length <= ENTRY_BYTES_MAX,
      () => `payload has ${payload.length} bytes`,
    );
    const read = Math.min(this.#tail.end(), ...[...this.#readings].map(({ next }) => next));
    while (this.#sizeBytes + payload.length > this.#bytesMax && this.#firstOffset < read) {
      this.#trim(this.#firstOffset + 1);
    }
    if (this.#sizeBytes + payload.length > this.#bytesMax) {
      const state = `it holds ${this.#sizeBytes} bytes that are not read yet, at most ${this.#bytesMax} fit`;
      return Promise.reject(new LogUnavailableError(`Cannot append to log in memory: ${state}`));
    }
    const offset = this.#tail.end();
    this.#entries.push({ offset, arrivedMs, payload: new Uint8Array(payload) });
    this.#sizeBytes += payload.length;
    this.#tail.advance(offset + 1);
    return Promise.resolve();
  }

  #trim(offset: number): void {
    const until = Math.min(offset, this.#tail.end());
    for (; this.#firstOffset < until; this.#firstOffset++) {
      const { payload, arrivedMs } = this.#at(this.#firstOffset);
      this.#sizeBytes -= payload.length;
      this.#goneMs = Math.max(this.#goneMs, arrivedMs);
    }
    const gone = this.#firstOffset - this.#listOffset;
    if (gone < GONE_MAX && gone < this.#entries.length) return;
    this.#entries = this.#entries.slice(gone);
    this.#listOffset = this.#firstOffset;
  }

  #at(offset: number): LogEntry {
    return this.#entries[offset - this.#listOffset]!;
  }

  async *#read(from: number, until: number, signal: AbortSignal): AsyncGenerator<readonly LogEntry[]> {
    const reading: Reading = { next: from };
    this.#readings.add(reading);
    try {
      while (!signal.aborted && reading.next < until) {
        const batch = this.#batch(Math.max(reading.next, this.#firstOffset), until);
        if (batch.length === 0) {
          // All that was asked for is gone.
          if (this.#firstOffset >= until) return;
          await this.#tail.changed(signal);
          continue;
        }
        yield batch;
        reading.next = batch.at(-1)!.offset + 1;
      }
    } finally {
      this.#readings.delete(reading);
    }
  }

  #batch(from: number, until: number): LogEntry[] {
    const batch: LogEntry[] = [];
    let bytes = 0;
    for (let offset = from; offset < Math.min(this.#tail.end(), until); offset++) {
      const entry = this.#at(offset);
      bytes += entry.payload.length;
      if (batch.length > 0 && bytes > BATCH_BYTES_MAX) break;
      batch.push(entry);
    }
    return batch;
  }

  /** The first entry of that time or later, so that none is missed where a clock was set back. */
  #seek(arrivedMs: number): number | undefined {
    if (arrivedMs <= this.#goneMs) return undefined;
    let offset = this.#firstOffset;
    while (offset < this.#tail.end() && this.#at(offset).arrivedMs < arrivedMs) offset++;
    return offset;
  }
}
