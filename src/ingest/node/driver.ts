/** The node driver: a unix socket on which measured Node programs attach (preload.ts). Every program is a source of
 *  its own, <host>/node:<app>[<pid>], so what a program counted outlives a crash of the instrumenter and is counted
 *  once. Owns: the socket, the attached programs, what is wanted of them, the batches between two collections.
 *  Bounds: PROGRAMS_MAX connections, a frame's size, batches held; a peer past a bound is cut. */
import { setMaxListeners } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { unlink } from 'node:fs/promises';
import { assert } from '../../model/assert.ts';
import { type Clock, unixSecond } from '../../model/clock.ts';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import { ENTRY_BATCHES_MAX } from '../../model/limits.ts';
import { type Source, sourceName } from '../../model/report.ts';
import { admits, limitsText, type SourceLimits } from '../../model/source-limits.ts';
import {
  COLLECT_MS_MAX,
  type Collected,
  type Driver,
  DriverError,
  type DriverSink,
  type DriverSource,
  type EncodedBatch,
  type Availability,
} from '../driver.ts';
import { listenAt } from './listen.ts';
import { NODE_METRICS } from './metrics.ts';
import { Session } from './session.ts';
import { tenantOf } from './tenant.ts';

/** Programs at once: their batches fit one entry. */
export const PROGRAMS_MAX = ENTRY_BATCHES_MAX;
/** Attached programs have so long to say that they measure; what comes later is a state like any other. */
const ENABLE_MS_MAX = 1_000;
/** Batches held for the next collection, as when the reporter stands still. More go on as late ones. */
const HELD_MAX = 4 * PROGRAMS_MAX;
/** After a start what lives is enabled again, one by one: until then nothing that programs still measure ends. */
const RESTORE_MS = 5_000;
/** A connection that ends without a word: so long after it, is the process still there? */
const DEATH_CHECK_MS = 1_500;

export interface NodeDriverOptions {
  readonly host: string;
  readonly socketPath: string;
  readonly clock: Clock;
  /** Programs of others are not admitted. */
  readonly limits?: SourceLimits;
}

/** Who waits for the programs to say something. */
interface Waiter {
  readonly holds: () => boolean;
  readonly done: AbortController;
}

export class NodeDriver implements Driver {
  readonly name = 'node';
  readonly tenancy = 'programs';
  readonly metrics = NODE_METRICS;
  readonly #options: NodeDriverOptions;
  readonly #server: Server;
  readonly #sessions = new Set<Session>();
  /** Those of them that said who they are, and may be measured. */
  readonly #admitted = new Set<Session>();
  /** Refused for the limits: the first is told of. */
  #foreign = 0;
  readonly #wanted = new Map<string, Instrumentation>();
  readonly #closing = new AbortController();
  #sink: DriverSink | undefined;
  #restored = false;
  #held: EncodedBatch[] = [];
  #collectedSecond: number | undefined;
  readonly #waiting = new Set<Waiter>();

  constructor(options: NodeDriverOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#connected(socket));
    setMaxListeners(PROGRAMS_MAX, this.#closing.signal); // as many may die at once
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    await listenAt(this.#server, this.#options.socketPath);
    this.#server.on('error', (error) => sink.note(`Cannot accept a program: ${error.message}`));
    void this.#options.clock.sleep(RESTORE_MS, this.#closing.signal).then(() => {
      this.#restored = true;
      this.#tell();
    });
  }

