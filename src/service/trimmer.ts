/** Lets go of log files that nobody needs: behind what every fold has covered, and older than the log is kept.
 *  Looks once a minute; a log that cannot be trimmed now is trimmed later. */
import type { Clock } from '../model/clock.ts';
import type { LogWriter } from '../model/log.ts';
import type { AggregatorClient } from './answer.ts';

const LOOK_MS = 60_000;

export interface TrimmerOptions {
  readonly writer: LogWriter;
  readonly keepMs: number;
  readonly clock: Clock;
  readonly aggregators: readonly AggregatorClient[];
  readonly catalogueOffset: () => number;
  readonly onFault: (error: unknown) => void;
}

export class Trimmer {
  readonly #options: TrimmerOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** What was covered when: an offset may go once its entry of this list is older than `keepMs`. */
  readonly #history: { readonly atMs: number; readonly offset: number }[] = [];

  constructor(options: TrimmerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, writer, keepMs, onFault } = this.#options;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(LOOK_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        const offset = await this.#covered();
        if (offset !== undefined) this.#history.push({ atMs: clock.nowMs(), offset });
        let due: number | undefined;
        while (this.#history[0] !== undefined && this.#history[0].atMs <= clock.nowMs() - keepMs) {
          due = this.#history.shift()!.offset;
        }
        if (due !== undefined) await writer.trim(due);
      } catch (error) {
        onFault(error);
      }
    }
  }

  /** The least offset that some fold still needs; undefined while an aggregator does not answer. */
  async #covered(): Promise<number | undefined> {
    const answers = await Promise.all(this.#options.aggregators.map((a) => a.ask({ kind: 'status' })));
    let least = this.#options.catalogueOffset();
    for (const answer of answers) {
      if (answer.kind !== 'status') return undefined;
      least = Math.min(least, answer.trimOffset);
    }
    return least;
  }
}
