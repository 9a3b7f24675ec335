/** The store of one aggregator: one directory, one thread. Folds log entries into heads, seals blocks into segments
 *  and keeps the state that goes with them, so that a crash anywhere re-reads a part of the log and counts nothing
 *  twice. Owns: the order of fold, seal, commit, work behind it; what is durable. Does not: read the log, wait,
 *  draw.
 *  Synchronous, as SQLite is. After a failed write the store is broken: close it and open it anew; but where the disk
 *  is full, what was to be written waits, and is read from memory meanwhile.
 *  Invariant: each commit holds the segments, the open blocks and the small state as of one log offset; nothing
 *  before that offset is needed again. */
import { emptyBits, type CoverageBlock } from '../model/coverage.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { LogEntry } from '../model/log.ts';
import type { SeriesReader } from '../model/series.ts';
import type { Watermark } from '../model/watermark.ts';
import { type AsideItem, type Counters, encodeFoldState } from './fold-state.ts';
import type { Fold } from './fold.ts';
import { Leases } from './leases.ts';
import { type LevelStats, levelStats } from './level-stats.ts';
import { Partitions } from './partitions.ts';
import type { SegmentRef, SegmentRow } from './place.ts';
import { StoreReader } from './reader.ts';
import { type FoldOptions, restoreFold, tidy } from './restore.ts';
import { Retention } from './retention.ts';
import { headRows, type SealRows, sealRows } from './sealing.ts';
import { SegmentCache } from './segment-cache.ts';
import type { SourceRecord } from './sources.ts';
import { isDiskFull } from './sqlite.ts';
import { SegmentCorruptError, StoreBrokenError } from './store-errors.ts';
import { Overlaid, type Unwritten } from './unwritten.ts';
import { Work } from './work.ts';

const CACHE_BYTES = 64 * 1024 * 1024;
/** Roll-ups that may be due: more than two days of 200 instrumentations. Past that each seal waits until as much was
 *  done as it added. */
const PENDING_MAX = 20_000;

export interface StoreOptions extends FoldOptions {
  readonly directory: string;
  readonly logIdentity: string;
  /** Decoded segments kept in memory. */
  readonly cacheBytes?: number;
  /** Pages that a file may have: past them SQLite says that the disk is full. For tests of a full disk. */
  readonly pagesMax?: () => number;
  /** Called at each named step of a commit; what it throws is as a failure there. For tests of crashes. */
  readonly onStep?: (step: StoreStep) => void;
}

/** In the order of a commit. */
export const STORE_STEPS = [
  /** A row of a coarser level is written, the transaction is open: of what came late, before the seconds of the same
   *  seal are written; or of a roll-up or compaction. */
  'rollup-written',
  /** That is committed. */
  'rollup-committed',
  /** All rows are written, the transaction is open. */
  'written',
  /** The transaction is committed: a killed process finds it, a power cut may take it back. */
  'committed',
  /** It is synced. */
  'durable',
] as const;
export type StoreStep = (typeof STORE_STEPS)[number];

/** Something a person may want to know of. */
export type StoreNote =
  /** The directory was folded from another log: the new one is read from its first entry, repeats are known. */
  | { readonly kind: 'log-changed'; readonly was: string; readonly now: string }
  /** The log gave a later entry than the next one: between them there was none, or it is lost. */
  | { readonly kind: 'log-skipped'; readonly fromOffset: number; readonly untilOffset: number };

export interface FoldOutcome {
  /** True when more became durable: `watermarks` moved. */
  readonly sealed: boolean;
  /** What durable commits hold; empty when nothing moved. */
  readonly watermarks: readonly Watermark[];
  readonly notes: readonly StoreNote[];
  /** Entries were left out, or nothing was committed: as Store.stalled. Fold the same entries again after a retry. */
  readonly stalled?: Stall;
}

/** Why nothing is folded just now. */
export interface Stall {
  readonly reason: string;
}

export interface SourceStatus extends Readonly<SourceRecord> {
  /** Sequence numbers below the largest of its newest incarnation that did not come. */
  readonly missing: number;
}

