/** The files of one store: a directory with one file per UTC day of sealing, and a lock. Owns: which file takes
 *  a commit, which state holds (the one of the largest generation), how many files are open, unlinking.
 *  Does not: know what the state says. */
import Database from 'better-sqlite3';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../model/assert.ts';
import { type Commit, Partition, type SegmentRef, type StateRow } from './partition.ts';
import { IN_MEMORY, isBusy, isInMemory } from './sqlite.ts';
import { StoreLockedError } from './store-errors.ts';

const FILE_NAME = /^segments-\d{4}-\d{2}-\d{2}\.db$/;
/** Files open at once; the one unused longest is closed. A file is opened in 0.4 ms. */
const OPEN_MAX = 16;

export interface Held {
  readonly partition: Partition;
  readonly state: StateRow;
}

export class Partitions {
  readonly directory: string;
  readonly #lock: Database.Database;
  /** By path, which is by day. */
  readonly #partitions = new Map<string, Partition>();
  /** Open ones, the latest used last. */
  readonly #open = new Set<Partition>();
  #newest: Held | undefined;

  /** Throws StoreLockedError, StoreVersionError, StoreDamagedError. */
  constructor(directory: string) {
    this.directory = directory;
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

  /** Ascending by day. */
  all(): readonly Partition[] {
    return [...this.#partitions.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Segments of one level whose start lies in [fromStart, untilStart), by start, then revision. */
  find(instrumentation: string, level: number, fromStart: number, untilStart: number): SegmentRef[] {
    return this.all()
      .flatMap((partition) => partition.find(instrumentation, level, fromStart, untilStart))
      .toSorted((a, b) => a.startSecond - b.startSecond || a.revision - b.revision);
  }

  /** Writes to the file of `second`'s day, or of a later day that was written before: states never go back. */
  commit(second: number, commit: Commit, beforeCommit: () => void): Partition {
    const path = join(this.directory, fileName(second));
    const before = this.#newest?.partition;
    const partition = before !== undefined && before.path >= path ? before : this.#make(path);
    partition.commit(commit, beforeCommit);
    this.#newest = { partition, state: commit.state };
    return partition;
  }

  /** Deletes all segments of one instrumentation, for good: synced before anything later is committed. */
  deleteAll(instrumentation: string): void {
    for (const partition of this.all()) {
      const spans = [...partition.spans.values()].filter((span) => span.instrumentation === instrumentation);
      for (const { level } of spans) partition.deleteBefore(instrumentation, level, Infinity, -1);
      if (spans.length > 0) partition.checkpoint();
    }
  }

  /** Removes the file; never that of the newest state. */
  remove(partition: Partition): void {
    assert(partition !== this.#newest?.partition, 'the newest state stays');
    this.#open.delete(partition);
    this.#partitions.delete(partition.path);
    partition.remove();
  }

  close(): void {
    for (const partition of this.#partitions.values()) partition.close();
    this.#lock.close();
  }

  #add(path: string): void {
    const partition = this.#make(path);
    const state = partition.state();
    if (state !== undefined && state.generation > (this.#newest?.state.generation ?? -1)) {
      this.#newest = { partition, state };
    }
  }

  #make(path: string): Partition {
    let partition = this.#partitions.get(path);
    if (partition === undefined) {
      partition = new Partition(path, { readonly: false, onUse: (used) => this.#used(used) });
      this.#partitions.set(path, partition);
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

/** The files of segments in a directory, ascending by day. */
export function partitionPaths(directory: string): string[] {
  if (isInMemory(directory)) return [];
  return readdirSync(directory)
    .filter((name) => FILE_NAME.test(name))
    .toSorted()
    .map((name) => join(directory, name));
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

function fileName(second: number): string {
  return `segments-${new Date(second * 1000).toISOString().slice(0, 10)}.db`;
}
