/** The fold: log entries in their order become heads, and heads become blocks to seal. A function of the entries
 *  (offset, arrival, payload) and of the configuration alone: no clock, no I/O, so replay equals live.
 *  Owns: what is accepted, what is refused and counted, when a seal is due. Does not: write.
 *  Rules:
 *  - a batch is the unit of repeats; it is taken once by (source, incarnation, sequence).
 *  - a block is sealed when the largest accepted second is LATENESS_SECONDS past its end; what comes later for
 *    it makes a further block of that range, marked revised.
 *  - a head of too many cells spills them early, late blocks first: a block may be sealed in parts.
 *  - a report is taken as long as some level counts its second; the roll-ups that a seal makes due are part of the
 *    state (pending.ts), so what is stored in the end follows from the entries too. */
import { blockStart } from '../model/series.ts';
import { type ControlEvent, ControlEventError } from '../model/control.ts';
import type { Checksum } from '../model/crc32c.ts';
import { sameGrid } from '../model/grid.ts';
import { windowStart } from '../model/instrumentation.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Level } from '../model/level.ts';
import { BLOCK_STEPS, FUTURE_SECONDS_MAX, LATENESS_SECONDS } from '../model/limits.ts';
import type { LogEntry } from '../model/log.ts';
import {
  type BatchView,
  decodeEntry,
  type EntryView,
  ReportCorruptError,
  type ReportView,
  sourceName,
} from '../model/report.ts';
import { type AsideItem, type Counters, type FoldState, newCounters, type Refusal } from './fold-state.ts';
import { type Ending, Head, type HeadState, type SealedBlock, type StoredBlock } from './head.ts';
import { type InstrumentationEvent, type Life, Lives } from './lives.ts';
import { Pending } from './pending.ts';
import { type PinEvent, Pins } from './pins.ts';
import { Sequences } from './sequences.ts';
import { Ends, type SourceRecord, Sources } from './sources.ts';

/** Entries, batches and reports kept aside with the reason; the oldest goes first. */
const ASIDE_MAX = 64;
/** No block stays open longer than this for reports that speak of many seconds. */
const EXTRA_SECONDS_MAX = 3600;

export interface FoldConfig {
  readonly kernel: Kernel;
  readonly owns: (instrumentation: string) => boolean;
  /** Cells in the head; more are compacted, then spilt. */
  readonly headCellsMax: number;
}

export type SealCause = 'block-end' | 'head-full';

export class Fold {
  readonly #config: FoldConfig;
  readonly #checksum: Checksum;
  readonly #lives: Lives;
  readonly #pins: Pins;
  /** What the store adds to when it seals. */
  readonly pending: Pending;
  /** It goes on from a state of before there were roll-ups. */
  readonly isFirstWithPending: boolean;
  readonly #heads = new Map<string, Head>();
  readonly #sequences: Sequences;
  readonly #sources: Sources;
  readonly #ends: Ends;
  readonly counters: Counters;
  readonly #aside: AsideItem[];
  /** Names whose history goes; taken by the store. */
  #gone: string[] = [];
  #nextOffset: number;
  #arrivedMs: number;
  #largestSecond: number;
  #openSecond: number;
  #sizeCells = 0;

