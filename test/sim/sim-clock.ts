/** The world's time, and the clocks of its hosts, which may be wrong. Stands still until it is told to go on;
 *  sleepers wake in the order of their times. Nothing here waits for the system: between two wakes all that is
 *  ready runs. Where time jumps, sleepers wake late, as timers of a machine that was suspended do. */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/model/clock.ts';

/** A sender that looks once a second need not look 3600 times because an hour passes. */
const WAKES_MAX = 6;

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class SimTime {
  nowMs: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  get second(): number {
    return Math.floor(this.nowMs / 1000);
  }

  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await ready();
    for (let wakes = 0; ; wakes++) {
      const next = this.#next(untilMs);
      if (next === undefined) break;
      this.nowMs = wakes < WAKES_MAX ? Math.max(this.nowMs, next.atMs) : untilMs;
      next.wake();
      await ready();
    }
    this.nowMs = untilMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const sleeper: Sleeper = {
        atMs: this.nowMs + Math.max(ms, 1),
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.wake, { once: true });
    });
  }

  #next(untilMs: number): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.atMs <= untilMs && (next === undefined || sleeper.atMs < next.atMs)) next = sleeper;
    }
    return next;
  }
}

/** A host's: ahead of the world's by as much as it is told. */
export class HostClock implements Clock {
  readonly #time: SimTime;
  aheadMs = 0;

  constructor(time: SimTime) {
    this.#time = time;
  }

  nowMs(): number {
    return this.#time.nowMs + this.aheadMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#time.sleep(ms, signal);
  }
}

/** Runs what is ready: in this world everything that waits, waits for promises or for SimTime. */
export async function ready(): Promise<void> {
  await setImmediate();
}
