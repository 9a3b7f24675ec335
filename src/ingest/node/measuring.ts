/** What one program measures: the wanted instrumentations, the probes that run for them, the open seconds and the
 *  numbered batches that come out. Owns: all that is in the program and not on the socket.
 *  Invariants: a probe runs if and only if an instrumentation needs it; an instrumentation measures from the first
 *  second that begins after it was enabled; nothing here throws into the program: after FAULTS_MAX faults of the
 *  probes measuring ends for good. */
import { performance } from 'node:perf_hooks';
import { type Batch, encodeBatch, type Report, type Source } from '../../model/batch.ts';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import type { FieldReader } from '../../model/predicate.ts';
import { CLOCK_BACK_SECONDS_MAX, SourceSequence } from '../source-sequence.ts';
import { eventsInRows, Outbox } from './outbox.ts';
import { type FixedFields, PROBES, type RunningProbe } from './probes.ts';
import { OpenSeconds } from './seconds.ts';
import { WallClock } from './wall-clock.ts';
import { FRAME_BYTES_MAX, programDriver } from './wire.ts';

const FAULTS_MAX = 10;
/** Room for the frame around a batch. */
const BATCH_BYTES_MAX = FRAME_BYTES_MAX - 16;

export interface MeasuringOptions {
  readonly host: string;
  readonly app: string;
  readonly pid: number;
  readonly random: () => number;
  readonly onState: (id: string, state: SourceState) => void;
}

export class Measuring {
  readonly host: string;
  readonly outbox = new Outbox((lost) => lost.forEach((events, id) => this.#seconds.drop(id, events)));
  readonly clock: WallClock;
  readonly #options: MeasuringOptions;
  readonly #fixed: FixedFields;
  readonly #sequence: SourceSequence;
  readonly #probes = new Map<string, RunningProbe>();
  readonly #states = new Map<string, SourceState>();
  #wanted = new Map<string, Instrumentation>();
  #seconds: OpenSeconds;
  #faults = 0;

  constructor(options: MeasuringOptions) {
    const { host, app, pid } = options;
    this.#options = options;
    this.host = host;
    const dateMs = Date.now; // as it is now: a program's tests may replace it
    this.clock = new WallClock(() => performance.now(), dateMs);
    this.#fixed = new Map<string, string | number>([
      ['host', host],
      ['app', app],
      ['pid', pid],
    ]);
    this.#sequence = new SourceSequence({ host, driver: programDriver(app, pid) }, options.random);
    this.#seconds = new OpenSeconds(this.#nowSecond());
  }

  get source(): Source {
    return this.#sequence.source;
  }

  /** Whether there is a second to seal. */
  get active(): boolean {
    return this.#seconds.size > 0;
  }

  states(): ReadonlyMap<string, SourceState> {
    return this.#states;
  }

