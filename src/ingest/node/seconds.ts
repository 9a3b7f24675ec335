/** The open seconds of one measured program: events are counted into the second in which they ended, by whoever
 *  measured them, and a second is sealed once nothing more can come for it. Owns: which seconds are open, a tally
 *  for each instrumentation and open second; in which second the flight recorder has an event. Does not: ask the
 *  time, encode, send.
 *  Invariants: a second is sealed once, in ascending order, with a report of every instrumentation that measured
 *  through the whole of it; what is counted is in exactly one sealed second's rows or its `dropped`; what is
 *  recorded in a second was counted in it by every instrumentation of then. */
import type { Report } from '../../model/batch.ts';
import type { Instrumentation } from '../../model/instrumentation.ts';
import type { FieldReader } from '../../model/predicate.ts';
import { Tally } from '../tally.ts';
import type { FlightRecorder } from './flight.ts';

/** Seconds that may be open at once: a program that stood still longer has those before as unknown. */
export const OPEN_SECONDS_MAX = 10;

export interface SealedSecond {
  readonly second: number;
  readonly reports: readonly Report[];
}

type Where = ((read: FieldReader) => boolean) | undefined;

export interface Span {
  readonly fromSecond: number;
  readonly sinceSecond: number;
}

/** One instrumentation. */
interface Measure {
  readonly instrumentation: Instrumentation;
  readonly where: Where;
  /** The first second that is measured whole. */
  readonly sinceSecond: number;
  readonly open: Map<number, Tally>;
  /** Drained tallies, which know their keys. */
  readonly spare: Tally[];
  /** The tally that counted last, so that the next event looks nothing up. */
  recent: Tally | undefined;
  recentSecond: number;
  /** Events lost, to be said with the next second sealed. */
  dropped: number;
}

export class OpenSeconds {
  readonly #measures = new Map<string, Measure>();
  readonly #byMetric = new Map<string, Measure[]>();
  readonly #flight: FlightRecorder | undefined;
  /** All seconds below are sealed. */
  #sealedUntil: number;

  constructor(nowSecond: number, flight?: FlightRecorder) {
    this.#sealedUntil = nowSecond;
    this.#flight = flight;
  }

  get sealedUntil(): number {
    return this.#sealedUntil;
  }

  get size(): number {
    return this.#measures.size;
  }

