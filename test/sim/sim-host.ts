/** A host: its drivers' sources, its clock, and the real spool and sender over a disk and a network that fail.
 *  Owns: what it measured, and which batches it may rely on: those that were put safely. Does not: lose any. */
import { type BatchRef, Spool, SPOOL_BOUNDS } from '../../src/ingest/spool.ts';
import { Sender } from '../../src/ingest/sender.ts';
import { SourceSequence } from '../../src/ingest/source-sequence.ts';
import { type Batch, encodeBatch, type Report, sourceName } from '../../src/model/batch.ts';
import { crc32c } from '../../src/model/crc32c.ts';
import { encodeReportEntry } from '../../src/model/report.ts';
import type { Watermark } from '../../src/model/watermark.ts';
import type { Host } from './case.ts';
import { Prng } from './prng.ts';
import { HostClock, ready, type SimTime } from './sim-clock.ts';
import { SimDisk } from './sim-disk.ts';
import type { HostWriter, SimLog } from './sim-log.ts';

interface Process {
  readonly spool: Spool;
  readonly sender: Sender;
  readonly writer: HostWriter;
  readonly death: AbortController;
  readonly running: Promise<void>;
}

export interface SimHostOptions {
  readonly host: Host;
  readonly time: SimTime;
  readonly log: SimLog;
  readonly spoolSecondsMax: number;
  /** Forgets what the log confirms; else what every fold covers. */
  readonly trusting: boolean;
}

export class SimHost {
  readonly name: string;
  readonly #options: SimHostOptions;
  readonly #clock: HostClock;
  readonly #disk = new SimDisk();
  readonly #random: () => number;
  readonly #sources: ReadonlyMap<string, SourceSequence>;
  /** Batches that outlive the process. */
  readonly #safe = new Map<string, BatchRef>();
  /** `source second` of what a bound of the spool cost. */
  readonly #dropped = new Set<string>();
  #uncertain = false;
  #process!: Process;
  #cut: 'refused' | 'held' | undefined;
  #collected: Batch[] = [];

  private constructor(options: SimHostOptions) {
    const { name, drivers } = options.host;
    this.#options = options;
    this.name = name;
    this.#clock = new HostClock(options.time);
    const prng = new Prng(crc32c(Buffer.from(name)));
    this.#random = () => prng.next();
    this.#sources = new Map(
      drivers.map((driver) => [driver, new SourceSequence({ host: name, driver }, this.#random)]),
    );
  }

  static async start(options: SimHostOptions): Promise<SimHost> {
    const host = new SimHost(options);
    await host.#begin();
    return host;
  }

  set aheadSeconds(seconds: number) {
    this.#clock.aheadMs = seconds * 1000;
  }

  set spoolFull(full: boolean) {
    this.#disk.full = full;
  }

  /** Entries that are not safe in the log yet. */
  get waiting(): number {
    return this.#process.spool.stats().records;
  }

  /** Batches that it must not lose: put safely, and not given up at a bound. Where a bound cost what the log had
   *  taken and no fold had covered, nobody knows. */
  *owed(): Generator<BatchRef> {
    this.#noteDropped();
    if (this.#uncertain) return;
    for (const ref of this.#safe.values()) {
      if (!this.#dropped.has(`${sourceName(ref.source)} ${ref.second}`)) yield ref;
    }
  }

  /** One source's report of the second that has ended by the host's clock. */
  measure(driver: string, reports: readonly Report[]): void {
    const sequence = this.#sources.get(driver);
    const second = Math.floor(this.#clock.nowMs() / 1000) - 1;
    if (sequence === undefined || second < 0 || !sequence.accepts(second)) return;
    const batch = { source: sequence.source, sequence: sequence.take(second), second, reports };
    this.#options.log.measured(batch);
    this.#collected.push(batch);
  }

  /** Puts what its sources reported into the spool, as one entry. */
  put(): void {
    const batches = this.#collected.splice(0);
    if (batches.length === 0) return;
    const payload = encodeReportEntry(batches.map((batch) => encodeBatch(batch)));
    const second = Math.max(...batches.map((batch) => batch.second));
    const { death, spool } = this.#process;
    void spool.put({ payload, second, batches }).then((safe) => {
      if (!safe || death.signal.aborted) return;
      for (const batch of batches) this.#safe.set(refText(batch), batch);
    });
  }

  cover(watermarks: readonly Watermark[]): void {
    this.#process.sender.cover(watermarks);
  }

  cut(how: 'refused' | 'held'): void {
    this.#cut = how;
    this.#process.writer.cut(how);
  }

  mend(): void {
    this.#cut = undefined;
    this.#process.writer.mend();
  }

  /** Every source begins anew; what the spool's disk has is sent by the next process. */
  async restart(how: 'killed' | 'killed-and-announced' | 'ended'): Promise<void> {
    const { log, time } = this.#options;
    this.#noteDropped();
    const { sender, spool, death, running } = this.#process;
    if (how === 'ended') {
      this.put();
      await spool.settled();
      for (const driver of this.#sources.keys()) {
        const event = { kind: 'source-offline', host: this.name, driver, second: time.second } as const;
        log.append({ kind: 'control', event });
      }
    }
    this.#collected = [];
    death.abort();
    sender.stop();
    void running;
    for (const sequence of this.#sources.values()) sequence.restart();
    await ready();
    await this.#begin();
    if (how === 'killed-and-announced') {
      log.append({ kind: 'control', event: { kind: 'instrumenter-online', host: this.name, metrics: [] } });
    }
  }

  async close(): Promise<void> {
    this.#process.death.abort();
    this.#process.sender.stop();
    await ready();
  }

  async #begin(): Promise<void> {
    const { log, spoolSecondsMax, trusting } = this.#options;
    const death = new AbortController();
    const clock = this.#clock;
    const bounds = { ...SPOOL_BOUNDS, secondsMax: spoolSecondsMax };
    const spool = await Spool.open(this.#disk.open(death.signal), clock, bounds);
    const writer = log.writer(trusting);
    if (this.#cut !== undefined) writer.cut(this.#cut);
    const sender = new Sender({ spool, log: writer, clock, random: this.#random, onNote: () => {} });
    this.#process = { spool, sender, writer, death, running: sender.run() };
  }

  #noteDropped(): void {
    const { spool } = this.#process;
    for (const { source, second } of spool.dropped()) this.#dropped.add(`${source} ${second}`);
    this.#uncertain ||= spool.stats().droppedUncovered > 0;
  }
}

export function refText({ source, sequence }: Pick<BatchRef, 'source' | 'sequence'>): string {
  return `${sourceName(source)} ${source.incarnation} ${sequence}`;
}
