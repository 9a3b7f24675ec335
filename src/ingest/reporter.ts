/** The 1 Hz loop: at each second's end it asks the drivers for what they have, packs one log entry and puts it
 *  into the spool. Owns: which second is asked, how long it is waited, how batches are packed. Does not: measure,
 *  number, send.
 *  Invariants: a second is asked for once and seconds ascend; a second that the clock or a stall skipped is not
 *  asked for, so it stays unreported rather than wrong. A driver that does not answer delays no other. */
import { assert } from '../model/assert.ts';
import { type Clock, unixSecond } from '../model/clock.ts';
import { ENTRY_BATCHES_MAX, ENTRY_BYTES_MAX } from '../model/limits.ts';
import { encodeReportEntry } from '../model/report.ts';
import { COLLECT_MS_MAX, type Collected, type Driver, type EncodedBatch } from './driver.ts';
import { CLOCK_BACK_SECONDS_MAX } from './source-sequence.ts';
import type { SpoolEntry } from './spool.ts';

/** A driver answers within COLLECT_MS_MAX by itself; one that does not is left behind this much later. */
const GRACE_MS = 50;
/** Stragglers that come close together share an entry. */
const STRAGGLER_MS = 50;
/** Bytes around the batches of an entry: its kind, its count, a length each. */
const ENTRY_OVERHEAD_BYTES = 16 + 5 * ENTRY_BATCHES_MAX;
/** Stragglers that wait for their entry; what is more is packed at once. */
const LATE_MAX = 4 * ENTRY_BATCHES_MAX;

assert(ENTRY_OVERHEAD_BYTES < ENTRY_BYTES_MAX, 'an entry has room for batches');

export interface ReporterOptions {
  readonly clock: Clock;
  readonly drivers: readonly Driver[];
  /** Resolves true when the entry outlives this process. */
  readonly put: (entry: SpoolEntry) => Promise<boolean>;
  /** Resolves when what the batches' receipts stand for is on disk, or cannot be; the entries are put then. */
  readonly keep?: (receipts: readonly string[], payloads: readonly Uint8Array[]) => Promise<void>;
  /** The counts that these stand for were lost. */
  readonly forget?: (receipts: readonly string[]) => void;
  readonly onNote: (text: string) => void;
}

