/** The instrumenter's role on one host: drivers, the reporter that asks them once a second, the spool, the sender.
 *  Owns: their lives, and the state of each instrumentation at each source. Does not: choose what is measured,
 *  append control events (the caller does, from `metrics()` and `onEvent`). */
import { assert } from '../model/assert.ts';
import type { Clock } from '../model/clock.ts';
import type { ControlEvent } from '../model/control.ts';
import type { Asked, Instrumentation, SourceState } from '../model/instrumentation.ts';
import type { LogWriter } from '../model/log.ts';
import type { MetricDescription } from '../model/metric.ts';
import { sourceName } from '../model/report.ts';
import type { SourceLimits } from '../model/source-limits.ts';
import type { Watermark } from '../model/watermark.ts';
import { BpfDriver } from './bpf/driver.ts';
import { Budget, type Estimate, type SourceLoad } from './budget.ts';
import type { Availability, Driver, DriverSink, DriverSource, EncodedBatch } from './driver.ts';
import { LimitedDriver } from './limited-driver.ts';
import { NodeDriver } from './node/driver.ts';
import { defaultSocketPath } from './node/socket-path.ts';
import { ProcDriver } from './proc/driver.ts';
import { STATSD_ADDRESS, type StatsdAddress } from './statsd/address.ts';
import { StatsdDriver } from './statsd/driver.ts';
import { Receipts } from './receipts.ts';
import { Reporter, type ReporterStats } from './reporter.ts';
import { Sender, type SenderStats } from './sender.ts';
import { SharedProbes } from './shared-probes.ts';
import { Spool, spoolEntry, SPOOL_BOUNDS, type SpoolBounds, type SpoolStats } from './spool.ts';
import { directoryDisk } from './spool-disk.ts';

/** Closing waits this long for the log to take what is spooled; the rest is sent after the next start. */
const CLOSE_MS_MAX = 2_000;

export type DriverName = 'proc' | 'node' | 'bpf' | 'statsd';

export interface InstrumenterOptions {
  readonly host: string;
  readonly log: LogWriter;
  readonly spoolDirectory: string;
  /** Where Node programs find the node driver; the default of this user where it is left out. */
  readonly socketPath?: string;
  readonly clock: Clock;
  /** Where StatsD clients send; nowhere where it is left out. */
  readonly statsd?: StatsdAddress;
  /** 0 up to 1: names incarnations, spreads retries. */
  readonly random: () => number;
  /** All that need nothing said where it is left out. */
  readonly drivers?: readonly DriverName[];
  /** What measuring may cost each source, of one core; as much as it does where it is left out. */
  readonly cpuShareMax?: number;
  /** What its sources may speak of at most; of everything where it is left out. */
  readonly limits?: SourceLimits;
  /** Drivers beside those: of what others measure. */
  readonly more?: readonly Driver[];
  readonly spoolBounds?: Partial<SpoolBounds>;
  /** A control event that the log should carry. */
  readonly onEvent: (event: ControlEvent) => void;
  /** A driver found metrics in what it is sent. */
  readonly onSeen?: (driver: string, metrics: readonly MetricDescription[]) => void;
  /** A line for a person. */
  readonly note?: (line: string) => void;
}

export interface SourceStateOf {
  readonly source: string;
  readonly state: SourceState;
  /** What it costs the source, where something is known of that. */
  readonly load?: SourceLoad;
}

/** What one driver of this host says of one metric. */
export interface MetricOffer extends Availability {
  readonly driver: string;
}

/** What one source of this host would say of an instrumentation, and what it would cost it. */
export type SourceEstimate = { readonly source: string } & (
  | ({ readonly measurable: true } & Estimate)
  | { readonly measurable: false; readonly reason: string; readonly remedy?: string }
);

export interface InstrumenterCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

export interface InstrumenterStats {
  readonly reporter: ReporterStats;
  readonly spool: SpoolStats;
  readonly sender: SenderStats;
  readonly sources: number;
}

export interface Instrumenter {
  readonly socketPath: string;
  metrics(): readonly MetricDescription[];
  /** Of every driver and each of its metrics, and of those of the names `known` that it takes: whether it can be had here
   *  now, and if not, why. */
  offers(known?: readonly string[]): readonly MetricOffer[];
  /** Of every source that the metric could be measured at, and of each driver that has it and cannot; nothing is measured
   *  for it. */
  estimates(asked: Asked): readonly SourceEstimate[];
  /** Resolves when every driver that offers the metric has answered; a refusal is a state, with its reason. */
  enable(instrumentation: Instrumentation): Promise<void>;
  disable(id: string): Promise<void>;
  states(id: string): readonly SourceStateOf[];
  sources(): readonly DriverSource[];
  /** Batches that the spool's bounds cost, newest last: source, second and how many. */
  dropped(): Iterable<{ readonly source: string; readonly second: number; readonly batches: number }>;
  /** A committed fold holds these; needed where the log does not confirm durably. */
  cover(watermarks: readonly Watermark[]): void;
  health(): readonly InstrumenterCheck[];
  stats(): InstrumenterStats;
  /** Ends in good order: the newest ended second is reported and the log has CLOSE_MS_MAX to take it. */
  close(): Promise<void>;
}

