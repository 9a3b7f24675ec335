/** Makes what a driver learns to offer known in the catalogue: all of it, at most once in PAUSE_MS. Where the log does
 *  not take it, it is tried again. Owns: the pace. */
import type { Clock } from '../model/clock.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Configuration } from './configuration.ts';

const PAUSE_MS = 1000;

export interface OffersOptions {
  /** Under which the catalogue has them; no host's name. */
  readonly name: string;
  readonly metrics: () => readonly MetricDescription[];
  readonly configuration: Pick<Configuration, 'offer'>;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export class Offers {
  readonly #options: OffersOptions;
  readonly #stop = new AbortController();
  #isDue = false;
  #running: Promise<void> | undefined;

  constructor(options: OffersOptions) {
    this.#options = options;
  }

  /** There is more to offer than was. */
  grow(): void {
    this.#isDue = true;
    if (!this.#stop.signal.aborted) this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { name, metrics, configuration, clock, onFault } = this.#options;
    while (this.#isDue && !this.#stop.signal.aborted) {
      this.#isDue = false;
      // What comes together is offered together: a batch of a new sender brings all its metrics at once.
      await new Promise((resolve) => setImmediate(resolve));
      try {
        await configuration.offer(name, metrics());
      } catch (error) {
        this.#isDue = true;
        onFault(error);
      }
      await clock.sleep(PAUSE_MS, this.#stop.signal);
    }
  }
}
