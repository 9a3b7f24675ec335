/** A clock that stands still until it is told to go on: for tests. Sleepers wake in the order of their times; between
 *  two wakes everything that can run without time does. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/model/clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** 2027-01-15T08:00:00Z: a whole minute, hour and day's third. */
const START_MS = 1_800_000_000_000;

export class ManualClock implements Clock {
  #wallMs: number;
  #passedMs = 0;
  #sleepers: Sleeper[] = [];

  /** @param startMs Unix milliseconds. */
  constructor(startMs: number = START_MS) {
    this.#wallMs = startMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  /** The Unix second that it is. */
  get second(): number {
    return Math.floor(this.#wallMs / 1000);
  }

  /** Puts the clock right, or wrong: no time passes, so nobody who sleeps notices. */
  set(ms: number): void {
    this.#wallMs = ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const sleeper: Sleeper = {
        atMs: this.#passedMs + Math.max(ms, 0.001),
        wake: () => {
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  /** Lets `ms` pass: who sleeps wakes at his time. Resolves when all that was ready has run. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#passedMs + ms;
    await settle();
    for (;;) {
      const [next] = this.#sleepers.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#pass(next.atMs - this.#passedMs);
      next.wake();
      await settle();
    }
    this.#pass(untilMs - this.#passedMs);
    await settle();
  }

  /** Lets `ms` pass at once, as for a machine that was suspended: who sleeps wakes once, late. For long times. */
  async jump(ms: number): Promise<void> {
    await settle();
    this.#pass(ms);
    for (const { atMs, wake } of this.#sleepers.toSorted((a, b) => a.atMs - b.atMs)) {
      if (atMs <= this.#passedMs) wake();
    }
    await settle();
  }

  #pass(ms: number): void {
    this.#passedMs += ms;
    this.#wallMs += ms;
  }
}

/** Runs what is ready, files and sockets of this process included, as far as a few turns of the loop do. */
export async function settle(turns = 6): Promise<void> {
  for (let i = 0; i < turns; i++) await setImmediate();
}