export interface ReporterStats {
  readonly lastSecond: number | undefined;
  readonly entries: number;
  readonly batches: number;
  /** Batches that followed after their second's entry. */
  readonly lateBatches: number;
  /** Seconds that were not asked for, because the clock jumped or this process stood still. */
  readonly skippedSeconds: number;
  /** Batches larger than an entry may be. */
  readonly oversized: number;
  /** Sources that owed the newest second when its entry was packed. */
  readonly awaited: readonly string[];
}

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #stop = new AbortController();
  readonly #busy = new Set<Driver>();
  #late: EncodedBatch[] = [];
  #lateWaits = false;
  #lastSecond: number | undefined;
  #entries = 0;
  #batches = 0;
  #lateBatches = 0;
  #skippedSeconds = 0;
  #oversized = 0;
  #awaited: readonly string[] = [];

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Runs until `stop`; the second that is being collected then is finished. */
  async run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      const nowMs = clock.nowMs();
      const ended = unixSecond(nowMs) - 1;
      if (this.#accepts(ended)) await this.#report(ended);
      else await clock.sleep(1000 - (nowMs % 1000), this.#stop.signal);
    }
    this.#flushLate();
  }

  stop(): void {
    this.#stop.abort();
  }

  /** The sink's `late`: batches of seconds that were packed already. */
  late(batches: readonly EncodedBatch[]): void {
    this.#late.push(...batches);
    this.#lateBatches += batches.length;
    if (batches.some(({ receipts }) => receipts !== undefined)) return this.#flushLate();
    if (this.#late.length > LATE_MAX || this.#stop.signal.aborted) return this.#flushLate();
    if (this.#lateWaits) return;
    this.#lateWaits = true;
    void this.#options.clock.sleep(STRAGGLER_MS, this.#stop.signal).then(() => this.#flushLate());
  }

  stats(): ReporterStats {
    return {
      lastSecond: this.#lastSecond,
      entries: this.#entries,
      batches: this.#batches,
      lateBatches: this.#lateBatches,
      skippedSeconds: this.#skippedSeconds,
      oversized: this.#oversized,
      awaited: this.#awaited,
    };
  }

  /** The first second that is asked for is the one in which this process started: a driver knows whether it
   *  measured it whole. */
  #accepts(second: number): boolean {
    const last = this.#lastSecond;
    if (last === undefined || last - second > CLOCK_BACK_SECONDS_MAX) {
      this.#lastSecond = second;
      return false;
    }
    if (second <= last) return false;
    this.#skippedSeconds += second - last - 1;
    this.#lastSecond = second;
    return true;
  }

  async #report(second: number): Promise<void> {
    const { clock, drivers } = this.#options;
    const ready: EncodedBatch[] = [];
    const awaited = new Set<string>();
    let packed = false;
    const take = (collected: Collected): void => {
      if (packed) return this.late(collected.batches);
      ready.push(...collected.batches);
      for (const name of collected.awaited) awaited.add(name);
    };
    const asked = drivers.filter((driver) => !this.#busy.has(driver));
    for (const driver of this.#busy) awaited.add(driver.name);
    const answers = asked.map((driver) => this.#ask(driver, second, take));
    const given = new AbortController();
    await Promise.race([Promise.all(answers), clock.sleep(COLLECT_MS_MAX + GRACE_MS, given.signal)]);
    given.abort();
    packed = true;
    this.#awaited = [...awaited];
    this.#pack(ready);
  }

  async #ask(driver: Driver, second: number, take: (collected: Collected) => void): Promise<void> {
    this.#busy.add(driver);
    try {
      take(await driver.collect(second));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.onNote(`Cannot collect from driver "${driver.name}": ${reason}`);
    } finally {
      this.#busy.delete(driver);
    }
  }

  #flushLate(): void {
    this.#lateWaits = false;
    const batches = this.#late;
    this.#late = [];
    this.#pack(batches);
  }

  /** As few entries as the bounds allow, in the order of the batches. */
  #pack(batches: readonly EncodedBatch[]): void {
    const groups: EncodedBatch[][] = [];
    let group: EncodedBatch[] = [];
    let bytes = ENTRY_OVERHEAD_BYTES;
    for (const batch of batches) {
      if (batch.bytes.length + ENTRY_OVERHEAD_BYTES > ENTRY_BYTES_MAX) {
        this.#oversized++;
        this.#lose(batch);
        continue;
      }
      if (group.length === ENTRY_BATCHES_MAX || bytes + batch.bytes.length > ENTRY_BYTES_MAX) {
        groups.push(group);
        group = [];
        bytes = ENTRY_OVERHEAD_BYTES;
      }
      group.push(batch);
      bytes += batch.bytes.length;
    }
    if (group.length > 0) groups.push(group);
    this.#put(groups.map(packed));
  }

  /** What was packed together is kept together, where a sender waits to hear of it. */
  #put(entries: readonly Packed[]): void {
    const { keep } = this.#options;
    for (const { batches } of entries) {
      this.#entries++;
      this.#batches += batches.length;
    }
    const asked = new Set(
      entries.flatMap(({ batches }) => batches.flatMap(({ receipts }) => receipts ?? [])),
    );
    const isAsked = entries.some(({ batches }) => batches.some(({ receipts }) => receipts !== undefined));
    if (!isAsked || keep === undefined) return this.#spool(entries);
    const payloads = entries.map(({ entry }) => entry.payload);
    void keep([...asked], payloads).then(() => this.#spool(entries));
  }

  #spool(entries: readonly Packed[]): void {
    for (const { entry, batches } of entries) {
      void this.#options.put(entry).then((safe) => {
        for (const batch of batches) {
          if (safe) batch.onSafe?.();
          else this.#lose(batch);
        }
      });
    }
  }

  #lose(batch: EncodedBatch): void {
    this.#options.forget?.(batch.receipts ?? []);
    batch.onLost?.();
  }
}

/** Batches that share a log entry. */
interface Packed {
  readonly batches: readonly EncodedBatch[];
  readonly entry: SpoolEntry;
}

function packed(batches: readonly EncodedBatch[]): Packed {
  const second = batches.reduce((newest, batch) => Math.max(newest, batch.second), 0);
  const refs = batches.map(({ source, sequence, second: of }) => ({ source, sequence, second: of }));
  const payload = encodeReportEntry(batches.map(({ bytes }) => bytes));
  return { batches, entry: { payload, second, batches: refs } };
}
