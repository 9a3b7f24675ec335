/** The seeded world: sources, a log and stores over real files, with virtual time, and everything that may fail.
 *  The same seed gives the same run. What it promises at the end: each store serves exactly what the model makes
 *  of the entries that the log kept, and no store ever asks for an entry that it let go. */
import { rmSync } from 'node:fs';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { openStore, type Store, type StoreStep } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { difference } from './difference.ts';
import type { TemporaryDirectories } from './directory.ts';
import { type SimEntry, toLogEntry } from './entries.ts';
import { MemoryLog } from './memory-log.ts';
import { Model } from './model.ts';
import { Prng } from './prng.ts';
import { serve } from './serve.ts';
import { type Faults, SIM_INSTRUMENTATIONS, SimSource } from './sim-source.ts';

/** Where a crash may hit. The store's own steps are its named ones. */
export type CrashPoint =
  | 'folded-not-sealed'
  | 'segments-written-not-committed'
  | 'committed-not-synced'
  | 'synced-not-trimmed'
  | 'power-cut'
  | 'log-crash';

export const CRASH_POINTS: readonly CrashPoint[] = [
  'folded-not-sealed',
  'segments-written-not-committed',
  'committed-not-synced',
  'synced-not-trimmed',
  'power-cut',
  'log-crash',
];

const STEP_POINTS = ['segments-written-not-committed', 'committed-not-synced', 'synced-not-trimmed'] as const;
const STEP_OF: { readonly [point in CrashPoint]?: StoreStep } = {
  'segments-written-not-committed': 'written',
  'committed-not-synced': 'committed',
  'synced-not-trimmed': 'durable',
};

const STORE_POINTS = ['folded-not-sealed', ...STEP_POINTS] as const;
const POWER_POINTS = ['power-cut', ...STORE_POINTS] as const;

const START_SECOND = 256 * 6_250_000 + 200;
/** Sources report every so many seconds, so that few batches make many blocks. */
const TICK_SECONDS = 5;
const FAULTS: Faults = { repeat: 0.15, cut: 0.01, restart: 0.01, skew: 0.01, partial: 0.1 };

export interface WorldOptions {
  readonly seed: number;
  readonly directories: TemporaryDirectories;
  readonly faults?: Partial<Faults>;
  /** Changes what a store is given to read: for canaries. */
  readonly tamper?: (entry: SimEntry) => SimEntry;
}

export class World {
  readonly #prng: Prng;
  readonly #log: MemoryLog;
  readonly #sources: readonly SimSource[];
  readonly #nodes: readonly StoreNode[];
  #second = START_SECOND;
  /** Which crashes happened, how often. */
  readonly crashes = new Map<CrashPoint, number>();

