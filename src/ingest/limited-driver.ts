/** Holds a driver to the limits of its source: every predicate gets the limit above it, and what cannot be held to it is
 *  refused. A driver that cannot tell whose events it counts measures nothing here.
 *  Invariant: nothing that lies outside the limits is counted, whatever is asked. */
import type { Asked, Instrumentation, SourceState } from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Predicate } from '../model/predicate.ts';
import { limitPredicate, limitsText, narrowed, type SourceLimits } from '../model/source-limits.ts';
import {
  type Availability,
  type Collected,
  type Driver,
  type DriverLayer,
  DriverError,
  type DriverSink,
  type DriverSource,
} from './driver.ts';

const REMEDY = 'ask an instrumenter that runs without --only';

export class LimitedDriver implements DriverLayer {
  readonly name: string;
  readonly #driver: Driver;
  readonly #limits: SourceLimits;

  constructor(driver: Driver, limits: SourceLimits) {
    this.name = driver.name;
    this.#driver = driver;
    this.#limits = limits;
  }

  get metrics(): readonly MetricDescription[] {
    return this.#driver.metrics;
  }

  get tenancy(): Driver['tenancy'] {
    return this.#driver.tenancy;
  }

  availability(): readonly Availability[] {
    const said = new Map((this.#driver.availability?.() ?? []).map((one) => [one.metric, one]));
    return this.metrics.map((metric) => {
      const limit = this.#limitOf(metric);
      if (typeof limit !== 'string') return said.get(metric.name) ?? { metric: metric.name, available: true };
      return { metric: metric.name, available: false, reason: limit, remedy: REMEDY };
    });
  }

  /** One that measures nothing here does not even listen. */
  async start(sink: DriverSink): Promise<void> {
    if (this.#driver.tenancy !== undefined) await this.#driver.start(sink);
  }

  /** Names that a driver which cannot be held to limits would take, it does take, to say why it measures none. */
  takes(metric: string): boolean {
    return this.#driver.takes?.(metric) ?? false;
  }

  refusal(asked: Asked): string | undefined {
    const limited = this.#limited(asked);
    return typeof limited === 'string' ? limited : this.#driver.refusal?.(limited);
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    const limited = this.#limited(instrumentation);
    if (typeof limited === 'string') throw new DriverError('LIMITED', limited);
    await this.#driver.enable(limited);
  }

  async disable(id: string): Promise<void> {
    if (this.#driver.tenancy !== undefined) await this.#driver.disable(id);
  }

  async collect(second: number): Promise<Collected> {
    return this.#driver.tenancy === undefined ? { batches: [], awaited: [] } : this.#driver.collect(second);
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    return this.#driver.states(id);
  }

  sources(): readonly DriverSource[] {
    return this.#driver.sources();
  }

  async close(): Promise<void> {
    if (this.#driver.tenancy !== undefined) await this.#driver.close();
  }

  /** With its predicate held to the limits; a text says why it cannot be. */
  #limited<T extends Asked>(asked: T): T | string {
    const metric = this.metrics.find(({ name }) => name === asked.metric);
    const limit = metric === undefined ? this.#unknownLimit() : this.#limitOf(metric);
    if (typeof limit === 'string') return `Cannot measure "${asked.metric}": ${limit}`;
    return limit === undefined ? asked : { ...asked, where: narrowed(asked.where, limit) };
  }

  /** What must hold of an event; undefined where the driver sees to it; a text says why it cannot be held to. */
  #limitOf(metric: MetricDescription): Predicate | undefined | string {
    const { tenancy } = this.#driver;
    if (tenancy === 'programs') return undefined;
    if (tenancy === undefined) return this.#unheld();
    const limit = limitPredicate(this.#limits, metric);
    if (typeof limit !== 'string') return limit;
    return `${this.#here()}, and this metric has no field "${limit}" to hold it to`;
  }

  /** Of a metric that is none of `metrics`: nothing is known of it that it could be held by. */
  #unknownLimit(): undefined | string {
    return this.#driver.tenancy === 'programs' ? undefined : this.#unheld();
  }

  #unheld(): string {
    return `${this.#here()}, and the driver "${this.name}" cannot tell whose events it counts`;
  }

  #here(): string {
    return `this instrumenter is limited to ${limitsText(this.#limits)}`;
  }
}
