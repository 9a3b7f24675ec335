/** The aggregator role: reads the log, folds what it owns into its store, and answers questions from it down to
 *  the bytes. Runs in a worker thread (aggregator-worker.ts) or, for tests and embedding, in the caller's.
 *  Folding, answering and what the store does behind the fold take turns (turns.ts): a batch of entries is folded
 *  in one go, a long answer comes in slices.
 *  While the disk is full nothing is folded, what is stored is answered, and writing is tried again.
 *  Nothing is answered as known that the log says and the fold has not reached. */
import type { Clock } from '../model/clock.ts';
import { unixSecond } from '../model/clock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { windowStart } from '../model/instrumentation.ts';
import { type LogEntry, type LogReader, LogUnavailableError } from '../model/log.ts';
import type { SeriesReader } from '../model/series.ts';
import type { Watermark } from '../model/watermark.ts';
import type { NamesOf } from '../query/naming.ts';
import type { Plan } from '../query/plan.ts';
import { RasterMemory } from '../query/raster-memory.ts';
import type { FoldOutcome, Store, StoreNote } from '../store/store.ts';
import type { AggregatorClient, AggregatorStatus, Answer, Question, ReadQuestion } from './answer.ts';
import { readAsOf } from './answer-as-of.ts';
import { answerRead, planOf } from './answer-read.ts';
import { catchingUp, planProblem, type Problem, ProblemException } from './problem.ts';
import { GivenUpError, Turns } from './turns.ts';

/** A question that waits for the newest second looks this often. */
const FRONTIER_POLL_MS = 15;
/** Sources send again what is not covered for a minute; a commit costs what the open blocks are worth. */
const CHECKPOINT_MS = 15_000;
/** A full disk is tried again this often. */
const RETRY_MS = 1000;
/** Entries that waited longer than this before they were folded: is the log's end far away? */
const BEHIND_MS = 2000;
/** A broker is asked for its end by a connection of its own: not more often than this. */
const LOOK_MS = 5000;

export interface AggregatorOptions {
  readonly index: number;
  readonly store: Store;
  readonly reader: LogReader;
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** What keys are called, as far as it is known by now. */
  readonly names?: NamesOf;
  /** Commit every few seconds, not only when a block ends: sources wait for it. */
  readonly checkpoints: boolean;
  /** More of what was folded survives a power cut. */
  readonly onDurable: (watermarks: readonly Watermark[]) => void;
  readonly onNotice: (line: string) => void;
  /** The disk is full, and why it seems so; undefined when it takes writes again. */
  readonly onStalled?: (reason: string | undefined) => void;
  /** The fold cannot go on. */
  readonly onFault: (error: unknown) => void;
}

export class Aggregator implements AggregatorClient {
  readonly #options: AggregatorOptions;
  readonly #stop = new AbortController();
  readonly #turns: Turns;
  readonly #memory = new RasterMemory();
  readonly #following: Promise<void>;
  readonly #waiting: { readonly offset: number; readonly resolve: () => void }[] = [];
  #foldedOffset: number;
  /** Arrival of the last entry folded since the start. */
  #arrivedMs: number | undefined;
  /** The log's end when it was last asked for: until that is folded the fold is behind. */
  #endOffset: number | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #recovering: Promise<void> | undefined;
  #failed: string | undefined;
  #asOf: Promise<unknown> = Promise.resolve();