/** Throws DriverError where a driver cannot start at all. */
export async function startInstrumenter(options: InstrumenterOptions): Promise<Instrumenter> {
  const socketPath = options.socketPath ?? defaultSocketPath();
  const asked = options.statsd === undefined ? [] : (['statsd'] as const);
  const names = options.drivers ?? ['proc', 'node', 'bpf', ...asked];
  const drivers = names.map((name) => newDriver(name, options, socketPath));
  return startWith([...drivers, ...(options.more ?? [])], { ...options, socketPath });
}

function newDriver(name: DriverName, options: InstrumenterOptions, socketPath: string): Driver {
  const { host, clock, random, limits } = options;
  switch (name) {
    case 'proc':
      return new ProcDriver({ host, random, clock });
    case 'node':
      return new NodeDriver({ host, socketPath, clock, ...(limits === undefined ? {} : { limits }) });
    case 'bpf':
      return new BpfDriver({ host, clock, random, ...(limits === undefined ? {} : { only: limits }) });
    case 'statsd':
      return new StatsdDriver({ host, clock, random, address: options.statsd ?? STATSD_ADDRESS });
  }
}

/** The role over drivers that are given: what tests, and drivers yet to come, build on. */
export async function startWith(
  given: readonly Driver[],
  options: InstrumenterOptions & { readonly socketPath: string },
): Promise<Instrumenter> {
  const { clock, log, random } = options;
  const { limits } = options;
  const running: { role?: Role } = {};
  const drivers = given
    .map((driver) => (limits === undefined ? driver : new LimitedDriver(driver, limits)))
    .map((driver) => new SharedProbes(driver, clock, (batch) => running.role?.observe(batch)));
  const note = options.note ?? (() => {});
  const disk = directoryDisk(options.spoolDirectory);
  const spool = await Spool.open(disk, clock, { ...SPOOL_BOUNDS, ...options.spoolBounds });
  const receipts = await Receipts.open({ disk: directoryDisk(options.spoolDirectory), clock, onNote: note });
  for (const payload of receipts.earlier()) {
    const entry = spoolEntry(payload);
    if (entry !== undefined) void spool.put(entry);
  }
  const sender = new Sender({ spool, log, clock, random, onNote: note });
  const reporter = new Reporter({
    clock,
    drivers,
    put: (entry) => spool.put(entry),
    keep: (asked, payloads) => receipts.keep(asked, payloads),
    forget: (asked) => receipts.forget(asked),
    onNote: note,
  });
  const sinkOf = (driver: Driver): DriverSink => ({
    late: (batches) => reporter.late(batches),
    isKept: (receipt) => receipts.has(receipt),
    offline: ({ host, driver }, second) => options.onEvent({ kind: 'source-offline', host, driver, second }),
    seen: (metrics) => options.onSeen?.(driver.name, metrics),
    note,
  });
  const started: Driver[] = [];
  try {
    for (const driver of drivers) {
      await driver.start(sinkOf(driver));
      started.push(driver);
    }
  } catch (error) {
    for (const driver of started) await driver.close();
    await receipts.close(false);
    await spool.close();
    throw error;
  }
  running.role = new Role(options, { drivers, spool, receipts, sender, reporter });
  return running.role;
}

interface Parts {
  readonly drivers: readonly Driver[];
  readonly spool: Spool;
  readonly receipts: Receipts;
  readonly sender: Sender;
  readonly reporter: Reporter;
}

class Role implements Instrumenter {
  readonly socketPath: string;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #parts: Parts;
  readonly #reporting: Promise<void>;
  readonly #sending: Promise<void>;
  /** What a driver said when it refused, by instrumentation. */
  readonly #refusals = new Map<string, Map<Driver, string>>();
  readonly #budget: Budget;
  readonly #note: (line: string) => void;
  #closing: Promise<void> | undefined;

  constructor(options: InstrumenterOptions & { readonly socketPath: string }, parts: Parts) {
    this.socketPath = options.socketPath;
    this.#host = options.host;
    this.#clock = options.clock;
    this.#parts = parts;
    this.#note = options.note ?? (() => {});
    this.#budget = new Budget(options.cpuShareMax, () => this.metrics());
    this.#reporting = parts.reporter.run();
    this.#sending = parts.sender.run();
  }

  metrics(): readonly MetricDescription[] {
    return this.#parts.drivers.flatMap((driver) => driver.metrics);
  }

