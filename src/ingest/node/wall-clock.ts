/** Wall time read off the monotonic clock, so that a request's end is placed in a second without a second look at
 *  a clock, and a step of the system's clock is followed once a second and not in the middle of one. */

/** The clocks may differ by this without a correction; below lies the resolution of Date.now(). */
const DRIFT_MS_MAX = 2;

export class WallClock {
  readonly #monotonicMs: () => number;
  readonly #dateMs: () => number;
  #originMs: number;

  /** `dateMs` counts whole milliseconds, `monotonicMs` has a fraction. */
  constructor(monotonicMs: () => number, dateMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#dateMs = dateMs;
    this.#originMs = dateMs() + 0.5 - monotonicMs();
  }

  /** Unix milliseconds at a reading of the monotonic clock. */
  at(monotonicMs: number): number {
    return this.#originMs + monotonicMs;
  }

  nowMs(): number {
    return this.at(this.#monotonicMs());
  }

  secondAt(monotonicMs: number): number {
    return Math.floor(this.at(monotonicMs) / 1000);
  }

  /** Follows the system's clock where it has gone elsewhere. */
  correct(): void {
    const driftMs = this.#dateMs() + 0.5 - this.nowMs();
    if (Math.abs(driftMs) > DRIFT_MS_MAX) this.#originMs += driftMs;
  }
}