  constructor(config: FoldConfig, state?: FoldState, images: readonly StoredBlock[] = []) {
    this.#config = config;
    this.#checksum = (bytes, seed) => config.kernel.crc32c(bytes, seed);
    this.#pins = new Pins(state?.pins);
    this.#lives = new Lives(state?.lives, (id) => this.#pins.of(id).length > 0);
    this.pending = new Pending(state?.pending);
    this.isFirstWithPending = state !== undefined && state.pending === undefined;
    this.#sequences = new Sequences(state?.sequences);
    this.#sources = new Sources(state?.sources);
    this.#ends = new Ends(state?.ends);
    this.counters = { ...newCounters(), ...state?.counters };
    this.#aside = [...(state?.aside ?? [])];
    this.#nextOffset = state?.nextOffset ?? 0;
    this.#arrivedMs = state?.arrivedMs ?? 0;
    this.#largestSecond = state?.largestSecond ?? -1;
    this.#openSecond = state?.openSecond ?? -1;
    const heads = new Map(state?.heads);
    for (const life of this.#lives.all()) this.#adopt(life, heads.get(life.instrumentation.id));
    for (const image of images) this.#heads.get(image.content.instrumentation)?.restore(image);
    this.#sizeCells = this.#measure();
  }

  get nextOffset(): number {
    return this.#nextOffset;
  }

  get largestSecond(): number {
    return this.#largestSecond;
  }

  /** The newest second that is known of: reported, or before anything is, when the log last took an entry. */
  get nowSecond(): number {
    return this.#largestSecond >= 0 ? this.#largestSecond : Math.floor(this.#arrivedMs / 1000);
  }

  get sizeCells(): number {
    return this.#sizeCells;
  }

  get sequences(): Sequences {
    return this.#sequences;
  }

  sources(): readonly SourceRecord[] {
    return this.#sources.all();
  }

  aside(): readonly AsideItem[] {
    return this.#aside;
  }

  /** Owned ones, living and expired. */
  lives(): readonly Life[] {
    return this.#lives.all().filter((life) => this.#heads.has(life.instrumentation.id));
  }

  heads(): readonly Head[] {
    return [...this.#heads.values()];
  }

  head(id: string): Head | undefined {
    return this.#heads.get(id);
  }

  /** A log that begins anew begins at its first entry; repeats are known by their sequence numbers. */
  restartLog(): void {
    this.#nextOffset = 0;
  }

  apply(entry: LogEntry): void {
    this.#nextOffset = entry.offset + 1;
    this.#arrivedMs = entry.arrivedMs;
    this.counters.entries++;
    let view: EntryView;
    try {
      view = decodeEntry(entry.payload, this.#checksum);
    } catch (error) {
      if (!(error instanceof ReportCorruptError || error instanceof ControlEventError)) throw error;
      return this.#refuse(entry, 'refusedEntry', error.message);
    }
    if (view.kind === 'control') return this.#control(view.event, entry);
    for (const batch of view.batches) this.#batch(batch, entry);
  }

  /** Whether something must be sealed before the next entry. */
  due(): SealCause | undefined {
    if (this.#openSecond >= 0 && this.#largestSecond >= this.#openSecond + BLOCK_STEPS + LATENESS_SECONDS) {
      return 'block-end';
    }
    if (this.#sizeCells <= this.#config.headCellsMax) return undefined;
    for (const head of this.#heads.values()) {
      for (const block of head.blocks()) block.compact(this.#config.kernel);
    }
    this.#sizeCells = this.#measure();
    return this.#sizeCells > this.#config.headCellsMax / 2 ? 'head-full' : undefined;
  }

  /** Takes out what is due. */
  seal(cause: SealCause): SealedBlock[] {
    const { kernel } = this.#config;
    this.counters.seals++;
    let sealed: SealedBlock[];
    if (cause === 'head-full') {
      this.counters.spills++;
      sealed = this.#spill();
    } else {
      const before = this.#openSecond;
      this.#openSecond = blockStart(this.#largestSecond - LATENESS_SECONDS);
      sealed = [...this.#heads.values()].flatMap((head) => {
        const ending = this.ending(head.instrumentation.id);
        return head.seal(openSecondOf(head, before), openSecondOf(head, this.#openSecond), ending, kernel);
      });
      this.#ends.prune(this.#openSecond - BLOCK_STEPS - EXTRA_SECONDS_MAX);
      this.#forget(this.#lives.forgetExpired(this.#largestSecond));
    }
    this.#sizeCells = this.#measure();
    return sealed;
  }

  /** Late blocks fill up slowly and would stay open long: they go first, and all only where that was not enough. */
  #spill(): SealedBlock[] {
    const { kernel, headCellsMax } = this.#config;
    const heads = [...this.#heads.values()];
    const sealed = heads.flatMap((head) => head.spill(0, this.openSecond(head), kernel));
    this.#sizeCells = this.#measure();
    if (this.#sizeCells <= headCellsMax / 2) return sealed;
    return [...sealed, ...heads.flatMap((head) => head.spill(this.openSecond(head), Infinity, kernel))];
  }

  /** Names whose history goes, each once. */
  takeGone(): readonly string[] {
    const gone = this.#gone;
    if (gone.length > 0) this.#gone = [];
    return gone;
  }

  ending(id: string): Ending {
    return {
      endsOf: (source) => this.#ends.of(source, id),
      stopSecond: this.#lives.get(id)?.expiredSecond ?? Number.POSITIVE_INFINITY,
    };
  }

  /** Whether a block counts no more; so where the instrumentation is not known. */
  isExpired(id: string, level: Level, startSecond: number): boolean {
    return this.#heads.get(id)?.horizon.isExpired(level, startSecond, this.#largestSecond) ?? true;
  }

  isKnown(id: string): boolean {
    return this.#lives.get(id) !== undefined;
  }

  /** Blocks of this instrumentation are open from here on. */
  openSecond(head: Head): number {
    return openSecondOf(head, Math.max(0, this.#openSecond));
  }

  state(): FoldState {
    return {
      nextOffset: this.#nextOffset,
      arrivedMs: this.#arrivedMs,
      largestSecond: this.#largestSecond,
      openSecond: this.#openSecond,
      lives: this.#lives.state(),
      pins: this.#pins.state(),
      pending: this.pending.state(),
      heads: [...this.#heads].map(([id, head]) => [id, head.state()]),
      sequences: this.#sequences.state(),
      sources: this.#sources.all().map((record) => ({ ...record })),
      ends: this.#ends.state(),
      counters: { ...this.counters },
      aside: [...this.#aside],
    };
  }

  images(): StoredBlock[] {
    return [...this.#heads.values()].flatMap((head) => head.images(this.#config.kernel));
  }

  #measure(): number {
    let size = 0;
    for (const head of this.#heads.values()) size += head.sizeCells;
    return size;
  }

  #control(event: ControlEvent, entry: LogEntry): void {
    this.counters.controlEvents++;
    const second = Math.floor(entry.arrivedMs / 1000);
    switch (event.kind) {
      case 'instrumenter-online':
        return this.#ends.endHost(event.host, second);
      case 'source-offline':
        return this.#ends.endSource(sourceName(event), Math.min(event.second, second + FUTURE_SECONDS_MAX));
      case 'range-pinned':
      case 'range-unpinned':
        return this.#pin(event, entry);
      case 'space-reclaimed':
        return this.#reclaim(event.level, event.untilSecond);
      case 'instrumentation-created':
      case 'instrumentation-changed':
      case 'instrumentation-paused':
      case 'instrumentation-resumed':
      case 'instrumentation-expired':
      case 'instrumentation-dropped':
        return this.#change(event, second, entry);
    }
  }

  #pin(event: PinEvent, entry: LogEntry): void {
    const before = this.#pins.get(event.kind === 'range-pinned' ? event.pin.id : event.id);
    const refused = this.#pins.apply(event, (id) => this.#lives.get(id) !== undefined);
    if (refused !== undefined) {
      return this.#refuse(entry, 'refusedControl', `Cannot take "${event.kind}": ${refused}`);
    }
    if (event.kind === 'range-pinned') {
      const { id, instrumentation, fromSecond, untilSecond } = event.pin;
      const head = this.#heads.get(instrumentation);
      head?.horizon.pin(id, fromSecond, untilSecond, this.#largestSecond);
      if (before?.instrumentation === instrumentation) return;
    }
    if (before !== undefined) this.#heads.get(before.instrumentation)?.horizon.unpin(before.id);
  }

  /** What is still open stays. */
  #reclaim(level: Level, untilSecond: number): void {
    for (const head of this.#heads.values()) {
      head.horizon.raise(level, Math.min(untilSecond, this.openSecond(head)));
    }
  }

  #change(event: InstrumentationEvent, second: number, entry: LogEntry): void {
    const { life, gone, refused } = this.#lives.apply(event, second);
    if (refused !== undefined)
      this.#refuse(entry, 'refusedControl', `Cannot take "${event.kind}": ${refused}`);
    this.#forget(gone);
    if (event.kind === 'instrumentation-paused' && life !== undefined) this.#ends.endAll(event.id, second);
    if (life !== undefined) this.#adopt(life);
  }

  #adopt({ instrumentation }: Life, state?: HeadState): void {
    const { id } = instrumentation;
    const head = this.#heads.get(id);
    if (head !== undefined) head.redefine(instrumentation, this.#largestSecond);
    else if (this.#config.owns(id)) this.#heads.set(id, new Head(instrumentation, state));
  }

  #forget(gone: readonly string[]): void {
    if (gone.length === 0) return;
    for (const id of gone) this.#heads.delete(id);
    this.#pins.forget(gone);
    this.#ends.forget(gone);
    this.pending.forget(gone);
    this.#gone.push(...gone);
    this.#sizeCells = this.#measure();
  }

  #batch(batch: BatchView, entry: LogEntry): void {
    const { source, sequence, second } = batch;
    const name = sourceName(source);
    const record = this.#sources.heard(name, source, sequence);
    this.counters.batches++;
    record.batches++;
    const arrivedSecond = Math.floor(entry.arrivedMs / 1000);
    const verdict = this.#sequences.take(source, sequence, Math.min(second, arrivedSecond));
    if (verdict === 'repeat') {
      this.counters.repeats++;
      record.repeats++;
      return;
    }
    if (verdict === 'forgotten') {
      return this.#refuse(entry, 'refusedForgotten', 'its incarnation was forgotten', batch);
    }
    const aheadMs = second * 1000 - entry.arrivedMs;
    if (aheadMs > FUTURE_SECONDS_MAX * 1000) {
      record.skewMs = aheadMs;
      record.refused++;
      return this.#refuse(entry, 'refusedFuture', `its second begins ${aheadMs} ms after its arrival`, batch);
    }
    record.skewMs = 0;
    record.lagMs = entry.arrivedMs - (second + 1) * 1000;
    record.lastSecond = Math.max(record.lastSecond, second);
    this.#largestSecond = Math.max(this.#largestSecond, second);
    if (this.#openSecond < 0) this.#openSecond = blockStart(Math.max(0, second - LATENESS_SECONDS));
    for (const report of batch.reports) this.#report(report, batch, entry);
  }

  #report(report: ReportView, batch: BatchView, entry: LogEntry): void {
    const head = this.#heads.get(report.instrumentation);
    if (head === undefined) return this.#stray(report, batch, entry);
    this.counters.reports++;
    const { instrumentation } = head;
    if (!sameGrid(report.grid, instrumentation.grid)) {
      return this.#refuse(entry, 'refusedGrid', "its grid is not the instrumentation's", batch, report);
    }
    if (report.rowCount > 0 && report.fieldCount !== instrumentation.by.length) {
      const text = `its keys have ${report.fieldCount} fields, expected ${instrumentation.by.length}`;
      return this.#refuse(entry, 'refusedFields', text, batch, report);
    }
    const second = windowStart(batch.second, instrumentation);
    if (second < head.horizon.oldestSecond(this.#largestSecond)) {
      this.counters.refusedTooOld++;
      return;
    }
    this.#take(head, report, { ...batch, second }, entry);
  }

  /** `batch.second` is the start of the instrumentation's window. */
  #take(head: Head, report: ReportView, batch: BatchView, entry: LogEntry): void {
    const { counters } = this;
    const block = head.block(batch.second);
    const sizeBefore = block.sizeCells;
    try {
      counters.cells += block.add(report, batch.second, this.#config.kernel);
    } catch (error) {
      if (!(error instanceof ReportCorruptError)) throw error;
      return this.#refuse(entry, 'refusedRows', error.message, batch, report);
    }
    this.#sizeCells += block.sizeCells - sizeBefore;
    counters.rows += report.rowCount;
    counters.droppedAtSource += report.dropped;
    this.#sources.addDropped(sourceName(batch.source), report.dropped);
    if (report.partial) counters.partial++;
    const openSecond = this.openSecond(head);
    if (batch.second < openSecond) counters.late++;
    const how = { full: !report.partial, openSecond };
    if (!head.hear(sourceName(batch.source), batch.second, how)) counters.uncovered++;
  }

  /** A report of no instrumentation of ours: another store's, one dropped a moment ago, or unknown. */
  #stray(report: ReportView, batch: BatchView, entry: LogEntry): void {
    const id = report.instrumentation;
    if (!this.#config.owns(id)) return;
    this.counters.reports++;
    if (this.#lives.wasDropped(id)) this.counters.refusedDropped++;
    else this.#refuse(entry, 'refusedUnknown', 'its instrumentation is unknown', batch, report);
  }

  #refuse(entry: LogEntry, reason: Refusal, text: string, batch?: BatchView, report?: ReportView): void {
    this.counters[reason]++;
    const { offset, arrivedMs } = entry;
    const of = batch === undefined ? {} : { source: sourceName(batch.source), second: batch.second };
    const where = report === undefined ? {} : { instrumentation: report.instrumentation };
    this.#aside.push({ offset, arrivedMs, reason, text, ...of, ...where });
    if (this.#aside.length > ASIDE_MAX) this.#aside.shift();
  }
}

/** A report that speaks of several seconds comes after the last of them: its block stays open that much longer. */
function openSecondOf(head: Head, openSecond: number): number {
  const extraSeconds = Math.min(head.instrumentation.everySeconds - 1, EXTRA_SECONDS_MAX);
  return blockStart(Math.max(0, openSecond - extraSeconds));
}
