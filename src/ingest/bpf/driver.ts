/** The bpf driver: questions to the running kernel and to programs, as bpftrace programs that count where the event
 *  happens. One source, <host>/bpf. Owns: the programs, one for all instrumentations that ask the same; the order in
 *  which seconds are reported. Invariants: nothing enabled, no program; a second is reported once, in order, late
 *  rather than wrong; what `only` leaves out no instrumentation measures. */
import type { Clock } from '../../model/clock.ts';
import { encodeBatch, type Report } from '../../model/batch.ts';
import { bucketEdge } from '../../model/grid.ts';
import type { Asked, Instrumentation, SourceState } from '../../model/instrumentation.ts';
import { compilePredicate, type FieldReader } from '../../model/predicate.ts';
import { sourceName } from '../../model/report.ts';
import {
  type Availability,
  COLLECT_MS_MAX,
  type Collected,
  type Driver,
  DriverError,
  type DriverSink,
  type DriverSource,
  type EncodedBatch,
} from '../driver.ts';
import { WallClock } from '../node/wall-clock.ts';
import { SourceSequence } from '../source-sequence.ts';
import { Tally } from '../tally.ts';
import { bpfCatalogue, type CataloguedMetric } from './catalogue.ts';
import { type CompiledProgram, compileProgram, type Only, type OnlyIds } from './compile.ts';
import { type HostNames, hostNames } from './host-names.ts';
import { keyParts } from './key-parts.ts';
import { availabilityOf, lookAtMachine, type Machine, NO_BTF } from './machine.ts';
import { Program, READINGS_MAX, type SecondReading } from './program.ts';

/** Programs at once: each is a process of 40 to 100 MB. */
export const PROGRAMS_MAX = 12;
/** Keys (a key has as many as it has buckets) that a program holds for one second: 1.5 MB a map on two CPUs. */
const KEYS_MAX = 8192;
/** A second is reported without what is missing of it then. */
const LATE_SECONDS_MAX = 3;
/** Seconds that are caught up with after this process stood still: as many as a program's readings are kept. */
const STILL_SECONDS_MAX = READINGS_MAX;
/** The system's clock was set where it went so far from the one that a program knows. */
const CLOCK_STEP_NS = 50_000_000n;
/** Groups below the ones that a source is limited to come and go. */
const ONLY_LOOK_SECONDS = 10;

export interface BpfDriverOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Whose events this source may measure; everybody's where it is left out. No instrumentation widens it. */
  readonly only?: Only;
  /** bpftrace, where it is not on the path. */
  readonly command?: string;
  /** The PostgreSQL server, where it is not where packages put it. */
  readonly postgres?: string;
  readonly keysMax?: number;
  /** What the machine has; looked at where it is left out. */
  readonly machine?: Machine;
  /** Nanoseconds from the kernel's monotonic clock to Unix time. */
  readonly offsetNs?: () => bigint;
}

interface Measure {
  readonly instrumentation: Instrumentation;
  readonly metric: CataloguedMetric;
  readonly tally: Tally;
  program: Program;
  /** Takes over from the second that it measures whole. */
  successor: Program | undefined;
}

export class BpfDriver implements Driver {
  readonly name = 'bpf';
  /** Every program has the limits in it. */
  readonly tenancy = 'programs';
  readonly metrics;
  readonly #options: BpfDriverOptions;
  readonly #machine: Machine;
  readonly #names: HostNames;
  readonly #catalogue: readonly CataloguedMetric[];
  readonly #sequence: SourceSequence;
  readonly #measures = new Map<string, Measure>();
  readonly #programs = new Map<string, Program>();
  readonly #waiting = new Set<() => void>();
  readonly #stopping = new Set<Promise<void>>();
  readonly #offsetNs: () => bigint;
  /** Seconds that were asked for and not reported, oldest first. */
  readonly #open: number[] = [];
  #newest: number | undefined;
  #collecting = false;
  #onlyIds: OnlyIds = {};
  #sink: DriverSink | undefined;

