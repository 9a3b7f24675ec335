/** The files of one store: a directory with one file per UTC day of sealing, one per level and period of roll-ups,
 *  and a lock. Owns: which file takes what, which state holds (the one of the largest generation), how many files
 *  are open, unlinking. Does not: know what the state says, or which rows count. */
import Database from 'better-sqlite3';
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { assert } from '../model/assert.ts';
import { isLevel, type Level, LEVELS } from '../model/level.ts';
import { ROLL_UPS_SCHEMA, SEALS_SCHEMA } from './partition-tables.ts';
import { type Commit, Partition, type PartitionMode, type StateRow } from './partition.ts';
import { compareRows, type SegmentIndex, type SegmentRef } from './place.ts';
import { IN_MEMORY, isBusy, isInMemory } from './sqlite.ts';
import { StoreLockedError } from './store-errors.ts';

const SEALS_NAME = /^segments-\d{4}-\d{2}-\d{2}\.db$/;
const ROLL_UPS_NAME = /^rollup-(\d+)-\d{4}-\d{2}-\d{2}\.db$/;
/** Files open at once; the one unused longest is closed. A file is opened in 0.4 ms. */
const OPEN_MAX = 16;
const DAY_SECONDS = 86_400;
/** Days of blocks in one file of roll-ups, about as many rows each. Level 1 goes by the day of the seal. */
const PERIOD_DAYS: { readonly [level in Level]: number } = { 1: 1, 10: 1, 60: 4, 600: 32, 3600: 128 };

export interface Held {
  readonly partition: Partition;
  readonly state: StateRow;
}

export class Partitions implements SegmentIndex {
  readonly directory: string;
  readonly #lock: Database.Database;
  readonly #pagesMax: (() => number) | undefined;
  readonly #partitions = new Map<string, Partition>();
  /** The same, by level and ascending. */
  #ofLevel: ReadonlyMap<Level, readonly Partition[]> | undefined;
  /** Open ones, the latest used last. */
  readonly #open = new Set<Partition>();
  #newest: Held | undefined;

  /** Throws StoreLockedError, StoreVersionError, StoreDamagedError. */
  constructor(directory: string, pagesMax?: () => number) {
    this.directory = directory;
    this.#pagesMax = pagesMax;
    if (!isInMemory(directory)) mkdirSync(directory, { recursive: true });
    this.#lock = lockDirectory(directory);
    try {
      for (const path of partitionPaths(directory)) this.#add(path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The state that holds, and its file. */
  get newest(): Held | undefined {
    return this.#newest;
  }

  /** By level, then by day. */
  all(): readonly Partition[] {
    return LEVELS.flatMap((level) => this.ofLevel(level));
  }

  /** Ascending by day. */
  ofLevel(level: Level): readonly Partition[] {
    this.#ofLevel ??= new Map(
      LEVELS.map((of) => [
        of,
        [...this.#partitions.values()].filter(({ path }) => levelOf(path) === of).toSorted(byPath),
      ]),
    );
    return this.#ofLevel.get(level)!;
  }

  find(instrumentation: string, level: Level, fromStart: number, untilStart: number): SegmentRef[] {
    const found = this.ofLevel(level).flatMap((partition) =>
      partition.find(instrumentation, level, fromStart, untilStart),
    );
    return found.sort(compareRows);
  }

  /** Writes to the file of `second`'s day, or of a later day that was written before: states never go back. */
  commit(second: number, commit: Commit, beforeCommit: () => void): Partition {
    const path = join(this.directory, `segments-${day(Math.floor(second / DAY_SECONDS))}.db`);
    const before = this.#newest?.partition;
    const partition = before !== undefined && before.path >= path ? before : this.#make(path);
    partition.commit(commit, beforeCommit);
    this.#newest = { partition, state: commit.state };
    return partition;
  }

  /** The file that holds roll-ups of the level that start at `startSecond`. */
  ofRollUp(level: Level, startSecond: number): Partition {
    assert(level !== 1, 'level 1 is no roll-up');
    const days = Math.floor(startSecond / DAY_SECONDS);
    return this.#make(join(this.directory, `rollup-${level}-${day(days - (days % PERIOD_DAYS[level]))}.db`));
  }

  /** Deletes all segments of one instrumentation, for good: synced before anything later is committed. */
  deleteAll(instrumentation: string): void {
    for (const partition of this.all()) {
      const spans = [...partition.spans.values()].filter((span) => span.instrumentation === instrumentation);
      for (const span of spans) partition.deleteRange(span, [0, Number.POSITIVE_INFINITY], -1);
      if (spans.length > 0) partition.checkpoint();
    }
  }

  /** Removes the file; never that of the newest state. */
  remove(partition: Partition): void {
    assert(partition !== this.#newest?.partition, 'the newest state stays');
    this.#open.delete(partition);
    this.#partitions.delete(partition.path);
    this.#ofLevel = undefined;
    partition.remove();
  }

  close(): void {
    for (const partition of this.#partitions.values()) partition.close();
    this.#lock.close();
  }

  #add(path: string): void {
    const partition = this.#make(path);
    if (levelOf(path) !== 1) return;
    const state = partition.state();
    if (state !== undefined && state.generation > (this.#newest?.state.generation ?? -1)) {
      this.#newest = { partition, state };
    }
  }

  #make(path: string): Partition {
    let partition = this.#partitions.get(path);
    if (partition === undefined) {
      const mode = { readonly: false, onUse: (used: Partition) => this.#used(used) };
      const limited = this.#pagesMax === undefined ? mode : { ...mode, pagesMax: this.#pagesMax };
      partition = openPartition(path, limited);
      this.#partitions.set(path, partition);
      this.#ofLevel = undefined;
    }
    return partition;
  }

  #used(partition: Partition): void {
    this.#open.delete(partition);
    this.#open.add(partition);
    // Closing one in memory would forget it.
    if (this.#open.size <= OPEN_MAX || isInMemory(this.directory)) return;
    for (const oldest of this.#open) {
      this.#open.delete(oldest);
      return oldest.close();
    }
  }
}

/** The file by its name: of seals or of roll-ups. */
export function openPartition(path: string, mode: Omit<PartitionMode, 'schema'>): Partition {
  return new Partition(path, { ...mode, schema: levelOf(path) === 1 ? SEALS_SCHEMA : ROLL_UPS_SCHEMA });
}

/** The files of segments in a directory: those of seals by day, then those of roll-ups. */
export function partitionPaths(directory: string): string[] {
  if (isInMemory(directory)) return [];
  return readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((path) => levelOf(path) !== undefined)
    .toSorted((a, b) => levelOf(a)! - levelOf(b)! || (a < b ? -1 : 1));
}

/** The level of what a file holds; undefined where it is another's. */
function levelOf(path: string): Level | undefined {
  const name = basename(path);
  if (SEALS_NAME.test(name)) return 1;
  const level = Number(ROLL_UPS_NAME.exec(name)?.[1]);
  return isLevel(level) ? level : undefined;
}

function byPath(a: Partition, b: Partition): number {
  return a.path < b.path ? -1 : 1;
}

/** SQLite's own lock, which the system gives up when the process dies. */
function lockDirectory(directory: string): Database.Database {
  const lock = new Database(isInMemory(directory) ? IN_MEMORY : join(directory, 'lock.db'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    throw isBusy(error) ? new StoreLockedError(directory, { cause: error }) : error;
  }
}

function day(days: number): string {
  return new Date(days * DAY_SECONDS * 1000).toISOString().slice(0, 10);
}