export interface StoreStats extends Readonly<Counters> {
  readonly headCells: number;
  readonly sources: number;
  readonly instrumentations: number;
  readonly files: number;
  readonly cacheBytes: number;
  /** Largest accepted second; -1 before the first. */
  readonly largestSecond: number;
  /** Sequence numbers given up for lost: more gaps than are remembered. */
  readonly givenUp: number;
  /** Roll-ups and compactions that are due. */
  readonly pendingWork: number;
  /** Finest first. */
  readonly levels: readonly LevelStats[];
}

export interface Store {
  /** The next entry to fold. */
  readonly resumeOffset: number;
  /** What opening found. */
  readonly notes: readonly StoreNote[];
  readonly reader: SeriesReader;
  /** Folds entries in their order; entries below resumeOffset are left out. Throws StoreBrokenError, or what
   *  SQLite threw. */
  fold(entries: readonly LogEntry[]): FoldOutcome;
  /** Owned ones, also expired ones that still have history. */
  instrumentations(): Instrumentation[];
  /** The second F such that all seconds below are answered for: every source awaited reported in full, or a
   *  second has passed. Never beyond `nowMs`. 0 for an instrumentation that is not known. */
  frontier(instrumentationId: string, nowMs: number): number;
  sources(): SourceStatus[];
  stats(): StoreStats;
  /** The newest things that were not folded, and why. */
  aside(): readonly AsideItem[];
  /** Log entries below are not needed by this store any more, whatever happens. */
  trimOffset(): number;
  /** What durable commits hold, per source. */
  watermarks(): readonly Watermark[];
  /** Commits what was folded, open blocks too, and syncs it. Costs what the open blocks are worth: for a clean
   *  stop, and where sources wait for watermarks, not for every batch. */
  checkpoint(): FoldOutcome;
  /** Does one unit of the work that is due behind the fold: a part of a roll-up, a compaction or of what they make
   *  superfluous; about one segment's decoding. False where nothing is left that can be done now. Throws as fold. */
  work(): boolean;
  /** Set while the disk is full: what was to be committed waits in memory and is served from there, and nothing
   *  more is folded. */
  readonly stalled: Stall | undefined;
  /** Tries again what the full disk refused. */
  retry(): FoldOutcome;
  /** Closes the files; what was not committed is folded again from the log. */
  close(): void;
}

/** Throws StoreLockedError, StoreVersionError, StoreDamagedError, SegmentCorruptError. */
export function openStore(options: StoreOptions): Store {
  const partitions = new Partitions(options.directory, options.pagesMax);
  try {
    return new SqliteStore(options, partitions);
  } catch (error) {
    partitions.close();
    throw error;
  }
}

class SqliteStore implements Store {
  readonly #options: StoreOptions;
  readonly #partitions: Partitions;
  readonly #fold: Fold;
  readonly #index: Overlaid;
  readonly #cache: SegmentCache;
  readonly #leases = new Leases();
  readonly #reader: StoreReader;
  readonly #work: Work;
  readonly #retention: Retention;
  readonly notes: readonly StoreNote[];
  #generation: number;
  #committedOffset: number;
  #durableOffset = 0;
  #durable: readonly Watermark[] = [];
  /** The offset of the log entry that must come next; undefined once one came. */
  #expectedOffset: number | undefined;
  /** A commit that is not written yet. */
  #unwritten: Unwritten | undefined;
  /** Names whose history is not deleted yet. */
  #gone: readonly string[] = [];
  #stalled: Stall | undefined;
  #broken: unknown;

