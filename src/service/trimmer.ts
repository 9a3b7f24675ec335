/** Lets go of log files that nobody needs: behind what every fold has covered, and older than the log is kept.
 *  Looks once a minute; a log that cannot be trimmed now is trimmed later. */
import type { Clock } from '../model/clock.ts';
import type { LogReader, LogWriter } from '../model/log.ts';
import type { AggregatorClient } from './answer.ts';

const LOOK_MS = 60_000;

/** Who reads the log and must not lose what he has not read. */
export interface LogFollowers {
  readonly aggregators: readonly AggregatorClient[];
  readonly catalogueOffset: () => number;
}

export interface TrimmerOptions extends LogFollowers {
  readonly writer: Pick<LogWriter, 'trim'>;
  readonly reader: Pick<LogReader, 'seek'>;
  readonly keepMs: number;
  readonly clock: Clock;
  readonly onFault: (error: unknown) => void;
}

export class Trimmer {
  readonly #options: TrimmerOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(options: TrimmerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, writer, reader, keepMs, onFault } = this.#options;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(LOOK_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        const covered = await coveredOffset(this.#options);
        const kept = await reader.seek(clock.nowMs() - keepMs);
        if (covered !== undefined && kept !== undefined) await writer.trim(Math.min(covered, kept));
      } catch (error) {
        onFault(error);
      }
    }
  }
}

/** The least offset that some fold still needs; undefined while an aggregator does not answer. */
export async function coveredOffset({
  aggregators,
  catalogueOffset,
}: LogFollowers): Promise<number | undefined> {
  const answers = await Promise.all(aggregators.map((a) => a.ask({ kind: 'status' })));
  let least = catalogueOffset();
  for (const answer of answers) {
    if (answer.kind !== 'status') return undefined;
    least = Math.min(least, answer.trimOffset);
  }
  return least;
}
