/** Wall time read off the monotonic clock, so that a request's end is placed in a second without a second look at
 *  a clock, and a step of the system's clock is followed once a second and not in the middle of one.
 *  Date.now() counts whole milliseconds: a reading between m1 and m2 of the monotonic clock says that the origin lies
 *  in [date - m2, date + 1 - m1]. Readings are intersected; where nothing is left the system's clock was set, and the
 *  newest one stands alone. Invariant: while the system's clock is not set, the error after a look is below half
 *  of APART_MS_MAX, or of what SPIN_MS_MAX of looking gave. */

/** Closer is not looked for: a second has twenty thousand such spans. */
const APART_MS_MAX = 0.05;
/** One look at most: the next change of the millisecond is within one. */
const SPIN_MS_MAX = 1.5;
const READINGS_MAX = 20_000;
/** Linux slews both clocks together. This is for what rounding adds up to, and clocks that are kept apart. */
const SLEW_MAX = 1e-6;
/** What a reading may be off by: a double holds Unix milliseconds to 0.0002. */
const READING_MS_MAX = 0.001;

export class WallClock {
  readonly #monotonicMs: () => number;
  readonly #dateMs: () => number;
  /** The origin is in between. */
  #lowMs = -Infinity;
  #highMs = Infinity;
  #originMs = 0;
  #readMs = 0;

  /** `dateMs` counts whole milliseconds, `monotonicMs` has a fraction. */
  constructor(monotonicMs: () => number, dateMs: () => number) {
    this.#monotonicMs = monotonicMs;
    this.#dateMs = dateMs;
    this.correct();
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

  /** Looks at the system's clock: once, or where that leaves too much open, until its millisecond changes. */
  correct(): void {
    const untilMs = this.#monotonicMs() + SPIN_MS_MAX;
    for (let i = 0; i < READINGS_MAX; i++) {
      this.#read();
      if (this.#highMs - this.#lowMs <= APART_MS_MAX || this.#readMs >= untilMs) break;
    }
    this.#originMs = (this.#lowMs + this.#highMs) / 2;
  }

  #read(): void {
    const beforeMs = this.#monotonicMs();
    const dateMs = this.#dateMs();
    const afterMs = this.#monotonicMs();
    const slewMs = (afterMs - this.#readMs) * SLEW_MAX;
    const lowMs = dateMs - afterMs - READING_MS_MAX;
    const highMs = dateMs + 1 - beforeMs + READING_MS_MAX;
    this.#readMs = afterMs;
    this.#lowMs = Math.max(this.#lowMs - slewMs, lowMs);
    this.#highMs = Math.min(this.#highMs + slewMs, highMs);
    if (this.#lowMs <= this.#highMs) return;
    this.#lowMs = lowMs;
    this.#highMs = highMs;
  }
}
