/** Where gauges stand. A client says a gauge when it changes, or now and then: it stands there until it is said again,
 *  for GAUGE_SECONDS. Bounded: past GAUGES_MAX the one that was said longest ago goes. */
import { SOURCE_FORGET_SECONDS } from '../../model/limits.ts';
import type { SeenMetric, Tags } from './seen-metrics.ts';

const GAUGES_MAX = 4096;
/** As long as a source is expected that says nothing. */
const GAUGE_SECONDS = SOURCE_FORGET_SECONDS;

export interface Gauge {
  readonly metric: SeenMetric;
  readonly tags: Tags;
  readonly value: number;
  readonly saidSecond: number;
}

export class Gauges {
  /** The one said longest ago comes first. */
  readonly #stand = new Map<string, Gauge>();

  /** `of` stands for the name with its tags. */
  say(of: string, gauge: Gauge, isStep: boolean): void {
    const before = this.#stand.get(of);
    this.#stand.delete(of);
    const value = isStep ? (before?.value ?? 0) + gauge.value : gauge.value;
    this.#stand.set(of, { ...gauge, value });
    if (this.#stand.size <= GAUGES_MAX) return;
    for (const oldest of this.#stand.keys()) return void this.#stand.delete(oldest);
  }

  at(second: number): IterableIterator<Gauge> {
    for (const [of, { saidSecond }] of this.#stand) {
      if (second - saidSecond <= GAUGE_SECONDS) break;
      this.#stand.delete(of);
    }
    return this.#stand.values();
  }
}