  offers(known: readonly string[] = []): readonly MetricOffer[] {
    return this.#parts.drivers.flatMap((driver) => {
      const said = new Map((driver.availability?.() ?? []).map((one) => [one.metric, one]));
      const names = new Set(driver.metrics.map(({ name }) => name));
      for (const name of known) if (driver.takes?.(name) === true) names.add(name);
      return [...names].map((name) => ({
        ...(said.get(name) ?? { metric: name, available: true }),
        driver: driver.name,
      }));
    });
  }

  estimates(asked: Asked): readonly SourceEstimate[] {
    return this.#offering(asked.metric).flatMap((driver): readonly SourceEstimate[] => {
      const own = sourceName({ host: this.#host, driver: driver.name });
      const said = driver.availability?.().find(({ metric }) => metric === asked.metric);
      if (said?.available === false) {
        const { reason = 'it does not say why', remedy } = said;
        return [{ source: own, measurable: false, reason, ...(remedy === undefined ? {} : { remedy }) }];
      }
      const reason = driver.refusal?.(asked);
      if (reason !== undefined) return [{ source: own, measurable: false, reason }];
      const sources = driver.sources().map(({ source }) => sourceName(source));
      return (sources.length === 0 ? [own] : sources).map((source) => ({
        source,
        measurable: true,
        ...this.#budget.estimate(source, asked),
      }));
    });
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    assert(this.#closing === undefined, 'an instrumenter that closes enables nothing');
    const { id, metric } = instrumentation;
    const refusals = new Map<Driver, string>();
    this.#refusals.set(id, refusals);
    const offering = this.#offering(metric);
    const tooDear = this.#budget.ask(instrumentation);
    if (tooDear !== undefined) {
      for (const driver of offering) refusals.set(driver, tooDear);
      return;
    }
    await Promise.all(
      offering.map(async (driver) => {
        try {
          await driver.enable(instrumentation);
        } catch (error) {
          refusals.set(driver, error instanceof Error ? error.message : String(error));
        }
      }),
    );
  }

  async disable(id: string): Promise<void> {
    this.#refusals.delete(id);
    this.#budget.end(id);
    await Promise.all(this.#parts.drivers.map((driver) => driver.disable(id)));
  }

  states(id: string): readonly SourceStateOf[] {
    const refusals = this.#refusals.get(id);
    return this.#parts.drivers.flatMap((driver): readonly SourceStateOf[] => {
      const reason = refusals?.get(driver);
      if (reason === undefined) {
        return driver.states(id).map(({ source, state }) => {
          const load = this.#budget.load(source, id);
          return { source, state, ...(load === undefined ? {} : { load }) };
        });
      }
      const source = sourceName({ host: this.#host, driver: driver.name });
      return [{ source, state: { state: 'failed', reason } }];
    });
  }

  /** What turns out too dear is stopped, with the reason as its state. */
  observe(batch: EncodedBatch): void {
    const overrun = this.#budget.observe(batch);
    if (overrun === undefined) return;
    const { id, reason } = overrun;
    this.#note(`"${id}": ${reason}`);
    this.#budget.end(id);
    this.#refusals.set(
      id,
      new Map(this.#parts.drivers.filter((d) => d.states(id).length > 0).map((d) => [d, reason])),
    );
    for (const driver of this.#parts.drivers) void driver.disable(id);
  }

  #offering(metric: string): readonly Driver[] {
    return this.#parts.drivers.filter(
      (driver) => driver.metrics.some((m) => m.name === metric) || driver.takes?.(metric) === true,
    );
  }

  sources(): readonly DriverSource[] {
    return this.#parts.drivers.flatMap((driver) => driver.sources());
  }

  dropped(): Iterable<{ readonly source: string; readonly second: number; readonly batches: number }> {
    return this.#parts.spool.dropped();
  }

  cover(watermarks: readonly Watermark[]): void {
    this.#parts.sender.cover(watermarks);
  }

  health(): readonly InstrumenterCheck[] {
    const { spool, sender } = this.#parts;
    const fault = spool.fault();
    const { unavailable } = sender.stats();
    const { records, bytes, dropped } = spool.stats();
    return [
      {
        name: 'spool',
        ok: fault === undefined,
        detail:
          (fault === undefined ? '' : `Cannot use the disk, what is new waits in memory: ${fault.reason}; `) +
          `${records} entries, ${bytes} bytes wait; ${dropped} batches were dropped at a bound`,
      },
      { name: 'log', ok: unavailable === undefined, detail: unavailable ?? 'takes entries' },
    ];
  }

  stats(): InstrumenterStats {
    const { spool, sender, reporter } = this.#parts;
    return {
      reporter: reporter.stats(),
      spool: spool.stats(),
      sender: sender.stats(),
      sources: this.sources().length,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { drivers, spool, receipts, sender, reporter } = this.#parts;
    reporter.stop();
    await this.#reporting;
    for (const driver of drivers) await driver.close();
    await spool.settled();
    const giveUp = new AbortController();
    void this.#clock.sleep(CLOSE_MS_MAX, giveUp.signal).then(() => giveUp.abort());
    while (sender.owes() && !giveUp.signal.aborted) await this.#clock.sleep(10, giveUp.signal);
    sender.stop();
    // An append that never answers is left behind: its record stays in the spool.
    if (giveUp.signal.aborted) void this.#sending;
    else await this.#sending;
    giveUp.abort();
    await receipts.close(spool.stats().records === 0);
    await spool.close();
  }
}
