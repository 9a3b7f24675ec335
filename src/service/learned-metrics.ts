/** Metrics that are learned from what comes in, made known through the log. Owns: what waits to be told. Each origin (a
 *  driver of a host) has a record of its own in the catalogue, which outlives a restart, so that what was seen once stays
 *  known; fields are only added. Tells once a second at most, and again what the log did not take. */
import { BYTES_MAX, METRICS_MAX } from '../ingest/foreign/offer.ts';
import type { Clock } from '../model/clock.ts';
import type { MetricDescription } from '../model/metric.ts';

const TELL_MS = 1000;

/** Under which the catalogue has what a driver learned; no host's name, so that no source ends by it. */
export function originOf(host: string, driver: string): string {
  return `${host}:${driver}`;
}

export interface MetricLearner {
  /** Makes known what `merge` gives of what is known of the origin. */
  learn(
    origin: string,
    merge: (known: readonly MetricDescription[]) => readonly MetricDescription[],
  ): Promise<void>;
}

export class LearnedMetrics {
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #waiting = new Map<string, Map<string, MetricDescription>>();
  #telling: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** May be called before `tell`. */
  add(origin: string, metrics: readonly MetricDescription[]): void {
    const waiting = this.#waiting.get(origin) ?? new Map<string, MetricDescription>();
    for (const metric of metrics) waiting.set(metric.name, metric);
    this.#waiting.set(origin, waiting);
  }

  /** Begins to tell. */
  tell(learner: MetricLearner, onFault: (error: unknown) => void): void {
    this.#telling = this.#run(learner, onFault);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#telling;
  }

  async #run(learner: MetricLearner, onFault: (error: unknown) => void): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const waiting = this.#waiting;
      this.#waiting = new Map();
      for (const [origin, metrics] of waiting) {
        try {
          await learner.learn(origin, (known) => united(known, [...metrics.values()]));
        } catch (error) {
          onFault(error);
          this.add(origin, [...metrics.values(), ...(this.#waiting.get(origin)?.values() ?? [])]);
        }
      }
      await this.#clock.sleep(TELL_MS, signal);
    }
  }
}

/** What is known, with what is new of it: a metric stays what it was, its fields are united. Of one origin there are
 *  METRICS_MAX, of BYTES_MAX together, since each event that adds one carries them all: what is too much stays unknown. */
export function united(
  known: readonly MetricDescription[],
  seen: readonly MetricDescription[],
): readonly MetricDescription[] {
  const all = new Map(known.map((metric) => [metric.name, metric]));
  let bytes = known.reduce((sum, metric) => sum + bytesOf(metric), 0);
  let changed = false;
  for (const metric of seen) {
    const before = all.get(metric.name);
    if (before === undefined && all.size >= METRICS_MAX) continue;
    const fields = (before?.fields ?? []).concat(
      metric.fields.filter(({ name }) => before?.fields.every((field) => field.name !== name) ?? true),
    );
    if (before !== undefined && fields.length === before.fields.length) continue;
    const grown = { ...(before ?? metric), fields };
    const more = bytesOf(grown) - (before === undefined ? 0 : bytesOf(before));
    if (bytes + more > BYTES_MAX) continue;
    bytes += more;
    all.set(metric.name, grown);
    changed = true;
  }
  return changed ? [...all.values()] : known;
}

function bytesOf(metric: MetricDescription): number {
  return JSON.stringify(metric).length;
}