  /** Measures from `wholeSecond`, the first second that has not begun; or, where the flight recorder has what was
   *  before and nothing was said of it, from there: the open seconds are filled here, and `fromSecond` up to
   *  `sinceSecond` is for the caller to fill back. */
  enable(instrumentation: Instrumentation, where: Where, wholeSecond: number, saidUntil = 0): Span {
    const recordedSecond = this.#flight?.coversFrom(instrumentation.metric) ?? wholeSecond;
    const fromSecond = Math.min(wholeSecond, Math.max(recordedSecond, saidUntil));
    const sinceSecond = Math.max(fromSecond, this.#sealedUntil);
    const [open, spare, recent] = [new Map<number, Tally>(), [], undefined];
    const measure = {
      instrumentation,
      where,
      sinceSecond,
      open,
      spare,
      recent,
      recentSecond: -1,
      dropped: 0,
    };
    this.#measures.set(instrumentation.id, measure);
    this.#regroup();
    this.#fill(measure);
    return { fromSecond, sinceSecond };
  }

  /** Gives what was measured under the name. */
  disable(id: string): Instrumentation | undefined {
    const measure = this.#measures.get(id);
    this.#measures.delete(id);
    this.#regroup();
    return measure?.instrumentation;
  }

  ids(): string[] {
    return [...this.#measures.keys()];
  }

  measures(metric: string): boolean {
    return this.#byMetric.has(metric);
  }

  /** Counts an event that ended in `second`. One that comes for the second just sealed counts in the next; one
   *  that comes for an older second, as when the clock was set back, is dropped and said to be. */
  count(metric: string, second: number, read: FieldReader): void {
    const at = second === this.#sealedUntil - 1 ? this.#sealedUntil : second;
    const isOpen = at >= this.#sealedUntil && at < this.#sealedUntil + OPEN_SECONDS_MAX;
    if (isOpen) this.#flight?.record(metric, at, read);
    const measures = this.#byMetric.get(metric);
    if (measures === undefined) return;
    for (const measure of measures) {
      if (at < measure.sinceSecond) continue;
      if (isOpen) tallyOf(measure, at).count(read);
      else measure.dropped++;
    }
  }

  /** Says that events of the instrumentation were lost, with the next second. */
  drop(id: string, events: number): void {
    const measure = this.#measures.get(id);
    if (measure !== undefined) measure.dropped += events;
  }

  /** Seals the seconds below `untilSecond`. Those that are further back than OPEN_SECONDS_MAX are left out: the
   *  program stood still, or the clock jumped, and nobody knows. */
  seal(untilSecond: number): SealedSecond[] {
    const sealed: SealedSecond[] = [];
    const from = Math.max(this.#sealedUntil, untilSecond - OPEN_SECONDS_MAX);
    for (const measure of this.#measures.values()) forget(measure, from);
    if (from > this.#sealedUntil) this.#flight?.forget(from);
    this.#flight?.expire(untilSecond - 1);
    for (let second = from; second < untilSecond; second++) {
      const reports: Report[] = [];
      for (const measure of this.#measures.values()) {
        if (second >= measure.sinceSecond) reports.push(report(measure, second));
      }
      if (reports.length > 0) sealed.push({ second, reports });
    }
    this.#sealedUntil = Math.max(this.#sealedUntil, untilSecond);
    return sealed;
  }

  /** The same instrumentations with nothing counted, from the second after `nowSecond`. */
  restarted(nowSecond: number): OpenSeconds {
    this.#flight?.restart(nowSecond + 1);
    const seconds = new OpenSeconds(nowSecond, this.#flight);
    for (const { instrumentation, where } of this.#measures.values()) {
      seconds.enable(instrumentation, where, nowSecond + 1);
    }
    return seconds;
  }

  #fill(measure: Measure): void {
    const { metric } = measure.instrumentation;
    const until = this.#sealedUntil + OPEN_SECONDS_MAX;
    for (let second = Math.max(measure.sinceSecond, this.#sealedUntil); second < until; second++) {
      this.#flight?.replay(metric, second, (read) => tallyOf(measure, second).count(read));
    }
  }

  #regroup(): void {
    this.#byMetric.clear();
    for (const measure of this.#measures.values()) {
      const { metric } = measure.instrumentation;
      const group = this.#byMetric.get(metric);
      if (group === undefined) this.#byMetric.set(metric, [measure]);
      else group.push(measure);
    }
  }
}

function tallyOf(measure: Measure, second: number): Tally {
  if (measure.recentSecond === second) return measure.recent!;
  let tally = measure.open.get(second);
  if (tally === undefined) {
    tally = measure.spare.pop() ?? new Tally(measure.instrumentation, measure.where);
    measure.open.set(second, tally);
  }
  measure.recent = tally;
  measure.recentSecond = second;
  return tally;
}

function report(measure: Measure, second: number): Report {
  const { id, grid } = measure.instrumentation;
  const tally = tallyOf(measure, second);
  const { rows, dropped } = tally.drain();
  measure.open.delete(second);
  measure.recentSecond = -1;
  if (measure.spare.length < 2) measure.spare.push(tally);
  const all = { instrumentation: id, grid, partial: false, dropped: dropped + measure.dropped, rows };
  measure.dropped = 0;
  return all;
}

/** Drops the open seconds below `untilSecond`; none is, unless the clock jumped. */
function forget(measure: Measure, untilSecond: number): void {
  for (const [second, tally] of measure.open) {
    if (second >= untilSecond) continue;
    for (const { histogram } of tally.drain().rows) {
      for (const count of histogram.counts) measure.dropped += count;
    }
    measure.open.delete(second);
    measure.recentSecond = -1;
  }
}
