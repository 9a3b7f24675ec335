/** The prometheus driver: scrapes the targets that it is given, each at its own pace, so that one that is slow or gone
 *  delays no other. Owns: the targets, what they offer together, what is dropped. */
import type { Clock } from '../../model/clock.ts';
import { unixSecond } from '../../model/clock.ts';
import { sourceName } from '../../model/batch.ts';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import type { MetricDescription } from '../../model/metric.ts';
import type { Collected, Driver, DriverSink, DriverSource, EncodedBatch } from '../driver.ts';
import { Drops } from '../foreign/drops.ts';
import { Offer } from '../foreign/offer.ts';
import { type ScrapeTarget, Target } from './target.ts';

export interface ScrapeDriverOptions {
  readonly host: string;
  readonly random: () => number;
  readonly clock: Clock;
  readonly targets: readonly ScrapeTarget[];
  readonly isTaken: (metric: string) => boolean;
}

export class ScrapeDriver implements Driver {
  readonly name = 'prometheus';
  readonly offer: Offer;
  readonly drops = new Drops();
  readonly #targets: readonly Target[];
  readonly #clock: Clock;
  #sink: DriverSink | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ScrapeDriverOptions) {
    const { isTaken, targets } = options;
    const { drops } = this;
    this.#clock = options.clock;
    const onSeen = (metric: MetricDescription): void => this.#sink?.seen?.([metric]);
    const offer = new Offer({ isTaken, prefix: 'prom', drops, onSeen });
    this.offer = offer;
    const onTold = (batches: readonly EncodedBatch[]): void => this.#sink?.late(batches);
    this.#targets = targets.map((target) => new Target({ ...options, target, offer, drops, onTold }));
  }

  get metrics(): readonly MetricDescription[] {
    return this.offer.descriptions();
  }

  get takenCount(): number {
    return this.#targets.reduce((sum, target) => sum + target.takenCount, 0);
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    this.#running = Promise.all(this.#targets.map((target) => target.run()));
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    for (const target of this.#targets) target.want(instrumentation);
  }

  async disable(id: string): Promise<void> {
    for (const target of this.#targets) target.drop(id);
  }

  /** Targets tell when they were scraped. */
  async collect(): Promise<Collected> {
    return { batches: [], awaited: [] };
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    return this.#targets.flatMap((target): { source: string; state: SourceState }[] => {
      const source = sourceName(target.teller.source);
      const sinceSecond = target.teller.sinceSecond(id);
      const reason = sinceSecond === undefined ? target.refusal(id) : target.fault;
      if (reason !== undefined) return [{ source, state: { state: 'failed', reason } }];
      return sinceSecond === undefined ? [] : [{ source, state: { state: 'enabled', sinceSecond } }];
    });
  }

  sources(): readonly DriverSource[] {
    return this.#targets.flatMap(({ teller }) =>
      teller.isIdle ? [] : [{ source: teller.source, lastSecond: teller.lastSecond }],
    );
  }

  async close(): Promise<void> {
    for (const target of this.#targets) target.stop();
    await this.#running;
    const second = unixSecond(this.#clock.nowMs());
    for (const { teller } of this.#targets)
      if (teller.lastSecond !== undefined)
        this.#sink?.offline(teller.source, Math.min(teller.lastSecond + 1, second));
    this.#sink = undefined;
  }
}
