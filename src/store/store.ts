/** The store of one aggregator: one directory, one thread. Folds log entries into heads, seals blocks into segments
 *  and keeps the state that goes with them, so that a crash anywhere re-reads a part of the log and counts nothing
 *  twice. Owns: the order of fold, seal, commit, retention; what is durable. Does not: read the log, wait, draw.
 *  Synchronous, as SQLite is. After a failed write the store is broken: close it and open it anew.
 *  Invariant: each commit holds the segments, the open blocks and the small state as of one log offset; nothing
 *  before that offset is needed again. */
import type { Instrumentation } from '../model/instrumentation.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { type Level, LEVELS } from '../model/level.ts';
import type { LogEntry } from '../model/log.ts';
import type { SeriesReader } from '../model/series.ts';
import type { Watermark } from '../model/watermark.ts';
import {
  type AsideItem,
  type Counters,
  decodeFoldState,
  encodeFoldState,
  FoldStateError,
} from './fold-state.ts';
import { Fold } from './fold.ts';
import type { SealedBlock } from './head.ts';
import { type HeadRow, LEVEL_SECONDS, type SegmentRow } from './partition.ts';
import { type Held, Partitions } from './partitions.ts';
import { StoreReader } from './reader.ts';
import { enforceRetention, finishDeletions } from './retention.ts';
import { decodeSegment, encodeSegment, segmentCodec } from './segment.ts';
import type { SourceRecord } from './sources.ts';
import { StoreBrokenError, StoreDamagedError } from './store-errors.ts';

const CACHE_BYTES = 64 * 1024 * 1024;
/** 13 bytes a cell, and as much again while arrays grow. */
const HEAD_CELLS_MAX = 8_000_000;

export interface StoreOptions {
  readonly directory: string;
  readonly kernel: Kernel;
  /** Whether this store folds the instrumentation. */
  readonly owns: (instrumentationId: string) => boolean;
  readonly logIdentity: string;
  /** Decoded segments kept in memory. */
  readonly cacheBytes?: number;
  /** Cells in open blocks; past that they are sealed early. */
  readonly headCellsMax?: number;
  /** Called at each named step of a commit; what it throws is as a failure there. For tests of crashes. */
  readonly onStep?: (step: StoreStep) => void;
}

