/** One aggregator: a store over real files, and its deaths. A killed process finds what the system holds, a power
 *  cut what was synced and a part of the rest. Owns: the directory, what was promised of it. What it holds against
 *  the store: after every death it must still have what it promised. */
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { type Source, sourceName } from '../../src/model/batch.ts';
import type { Watermark } from '../../src/model/watermark.ts';
import { ROLL_UPS_SCHEMA, SEALS_SCHEMA } from '../../src/store/partition-tables.ts';
import { type FoldOutcome, openStore, type Store, type StoreStep } from '../../src/store/store.ts';
import { type SimEntry, toLogEntry } from './entries.ts';
import { LawFault } from './law-fault.ts';
import { Model } from './model.ts';
import type { SimLog } from './sim-log.ts';

export const LOG_IDENTITY = 'sim';

/** Whether the store's commits to this file are synced before they are done. */
function isSyncedAtCommit(name: string): boolean {
  const schema = name.startsWith('rollup-') ? ROLL_UPS_SCHEMA : SEALS_SCHEMA;
  return schema.synchronous === 'FULL';
}

/** As SQLite's max_page_count: less than a file has lets it grow no more. */
const PAGES_AS_THEY_ARE = 1;
const PAGES_MAX = 1_000_000_000;

export interface StoreNodeOptions {
  /** A directory of its own. */
  readonly directory: string;
  readonly kernel: Kernel;
  readonly owns: (id: string) => boolean;
  readonly headCellsMax: number;
  readonly log: SimLog;
  /** More of what was folded is safe. */
  readonly onDurable: (watermarks: readonly Watermark[]) => void;
  /** It died, and where; or its disk was full. */
  readonly onHappened: (what: string) => void;
  /** For canaries: what the store is given to read, and what is asked instead of it. */
  readonly tamper?: (entry: SimEntry) => SimEntry;
  readonly wrap?: (store: Store) => Store;
}

class Death extends Error {}

interface Doom {
  readonly step: string;
  left: number;
  readonly found: number;
}

export class StoreNode {
  readonly #options: StoreNodeOptions;
  readonly #linked = new Set<string>();
  #lives = 0;
  #directory = '';
  #store: Store;
  #doom: Doom | undefined;
  #diskFull = false;
  #writes = 0;
  #promised: readonly Watermark[] = [];
  #promisedOffset = 0;
  #reachedOffset = 0;
  #model: Model;
  #modelled = 0;