  /** Makes what is measured what is wanted; what a list that is not whole leaves out goes on. Resolves when all that
   *  can be is enabled. */
  async want(instrumentations: readonly Instrumentation[], whole = true): Promise<void> {
    const before = this.#wanted;
    const wanted = new Map(whole ? [] : before);
    const fresh = instrumentations.filter((one) => !same(one, before.get(one.id)));
    // What is as it was stays the very object: an enabling under way knows by that that it is still wanted.
    for (const one of instrumentations) wanted.set(one.id, before.get(one.id) ?? one);
    for (const one of fresh) wanted.set(one.id, one);
    this.#wanted = wanted;
    for (const [id, was] of before) if (wanted.get(id) !== was) this.#disable(id);
    await Promise.all(fresh.map((one) => this.#enable(one)));
  }

  /** Seals the seconds that have ended, or at the program's end also the one at hand, into numbered batches. */
  seal(theEnd = false): void {
    for (const probe of this.#probes.values()) probe.flush();
    const now = this.#nowSecond();
    if (this.#seconds.sealedUntil - now > CLOCK_BACK_SECONDS_MAX) this.#beginAnew(now);
    for (const { second, reports } of this.#seconds.seal(theEnd ? now + 1 : now)) {
      if (!this.#sequence.accepts(second)) continue;
      const { source } = this.#sequence;
      const sequence = this.#sequence.take(second);
      const batch = { source, sequence, second, reports };
      this.outbox.add(sequence, encodeBounded(batch), reports);
    }
    this.clock.correct();
  }

  /** Measures nothing more, and forgets what it has. */
  stop(): void {
    for (const id of this.#wanted.keys()) this.#disable(id);
    this.#wanted = new Map();
    this.outbox.clear();
  }

  async #enable(instrumentation: Instrumentation): Promise<void> {
    const { id, where } = instrumentation;
    try {
      let test: ((read: FieldReader) => boolean) | undefined;
      // The pattern engine is loaded when a predicate asks for it, and not into every program.
      if (where !== undefined) test = (await import('../../model/predicate.ts')).compilePredicate(where);
      if (this.#wanted.get(id) !== instrumentation || this.#faults >= FAULTS_MAX) return;
      this.#startProbe(instrumentation.metric);
      const sinceSecond = Math.max(this.#nowSecond() + 1, this.#seconds.sealedUntil);
      this.#seconds.enable(instrumentation, test, sinceSecond);
      this.#say(id, { state: 'enabled', sinceSecond });
    } catch (error) {
      this.#say(id, { state: 'failed', reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #startProbe(metric: string): void {
    if (this.#probes.has(metric)) return;
    const probe = PROBES.get(metric);
    if (probe === undefined)
      throw new Error(`Cannot measure "${metric}": this program's probe does not know it`);
    const emit = (endMs: number, read: FieldReader): void =>
      this.#seconds.count(metric, this.clock.secondAt(endMs), read);
    this.#probes.set(
      metric,
      probe(this.#fixed, emit, (error) => this.#fault(error)),
    );
  }

  #disable(id: string): void {
    this.#states.delete(id);
    this.#seconds.disable(id);
    for (const [metric, probe] of this.#probes) {
      if (this.#seconds.measures(metric)) continue;
      probe.stop();
      this.#probes.delete(metric);
    }
  }

  #say(id: string, state: SourceState): void {
    this.#states.set(id, state);
    this.#options.onState(id, state);
  }

  /** The system's clock was set back far: a new incarnation, so that no second is said twice by one source. */
  #beginAnew(nowSecond: number): void {
    this.#sequence.restart();
    this.outbox.clear();
    const seconds = this.#seconds.restarted(nowSecond);
    this.#seconds = seconds;
    for (const id of seconds.ids()) this.#say(id, { state: 'enabled', sinceSecond: nowSecond + 1 });
  }

  #fault(error: unknown): void {
    this.#faults++;
    if (this.#faults < FAULTS_MAX) return;
    const reason = error instanceof Error ? error.message : String(error);
    for (const id of this.#seconds.ids()) {
      this.#disable(id);
      this.#say(id, {
        state: 'failed',
        reason: `Cannot measure on: the probe failed ${FAULTS_MAX} times, last: ${reason}`,
      });
    }
  }

  #nowSecond(): number {
    return Math.floor(this.clock.nowMs() / 1000);
  }
}

function same(a: Instrumentation, b: Instrumentation | undefined): boolean {
  return b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

/** A batch that a frame holds: where it would not, the largest reports give up their rows and say so. */
function encodeBounded(batch: Batch): Uint8Array {
  let reports: readonly Report[] = batch.reports;
  for (;;) {
    const bytes = encodeBatch({ ...batch, reports });
    if (bytes.length <= BATCH_BYTES_MAX) return bytes;
    const largest = Math.max(...reports.map((report) => report.rows.length));
    reports = reports.map((report) =>
      report.rows.length < largest
        ? report
        : { ...report, dropped: report.dropped + eventsInRows(report), rows: [] },
    );
  }
}
