/** The shop's own count of what it served, per second and route, to be compared with what an observer counted.
 *
 *  A request counts in the second of its response's 'finish' event, by Date.now() read in that event's handler.
 *  An observer on the diagnostics channel `http.server.response.finish` is told in the same event, in a handler
 *  that ran microseconds earlier: its own reading of the clock may fall on the other side of a second's
 *  boundary. `edge` is the number of responses that finished within EDGE_MS of a boundary of the second: an
 *  observer's count of a second may differ by the edges of it and of the next, and no more; a sum over seconds
 *  only by the edges at both ends.
 *  Responses that never finish (the peer went away) are in neither count. */

/** Seconds kept; older ones are forgotten. */
export const SERVED_SECONDS_MAX = 7200;
/** More than two handlers of one event are apart, though the scheduler of a busy machine comes between them. */
export const EDGE_MS = 10;

export interface ServedSecond {
  readonly second: number;
  readonly total: number;
  readonly edge: number;
  readonly routes: { readonly [route: string]: number };
}

interface Tally {
  total: number;
  edge: number;
  readonly routes: Map<string, number>;
}

export class Served {
  readonly #seconds = new Map<number, Tally>();

  add(route: string, finishMs: number): void {
    const second = Math.floor(finishMs / 1000);
    let tally = this.#seconds.get(second);
    if (tally === undefined) {
      tally = { total: 0, edge: 0, routes: new Map() };
      this.#seconds.set(second, tally);
      this.#seconds.delete(second - SERVED_SECONDS_MAX);
      if (this.#seconds.size > SERVED_SECONDS_MAX) this.#seconds.delete(this.#seconds.keys().next().value!);
    }
    tally.total++;
    const withinMs = finishMs - second * 1000;
    if (withinMs < EDGE_MS || withinMs >= 1000 - EDGE_MS) tally.edge++;
    tally.routes.set(route, (tally.routes.get(route) ?? 0) + 1);
  }

  /** The seconds of [fromSecond, untilSecond) in which anything was served, in order. */
  between(fromSecond: number, untilSecond: number): ServedSecond[] {
    return [...this.#seconds]
      .filter(([second]) => second >= fromSecond && second < untilSecond)
      .toSorted(([a], [b]) => a - b)
      .map(([second, { total, edge, routes }]) => ({
        second,
        total,
        edge,
        routes: Object.fromEntries(routes),
      }));
  }
}
