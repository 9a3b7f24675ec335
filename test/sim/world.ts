/** The world: hosts with the real spool and sender, a log that fails, stores over real files, all in virtual time.
 *  Runs a case; draws nothing. Its laws are in law-fault.ts: held at every look and death, and at the end. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KernelMissingError, loadKernel } from '../../src/kernel/native.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import type { ControlEvent } from '../../src/model/control.ts';
import { COUNT, LL5 } from '../../src/model/grid.ts';
import { fromCounts } from '../../src/model/histogram.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import type { Report } from '../../src/model/report.ts';
import { Cover } from '../../src/service/cover.ts';
import { ownerIndex } from '../../src/service/ownership.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { verifyStore } from '../../src/store/verify.ts';
import type { Case, ReportStep, Shape, Step, StepOf } from './case.ts';
import { CatalogueNode } from './catalogue-node.ts';
import { difference } from './difference.ts';
import { storedSegments } from './directory.ts';
import { type SimEntry, toLogEntry } from './entries.ts';
import { type Law, LawFault } from './law-fault.ts';
import { Model } from './model.ts';
import { serve } from './serve.ts';
import { SimTime } from './sim-clock.ts';
import { refText, SimHost } from './sim-host.ts';
import { SimLog } from './sim-log.ts';
import { LOG_IDENTITY, StoreNode } from './store-node.ts';

const FAR = 4_000_000_000;
/** Rounds of sending and covering in which something must have become safe. */
const IDLE_ROUNDS_MAX = 16;
const SETTLE_SECONDS = 61;
/** Looked at by every world at the end, and one of the others. */
const FINAL_STEPS_SECONDS = [1, 3600];
const MORE_STEPS_SECONDS = [10, 60, 600];

export interface WorldOptions {
  /** The native one where it is there. */
  readonly kernel?: Kernel;
  /** For canaries: what a store is given to read, and what is asked instead of it. */
  readonly tamper?: (entry: SimEntry) => SimEntry;
  readonly wrap?: (store: Store) => Store;
  /** For a canary: hosts take the log's word as a file's, whatever log it is. */
  readonly trusting?: boolean;
}

/** A law that does not hold. */
export interface Fault {
  readonly law: Law;
  readonly text: string;
  /** Index of the step after which it showed. */
  readonly step: number;
}

export interface Outcome {
  readonly fault: Fault | undefined;
  /** How often a store died at which step, was killed, lost its power, was stalled by a full disk. */
  readonly happened: ReadonlyMap<string, number>;
  /** Events counted, over all stores. */
  readonly events: number;
}

