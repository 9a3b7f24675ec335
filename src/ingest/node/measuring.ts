/** What one program measures: the wanted instrumentations, the probes that run for them, the open seconds and the
 *  numbered batches that come out. Owns: all that is in the program and not on the socket.
 *  Invariants: a probe runs if and only if an instrumentation needs it, or the flight recorder runs always; an
 *  instrumentation measures from the first second that begins after it was enabled, and what the recorder has of
 *  those before is filled back, no second twice; nothing here throws into the program: after FAULTS_MAX faults of
 *  the probes measuring ends for good. */
import { performance } from 'node:perf_hooks';
import { type Batch, encodeBatch, type Report, type Source } from '../../model/batch.ts';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import type { FieldReader } from '../../model/predicate.ts';
import { INSTRUMENTATIONS_MAX } from '../../model/limits.ts';
import { CLOCK_BACK_SECONDS_MAX, SourceSequence } from '../source-sequence.ts';
import { Backfill } from './backfill.ts';
import { FlightRecorder } from './flight.ts';
import type { FlightSettings } from './flight-settings.ts';
import { NODE_METRICS } from './metrics.ts';
import { eventsInRows, Outbox } from './outbox.ts';
import type { FixedFields, RunningProbe } from './probe.ts';
import { PROBES } from './probes.ts';
import { OpenSeconds } from './seconds.ts';
import { WallClock } from './wall-clock.ts';
import { FRAME_BYTES_MAX, programDriver } from './wire.ts';

const FAULTS_MAX = 10;
/** The program is held up so long at once by what fills back. */
const FILL_MS_MAX = 1;
/** Instrumentations that were disabled and are remembered. */
const SAID_MAX = 4 * INSTRUMENTATIONS_MAX;
/** Room for the frame around a batch. */
const BATCH_BYTES_MAX = FRAME_BYTES_MAX - 16;

export interface MeasuringOptions {
  readonly host: string;
  readonly app: string;
  readonly pid: number;
  /** Of the worker thread; 0 of the main one. */
  readonly thread?: number;
  readonly random: () => number;
  /** Undefined: nothing is recorded. */
  readonly flight?: FlightSettings | undefined;
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
  readonly #flight: FlightRecorder | undefined;
  readonly #backfill: Backfill | undefined;
  /** Per instrumentation that was disabled, the second below which all is said: it may come again. */
  readonly #saidUntil = new Map<string, number>();
  /** Of those that are not remembered. */
  #saidFloor = 0;
  #wanted = new Map<string, Instrumentation>();
  #seconds: OpenSeconds;
  #faults = 0;

