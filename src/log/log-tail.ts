/** Where the durable end of a log is, and news of it: what keeps a reader from seeing an entry that a crash
 *  could still take back. Within one thread it is the writer's own; a reader in another thread gets it over a
 *  MessagePort. */
import type { MessagePort } from 'node:worker_threads';

export interface DurableTail {
  /** Entries below this offset are durable. Never falls. */
  end(): number;
  /** Resolves when the end has moved since the call, or when `signal` aborts. */
  changed(signal: AbortSignal): Promise<void>;
}

export class Tail implements DurableTail {
  #end: number;
  readonly #waiters = new Set<() => void>();

  constructor(end: number) {
    this.#end = end;
  }

  end(): number {
    return this.#end;
  }

  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        this.#waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Moves the end and wakes who waits; an end that is not further changes nothing. */
  advance(end: number): void {
    if (end <= this.#end) return;
    this.#end = end;
    for (const wake of this.#waiters) wake();
  }
}

/** In the writer's thread: tells the end, now and whenever it moves, until the port closes. */
export function shareTail(log: { readonly tail: DurableTail }, port: MessagePort): void {
  const closed = new AbortController();
  port.once('close', () => closed.abort());
  const tell = async (): Promise<void> => {
    while (!closed.signal.aborted) {
      port.postMessage(log.tail.end());
      await log.tail.changed(closed.signal);
    }
  };
  void tell();
  port.unref();
}

/** In the reader's thread: the tail that is shared at the port's other end; resolves with its first news. */
export function tailFromPort(port: MessagePort): Promise<DurableTail> {
  return new Promise((resolve, reject) => {
    let tail: Tail | undefined;
    port.on('message', (end: unknown) => {
      if (typeof end !== 'number') return;
      if (tail === undefined) resolve((tail = new Tail(end)));
      else tail.advance(end);
    });
    port.once('close', () =>
      reject(new Error('Cannot follow the log: its port closed before the first news')),
    );
  });
}
