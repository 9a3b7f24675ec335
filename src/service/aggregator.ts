/** The aggregator role: reads the log, folds what it owns into its store, and answers questions from it down to
 *  the bytes. Runs in a worker thread (aggregator-worker.ts) or, for tests and embedding, in the caller's.
 *  Folding and answering take turns: a batch of entries is folded in one go, then waiting questions run. */
import type { Clock } from '../model/clock.ts';
import { unixSecond } from '../model/clock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { LogReader } from '../model/log.ts';
import type { Store } from '../store/store.ts';
import type { AggregatorClient, AggregatorStatus, Answer, Question, ReadQuestion } from './answer.ts';
import { answerRead } from './answer-read.ts';

/** A question that waits for the newest second looks this often. */
const FRONTIER_POLL_MS = 15;

export interface Watermark {
  readonly source: string;
  readonly incarnation: string;
  /** All batches up to and with this sequence number are in a committed seal. */
  readonly sequence: number;
}

export interface AggregatorOptions {
  readonly index: number;
  readonly store: Store;
  readonly reader: LogReader;
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** Called after a seal was committed. */
  readonly onSealed?: (watermarks: readonly Watermark[]) => void;
  readonly onFault: (error: unknown) => void;
}

export class Aggregator implements AggregatorClient {
  readonly #options: AggregatorOptions;
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;
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

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#following;
    await this.#options.reader.close();
    this.#options.store.close();
  }

  async #follow(): Promise<void> {
    const { reader, store, onSealed, onFault } = this.#options;
    try {
      for await (const entries of reader.read(store.resumeOffset, this.#stop.signal)) {
        const outcome = store.fold(entries);
        this.#foldedOffset = entries.at(-1)?.offset ?? this.#foldedOffset;
        if (outcome.sealed) onSealed?.(outcome.watermarks);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      this.#failed = error instanceof Error ? error.message : String(error);
      onFault(error);
    }
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
