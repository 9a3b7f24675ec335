/** Metrics that are learned from what comes in, made known through the log. Owns: what waits to be told. Each origin (a
 *  driver of a host) has a record of its own in the catalogue, which outlives a restart, so that what was seen once stays
 *  known; fields are only added. Tells once a second at most, and again what the log did not take. */
import type { Clock } from '../model/clock.ts';
import type { MetricDescription } from '../model/metric.ts';

const TELL_MS = 1000;
/** Of one origin: each event that adds one carries them all. */
const METRICS_MAX = 1000;

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

/** What is known, with what is new of it: a metric stays what it was, its fields are united. */
export function united(
  known: readonly MetricDescription[],
  seen: readonly MetricDescription[],
): readonly MetricDescription[] {
  const all = new Map(known.map((metric) => [metric.name, metric]));
  let changed = false;
  for (const metric of seen) {
    const before = all.get(metric.name);
    if (before === undefined && all.size >= METRICS_MAX) continue;
    const fields = (before?.fields ?? []).concat(
      metric.fields.filter(({ name }) => before?.fields.every((field) => field.name !== name) ?? true),
    );
    if (before !== undefined && fields.length === before.fields.length) continue;
    all.set(metric.name, { ...(before ?? metric), fields });
    changed = true;
  }
  return changed ? [...all.values()] : known;
}