  constructor(options: WorldOptions) {
    this.#prng = new Prng(options.seed);
    this.#log = new MemoryLog(this.#prng);
    const faults = { ...FAULTS, ...options.faults };
    this.#sources = ['a/proc', 'a/node', 'b/proc'].map((name) => {
      const [host = '', driver = ''] = name.split('/');
      return new SimSource({ host, driver }, this.#prng, faults);
    });
    this.#nodes = [0, 1].map((index) => new StoreNode(index, this.#prng, options));
    for (const instrumentation of SIM_INSTRUMENTATIONS) {
      const event = { kind: 'instrumentation-created', instrumentation } as const;
      this.#log.append({ kind: 'control', event }, this.#second * 1000);
    }
    this.#log.sync();
  }

  /** Returns what is wrong at the end; undefined when nothing is. */
  run(seconds: number): string | undefined {
    const until = this.#second + seconds;
    while (this.#second < until) this.#tick();
    this.#settle();
    const faults = this.#nodes.map((node) => node.fault(this.#log));
    for (const node of this.#nodes) node.close();
    return faults.find((fault) => fault !== undefined);
  }

  /** Batches that the log kept more than once. */
  get repeats(): number {
    return Math.max(...this.#nodes.map((node) => node.repeats));
  }

  #tick(): void {
    const prng = this.#prng;
    this.#second += TICK_SECONDS;
    for (const source of this.#sources) source.tick(this.#second, this.#log);
    if (prng.chance(0.03)) {
      this.#log.crash();
      this.#count('log-crash');
    } else if (prng.chance(0.8)) this.#log.sync();
    for (const node of this.#nodes) {
      const crashed = node.work(this.#log);
      if (crashed !== undefined) this.#count(crashed);
    }
    if (prng.chance(0.05)) this.#log.trim(Math.min(...this.#nodes.map((node) => node.trimOffset())));
  }

  /** Everything heals, all that waits arrives. */
  #settle(): void {
    for (const source of this.#sources) source.heal();
    while (this.#sources.some((source) => source.spooled > 0)) {
      for (const source of this.#sources) source.send(this.#second, this.#log);
      this.#log.sync();
    }
    for (const node of this.#nodes) node.catchUp(this.#log);
  }

  #count(point: CrashPoint): void {
    this.crashes.set(point, (this.crashes.get(point) ?? 0) + 1);
  }

  static check(options: WorldOptions, seconds: number): { fault: string | undefined; world: World } {
    const world = new World(options);
    try {
      return { fault: world.run(seconds), world };
    } catch (error) {
      throw new Error(`seed ${options.seed}: ${String(error)}`, { cause: error });
    }
  }
}

class InjectedFailure extends Error {}

/** One aggregator: a store, its directory, and what a power cut would leave of it. */
class StoreNode {
  readonly #index: number;
  readonly #prng: Prng;
  readonly #options: WorldOptions;
  readonly #powerCuts: boolean;
  #directory: string;
  /** A copy of what is synced; kept only where power cuts happen, as copying is most of the work. */
  #synced: string | undefined;
  #store: Store;
  #failAt: StoreStep | undefined;

  constructor(index: number, prng: Prng, options: WorldOptions) {
    this.#index = index;
    this.#prng = prng;
    this.#options = options;
    this.#directory = options.directories.make();
    this.#powerCuts = options.seed % 5 === 0;
    this.#keepSynced();
    this.#store = this.#open();
  }

  get repeats(): number {
    return this.#store.stats().repeats;
  }

  trimOffset(): number {
    return this.#store.trimOffset();
  }

  /** Reads on, may crash, may save. */
  work(log: MemoryLog): CrashPoint | undefined {
    const prng = this.#prng;
    const points = this.#powerCuts ? POWER_POINTS : STORE_POINTS;
    const point = prng.chance(0.04) ? prng.pick(points) : undefined;
    this.#failAt = point === undefined ? undefined : STEP_OF[point];
    try {
      this.#read(log, 1 + prng.below(40));
      if (this.#failAt !== undefined || prng.chance(0.02)) this.#store.checkpoint();
    } catch (error) {
      if (!(error instanceof InjectedFailure)) throw error;
    }
    if (point === undefined) return undefined;
    this.#store.close();
    if (point === 'power-cut' && this.#synced !== undefined) {
      this.#directory = this.#synced;
      this.#synced = undefined;
      this.#keepSynced();
    }
    this.#failAt = undefined;
    this.#store = this.#open();
    return point;
  }

  catchUp(log: MemoryLog): void {
    while (this.#read(log, 100) > 0);
  }

  fault(log: MemoryLog): string | undefined {
    const owns = (id: string): boolean => this.#owns(id);
    const model = Model.of(log.durable, owns);
    const mine = SIM_INSTRUMENTATIONS.map(({ id }) => id).filter(owns);
    const served = Object.fromEntries(mine.map((id) => [id, serve(this.#store.reader, id)]));
    const modelled = Object.fromEntries(mine.map((id) => [id, model.served(id)]));
    const { findings } = verifyStore(this.#directory, referenceKernel);
    return difference(served, modelled) ?? findings[0]?.what;
  }

  close(): void {
    this.#store.close();
  }

  #keepSynced(): void {
    if (!this.#powerCuts) return;
    if (this.#synced !== undefined) rmSync(this.#synced, { recursive: true });
    this.#synced = this.#options.directories.copy(this.#directory);
  }

  #owns(id: string): boolean {
    return SIM_INSTRUMENTATIONS.findIndex((i) => i.id === id) % 2 === this.#index;
  }

  #read(log: MemoryLog, limit: number): number {
    const from = this.#store.resumeOffset;
    if (from < log.firstOffset)
      throw new Error(`store ${this.#index} wants ${from}, kept from ${log.firstOffset}`);
    const { tamper = (entry: SimEntry) => entry } = this.#options;
    const entries = log.read(from, limit).map(tamper);
    this.#store.fold(entries.map(toLogEntry));
    return entries.length;
  }

  #open(): Store {
    return openStore({
      directory: this.#directory,
      kernel: referenceKernel,
      owns: (id) => this.#owns(id),
      logIdentity: 'sim',
      headCellsMax: 2500,
      onStep: (step) => {
        if (step === 'durable') this.#keepSynced();
        if (step === this.#failAt) throw new InjectedFailure(step);
      },
    });
  }
}