  constructor(options: StoreNodeOptions) {
    this.#options = options;
    this.#model = new Model(options.owns);
    mkdirSync(this.#links, { recursive: true });
    this.#nextDirectory();
    this.#store = this.#open();
  }

  get store(): Store {
    return this.#store;
  }

  get directory(): string {
    return this.#directory;
  }

  set diskFull(full: boolean) {
    this.#diskFull = full;
  }

  trimOffset(): number {
    const offset = this.#store.trimOffset();
    this.#promisedOffset = Math.max(this.#promisedOffset, offset);
    return offset;
  }

  /** Whether it has folded again all that it had folded before it died. Before that, what was dropped since may be
   *  gone already: what it serves is then of no moment that ever was. */
  get isBack(): boolean {
    return this.#store.resumeOffset >= this.#reachedOffset;
  }

  /** Returns how many entries it took; none while its disk is full. */
  fold(limit: number): number {
    const { log, tamper = (entry: SimEntry) => entry } = this.#options;
    const { resumeOffset } = this.#store;
    if (resumeOffset < log.firstOffset) {
      const text = `it wants entry ${resumeOffset}, the log was trimmed to ${log.firstOffset}`;
      throw new LawFault('promised', text);
    }
    const entries = log.read(resumeOffset, limit);
    this.#mortal(() => this.#tell(this.#store.fold(entries.map(tamper).map(toLogEntry))));
    const taken = this.#store.resumeOffset - resumeOffset;
    this.#reachedOffset = Math.max(this.#reachedOffset, this.#store.resumeOffset);
    return taken;
  }

  /** Returns whether more is left to do. */
  work(units: number): boolean {
    let more = true;
    for (let unit = 0; more && unit < units; unit++) this.#mortal(() => (more = this.#store.work()));
    return more;
  }

  retry(): void {
    this.#mortal(() => this.#tell(this.#store.retry()));
  }

  checkpoint(): void {
    this.#mortal(() => this.#tell(this.#store.checkpoint()));
  }

  /** What the log's entries make, as far as the store has folded them. */
  model(): Model {
    const { log, owns } = this.#options;
    const until = this.#store.resumeOffset;
    if (this.#modelled > until) {
      this.#model = new Model(owns);
      this.#modelled = 0;
    }
    for (const entry of log.durable) {
      if (entry.offset < this.#modelled || entry.offset >= until) continue;
      this.#model.take(entry);
    }
    this.#modelled = until;
    return this.#model;
  }

  /** Dies when it comes to this step for the n-th time from now. */
  dieAt(step: string, nth: number, found: number): void {
    this.#doom = { step, left: nth, found };
  }

  /** Nothing fails any more. */
  heal(): void {
    this.#doom = undefined;
    this.#diskFull = false;
  }

  /** Dies now, and is started again. `found` is the share that is found of what was written and not synced. */
  die(found: number): void {
    const left = this.#directory;
    this.#nextDirectory();
    for (const name of readdirSync(left)) {
      if (name.endsWith('.db') && name !== 'lock.db') this.#survive(left, name, found);
    }
    if (found < 1) {
      // The unlinking of a file may not have reached the disk.
      const there = new Set(readdirSync(this.#directory));
      for (const name of this.#linked) {
        if (!there.has(name)) copyFileSync(join(this.#links, name), join(this.#directory, name));
      }
    }
    this.#store.close();
    rmSync(left, { recursive: true });
    this.#relink();
    this.#doom = undefined;
    this.#store = this.#open();
    this.#keepsPromises();
  }

  close(): void {
    this.#store.close();
  }

  get #links(): string {
    return join(this.#options.directory, 'links');
  }

  #nextDirectory(): void {
    this.#directory = join(this.#options.directory, String(this.#lives++));
    mkdirSync(this.#directory);
  }

  #survive(from: string, name: string, found: number): void {
    copyFileSync(join(from, name), join(this.#directory, name));
    const wal = readIfThere(join(from, `${name}-wal`));
    const index = readIfThere(join(from, `${name}-shm`));
    if (wal === undefined || index === undefined) return;
    // SQLite syncs its log before it moves it into the file: what it has begun to move is there as a whole.
    // (sqlite.org/walformat.html: mxFrame and nBackfill) Where commits are synced, all of it is, always.
    const frames = index.readUInt32LE(16);
    const moved = index.readUInt32LE(96);
    if (moved === frames) return;
    const isSynced = moved > 0 || isSyncedAtCommit(name);
    const bytes = isSynced ? wal.length : Math.floor(wal.length * found);
    writeFileSync(join(this.#directory, `${name}-wal`), wal.subarray(0, bytes));
  }

  /** Keeps hold of the files as they are known to the disk. */
  #relink(): void {
    const there = new Set(readdirSync(this.#directory).filter((name) => name.endsWith('.db')));
    for (const name of this.#linked) {
      rmSync(join(this.#links, name));
      this.#linked.delete(name);
    }
    for (const name of there) {
      if (name === 'lock.db') continue;
      linkSync(join(this.#directory, name), join(this.#links, name));
      this.#linked.add(name);
    }
  }

  #mortal(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof Death) || this.#doom === undefined) throw error;
      this.#options.onHappened(this.#doom.step);
      this.die(this.#doom.found);
    }
  }

  #tell({ sealed, watermarks, stalled }: FoldOutcome): void {
    if (stalled !== undefined) this.#options.onHappened('stalled');
    if (!sealed) return;
    this.#promised = watermarks;
    this.trimOffset();
    this.#options.onDurable(watermarks);
  }

  #keepsPromises(): void {
    const { resumeOffset } = this.#store;
    if (resumeOffset < this.#promisedOffset) {
      const text = `it needed nothing before entry ${this.#promisedOffset}, now it wants ${resumeOffset}`;
      throw new LawFault('promised', text);
    }
    const now = new Map(this.#store.watermarks().map(({ source, covered }) => [nameOf(source), covered]));
    for (const { source, covered } of this.#promised) {
      const name = nameOf(source);
      for (const [from, until] of covered) {
        const kept = now.get(name)?.some(([a, b]) => a <= from && until <= b);
        if (kept !== true) {
          throw new LawFault('promised', `it had batches ${from} to ${until} of ${name}, now it has not`);
        }
      }
    }
  }

  #open(): Store {
    const { kernel, owns, headCellsMax, wrap = (store: Store) => store } = this.#options;
    return wrap(
      openStore({
        directory: this.#directory,
        kernel,
        owns,
        logIdentity: LOG_IDENTITY,
        headCellsMax,
        pagesMax: () => (this.#diskFull ? PAGES_AS_THEY_ARE : PAGES_MAX),
        onStep: (step) => this.#step(step),
      }),
    );
  }

  #step(step: StoreStep): void {
    // Where the pages there are suffice for a write, its log still needs space: sometimes there is some.
    if (this.#diskFull && step.endsWith('written') && this.#writes++ % 2 === 0) {
      throw new Database.SqliteError('database or disk is full', 'SQLITE_FULL');
    }
    if (step === 'durable') this.#relink();
    const doom = this.#doom;
    if (doom === undefined || doom.step !== step || doom.left-- > 0) return;
    throw new Death(step);
  }
}

function readIfThere(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined;
}

function nameOf(source: Source): string {
  return `${sourceName(source)} ${source.incarnation}`;
}