/** In the order of a commit. */
export const STORE_STEPS = [
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

/** What is stored of one level. */
export interface LevelStats {
  readonly level: Level;
  readonly segments: number;
  readonly bytes: number;
  /** Start of its oldest block that no pin keeps; absent where there is none. What space could be had from. */
  readonly oldestSecond?: number;
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
  /** Values of a discrete field, of the newest hour or so, for completion. */
  keyValues(instrumentationId: string, field: string): string[];
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
  const partitions = new Partitions(options.directory);
  try {
    return new SqliteStore(options, partitions);
  } catch (error) {
    partitions.close();
    throw error;
  }
}

/** Restores the fold that a state row and its open blocks describe. */
export function restoreFold(
  config: Pick<StoreOptions, 'kernel' | 'owns' | 'headCellsMax'>,
  held: Held | undefined,
): Fold {
  const { kernel, owns, headCellsMax = HEAD_CELLS_MAX } = config;
  const foldConfig = { kernel, owns, headCellsMax };
  if (held === undefined) return new Fold(foldConfig);
  const { partition, state } = held;
  const images = partition.heads().map(({ instrumentation, startSecond, mergedCells, tailCells, bytes }) => ({
    content: { instrumentation, ...decodeSegment(bytes, kernel, `${instrumentation}/head/${startSecond}`) },
    mergedCells,
    tailCells,
  }));
  try {
    return new Fold(foldConfig, decodeFoldState(state.body), images);
  } catch (error) {
    if (!(error instanceof FoldStateError)) throw error;
    throw new StoreDamagedError(partition.path, error.message, { cause: error });
  }
}

class SqliteStore implements Store {
  readonly #options: StoreOptions;
  readonly #partitions: Partitions;
  readonly #fold: Fold;
  readonly #reader: StoreReader;
  readonly notes: readonly StoreNote[];
  #generation: number;
  #committedOffset: number;
  #durableOffset = 0;
  #durable: readonly Watermark[] = [];
  /** The offset of the log entry that must come next; undefined once one came. */
  #expectedOffset: number | undefined;
  #broken: unknown;

  constructor(options: StoreOptions, partitions: Partitions) {
    this.#options = options;
    this.#partitions = partitions;
    const held = partitions.newest;
    this.#fold = restoreFold(options, held);
    this.#generation = held?.state.generation ?? 0;
    const was = held?.state.log ?? options.logIdentity;
    const changed = was !== options.logIdentity;
    if (changed) this.#fold.restartLog();
    this.notes = changed ? [{ kind: 'log-changed', was, now: options.logIdentity }] : [];
    this.#committedOffset = this.#fold.nextOffset;
    this.#expectedOffset = held === undefined || changed ? undefined : this.#fold.nextOffset;
    this.#reader = new StoreReader(this.#fold, partitions, {
      kernel: options.kernel,
      cacheBytes: options.cacheBytes ?? CACHE_BYTES,
    });
    if (held?.partition.checkpoint() === true) this.#becameDurable();
    finishDeletions(partitions, this.#fold);
  }

  get resumeOffset(): number {
    return this.#fold.nextOffset;
  }

  get reader(): SeriesReader {
    return this.#reader;
  }

  fold(entries: readonly LogEntry[]): FoldOutcome {
    const notes: StoreNote[] = [];
    const durableBefore = this.#durableOffset;
    this.#writing(() => {
      for (const entry of entries) {
        if (entry.offset < this.#fold.nextOffset) continue;
        const expected = this.#expectedOffset;
        this.#expectedOffset = undefined;
        if (expected !== undefined && entry.offset > expected) {
          notes.push({ kind: 'log-skipped', fromOffset: expected, untilOffset: entry.offset });
        }
        this.#apply(entry);
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

  keyValues(instrumentationId: string, field: string): string[] {
    return this.#reader.keyValues(instrumentationId, field);
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
      cacheBytes: this.#reader.cacheBytes,
      largestSecond: this.#fold.largestSecond,
      givenUp: this.#fold.sequences.givenUp,
      pendingWork: 0,
      levels: LEVELS.map((level) => ({ level, segments: 0, bytes: 0 })),
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
      if (this.#committedOffset < this.#fold.nextOffset) this.#commit([]);
      else this.#sync();
    });
    return this.#outcome(durableBefore, []);
  }

  work(): boolean {
    return false;
  }

  get stalled(): Stall | undefined {
    return undefined;
  }

  retry(): FoldOutcome {
    return this.#outcome(this.#durableOffset, []);
  }

  close(): void {
    this.#partitions.close();
  }

  #apply(entry: LogEntry): void {
    const fold = this.#fold;
    fold.apply(entry);
    for (const id of fold.takeGone()) this.#partitions.deleteAll(id);
    for (let cause = fold.due(); cause !== undefined; cause = fold.due()) {
      this.#commit(fold.seal(cause));
      for (const id of fold.takeGone()) this.#partitions.deleteAll(id);
      enforceRetention(this.#partitions, fold);
    }
  }

  #commit(sealed: readonly SealedBlock[]): void {
    const fold = this.#fold;
    const segments = sealed.map((block) => this.#segmentRow(block));
    fold.counters.segments += segments.length;
    for (const { bytes } of segments) fold.counters.segmentBytes += bytes.length;
    const heads = fold.images().map(({ content, mergedCells, tailCells }): HeadRow => {
      const { instrumentation, startSecond } = content;
      return { instrumentation, startSecond, mergedCells, tailCells, bytes: this.#encode(content) };
    });
    this.#generation++;
    const state = {
      generation: this.#generation,
      log: this.#options.logIdentity,
      body: encodeFoldState(fold.state()),
    };
    this.#partitions.commit(fold.nowSecond, { segments, heads, state }, () =>
      this.#options.onStep?.('written'),
    );
    this.#committedOffset = fold.nextOffset;
    this.#options.onStep?.('committed');
    this.#sync();
  }

  #segmentRow(block: SealedBlock): SegmentRow {
    const { instrumentation, startSecond } = block;
    const revision = this.#fold.counters.seals;
    const bytes = this.#encode(block);
    return {
      instrumentation,
      level: LEVEL_SECONDS,
      startSecond,
      revision,
      codec: segmentCodec(bytes),
      bytes,
    };
  }

  #encode(block: SealedBlock): Uint8Array {
    return encodeSegment({ ...block, stepSeconds: LEVEL_SECONDS }, this.#options.kernel);
  }

  /** Where another process reads the file just now, the next commit's sync covers this one. */
  #sync(): void {
    if (this.#durableOffset >= this.#committedOffset) return;
    if (this.#partitions.newest?.partition.checkpoint() === true) this.#becameDurable();
  }

  #becameDurable(): void {
    this.#durableOffset = this.#committedOffset;
    this.#durable = this.#fold.sequences.watermarks();
    this.#options.onStep?.('durable');
  }

  #outcome(durableBefore: number, notes: readonly StoreNote[]): FoldOutcome {
    const sealed = this.#durableOffset > durableBefore;
    return { sealed, watermarks: sealed ? this.#durable : [], notes };
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