  constructor(options: StoreOptions, partitions: Partitions) {
    const { kernel, logIdentity, cacheBytes = CACHE_BYTES } = options;
    this.#options = options;
    this.#partitions = partitions;
    const held = partitions.newest;
    const fold = restoreFold(options, held);
    this.#fold = fold;
    this.#generation = held?.state.generation ?? 0;
    const was = held?.state.log ?? logIdentity;
    const changed = was !== logIdentity;
    if (changed) fold.restartLog();
    this.notes = changed ? [{ kind: 'log-changed', was, now: logIdentity }] : [];
    this.#committedOffset = fold.nextOffset;
    this.#expectedOffset = held === undefined || changed ? undefined : fold.nextOffset;
    this.#index = new Overlaid(partitions);
    this.#cache = new SegmentCache(kernel, cacheBytes);
    this.#reader = new StoreReader(fold, this.#index, this.#cache, this.#leases);
    this.#retention = new Retention(partitions, fold);
    this.#work = new Work({
      fold,
      partitions,
      cache: this.#cache,
      leases: this.#leases,
      kernel,
      onStep: (step) => options.onStep?.(step),
    });
    tidy(fold, partitions);
    if (held?.partition.checkpoint() === true) this.#becameDurable();
  }

  get resumeOffset(): number {
    return this.#fold.nextOffset;
  }

  get reader(): SeriesReader {
    return this.#reader;
  }

  get stalled(): Stall | undefined {
    return this.#stalled;
  }

  fold(entries: readonly LogEntry[]): FoldOutcome {
    const notes: StoreNote[] = [];
    const durableBefore = this.#durableOffset;
    this.#writing(() => {
      for (const entry of entries) {
        if (this.#stalled !== undefined) return;
        if (entry.offset < this.#fold.nextOffset) continue;
        const expected = this.#expectedOffset;
        this.#expectedOffset = undefined;
        if (expected !== undefined && entry.offset > expected) {
          notes.push({ kind: 'log-skipped', fromOffset: expected, untilOffset: entry.offset });
        }
        this.#fold.apply(entry);
        this.#settle();
      }
    });
    return this.#outcome(durableBefore, notes);
  }

  instrumentations(): Instrumentation[] {
    return this.#fold.lives().map((life) => life.instrumentation);
  }

  frontier(instrumentationId: string, nowMs: number): number {
    const head = this.#fold.head(instrumentationId);
    return head?.frontier(nowMs, this.#fold.ending(instrumentationId)) ?? 0;
  }

  sources(): SourceStatus[] {
    const { sequences } = this.#fold;
    return this.#fold.sources().map((record) => ({ ...record, missing: sequences.missing(record) }));
  }

  stats(): StoreStats {
    return {
      ...this.#fold.counters,
      headCells: this.#fold.sizeCells,
      sources: this.#fold.sources().length,
      instrumentations: this.#fold.lives().length,
      files: this.#partitions.all().length,
      cacheBytes: this.#cache.sizeBytes,
      largestSecond: this.#fold.largestSecond,
      givenUp: this.#fold.sequences.givenUp,
      pendingWork: this.#fold.pending.size,
      levels: levelStats(this.#partitions, this.#fold),
    };
  }

  aside(): readonly AsideItem[] {
    return this.#fold.aside();
  }

  trimOffset(): number {
    return this.#durableOffset;
  }

  watermarks(): readonly Watermark[] {
    return this.#durable;
  }

  checkpoint(): FoldOutcome {
    const durableBefore = this.#durableOffset;
    this.#writing(() => {
      if (this.#stalled !== undefined) return;
      if (this.#committedOffset < this.#fold.nextOffset) this.#unwritten = this.#commitOf(NO_ROWS);
      this.#settle();
      this.#sync();
    });
    return this.#outcome(durableBefore, []);
  }

  work(): boolean {
    let more = false;
    this.#writing(() => {
      const isStalled = this.#stalled !== undefined;
      this.#unlessFull(() => {
        more = (!isStalled && this.#work.step()) || this.#retain();
      });
    });
    return more;
  }

  retry(): FoldOutcome {
    const durableBefore = this.#durableOffset;
    this.#writing(() => {
      this.#stalled = undefined;
      this.#settle();
    });
    return this.#outcome(durableBefore, []);
  }

  close(): void {
    this.#partitions.close();
  }

  /** Also while the disk is full: it makes room. */
  #retain(): boolean {
    return this.#leases.isFree(this.#fold.counters.seals) && this.#retention.step();
  }

  /** Writes what waits, and seals and writes what is due, until the next entry may be folded. */
  #settle(): void {
    this.#unlessFull(() => {
      this.#writeWaiting();
      for (let cause = this.#fold.due(); cause !== undefined; cause = this.#fold.due()) {
        const rows = sealRows(this.#fold, cause, {
          index: this.#index,
          kernel: this.#options.kernel,
          coverageOf: (ref) => this.#coverageOf(ref),
        });
        const pendingMax = Math.max(PENDING_MAX, this.#fold.pending.size - rows.tasks);
        this.#unwritten = this.#commitOf(rows);
        this.#writeWaiting();
        while (this.#fold.pending.size > pendingMax && this.#work.step());
      }
    });
  }

  #writeWaiting(): void {
    const fold = this.#fold;
    if (this.#unwritten !== undefined) this.#write(this.#unwritten);
    this.#gone = [...this.#gone, ...fold.takeGone()];
    if (this.#gone.length === 0) return;
    this.#work.forget(this.#gone);
    for (const id of this.#gone) this.#partitions.deleteAll(id);
    this.#gone = [];
  }

  #commitOf({ seconds, late }: SealRows): Unwritten {
    const fold = this.#fold;
    fold.counters.segments += seconds.length + late.length;
    for (const { bytes } of [...seconds, ...late]) fold.counters.segmentBytes += bytes.length;
    const heads = headRows(fold, this.#options.kernel);
    this.#generation++;
    const state = {
      generation: this.#generation,
      log: this.#options.logIdentity,
      body: encodeFoldState(fold.state()),
    };
    const { nextOffset: offset, nowSecond: second } = fold;
    const commit = { second, offset, revision: fold.counters.seals, seconds, late, heads, state };
    this.#index.wait(commit);
    return commit;
  }

  /** Late rows first, each synced: once the state is there, they are. */
  #write({ second, offset, seconds, late, heads, state }: Unwritten): void {
    const { onStep } = this.#options;
    const partitionOf = (row: SegmentRow) => this.#partitions.ofRollUp(row.level, row.startSecond);
    for (const partition of new Set(late.map(partitionOf))) {
      const rows = late.filter((row) => partitionOf(row) === partition);
      partition.insert(rows, () => onStep?.('rollup-written'));
      onStep?.('rollup-committed');
    }
    this.#partitions.commit(second, { segments: seconds, heads, state }, () => onStep?.('written'));
    this.#unwritten = undefined;
    this.#index.clear();
    this.#committedOffset = offset;
    onStep?.('committed');
    this.#sync();
  }

  /** A segment that is damaged must not stop the fold: it tells nothing. */
  #coverageOf(ref: SegmentRef): CoverageBlock {
    try {
      return this.#cache.coverage(ref);
    } catch (error) {
      if (!(error instanceof SegmentCorruptError)) throw error;
      return { startSecond: ref.startSecond, stepSeconds: ref.level, sources: [], revised: emptyBits() };
    }
  }

  /** Where another process reads the file just now, the next commit's sync covers this one. */
  #sync(): void {
    if (this.#durableOffset >= this.#committedOffset) return;
    if (this.#partitions.newest?.partition.checkpoint() === true) this.#becameDurable();
  }

  /** The fold is as the commit has it. */
  #becameDurable(): void {
    this.#durableOffset = this.#committedOffset;
    this.#durable = this.#fold.sequences.watermarks();
    this.#work.becameDurable();
    this.#retention.plan();
    this.#options.onStep?.('durable');
  }

  #outcome(durableBefore: number, notes: readonly StoreNote[]): FoldOutcome {
    const sealed = this.#durableOffset > durableBefore;
    const outcome = { sealed, watermarks: sealed ? this.#durable : [], notes };
    return this.#stalled === undefined ? outcome : { ...outcome, stalled: this.#stalled };
  }

  /** A full disk damages nothing: what was to be written waits. */
  #unlessFull(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!isDiskFull(error, this.#partitions.directory)) throw error;
      this.#work.abandon();
      const said = error instanceof Error ? error.message : String(error);
      this.#stalled = { reason: `no space is left in "${this.#partitions.directory}" (${said})` };
    }
  }

  #writing(write: () => void): void {
    if (this.#broken !== undefined) {
      throw new StoreBrokenError(this.#options.directory, { cause: this.#broken });
    }
    try {
      write();
    } catch (error) {
      this.#broken = error ?? new Error('unknown');
      throw error;
    }
  }
}

const NO_ROWS: SealRows = { seconds: [], late: [], tasks: 0 };
