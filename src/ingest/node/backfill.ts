/** What is owed to instrumentations that were filled back: the seconds that were sealed before each was enabled,
 *  counted from the flight recorder, a second at a time and the oldest first. Owns: who is owed which seconds.
 *  Does not: know time, number, send.
 *  Invariant: of a second that the recorder no longer has whole nothing is said, and the cut is told. */
import type { Report } from '../../model/batch.ts';
import type { Instrumentation } from '../../model/instrumentation.ts';
import type { FieldReader } from '../../model/predicate.ts';
import { Tally } from '../tally.ts';
import type { FlightRecorder } from './flight.ts';

export interface Owed {
  readonly instrumentation: Instrumentation;
  readonly where: ((read: FieldReader) => boolean) | undefined;
  /** Seconds owed: [fromSecond, untilSecond). */
  readonly fromSecond: number;
  readonly untilSecond: number;
}

interface Job extends Owed {
  readonly tally: Tally;
  next: number;
}

export class Backfill {
  readonly #flight: FlightRecorder;
  readonly #onCut: (id: string, coversFromSecond: number) => void;
  readonly #jobs = new Map<string, Job>();

  /** `onCut`: the recorder has lost what was before, and nothing was said of it. */
  constructor(flight: FlightRecorder, onCut: (id: string, coversFromSecond: number) => void) {
    this.#flight = flight;
    this.#onCut = onCut;
  }

  get size(): number {
    return this.#jobs.size;
  }

  add(owed: Owed): void {
    const { instrumentation, where, fromSecond } = owed;
    this.#jobs.set(instrumentation.id, {
      ...owed,
      tally: new Tally(instrumentation, where),
      next: fromSecond,
    });
  }

  remove(id: string): void {
    this.#jobs.delete(id);
  }

  clear(): void {
    this.#jobs.clear();
  }

  /** The oldest second that is owed, for all that it is owed to; undefined where nothing is. */
  next(): { readonly second: number; readonly reports: readonly Report[] } | undefined {
    for (const job of this.#jobs.values()) this.#catchUp(job);
    const second = Math.min(...Array.from(this.#jobs.values(), (job) => job.next));
    if (second === Infinity) return undefined;
    const reports: Report[] = [];
    for (const job of this.#jobs.values()) {
      if (job.next !== second) continue;
      reports.push(this.#count(job, second));
      job.next = second + 1;
      if (job.next === job.untilSecond) this.#jobs.delete(job.instrumentation.id);
    }
    return { second, reports };
  }

  #catchUp(job: Job): void {
    const { id, metric } = job.instrumentation;
    const covers = this.#flight.coversFrom(metric) ?? Infinity;
    if (covers <= job.next) return;
    job.next = covers;
    if (job.next >= job.untilSecond) this.#jobs.delete(id);
    this.#onCut(id, Math.min(covers, job.untilSecond));
  }

  #count({ instrumentation, tally }: Job, second: number): Report {
    const { id, metric, grid } = instrumentation;
    this.#flight.replay(metric, second, (read) => tally.count(read));
    return { instrumentation: id, grid, partial: false, ...tally.drain() };
  }
}
