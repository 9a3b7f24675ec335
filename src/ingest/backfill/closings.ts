/** Which windows a source that goes on may say are whole. Owns: which are still open, which were said. Does not: pack,
 *  know time.
 *  Window w is [w, w + N), w a multiple of N. Invariants: a window is said to be whole once at most, not before it is
 *  over, and never where it began before the source did. What comes for it later adds to it, as a part. */

/** Windows without a count are said to be whole so far back; what is in longer gaps is unknown. */
const FILL_SECONDS = 60;
/** While it reads what is behind: of a file in the order of time, what lies so many windows back is over. */
const OPEN_MAX = 64;

export interface Beginning {
  readonly everySeconds: number;
  /** From here on the source knows all there is; undefined where that is from its first count on. */
  readonly fromSecond: number | undefined;
}

export class Closings {
  readonly #everySeconds: number;
  readonly #open = new Set<number>();
  /** Windows below were said to be whole or never will be, but for those in `#open`. */
  #untilSecond: number | undefined;

  constructor({ everySeconds, fromSecond }: Beginning) {
    this.#everySeconds = everySeconds;
    if (fromSecond !== undefined) this.#untilSecond = Math.ceil(fromSecond / everySeconds) * everySeconds;
  }

  /** The windows that are whole now, ascending. `counted`: those that have counts since the last call. `knownUntil`: the
   *  second before which all is known; undefined where the source is behind. */
  take(counted: readonly number[], knownUntil: number | undefined): number[] {
    if (counted.length > 0) this.#untilSecond ??= Math.min(...counted);
    const said = this.#untilSecond;
    if (said === undefined) return [];
    for (const window of counted) if (window >= said) this.#open.add(window);
    if (knownUntil !== undefined) return this.#closeBelow(knownUntil - (knownUntil % this.#everySeconds));
    const spare = [...this.#open].toSorted((a, b) => a - b).at(-1 - OPEN_MAX);
    return spare === undefined ? [] : this.#closeBelow(spare + this.#everySeconds);
  }

  #closeBelow(second: number): number[] {
    const every = this.#everySeconds;
    const from = Math.max(this.#untilSecond!, Math.ceil((second - FILL_SECONDS) / every) * every);
    for (let window = from; window < second; window += every) this.#open.add(window);
    this.#untilSecond = Math.max(this.#untilSecond!, second);
    const closed = [...this.#open].filter((window) => window < second).toSorted((a, b) => a - b);
    for (const window of closed) this.#open.delete(window);
    return closed;
  }
}
