/** A clock that stands still until it is told to go on. Sleepers wake in the order of their times; between two
 *  wakes everything that can run without time does. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/model/clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class VirtualClock implements Clock {
  /** What nowMs says; may be set, as a clock that is put right. Sleepers count time that passes, not this. */
  wallMs: number;
  #passedMs = 0;
  #sleepers: Sleeper[] = [];

  constructor(wallMs: number) {
    this.wallMs = wallMs;
  }

  nowMs(): number {
    return this.wallMs;
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

  /** Lets `ms` pass. */
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

  #pass(ms: number): void {
    this.#passedMs += ms;
    this.wallMs += ms;
  }
}

/** Runs what is ready, files and sockets of this process included, as far as a few turns of the loop do. */
export async function settle(turns = 6): Promise<void> {
  for (let i = 0; i < turns; i++) await setImmediate();
}
