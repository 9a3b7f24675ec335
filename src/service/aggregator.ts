/** The aggregator role: reads the log, folds what it owns into its store, and answers questions from it down to
 *  the bytes. Runs in a worker thread (aggregator-worker.ts) or, for tests and embedding, in the caller's.
 *  Folding and answering take turns: a batch of entries is folded in one go, then waiting questions run. */
import type { Clock } from '../model/clock.ts';
import { unixSecond } from '../model/clock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { LogReader } from '../model/log.ts';
import type { Watermark } from '../model/watermark.ts';
import type { FoldOutcome, Store, StoreNote } from '../store/store.ts';
import type { AggregatorClient, AggregatorStatus, Answer, Question, ReadQuestion } from './answer.ts';
import { answerRead } from './answer-read.ts';

/** A question that waits for the newest second looks this often. */
const FRONTIER_POLL_MS = 15;
/** Sources send again what is not covered for a minute; a commit costs what the open blocks are worth. */
const CHECKPOINT_MS = 15_000;

export interface AggregatorOptions {
  readonly index: number;
  readonly store: Store;
  readonly reader: LogReader;
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** Commit every few seconds, not only when a block ends: sources wait for it. */
  readonly checkpoints: boolean;
  /** More of what was folded survives a power cut. */
  readonly onDurable: (watermarks: readonly Watermark[]) => void;
  readonly onNotice: (line: string) => void;
  /** The fold cannot go on. */
  readonly onFault: (error: unknown) => void;
}

export class Aggregator implements AggregatorClient {
  readonly #options: AggregatorOptions;
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;
  readonly #waiting: { readonly offset: number; readonly resolve: () => void }[] = [];
  #foldedOffset: number;
  #failed: string | undefined;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    this.#foldedOffset = options.store.resumeOffset - 1;
    this.#following = this.#follow();
  }

  async ask(question: Question): Promise<Answer> {
    switch (question.kind) {
      case 'read':
        await this.#waitForNewest(question);
        return answerRead(question, this.#options);
      case 'status':
        return this.#status();
      case 'key-values': {
        const values = this.#options.store.keyValues(question.instrumentation, question.field);
        return { kind: 'key-values', values };
      }
    }
  }

  /** Resolves when the entry at `offset` is folded, or the fold cannot go on. */
  reached(offset: number): Promise<void> {
    if (this.#foldedOffset >= offset || this.#failed !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ offset, resolve }));
  }

  async close(): Promise<void> {
    const { reader, store } = this.#options;
    this.#stop.abort();
    await this.#following;
    await reader.close();
    if (this.#failed === undefined) store.checkpoint();
    store.close();
  }

  async #follow(): Promise<void> {
    const { reader, store, clock, checkpoints, onFault } = this.#options;
    let committedMs = clock.nowMs();
    try {
      this.#tell({ sealed: false, watermarks: [], notes: store.notes });
      for await (const entries of reader.read(store.resumeOffset, this.#stop.signal)) {
        this.#tell(store.fold(entries));
        this.#moveTo(entries.at(-1)?.offset ?? this.#foldedOffset);
        if (checkpoints && clock.nowMs() - committedMs >= CHECKPOINT_MS) {
          this.#tell(store.checkpoint());
          committedMs = clock.nowMs();
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      this.#failed = error instanceof Error ? error.message : String(error);
      onFault(error);
      this.#moveTo(this.#foldedOffset);
    }
  }

  #moveTo(offset: number): void {
    this.#foldedOffset = offset;
    for (const waiting of this.#waiting.splice(0)) {
      if (waiting.offset <= offset || this.#failed !== undefined) waiting.resolve();
      else this.#waiting.push(waiting);
    }
  }

  #tell({ sealed, watermarks, notes }: FoldOutcome): void {
    const { onDurable, onNotice } = this.#options;
    if (sealed) onDurable(watermarks);
    for (const note of notes) onNotice(noteText(note));
  }

  async #waitForNewest({ instrumentation, waitMs }: ReadQuestion): Promise<void> {
    const { clock, store } = this.#options;
    const start = clock.nowMs();
    const wanted = unixSecond(start);
    while (clock.nowMs() - start < waitMs && !this.#stop.signal.aborted) {
      if (store.frontier(instrumentation.id, clock.nowMs()) >= wanted) return;
      await clock.sleep(FRONTIER_POLL_MS, this.#stop.signal);
    }
  }

  #status(): AggregatorStatus {
    const { store, clock, index } = this.#options;
    return {
      kind: 'status',
      aggregator: index,
      stats: store.stats(),
      sources: store.sources(),
      frontiers: store
        .instrumentations()
        .map(({ id }) => ({ instrumentation: id, second: store.frontier(id, clock.nowMs()) })),
      foldedOffset: this.#foldedOffset,
      trimOffset: store.trimOffset(),
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