  /** What is instrumented while no program is attached is measured as soon as one is. */
  availability(): readonly Availability[] {
    if (this.#attached().length > 0) return [];
    const reason = `no Node program is attached to "${this.#options.socketPath}"`;
    const remedy =
      'start one with `node --import tailglow/node app.js`; what is asked for already is measured then';
    return this.metrics.map(({ name }) => ({ metric: name, available: false, reason, remedy }));
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    const { id, metric } = instrumentation;
    if (!NODE_METRICS.some((m) => m.name === metric)) {
      throw new DriverError(
        'METRIC_UNKNOWN',
        `Cannot measure "${metric}": Node programs have no such metric`,
      );
    }
    this.#wanted.set(id, instrumentation);
    this.#tell();
    await this.#until(() => this.states(id).every(({ state }) => state.state !== 'enabling'), ENABLE_MS_MAX);
  }

  async disable(id: string): Promise<void> {
    if (this.#wanted.delete(id)) this.#tell();
  }

  async collect(second: number): Promise<Collected> {
    const owing = (): Session[] => [...this.#sessions].filter((session) => session.owes(second));
    await this.#until(() => owing().length === 0, COLLECT_MS_MAX);
    this.#collectedSecond = second;
    const batches = this.#held.filter((batch) => batch.second <= second);
    this.#held = this.#held.filter((batch) => batch.second > second);
    return { batches, awaited: owing().map((session) => sourceName(session.source!)) };
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    if (!this.#wanted.has(id)) return [];
    return this.#attached().map((session) => ({
      source: sourceName(session.source!),
      state: session.stateOf(id),
    }));
  }

  sources(): readonly DriverSource[] {
    return this.#attached().map((session) => ({ source: session.source!, lastSecond: session.lastSecond }));
  }

  /** The programs go on, and find the next instrumenter. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const { done } of this.#waiting) done.abort();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const session of this.#sessions) session.close();
    await closed;
    await unlink(this.#options.socketPath).catch(() => {}); // the server removes it by itself, as a rule
  }

  #attached(): Session[] {
    return [...this.#sessions].filter((session) => this.#admitted.has(session));
  }

  #tell(): void {
    const wanted = [...this.#wanted.values()];
    for (const session of this.#attached()) session.want(wanted, this.#restored);
  }

  #connected(socket: Socket): void {
    if (this.#sessions.size >= PROGRAMS_MAX) {
      socket.destroy();
      return;
    }
    const session = new Session(socket, this.#options.host, {
      attached: (it) => this.#onAttached(it),
      stated: () => this.#changed(),
      batch: (it, batch) => this.#onBatch(it, batch),
      closed: (it, reason) => this.#onClosed(it, reason),
    });
    this.#sessions.add(session);
  }

  /** A program has one connection: an older one of the same name is dead, or never was that program. */
  #onAttached(session: Session): void {
    const { limits } = this.#options;
    if (limits === undefined) return this.#admit(session);
    void tenantOf(session.program!.pid).then((tenant) => {
      if (!this.#sessions.has(session)) return;
      if (admits(limits, tenant)) return this.#admit(session);
      this.#foreign++;
      if (this.#foreign === 1) {
        const of = `user ${tenant.uid ?? 'unknown'}, cgroup ${tenant.cgroups.join(' ') || 'unknown'}`;
        this.#sink?.note(
          `Cannot admit process ${session.program!.pid} of ${of}: this instrumenter is limited to ${limitsText(limits)}`,
        );
      }
      session.close();
    });
  }

  #admit(session: Session): void {
    const name = sourceName(session.source!);
    this.#admitted.add(session);
    for (const other of this.#attached()) {
      if (other !== session && sourceName(other.source!) === name) other.cut('the program attached again');
    }
    session.want([...this.#wanted.values()], this.#restored);
  }

  #onBatch(session: Session, batch: EncodedBatch): void {
    if (!this.#admitted.has(session)) return; // nothing was asked of it
    const { source, sequence } = batch;
    const relayed: EncodedBatch = { ...batch, onSafe: () => this.#acknowledge(source, sequence) };
    const late = this.#collectedSecond !== undefined && batch.second <= this.#collectedSecond;
    assert(session.source === source, 'a session speaks for its own source');
    if (late) this.#sink?.late([relayed]);
    else this.#held.push(relayed);
    if (this.#held.length > HELD_MAX) this.#sink?.late(this.#held.splice(0));
    this.#changed();
  }

  /** To the program's present connection, which may not be the one that brought the batch. */
  #acknowledge(source: Source, sequence: number): void {
    for (const session of this.#attached()) {
      const same =
        session.source!.driver === source.driver && session.source!.incarnation === source.incarnation;
      if (same) session.acknowledge(sequence);
    }
  }

  #onClosed(session: Session, reason: string | undefined): void {
    this.#sessions.delete(session);
    const wasAdmitted = this.#admitted.delete(session);
    this.#changed();
    const { source, lastSecond, program } = session;
    if (reason !== undefined) {
      this.#sink?.note(
        `Cannot go on with ${source === undefined ? 'a program' : sourceName(source)}: ${reason}`,
      );
    }
    if (!wasAdmitted || source === undefined || lastSecond === undefined || this.#closing.signal.aborted)
      return;
    if (session.saidBye) this.#sink?.offline(source, lastSecond + 1);
    else void this.#checkDeath(source, program!, lastSecond);
  }

  /** A program that was killed said nothing: its last second is missing, and it is expected no more after. So with
   *  a thread that was ended from outside: nobody else can tell whether it is there, and it would have come again. */
  async #checkDeath(
    source: Source,
    { pid, thread }: { readonly pid: number; readonly thread: number },
    lastSecond: number,
  ): Promise<void> {
    const { clock } = this.#options;
    const endedSecond = unixSecond(clock.nowMs());
    await clock.sleep(DEATH_CHECK_MS, this.#closing.signal);
    if (this.#closing.signal.aborted || (thread === 0 && isAlive(pid))) return;
    if (this.#attached().some((session) => sourceName(session.source!) === sourceName(source))) return;
    this.#sink?.offline(source, Math.max(lastSecond, endedSecond) + 1);
  }

  /** Resolves when `holds`, looked at whenever a program says something, or after `msMax`. */
  async #until(holds: () => boolean, msMax: number): Promise<void> {
    if (holds() || this.#closing.signal.aborted) return;
    const waiter: Waiter = { holds, done: new AbortController() };
    this.#waiting.add(waiter);
    await this.#options.clock.sleep(msMax, waiter.done.signal);
    this.#waiting.delete(waiter);
  }

  #changed(): void {
    for (const { holds, done } of this.#waiting) if (holds()) done.abort();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}
