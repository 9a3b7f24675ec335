/** One subject over time: its newest sample and what was gained since the one before. Owns: the subject, which sample
 *  follows which. Invariant: what a counter gained is known only between samples of adjacent seconds, so a skipped
 *  second is unknown, and never a double one. Samples are taken one after the other. */
import { type Asked, type Gains, gainsOf, type Sample, type Subject } from './sample.ts';

export interface Sampled {
  readonly sample: Sample;
  /** Undefined where the second before was not sampled. */
  readonly gains: Gains | undefined;
}

export class Sampler {
  readonly #subject: Subject;
  #newest: { readonly second: number; readonly sample: Sample } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** A sample that belongs to no second: to see what there is. */
  try(asked: Asked): Promise<Sample> {
    const taken = this.#turn.then(() => this.#take(asked));
    this.#turn = taken;
    return taken;
  }

  async at(second: number, asked: Asked): Promise<Sampled> {
    const sample = await this.try(asked);
    const before = this.#newest;
    this.#newest = { second, sample };
    return { sample, gains: before?.second === second - 1 ? this.#gains(before.sample, sample) : undefined };
  }

  close(): void {
    this.#subject.close();
  }

  #gains(before: Sample, now: Sample): Gains {
    return this.#subject.gains?.(before, now) ?? gainsOf(before, now, this.#subject);
  }

  async #take(asked: Asked): Promise<Sample> {
    try {
      return await this.#subject.sample(asked);
    } catch (error) {
      return {
        things: new Map(),
        leftOut: 0,
        faults: [error instanceof Error ? error.message : String(error)],
      };
    }
  }
}
