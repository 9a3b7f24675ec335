/** Makes an instrumenter measure what is wanted, and nothing else: the difference between what is wanted and what was
 *  asked for, applied in order, for each instrumentation one step after another. Enabling may take long and may fail
 *  for a reason; the instrumenter keeps both as the source's state.
 *  What ends is disabled once the second before is collected, so that a pause costs no second that was measured. */
import { COLLECT_MS_MAX } from '../ingest/driver.ts';
import type { Clock } from '../model/clock.ts';
import type { Instrumentation } from '../model/instrumentation.ts';

/** So far into a second the one before it has been asked for. */
const COLLECTED_MS = COLLECT_MS_MAX + 100;

export interface Enabler {
  enable(instrumentation: Instrumentation): Promise<void>;
  disable(id: string): Promise<void>;
}

export class Reconciler {
  readonly #enabler: Enabler;
  readonly #clock: Clock;
  readonly #notice: (line: string) => void;
  #asked = new Map<string, Instrumentation>();
  /** Of each instrumentation, the last step that is not over yet. */
  readonly #steps = new Map<string, Promise<void>>();

  constructor(enabler: Enabler, clock: Clock, notice: (line: string) => void) {
    this.#enabler = enabler;
    this.#clock = clock;
    this.#notice = notice;
  }

  want(measured: readonly Instrumentation[]): void {
    const wanted = new Map(measured.map((i) => [i.id, i]));
    for (const [id, was] of this.#asked) {
      const now = wanted.get(id);
      if (now === undefined || now.createdSecond !== was.createdSecond)
        this.#ask('disable', id, () => this.#disable(id));
    }
    for (const [id, now] of wanted) {
      if (this.#asked.get(id)?.createdSecond !== now.createdSecond)
        this.#ask('enable', id, () => this.#enabler.enable(now));
    }
    this.#asked = wanted;
  }

  async #disable(id: string): Promise<void> {
    const leftMs = COLLECTED_MS - (this.#clock.nowMs() % 1000);
    if (leftMs > 0) await this.#clock.sleep(leftMs);
    await this.#enabler.disable(id);
  }

  #ask(what: string, id: string, step: () => Promise<void>): void {
    const before = this.#steps.get(id);
    const done = (before === undefined ? step() : before.then(step)).catch((error: unknown) => {
      this.#notice(`cannot ${what} "${id}": ${error instanceof Error ? error.message : String(error)}`);
    });
    this.#steps.set(id, done);
    void done.then(() => {
      if (this.#steps.get(id) === done) this.#steps.delete(id);
    });
  }
}