  constructor(options: BpfDriverOptions) {
    this.#options = options;
    this.#machine =
      options.machine ?? lookAtMachine({ command: options.command, postgres: options.postgres });
    this.#names = hostNames();
    this.#catalogue = bpfCatalogue({
      arch: process.arch,
      names: this.#names,
      paths: this.#machine.paths,
      hasTracepoint: (name) => this.#machine.hasTracepoint(name),
    });
    this.metrics = this.#catalogue.map((metric) => metric.description);
    this.#sequence = new SourceSequence({ host: options.host, driver: 'bpf' }, options.random);
    this.#offsetNs = options.offsetNs ?? systemOffset();
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    this.#onlyIds = this.#resolveOnly();
  }

  availability(): readonly Availability[] {
    return this.#catalogue.map((metric) => this.#availabilityOf(metric));
  }

  #availabilityOf(metric: CataloguedMetric): Availability {
    const untold = Object.keys(this.#onlyIds).find((field) => metric.fields[field] === undefined);
    if (untold === undefined) return availabilityOf(metric, this.#machine);
    const reason = `this source is limited by ${untold}, and whose such an event is cannot be told`;
    const remedy = 'an instrumenter that is not limited';
    return { metric: metric.description.name, available: false, reason, remedy };
  }

  refusal(asked: Asked): string | undefined {
    try {
      this.#compile(this.#metricOf(asked), asked);
      return undefined;
    } catch (error) {
      if (error instanceof DriverError) return error.message;
      throw error;
    }
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    const { id } = instrumentation;
    if (this.#measures.has(id)) return this.#settled(this.#measures.get(id)!.program);
    const metric = this.#metricOf(instrumentation);
    const compiled = this.#compile(metric, instrumentation);
    const where = compiled.rest === undefined ? undefined : compilePredicate(compiled.rest);
    const program = this.#acquire(compiled);
    const tally = new Tally(instrumentation, where);
    const measure: Measure = { instrumentation, metric, tally, program, successor: undefined };
    this.#measures.set(id, measure);
    try {
      await this.#settled(program);
    } catch (error) {
      if (this.#measures.get(id) === measure) await this.disable(id);
      throw error;
    }
  }

  async disable(id: string): Promise<void> {
    this.#measures.delete(id);
    this.#releaseUnneeded();
    await Promise.all(this.#stopping);
    this.#changed();
  }

  async collect(second: number): Promise<Collected> {
    if (this.#measures.size === 0) this.#forgetOpen();
    if (this.#measures.size === 0 || !this.#sequence.accepts(second)) return { batches: [], awaited: [] };
    this.#renew(second + 1);
    this.#openUpTo(second);
    const giveUp = new AbortController();
    void this.#options.clock.sleep(COLLECT_MS_MAX, giveUp.signal).then(() => giveUp.abort());
    this.#collecting = true;
    while (this.#owed(second) && !giveUp.signal.aborted) await this.#change(giveUp.signal);
    this.#collecting = false;
    giveUp.abort();
    const batches = this.#report(second - LATE_SECONDS_MAX);
    const awaited = this.#open.length > 0 ? [sourceName(this.#sequence.source)] : [];
    return { batches, awaited };
  }

  #forgetOpen(): void {
    this.#open.length = 0;
    this.#newest = undefined;
  }

  /** Also the seconds that nobody asked for, as when this process stood still: the programs did not. */
  #openUpTo(second: number): void {
    const newest = this.#newest;
    const stoodStill = newest !== undefined && second > newest && second - newest <= STILL_SECONDS_MAX;
    for (let s = stoodStill ? newest + 1 : second; s <= second; s++) this.#open.push(s);
    this.#newest = second;
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    const measure = this.#measures.get(id);
    return measure === undefined
      ? []
      : [{ source: sourceName(this.#sequence.source), state: measure.program.state }];
  }

  sources(): readonly DriverSource[] {
    if (this.#measures.size === 0) return [];
    return [{ source: this.#sequence.source, lastSecond: this.#sequence.lastSecond }];
  }

  /** Processes of programs that run: what a test looks after. */
  pids(): readonly number[] {
    return [...this.#programs.values()].flatMap((program) => program.pids);
  }

  async close(): Promise<void> {
    this.#measures.clear();
    this.#releaseUnneeded();
    await Promise.all(this.#stopping);
    this.#changed();
    const { source, lastSecond } = this.#sequence;
    if (lastSecond !== undefined) this.#sink?.offline(source, lastSecond + 1);
  }

  #metricOf({ metric: name }: Asked): CataloguedMetric {
    const metric = this.#catalogue.find((one) => one.description.name === name);
    if (metric === undefined) {
      throw new DriverError('METRIC_UNKNOWN', `Cannot measure "${name}": the bpf driver has no such metric`);
    }
    const { available, reason, remedy } = this.#availabilityOf(metric);
    if (available) return metric;
    throw new DriverError('UNAVAILABLE', `Cannot measure "${name}": ${reason}; what would help: ${remedy}`);
  }

  #compile(metric: CataloguedMetric, instrumentation: Asked): CompiledProgram {
    const { where, by, numeric, grid } = instrumentation;
    const question = {
      by,
      grid,
      ...(where === undefined ? {} : { where }),
      ...(numeric === undefined ? {} : { numeric }),
    };
    const compiled = compileProgram(metric, question, { host: this.#options.host, only: this.#onlyIds });
    if (!compiled.btf || this.#machine.btf) return compiled;
    throw new DriverError(
      'UNAVAILABLE',
      `Cannot measure this: ${NO_BTF.reason}; what would help: ${NO_BTF.remedy}`,
    );
  }

  /** The program that asks this, running; a new one where there is none. */
  #acquire(compiled: CompiledProgram): Program {
    const running = this.#programs.get(compiled.text);
    if (running !== undefined && running.state.state !== 'failed') return running;
    if (this.#programs.size >= PROGRAMS_MAX) {
      throw new DriverError(
        'REFUSED',
        `Cannot measure one more question at a time: ${PROGRAMS_MAX} probe programs run on this host; drop one`,
      );
    }
    const { clock, command, keysMax = KEYS_MAX } = this.#options;
    const program = new Program({
      compiled,
      ...(command === undefined ? {} : { command }),
      keysMax,
      clock,
      offsetNs: this.#offsetNs,
      onChange: () => this.#onChange(),
      onNote: (text) => this.#sink?.note(text),
    });
    this.#programs.set(compiled.text, program);
    return program;
  }

  #releaseUnneeded(): void {
    const needed = new Set([...this.#measures.values()].flatMap((m) => [m.program, m.successor]));
    for (const [text, program] of this.#programs) {
      if (needed.has(program)) continue;
      this.#programs.delete(text);
      const stopped = program.stop().finally(() => this.#stopping.delete(stopped));
      this.#stopping.add(stopped);
    }
  }

  async #settled(program: Program): Promise<void> {
    while (program.state.state === 'enabling' && this.#programs.get(program.compiled.text) === program) {
      await this.#change();
    }
    const { state } = program;
    if (state.state === 'failed')
      throw new DriverError('UNAVAILABLE', `Cannot measure this: ${state.reason}`);
  }

  /** Resolves at the next change of any program, or when `signal` aborts. */
  #change(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  #changed(): void {
    for (const done of this.#waiting) done();
  }

  #onChange(): void {
    this.#changed();
    const newest = this.#open.at(-1);
    if (newest === undefined || this.#collecting) return;
    const batches = this.#report(newest - LATE_SECONDS_MAX);
    if (batches.length > 0) this.#sink?.late(batches);
  }

  /** Whether a program that measured the second has not said so. */
  #owed(second: number): boolean {
    return [...this.#measures.values()].some((measure) => this.#programOf(measure, second).owes(second));
  }

  #programOf(measure: Measure, second: number): Program {
    const state = measure.successor?.state;
    return state?.state === 'enabled' && state.sinceSecond <= second ? measure.successor! : measure.program;
  }

  /** Batches of the open seconds, in order, up to the first that is owed and after `forcedSecond`. */
  #report(forcedSecond: number): EncodedBatch[] {
    const batches: EncodedBatch[] = [];
    while (this.#open.length > 0) {
      const second = this.#open[0]!;
      if (second > forcedSecond && this.#owed(second)) break;
      this.#open.shift();
      const batch = this.#batch(second);
      if (batch !== undefined) batches.push(batch);
    }
    return batches;
  }

  #batch(second: number): EncodedBatch | undefined {
    const readings = new Map<Program, SecondReading | undefined>();
    const reports: Report[] = [];
    for (const measure of this.#measures.values()) {
      const program = this.#programOf(measure, second);
      if (program === measure.successor) this.#succeed(measure);
      if (!readings.has(program)) readings.set(program, program.take(second));
      const reading = readings.get(program);
      if (reading !== undefined) reports.push(this.#reportOf(measure, program.compiled, reading));
    }
    if (reports.length === 0 || !this.#sequence.accepts(second)) return undefined;
    const { source } = this.#sequence;
    const sequence = this.#sequence.take(second);
    return { source, sequence, second, bytes: encodeBatch({ source, sequence, second, reports }) };
  }

  #succeed(measure: Measure): void {
    measure.program = measure.successor!;
    measure.successor = undefined;
    this.#releaseUnneeded();
  }

  #reportOf({ instrumentation, tally }: Measure, compiled: CompiledProgram, reading: SecondReading): Report {
    const { id, grid, numeric } = instrumentation;
    let unknown = reading.total;
    for (const [text, count] of reading.entries) {
      const parts = keyParts(text, compiled);
      if (parts === undefined) continue;
      const read: FieldReader = (field) => {
        if (field === 'host') return this.#options.host;
        return field === numeric ? bucketEdge(grid, parts.bucket) : parts.values.get(field);
      };
      tally.count(read, count);
      unknown -= count;
    }
    const { rows, dropped } = tally.drain();
    return {
      instrumentation: id,
      grid,
      partial: !reading.whole,
      dropped: dropped + Math.max(0, unknown) + reading.missed,
      rows,
    };
  }

  /** Programs whose time is over are replaced by fresh ones, before it is. */
  #renew(nowSecond: number): void {
    const now = this.#offsetNs();
    const stepped = (known: bigint): boolean => abs(now - known) > CLOCK_STEP_NS;
    for (const program of this.#programs.values()) program.renewWhereDue(nowSecond, stepped);
    if (this.#onlyIds.cgroup !== undefined && nowSecond % ONLY_LOOK_SECONDS === 0) this.#lookAtOnly();
  }

  #lookAtOnly(): void {
    const ids = this.#resolveOnly();
    if (JSON.stringify(ids) === JSON.stringify(this.#onlyIds)) return;
    this.#onlyIds = ids;
    for (const measure of this.#measures.values()) {
      try {
        const successor = this.#acquire(this.#compile(measure.metric, measure.instrumentation));
        measure.successor = successor === measure.program ? undefined : successor;
      } catch (error) {
        this.#sink?.note(`Cannot follow the groups that this source is limited to: ${String(error)}`);
      }
    }
    this.#releaseUnneeded();
  }

  #resolveOnly(): OnlyIds {
    const { cgroups = [], containers = [], uids = [], pids = [] } = this.#options.only ?? {};
    const groups = cgroups.length === 0 ? undefined : cgroups.flatMap((path) => this.#names.cgroupIds(path));
    const inContainers = containers.length === 0 ? undefined : this.#names.containerIds(containers);
    const both = groups === undefined || inContainers === undefined ? undefined : new Set(inContainers);
    const ids = both === undefined ? (groups ?? inContainers) : groups!.filter((id) => both.has(id));
    return {
      ...(ids === undefined ? {} : { cgroup: [...new Set(ids)].toSorted((a, b) => a - b) }),
      ...(uids.length === 0 ? {} : { uid: uids }),
      ...(pids.length === 0 ? {} : { pid: pids }),
    };
  }
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** From the monotonic clock, which the kernel stamps events with, to Unix time; to 0.05 ms. */
function systemOffset(): () => bigint {
  let wall: WallClock | undefined;
  return () => {
    const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
    if (wall === undefined) wall = new WallClock(monotonicMs, Date.now);
    else wall.correct();
    return BigInt(Math.round(wall.at(0) * 1e6));
  };
}
