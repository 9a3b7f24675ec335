/** An aggregator in a worker thread, seen from the gateway's side: questions go over, answers come back by
 *  number, each with a deadline; a thread that dies is started again and answers 503 meanwhile.
 *  A question whose deadline passes, or whose client is gone, is taken back: its work ends. */
import { Worker } from 'node:worker_threads';
import type { Watermark } from '../model/watermark.ts';
import type { AggregatorClient, Answer, Question } from './answer.ts';
import type { LogAddress } from './open-log.ts';
import type { NamingSettings } from './transform/open.ts';
import type { Problem } from './problem.ts';

/** Past this a client is better told than kept waiting; `wait=` adds to it. */
const DEADLINE_MS = 10_000;
/** Of the thread's heap, for what is short-lived. What a fold makes is in arrays outside it, so the usual 48 MB would
 *  only lie there. */
const YOUNG_MB = 6;
/** Questions in flight to one aggregator; the next is told to come again. */
const QUESTIONS_MAX = 64;
const RESTART_MS = 500;

export interface ThreadData {
  readonly index: number;
  readonly count: number;
  readonly directory: string;
  readonly kernel: 'native' | 'reference';
  /** Commit every few seconds: sources wait for it, because the log's word is not enough. */
  readonly checkpoints: boolean;
  readonly address: LogAddress;
  readonly naming: NamingSettings;
}

export type ToThread =
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  /** Nobody waits for its answer any more. */
  | { readonly kind: 'give-up'; readonly id: number }
  | { readonly kind: 'close' };
export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'durable'; readonly watermarks: readonly Watermark[] }
  | { readonly kind: 'notice'; readonly line: string }
  /** Its disk is full; without a reason: no longer. */
  | { readonly kind: 'stalled'; readonly reason?: string }
  /** It cannot go on; what it says last. */
  | { readonly kind: 'fault'; readonly reason: string };

export interface ThreadOptions {
  /** Made anew for each start of the thread: a message port can be sent but once. */
  readonly data: () => ThreadData;
  readonly index: number;
  readonly onDurable: (watermarks: readonly Watermark[]) => void;
  readonly onNotice: (line: string) => void;
}

export class AggregatorThread implements AggregatorClient {
  readonly #options: ThreadOptions;
  readonly index: number;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #worker: Worker;
  #next = 0;
  #closing = false;
  #down: string | undefined = 'it is starting';
  #stalled: string | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.index = options.index;
    this.#worker = this.#start();
  }

  /** Undefined while it works; else why it does not. */
  get fault(): string | undefined {
    return this.#down;
  }

  /** Undefined while its disk takes writes; else why it folds nothing. It answers meanwhile. */
  get stalled(): string | undefined {
    return this.#stalled;
  }

  ask(question: Question, signal?: AbortSignal): Promise<Answer> {
    if (this.#waiting.size >= QUESTIONS_MAX)
      return Promise.resolve({ kind: 'problem', problem: busy(this.index) });
    const id = this.#next++;
    const waitMs = question.kind === 'read' ? question.waitMs : 0;
    return new Promise((resolve) => {
      const settle = (answer: Answer): void => {
        this.#waiting.delete(id);
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
        resolve(answer);
      };
      const giveUp = (): void => {
        const tooLate = `it did not answer within ${(DEADLINE_MS + waitMs) / 1000} s`;
        const why = this.#down ?? (signal?.aborted === true ? 'nobody waits for the answer' : tooLate);
        settle({ kind: 'problem', problem: away(this.index, why) });
        this.#send({ kind: 'give-up', id });
      };
      const timer = setTimeout(giveUp, DEADLINE_MS + waitMs);
      this.#waiting.set(id, settle);
      this.#send({ kind: 'ask', id, question });
      signal?.addEventListener('abort', giveUp);
      if (signal?.aborted === true) giveUp();
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    const gone = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#send({ kind: 'close' });
    await gone;
  }

  #send(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const data = this.#options.data();
    const { tail } = data.address;
    const worker = new Worker(new URL('aggregator-worker.js', import.meta.url), {
      workerData: data,
      transferList: tail === undefined ? [] : [tail],
      name: `aggregator-${this.index}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('error', (error) => this.#fail(error instanceof Error ? error.message : String(error)));
    worker.on('exit', () => this.#ended());
    return worker;
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#down = undefined;
        return;
      case 'answer':
        this.#waiting.get(message.id)?.(message.answer);
        return;
      case 'durable':
        return this.#options.onDurable(message.watermarks);
      case 'notice':
        return this.#options.onNotice(message.line);
      case 'stalled':
        this.#stalled = message.reason;
        return;
      case 'fault':
        return this.#fail(message.reason);
    }
  }

  #fail(reason: string): void {
    this.#down = reason;
    this.#options.onNotice(reason);
  }

  #ended(): void {
    const why = this.#down ?? 'its thread ended';
    for (const settle of this.#waiting.values()) settle({ kind: 'problem', problem: away(this.index, why) });
    this.#stalled = undefined;
    if (this.#closing) return;
    this.#down = why;
    setTimeout(() => {
      if (!this.#closing) this.#worker = this.#start();
    }, RESTART_MS).unref();
  }
}

function away(index: number, why: string): Problem {
  return {
    status: 503,
    code: 'AGGREGATOR_AWAY',
    title: 'The aggregator of this instrumentation does not answer',
    detail: `Cannot ask aggregator ${index}: ${why}`,
    retryAfterSeconds: 1,
  };
}

function busy(index: number): Problem {
  return {
    status: 429,
    code: 'TOO_MANY_QUERIES',
    title: 'Too many queries at once',
    detail: `Cannot ask aggregator ${index}: ${QUESTIONS_MAX} questions wait already`,
    retryAfterSeconds: 1,
  };
}
