/** What each series had when it was last seen: turns what a sender keeps adding up into what is new. Owns: the state
 *  per series, the rules of resets, the bound on series. Does not: know time other than the points' own, count.
 *  Rules, for a sum that is cumulative since `start`:
 *  - first seen: what it has is new where it began after this book did, or where the sender told all that it had at an
 *    earlier time (`completeAt`) and this was not among it; else it is only noted;
 *  - it has less than before, or its start moved: it began anew, and all it has is new;
 *  - else the difference is new. It is new between the point before (or its start) and the point.
 *  Fractions are carried, so that the whole counts that come out sum to what came in, to less than one count. */
import { type Bins, binsSince } from './bins.ts';
import type { Drops } from './drops.ts';

/** Some hundred bytes each; past it the series that was silent longest is forgotten, and begins anew when it comes. */
const SERIES_MAX = 100_000;

interface State {
  readonly start: number | undefined;
  readonly time: number;
  readonly value: number | Bins;
}

export interface Observed {
  readonly temporality: 'delta' | 'cumulative';
  readonly start: number | undefined;
  readonly time: number;
  /** In base units, where it is a number. */
  readonly value: number | Bins;
}

/** What is new in the time (from, until]. */
export interface Increment {
  readonly from: number;
  readonly until: number;
  readonly value: number | Bins;
}

export class SeriesBook {
  readonly #bornAt: number;
  readonly #drops: Drops;
  readonly #max: number;
  /** In the order in which they were last seen. */
  readonly #states = new Map<string, State>();
  /** Of deltas with fractions: what is not counted yet. */
  readonly #carries = new Map<string, number>();
  /** From then on one that is first seen may be one that was forgotten. */
  #hasForgotten = false;

  constructor(options: { readonly bornAt: number; readonly drops: Drops; readonly seriesMax?: number }) {
    this.#bornAt = options.bornAt;
    this.#drops = options.drops;
    this.#max = options.seriesMax ?? SERIES_MAX;
  }

  get size(): number {
    return this.#states.size;
  }

  /** Undefined where nothing is new. `completeAt`: when the sender last told every series that it had. */
  take(key: string, seen: Observed, completeAt?: number): Increment | undefined {
    if (seen.temporality === 'delta') return this.#delta(key, seen);
    const before = this.#states.get(key);
    if (before !== undefined && seen.time <= before.time) {
      if (seen.time < before.time) this.#drops.add('points older than one before them');
      return undefined;
    }
    this.#note(key, seen);
    if (before === undefined) {
      const start = seen.start ?? (this.#hasForgotten ? undefined : completeAt);
      const isOurs = start !== undefined && start >= this.#bornAt;
      return isOurs ? increment(start, seen.time, seen.value) : undefined;
    }
    const from = before.time;
    const isAnew = seen.start !== undefined && before.start !== undefined && seen.start > before.start;
    if (isAnew) return increment(Math.max(from, seen.start!), seen.time, seen.value);
    return this.#difference(from, before, seen);
  }

  #difference(from: number, before: State, seen: Observed): Increment | undefined {
    if (typeof seen.value === 'number' && typeof before.value === 'number') {
      const isReset = seen.value < before.value;
      const value = isReset ? Math.floor(seen.value) : Math.floor(seen.value) - Math.floor(before.value);
      return increment(from, seen.time, value);
    }
    if (typeof seen.value === 'number' || typeof before.value === 'number') return undefined;
    const value = binsSince(seen.value, before.value);
    if (value === 'reset') return increment(from, seen.time, seen.value);
    if (value !== 'other') return increment(from, seen.time, value);
    this.#drops.add('histograms whose buckets changed: the counts between two points');
    return undefined;
  }

  #delta(key: string, { start, time, value }: Observed): Increment | undefined {
    const from = start === undefined || start > time ? time : start;
    if (typeof value !== 'number') return increment(from, time, value);
    const sum = value + (this.#carries.get(key) ?? 0);
    const whole = Math.floor(sum);
    if (sum === whole) this.#carries.delete(key);
    else {
      this.#carries.set(key, sum - whole);
      if (this.#carries.size > this.#max) this.#carries.delete(first(this.#carries));
    }
    return increment(from, time, whole);
  }

  #note(key: string, { start, time, value }: Observed): void {
    this.#states.delete(key);
    this.#states.set(key, { start, time, value });
    if (this.#states.size <= this.#max) return;
    this.#states.delete(first(this.#states));
    this.#hasForgotten = true;
    this.#drops.add('series forgotten: too many at a time');
  }
}

function first(map: ReadonlyMap<string, unknown>): string {
  for (const key of map.keys()) return key;
  return '';
}

function increment(from: number, until: number, value: number | Bins): Increment | undefined {
  if (typeof value === 'number') return value > 0 ? { from, until, value: Math.floor(value) } : undefined;
  return { from, until, value };
}
