/** How many events a sampled value stands for, in whole events. A client that sends one of three says a rate of 0.3, and
 *  one value is 3.33 events: what is cut off is carried to the next value of the same name and tags, so that of each
 *  the sum differs from the exact one by less than one event, and nothing is left to chance. */

/** Names with tags whose rest is carried; past that the rests, less than an event each, are let go. */
const CARRIED_MAX = 4096;
/** Rates are decimal, 1 / 0.7 times 0.7 is not 1: what is so near is whole. */
const NEAR = 1e-9;

export class Weights {
  readonly #carried = new Map<string, number>();

  /** Events for one value of `of` that stands for `weight`. */
  events(of: string, weight: number): number {
    const whole = Math.round(weight);
    if (Math.abs(weight - whole) < NEAR * whole) return whole;
    const exact = weight + (this.#carried.get(of) ?? 0);
    const events = Math.floor(exact + NEAR);
    if (this.#carried.size >= CARRIED_MAX && !this.#carried.has(of)) this.#carried.clear();
    this.#carried.set(of, exact - events);
    return events;
  }
}
