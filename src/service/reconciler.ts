/** Makes an instrumenter measure what lives, and nothing else: the difference between what is wanted and what was
 *  asked for, applied in order. Enabling may take long and may fail for a reason; the instrumenter keeps both as
 *  the source's state. */
import type { Instrumentation } from '../model/instrumentation.ts';

export interface Enabler {
  enable(instrumentation: Instrumentation): Promise<void>;
  disable(id: string): Promise<void>;
}

export class Reconciler {
  readonly #enabler: Enabler;
  readonly #notice: (line: string) => void;
  #asked = new Map<string, Instrumentation>();

  constructor(enabler: Enabler, notice: (line: string) => void) {
    this.#enabler = enabler;
    this.#notice = notice;
  }

  want(living: readonly Instrumentation[]): void {
    const wanted = new Map(living.map((i) => [i.id, i]));
    for (const [id, was] of this.#asked) {
      const now = wanted.get(id);
      if (now === undefined || now.createdSecond !== was.createdSecond)
        this.#ask('disable', id, this.#enabler.disable(id));
    }
    for (const [id, now] of wanted) {
      if (this.#asked.get(id)?.createdSecond !== now.createdSecond)
        this.#ask('enable', id, this.#enabler.enable(now));
    }
    this.#asked = wanted;
  }

  #ask(what: string, id: string, done: Promise<void>): void {
    done.catch((error: unknown) => {
      this.#notice(`cannot ${what} "${id}": ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}