  constructor(options: MeasuringOptions) {
    const { host, app, pid, thread = 0 } = options;
    this.#options = options;
    this.host = host;
    const dateMs = Date.now; // as it is now: a program's tests may replace it
    this.clock = new WallClock(() => performance.now(), dateMs);
    this.#fixed = new Map<string, string | number>([
      ['host', host],
      ['app', app],
      ['pid', pid],
      ['thread', thread],
    ]);
    this.#sequence = new SourceSequence({ host, driver: programDriver(app, pid, thread) }, options.random);
    if (options.flight !== undefined) {
      this.#flight = new FlightRecorder(options.flight, this.#fixed);
      this.#backfill = new Backfill(this.#flight, (id, second) => this.#cut(id, second));
    }
    this.#seconds = new OpenSeconds(this.#nowSecond(), this.#flight);
  }

  get source(): Source {
    return this.#sequence.source;
  }

  /** Whether there is a second to seal. */
  get active(): boolean {
    return this.#seconds.size > 0 || this.#probes.size > 0;
  }

  /** Whether `fill` would say something. */
  get owesFill(): boolean {
    return this.#backfill !== undefined && this.#backfill.size > 0 && this.outbox.roomToFill;
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
    this.#recordAlways();
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

  /** Fills back for FILL_MS_MAX, as far as the outbox has room. */
  fill(): void {
    const untilMs = performance.now() + FILL_MS_MAX;
    while (this.owesFill && performance.now() < untilMs) {
      const filled = this.#backfill!.next();
      if (filled === undefined) return;
      const { source } = this.#sequence;
      const sequence = this.#sequence.takeEarlier(filled.second);
      this.outbox.fill(sequence, encodeBounded({ source, sequence, ...filled }), filled.reports);
    }
  }

  /** Measures nothing more, and forgets what it has. */
  stop(): void {
    for (const id of this.#wanted.keys()) this.#disable(id);
    this.#wanted = new Map();
    for (const metric of this.#probes.keys()) this.#stopProbe(metric);
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
      this.#begin(instrumentation, test);
    } catch (error) {
      this.#say(id, { state: 'failed', reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #begin(instrumentation: Instrumentation, where: ((read: FieldReader) => boolean) | undefined): void {
    const { id } = instrumentation;
    const saidUntil = this.#saidUntil.get(lifeOf(instrumentation)) ?? this.#saidFloor;
    const whole = this.#firstWholeSecond();
    const { fromSecond, sinceSecond } = this.#seconds.enable(instrumentation, where, whole, saidUntil);
    if (fromSecond === sinceSecond) return this.#say(id, { state: 'enabled', sinceSecond });
    this.#backfill!.add({ instrumentation, where, fromSecond, untilSecond: sinceSecond });
    this.#say(id, { state: 'enabled', sinceSecond, coversFromSecond: fromSecond });
  }

  /** The recorder lost seconds before they were filled back. */
  #cut(id: string, coversFromSecond: number): void {
    const state = this.#states.get(id);
    if (state?.state === 'enabled') this.#say(id, { ...state, coversFromSecond });
  }

  #recordAlways(): void {
    if (this.#options.flight?.always !== true || this.#faults >= FAULTS_MAX) return;
    for (const metric of PROBES.keys()) this.#startProbe(metric);
  }

  #startProbe(metric: string): void {
    if (this.#probes.has(metric)) return;
    const probe = PROBES.get(metric);
    if (probe === undefined)
      throw new Error(`Cannot measure "${metric}": this program's probe does not know it`);
    const { fields } = NODE_METRICS.find(({ name }) => name === metric)!;
    this.#flight?.start(metric, fields, this.#firstWholeSecond());
    const emit = (endMs: number, read: FieldReader): void =>
      this.#seconds.count(metric, this.clock.secondAt(endMs), read);
    this.#probes.set(
      metric,
      probe(this.#fixed, emit, (error) => this.#fault(error)),
    );
  }

  #disable(id: string): void {
    this.#states.delete(id);
    const measured = this.#seconds.disable(id);
    if (measured === undefined) return;
    this.#backfill?.remove(id);
    this.#remember(lifeOf(measured));
    const always = this.#options.flight?.always === true;
    if (!always && !this.#seconds.measures(measured.metric)) this.#stopProbe(measured.metric);
  }

  #remember(life: string): void {
    this.#saidUntil.set(life, this.#seconds.sealedUntil);
    if (this.#saidUntil.size <= SAID_MAX) return;
    const [oldest, second] = this.#saidUntil.entries().next().value!;
    this.#saidUntil.delete(oldest);
    this.#saidFloor = Math.max(this.#saidFloor, second);
  }

  #stopProbe(metric: string): void {
    this.#probes.get(metric)?.stop();
    this.#probes.delete(metric);
    this.#flight?.stop(metric);
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
    this.#backfill?.clear();
    this.#saidUntil.clear();
    this.#saidFloor = 0;
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
    for (const metric of this.#probes.keys()) this.#stopProbe(metric);
  }

  #firstWholeSecond(): number {
    return Math.max(this.#nowSecond() + 1, this.#seconds.sealedUntil);
  }

  #nowSecond(): number {
    return Math.floor(this.clock.nowMs() / 1000);
  }
}

/** A name may come again with another life. */
function lifeOf({ id, createdSecond }: Instrumentation): string {
  return `${id} ${createdSecond}`;
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