  constructor(options: AggregatorOptions) {
    this.#options = options;
    const { store, clock } = options;
    this.#turns = new Turns({
      nowMs: () => clock.nowMs(),
      work: () => this.#work(),
      onFault: (error) => this.#fail(error),
    });
    this.#foldedOffset = store.resumeOffset - 1;
    this.#following = this.#follow();
    this.#turns.wake();
  }

  /** Rejects with GivenUpError when `signal` aborts before it is answered. */
  async ask(question: Question, signal?: AbortSignal): Promise<Answer> {
    const { store } = this.#options;
    switch (question.kind) {
      case 'read':
        return this.#read(question, signal);
      case 'status':
        return this.#status();
      case 'key-values':
        return {
          kind: 'key-values',
          values: store.reader.keyValues(question.instrumentation, question.field).values,
        };
    }
  }

  /** The series as they were known at the plan's `asOfSecond`, from the log; one reading at a time. Rejects with
   *  ProblemException, and with GivenUpError when `signal` aborts. */
  asOf(plan: Plan, signal?: AbortSignal): Promise<SeriesReader> {
    const { reader: log, kernel } = this.#options;
    const ends = AbortSignal.any([this.#stop.signal, ...(signal === undefined ? [] : [signal])]);
    const read = async (): Promise<SeriesReader> => {
      if (ends.aborted) throw new GivenUpError('Nobody waits for the answer');
      const series = await readAsOf(plan, { log, kernel }, ends);
      if (ends.aborted) throw new GivenUpError('Nobody waits for the answer');
      return series;
    };
    const reading = this.#asOf.then(read, read);
    this.#asOf = reading.catch(() => undefined);
    return reading;
  }

  /** Resolves when the entry at `offset` is folded, or the fold cannot go on. */
  reached(offset: number): Promise<void> {
    if (this.#foldedOffset >= offset || this.#failed !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ offset, resolve }));
  }

  async close(): Promise<void> {
    const { reader, store } = this.#options;
    this.#stop.abort();
    this.#turns.close();
    await this.#following;
    await this.#recovering;
    await this.#asOf;
    await reader.close();
    if (this.#failed === undefined && store.stalled === undefined) store.checkpoint();
    store.close();
  }

  async #read(question: ReadQuestion, signal?: AbortSignal): Promise<Answer> {
    const { store, kernel, clock, index, names } = this.#options;
    await this.#waitForNewest(question, signal);
    const nowMs = this.#knownMs();
    const frontierSecond = store.frontier(question.instrumentation.id, nowMs);
    if (frontierSecond === 0 && !this.#isUp()) return { kind: 'problem', problem: catchingUp(index) };
    const moment = { nowMs, frontierSecond };
    const reader = await this.#seriesOf(question, moment, signal);
    if ('problem' in reader) return { kind: 'problem', problem: reader.problem };
    const answering = { reader, kernel, clock, names, memory: this.#memory, ...moment };
    try {
      return await this.#turns.run(answerRead(question, answering), signal);
    } finally {
      // What waited for the end of its reading can go now.
      if (!this.#stop.signal.aborted) this.#turns.wake();
    }
  }

  /** What the question reads: what is known, or what was. */
  async #seriesOf(
    question: ReadQuestion,
    moment: { readonly nowMs: number; readonly frontierSecond: number },
    signal?: AbortSignal,
  ): Promise<SeriesReader | { readonly problem: Problem }> {
    if (question.checked.asOf === undefined) return this.#options.store.reader;
    const planned = planOf(question, moment);
    if ('problem' in planned) return { problem: planProblem(planned.problem) };
    try {
      return await this.asOf(planned.plan, signal);
    } catch (error) {
      if (error instanceof ProblemException) return { problem: error.problem };
      throw error;
    }
  }

  async #follow(): Promise<void> {
    const { reader, store, clock, checkpoints } = this.#options;
    let committedMs = clock.nowMs();
    try {
      this.#tell({ sealed: false, watermarks: [], notes: store.notes });
      void this.#lookForEnd();
      for await (const entries of reader.read(store.resumeOffset, this.#stop.signal)) {
        await this.#fold(entries);
        if (this.#failed !== undefined) return;
        if (checkpoints && clock.nowMs() - committedMs >= CHECKPOINT_MS) {
          this.#tell(store.checkpoint());
          committedMs = clock.nowMs();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Folds all of them, however long the disk is full in between. */
  async #fold(entries: readonly LogEntry[]): Promise<void> {
    const { store, clock } = this.#options;
    const last = entries.at(-1);
    if (last === undefined) return;
    for (;;) {
      if (store.stalled === undefined) this.#tell(store.fold(entries));
      if (store.stalled === undefined) break;
      await this.#recovered();
      if (this.#stop.signal.aborted || this.#failed !== undefined) return;
    }
    this.#arrivedMs = last.arrivedMs;
    this.#moveTo(last.offset);
    if (clock.nowMs() - last.arrivedMs <= BEHIND_MS) this.#endOffset = last.offset + 1;
    else void this.#lookForEnd();
    this.#turns.wake();
  }

  /** Also while the disk is full: what is deleted makes room. */
  #work(): boolean {
    const { store } = this.#options;
    const goesOn = store.work();
    if (store.stalled !== undefined) void this.#recovered();
    return goesOn;
  }

  /** Resolves when the disk takes writes again, or all is over. */
  #recovered(): Promise<void> {
    return (this.#recovering ??= this.#recover().finally(() => (this.#recovering = undefined)));
  }

  async #recover(): Promise<void> {
    const { store, clock, onStalled, onNotice } = this.#options;
    const { signal } = this.#stop;
    const startMs = clock.nowMs();
    const reason = store.stalled?.reason;
    onStalled?.(reason);
    onNotice(`cannot write: ${reason}; what comes waits in the log, what is stored is answered`);
    try {
      while (store.stalled !== undefined) {
        await clock.sleep(RETRY_MS, signal);
        if (signal.aborted) return;
        this.#tell(store.retry());
      }
    } catch (error) {
      return this.#fail(error);
    }
    // How far the log has gone meanwhile is asked once more of it is folded.
    this.#endOffset = undefined;
    void this.#lookForEnd();
    onStalled?.(undefined);
    onNotice(`writes again, after ${Math.round((clock.nowMs() - startMs) / 1000)} s`);
    this.#turns.wake();
  }

  #fail(error: unknown): void {
    if (this.#failed !== undefined || this.#stop.signal.aborted) return;
    this.#failed = error instanceof Error ? error.message : String(error);
    this.#options.onFault(error);
    this.#moveTo(this.#foldedOffset);
  }

  /** Whether all is folded that the log held when it was last looked at. */
  #isUp(): boolean {
    return (
      this.#endOffset !== undefined &&
      this.#foldedOffset >= this.#endOffset - 1 &&
      this.#options.store.stalled === undefined
    );
  }

  /** Unix milliseconds as of which everything is folded: while the fold is behind, when its last entry came. */
  #knownMs(): number {
    const { store, clock } = this.#options;
    const nowMs = clock.nowMs();
    if (this.#isUp()) return nowMs;
    return Math.min(nowMs, this.#arrivedMs ?? (store.stats().largestSecond + 1) * 1000);
  }

  async #lookForEnd(): Promise<void> {
    const { reader, clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted && this.#failed === undefined) {
      const nowMs = clock.nowMs();
      if (this.#isBehind() || (this.#endOffset !== undefined && nowMs - this.#lookedMs < LOOK_MS)) return;
      this.#lookedMs = nowMs;
      try {
        this.#endOffset = await reader.end();
        return;
      } catch (error) {
        if (!(error instanceof LogUnavailableError)) return this.#fail(error);
        await clock.sleep(RETRY_MS, signal);
      }
    }
  }

  /** There is an end that is not reached: the next one is asked for when it is. */
  #isBehind(): boolean {
    return this.#endOffset !== undefined && this.#foldedOffset < this.#endOffset - 1;
  }

  #moveTo(offset: number): void {
    this.#foldedOffset = offset;
    for (const waiting of this.#waiting.splice(0)) {
      if (waiting.offset <= offset || this.#failed !== undefined) waiting.resolve();
      else this.#waiting.push(waiting);
    }
  }

  #tell({ sealed, watermarks, notes }: FoldOutcome): void {
    const { onDurable, onNotice, store } = this.#options;
    if (sealed) onDurable(watermarks);
    for (const note of notes) onNotice(noteText(note));
    if (store.stalled !== undefined) void this.#recovered();
  }

  async #waitForNewest({ instrumentation, waitMs }: ReadQuestion, signal?: AbortSignal): Promise<void> {
    const { clock, store } = this.#options;
    const ends = AbortSignal.any([this.#stop.signal, ...(signal === undefined ? [] : [signal])]);
    const start = clock.nowMs();
    const wanted = windowStart(unixSecond(start), instrumentation);
    while (clock.nowMs() - start < waitMs && !ends.aborted) {
      if (store.frontier(instrumentation.id, this.#knownMs()) >= wanted) return;
      await clock.sleep(FRONTIER_POLL_MS, ends);
    }
  }

  #status(): AggregatorStatus {
    const { store, index } = this.#options;
    const { stalled } = store;
    const knownMs = this.#knownMs();
    return {
      kind: 'status',
      aggregator: index,
      stats: store.stats(),
      sources: store.sources(),
      frontiers: store
        .instrumentations()
        .map(({ id }) => ({ instrumentation: id, second: store.frontier(id, knownMs) })),
      foldedOffset: this.#foldedOffset,
      trimOffset: store.trimOffset(),
      isUp: this.#isUp(),
      ...(stalled === undefined ? {} : { stalled: stalled.reason }),
      ...(this.#failed === undefined ? {} : { failed: this.#failed }),
    };
  }
}

function noteText(note: StoreNote): string {
  switch (note.kind) {
    case 'log-changed':
      return `the log is another one (${note.now}, was ${note.was}): it is read from its first entry, repeats are known`;
    case 'log-skipped':
      return `the log has no entries ${note.fromOffset} to ${note.untilOffset - 1}: what they said is not in the store`;
  }
}
