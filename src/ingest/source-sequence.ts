/** Numbers the batches of one source. Invariant: within an incarnation sequence numbers are 0, 1, 2 ... and
 *  seconds ascend, so no second is said twice; but for what is said of an earlier second to an instrumentation that
 *  was not there then. Where the clock was set back far, a new incarnation begins. */
import { assert } from '../model/assert.ts';
import type { Source } from '../model/batch.ts';

/** A clock set back by more begins a new incarnation; set back by less, the source waits until time has caught
 *  up, and the seconds that pass twice are said once. */
export const CLOCK_BACK_SECONDS_MAX = 60;

export class SourceSequence {
  #source: Source;
  #next = 0;
  #last: number | undefined;
  readonly #random: () => number;

  constructor(name: { readonly host: string; readonly driver: string }, random: () => number) {
    this.#random = random;
    this.#source = { host: name.host, driver: name.driver, incarnation: newIncarnation(random) };
  }

  get source(): Source {
    return this.#source;
  }

  get lastSecond(): number | undefined {
    return this.#last;
  }

  /** Whether this source may still speak of `second`. Begins a new incarnation where the clock fell back far. */
  accepts(second: number): boolean {
    if (this.#last !== undefined && this.#last - second > CLOCK_BACK_SECONDS_MAX) this.restart();
    return this.#last === undefined || second > this.#last;
  }

  /** The sequence number of the batch for `second`. */
  take(second: number): number {
    assert(this.#last === undefined || second > this.#last, () => `second ${second} after ${this.#last}`);
    this.#last = second;
    return this.#next++;
  }

  /** The sequence number of a batch for a second before, which fills back. */
  takeEarlier(second: number): number {
    assert(this.#last === undefined || second <= this.#last, () => `second ${second} after ${this.#last}`);
    return this.#next++;
  }

  restart(): void {
    this.#source = { ...this.#source, incarnation: newIncarnation(this.#random) };
    this.#next = 0;
    this.#last = undefined;
  }
}

/** 16 hexadecimal digits. */
export function newIncarnation(random: () => number): string {
  const word = (): string =>
    Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  return word() + word();
}