/** Runs a case in a directory of its own, which it removes. */
export async function runCase(of: Case, options: WorldOptions = {}): Promise<Outcome> {
  const directory = mkdtempSync(join(memoryDirectory(), 'tailglow-sim-'));
  try {
    const world = new World(of.shape, directory, options);
    return await world.run(of.steps);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Nothing is looked for on the disk after a run: memory serves, where a file system says that it is memory. */
function memoryDirectory(): string {
  return statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true ? '/dev/shm' : tmpdir();
}

let native: Kernel | undefined;
function fastKernel(): Kernel {
  try {
    return (native ??= loadKernel('native'));
  } catch (error) {
    if (!(error instanceof KernelMissingError)) throw error;
    return (native = referenceKernel);
  }
}

class World {
  readonly #shape: Shape;
  readonly #directory: string;
  readonly #options: WorldOptions;
  readonly #time: SimTime;
  readonly #log: SimLog;
  readonly #hosts = new Map<string, SimHost>();
  readonly #nodes: readonly StoreNode[];
  readonly #catalogue: CatalogueNode | undefined;
  readonly #cover: Cover;
  readonly #happened = new Map<string, number>();

  constructor(shape: Shape, directory: string, options: WorldOptions) {
    this.#shape = shape;
    this.#directory = directory;
    this.#options = options;
    this.#time = new SimTime(shape.startSecond * 1000 + 350);
    this.#log = new SimLog(this.#time, shape);
    this.#cover = new Cover(shape.stores);
    this.#nodes = Array.from({ length: shape.stores }, (_, index) => this.#node(index));
    this.#catalogue = shape.catalogue === true ? new CatalogueNode(directory, this.#log) : undefined;
  }

  async run(steps: readonly Step[]): Promise<Outcome> {
    let at = 0;
    let fault: Fault | undefined;
    try {
      for (const host of this.#shape.hosts) await this.#start(host);
      for (; at < steps.length; at++) await this.#step(steps[at]!);
      await this.#settle();
      this.#finalLaws();
    } catch (error) {
      fault = { law: 'failed', text: String(error), step: at };
      if (error instanceof LawFault) fault = { law: error.law, text: error.message, step: at };
      else if (error instanceof Error) fault = { ...fault, text: `${error.stack}` };
    }
    for (const node of this.#nodes) node.close();
    this.#catalogue?.close();
    for (const host of this.#hosts.values()) await host.close();
    const events = this.#nodes.reduce((sum, node) => sum + node.model().total, 0);
    return { fault, happened: this.#happened, events };
  }

  #node(index: number): StoreNode {
    const { kernel = fastKernel(), tamper, wrap } = this.#options;
    return new StoreNode({
      directory: join(this.#directory, `store-${index}`),
      kernel,
      owns: this.#owns(index),
      headCellsMax: this.#shape.headCellsMax,
      log: this.#log,
      onDurable: (watermarks) => {
        const covered = this.#cover.advance(index, watermarks);
        for (const host of this.#hosts.values()) host.cover(covered);
      },
      onHappened: (what) => this.#count(what),
      ...(tamper === undefined ? {} : { tamper }),
      ...(wrap === undefined ? {} : { wrap }),
    });
  }

  #owns(index: number): (id: string) => boolean {
    return (id) => ownerIndex(id, this.#shape.stores) === index;
  }

  async #start(host: Shape['hosts'][number]): Promise<void> {
    const { spoolSecondsMax, confirmsDurably } = this.#shape;
    const trusting = confirmsDurably || this.#options.trusting === true;
    const options = { host, time: this.#time, log: this.#log, spoolSecondsMax, trusting };
    this.#hosts.set(host.name, await SimHost.start(options));
  }

  async #step(step: Step): Promise<void> {
    switch (step.do) {
      case 'pass':
        for (const host of this.#hosts.values()) host.put();
        return this.#time.pass(step.seconds * 1000);
      case 'measure': {
        const [host = '', driver = ''] = step.source.split('/');
        return this.#hosts.get(host)?.measure(driver, this.#reports(step.reports));
      }
      case 'clock':
      case 'restart':
      case 'cut':
      case 'mend':
      case 'spool-full':
        return this.#hostStep(step);
      case 'sync':
      case 'log-crash':
      case 'swallow':
      case 'trim':
      case 'echo':
      case 'garbage':
      case 'stray':
        return this.#logStep(step);
      case 'create':
      case 'change':
      case 'expire':
      case 'pause':
      case 'resume':
      case 'drop':
      case 'pin':
      case 'unpin':
      case 'reclaim': {
        const event = this.#event(step);
        if (event !== undefined) this.#log.append({ kind: 'control', event });
        return;
      }
      case 'catalogue':
        return step.dies ? this.#catalogue?.die() : this.#catalogue?.fold();
      case 'fold':
      case 'checkpoint':
      case 'work':
      case 'retry':
      case 'die':
      case 'die-at':
      case 'disk-full':
      case 'look': {
        const node = this.#nodes[step.store];
        if (node !== undefined) this.#storeStep(step, node);
      }
    }
  }

  async #hostStep(step: StepOf<'clock' | 'restart' | 'cut' | 'mend' | 'spool-full'>): Promise<void> {
    const host = this.#hosts.get(step.host);
    if (host === undefined) return;
    switch (step.do) {
      case 'clock':
        host.aheadSeconds = step.aheadSeconds;
        return;
      case 'restart':
        return host.restart(step.how);
      case 'cut':
        return host.cut(step.how);
      case 'mend':
        return host.mend();
      case 'spool-full':
        host.spoolFull = step.full;
    }
  }

  #logStep(step: StepOf<'sync' | 'log-crash' | 'swallow' | 'trim' | 'echo' | 'garbage' | 'stray'>): void {
    const log = this.#log;
    switch (step.do) {
      case 'sync':
        return log.sync();
      case 'log-crash':
        return log.crash(step.survivors);
      case 'swallow':
        return log.swallow(step.entries);
      case 'trim': {
        const needed = this.#nodes.map((node) => node.trimOffset());
        return log.trim(Math.min(this.#catalogue?.resumeOffset ?? Infinity, ...needed));
      }
      case 'echo': {
        const entry = log.durable.at(-1 - step.back);
        if (entry?.content.kind === 'batches') log.append(entry.content);
        return;
      }
      case 'garbage':
        return log.append({ kind: 'garbage', bytes: step.bytes });
      case 'stray':
        return this.#stray(step);
    }
  }

  #stray({ source, incarnation, sequence, backSeconds, reports }: StepOf<'stray'>): void {
    const [host = '', driver = ''] = source.split('/');
    const batch = {
      source: { host, driver, incarnation: String(incarnation).padStart(16, '0') },
      sequence,
      second: Math.max(0, this.#time.second - backSeconds),
      reports: this.#reports(reports),
    };
    this.#log.append({ kind: 'batches', batches: [batch] });
  }

  #storeStep(
    step: StepOf<'fold' | 'checkpoint' | 'work' | 'retry' | 'die' | 'die-at' | 'disk-full' | 'look'>,
    node: StoreNode,
  ): void {
    switch (step.do) {
      case 'fold':
        node.fold(step.entries);
        return;
      case 'checkpoint':
        return node.checkpoint();
      case 'work':
        node.work(step.units);
        return;
      case 'retry':
        return node.retry();
      case 'die':
        this.#count(step.found < 1 ? 'power-cut' : 'killed');
        return node.die(step.found);
      case 'die-at':
        return node.dieAt(step.step, step.nth, step.found);
      case 'disk-full':
        node.diskFull = step.full;
        return;
      case 'look': {
        const { second } = this.#time;
        const range = [second - step.fromBackSeconds, second - step.untilBackSeconds] as const;
        if (node.isBack) this.#look(node, step.stepSeconds, ...range);
      }
    }
  }

  #event(
    step: StepOf<'create' | 'change' | 'expire' | 'pause' | 'resume' | 'drop' | 'pin' | 'unpin' | 'reclaim'>,
  ): ControlEvent | undefined {
    const { second } = this.#time;
    if (step.do === 'unpin') return { kind: 'range-unpinned', id: step.id };
    if (step.do === 'reclaim') {
      return {
        kind: 'space-reclaimed',
        level: step.level,
        untilSecond: Math.max(0, second - step.backSeconds),
      };
    }
    const of = this.#shape.instrumentations[step.of];
    if (of === undefined) return undefined;
    const { id } = of;
    switch (step.do) {
      case 'create':
        return { kind: 'instrumentation-created', instrumentation: { ...of, createdSecond: second } };
      case 'change': {
        const { keepSeconds, keepLevels } = step;
        const kept = { keepSeconds, ...(keepLevels === undefined ? {} : { keepLevels }) };
        return { kind: 'instrumentation-changed', id, idleSeconds: 0, ...kept };
      }
      case 'expire':
        return { kind: 'instrumentation-expired', id };
      case 'pause':
        return { kind: 'instrumentation-paused', id };
      case 'resume':
        return { kind: 'instrumentation-resumed', id };
      case 'drop':
        return { kind: 'instrumentation-dropped', id };
      case 'pin': {
        const fromSecond = Math.max(0, second - step.backSeconds);
        const untilSecond = fromSecond + Math.max(1, step.seconds);
        const pin = { id: step.id, instrumentation: id, fromSecond, untilSecond, createdSecond: second };
        return { kind: 'range-pinned', pin };
      }
    }
  }

  #reports(reports: readonly ReportStep[]): Report[] {
    return reports.map((report) => reportOf(this.#shape.instrumentations[report.of], report));
  }

  #ids(index: number): string[] {
    const ids = new Set(Object.values(this.#shape.instrumentations).map(({ id }) => id));
    return [...ids].filter(this.#owns(index));
  }

  #look(node: StoreNode, stepSeconds: number, fromSecond: number, untilSecond: number): void {
    const from = Math.max(0, fromSecond - (fromSecond % stepSeconds));
    const model = node.model();
    for (const id of this.#ids(this.#nodes.indexOf(node))) {
      const range = { stepSeconds, fromSecond: from, untilSecond };
      const served = serve(node.store.reader, id, range);
      const what = difference({ [id]: served }, { [id]: model.served(id, range) });
      if (what !== undefined) {
        throw new LawFault('served', `at steps of ${stepSeconds} s of [${from}, ${untilSecond}):\n${what}`);
      }
    }
  }

  /** Everything heals, all that waits arrives. */
  async #settle(): Promise<void> {
    const hosts = [...this.#hosts.values()];
    for (const host of hosts) {
      host.spoolFull = false;
      host.mend();
      host.put();
    }
    for (const node of this.#nodes) node.heal();
    let [least, idleRounds] = [Infinity, 0];
    for (let round = 0; ; round++) {
      this.#log.sync();
      for (const node of this.#nodes) {
        node.retry();
        const { stalled } = node.store;
        if (stalled !== undefined) throw new LawFault('unsettled', `the store is stalled: ${stalled.reason}`);
        while (node.fold(100) > 0);
        while (node.work(100));
        if (!this.#shape.confirmsDurably && round % 4 === 2) node.checkpoint();
      }
      const owed = hosts.reduce((sum, host) => sum + host.waiting, 0);
      if (owed === 0) return;
      idleRounds = owed < least ? 0 : idleRounds + 1;
      least = Math.min(least, owed);
      if (idleRounds > IDLE_ROUNDS_MAX) throw new LawFault('unsettled', `${owed} entries wait for the log`);
      // First at once what is ready, then what waits for its time.
      await this.#time.pass(round % 4 === 3 ? SETTLE_SECONDS * 1000 : 10);
    }
  }

  #finalLaws(): void {
    const more = MORE_STEPS_SECONDS[this.#shape.startSecond % MORE_STEPS_SECONDS.length]!;
    for (const node of this.#nodes) {
      for (const stepSeconds of [...FINAL_STEPS_SECONDS, more]) this.#look(node, stepSeconds, 0, FAR);
    }
    this.#nothingLost();
    this.#catalogueAgrees();
    if (!this.#shape.thorough) return;
    this.#nodes.forEach((node, index) => {
      const { findings } = verifyStore(node.directory, this.#options.kernel ?? fastKernel());
      const [finding] = findings;
      if (finding !== undefined) throw new LawFault('verified', `${finding.segment}: ${finding.what}`);
      this.#replay(node, index);
    });
  }

  #nothingLost(): void {
    const there = new Set<string>();
    for (const { content } of this.#log.durable) {
      if (content.kind === 'batches') for (const batch of content.batches) there.add(refText(batch));
    }
    for (const host of this.#hosts.values()) {
      for (const ref of host.owed()) {
        if (!there.has(refText(ref))) throw new LawFault('lost', `${refText(ref)} of second ${ref.second}`);
      }
    }
  }

  #catalogueAgrees(): void {
    if (this.#catalogue === undefined) return;
    this.#catalogue.fold();
    const [found, expected] = [this.#catalogue.living().join(), Model.of(this.#log.durable).living().join()];
    if (found !== expected) {
      throw new LawFault('served', `the catalogue says that ${found} live, the model ${expected}`);
    }
  }

  /** What is due may be done at any time, and what it makes superfluous deleted once a commit says that it is done:
   *  so both are opened once more to do it, and take one entry more to say so. */
  #replay(node: StoreNode, index: number): void {
    const kernel = this.#options.kernel ?? fastKernel();
    const directory = join(this.#directory, `replay-${index}`);
    const options = {
      kernel,
      owns: this.#owns(index),
      logIdentity: LOG_IDENTITY,
      headCellsMax: this.#shape.headCellsMax,
    };
    const { tamper = (entry: SimEntry) => entry } = this.#options;
    const fresh = openStore({ ...options, directory });
    fresh.fold(this.#log.durable.map(tamper).map(toLogEntry));
    fresh.checkpoint();
    fresh.close();
    node.store.checkpoint();
    node.close();
    for (const each of [directory, node.directory]) {
      const store = openStore({ ...options, directory: each });
      while (store.work());
      const content = { kind: 'garbage', bytes: [0] } as const;
      store.fold([toLogEntry({ offset: store.resumeOffset, arrivedMs: this.#time.nowMs, content })]);
      store.checkpoint();
      while (store.work());
      store.close();
    }
    const [a, b] = [storedSegments(node.directory), storedSegments(directory)];
    if (a.join('\n') === b.join('\n')) return;
    const only = (of: string[], other: string[]): string =>
      of
        .filter((row) => !other.includes(row))
        .map((row) => row.slice(0, 120))
        .slice(0, 4)
        .join('\n  ');
    throw new LawFault('replayed', `stored only:\n  ${only(a, b)}\nreplayed only:\n  ${only(b, a)}`);
  }

  #count(what: string): void {
    this.#happened.set(what, (this.#happened.get(what) ?? 0) + 1);
  }
}

function reportOf(
  of: Instrumentation | undefined,
  { of: label, partial = false, odd, rows }: ReportStep,
): Report {
  const { id, by, grid: own } = of ?? { id: label, by: [], grid: COUNT };
  const oddGrid = own.kind === 'log-linear' ? COUNT : LL5;
  const grid = odd === 'grid' ? oddGrid : own;
  const keys = new Map<string, { readonly key: string[]; readonly counts: Map<number, number> }>();
  for (const [at, bucket, count] of rows) {
    const key = by.map((field) => `${field}-${at}`);
    if (odd === 'fields') key.push('more');
    const known = keys.get(key.join()) ?? { key, counts: new Map<number, number>() };
    const place = grid.kind === 'count' ? 0 : bucket;
    known.counts.set(place, (known.counts.get(place) ?? 0) + count);
    keys.set(key.join(), known);
  }
  const rowsOf = [...keys.values()].map(({ key, counts }) => ({ key, histogram: fromCounts(counts) }));
  return { instrumentation: id, grid, partial, dropped: 0, rows: rowsOf };
}
