/** The desk: how the shop asks its warehouse, one errand after the other, without blocking the event loop.
 *  Two desks: a worker thread (the real shop) and one in the same thread (tests by inject). */
import { Worker } from 'node:worker_threads';
import type { Warehouse } from './warehouse.ts';

export type Errand = Exclude<keyof Warehouse, 'close'>;
type Argument<E extends Errand> = Parameters<Warehouse[E]>[0];
type Answer<E extends Errand> = ReturnType<Warehouse[E]>;

export interface Desk {
  ask<E extends Errand>(errand: E, argument: Argument<E>): Promise<Answer<E>>;
  close(): Promise<void>;
}

/** Errands waiting at most. More than a second's worth of visitors: beyond it the shop is overrun. */
export const ERRANDS_MAX = 512;

export class DeskOverrunError extends Error {
  readonly code = 'DESK_OVERRUN';
  readonly statusCode = 503;
  constructor() {
    super(`Cannot ask the warehouse: ${ERRANDS_MAX} errands wait`);
  }
}

export interface Ask {
  readonly id: number;
  readonly errand: Errand;
  readonly argument: unknown;
}
export type Told = { readonly id: number } & ({ readonly answer: unknown } | { readonly failure: string });

/** Carries out one errand; the one place where an errand's name becomes a call. */
export function carryOut(warehouse: Warehouse, errand: Errand, argument: unknown): unknown {
  const call = warehouse[errand] as (argument: unknown) => unknown;
  return call.call(warehouse, argument);
}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

/** A desk whose warehouse lives in a worker thread. Resolves when the shop's shelves are filled. */
export function openWorkerDesk(path: string, seed: number): Promise<Desk> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  // No inherited options: whatever watches this process from a preload watches its one event loop.
  const worker = new Worker(new URL('./warehouse-worker.js', import.meta.url), {
    workerData: { path, seed },
    execArgv: [],
    env,
  });
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  const failAll = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const desk: Desk = {
    ask: (errand, argument) =>
      new Promise((resolve, reject) => {
        if (waiting.size >= ERRANDS_MAX) return reject(new DeskOverrunError());
        const ask: Ask = { id: nextId++, errand, argument };
        waiting.set(ask.id, { resolve, reject });
        worker.postMessage(ask);
      }),
    close: async () => {
      await worker.terminate();
      failAll(new Error('Cannot ask the warehouse: it is closed'));
    },
  };
  return new Promise((opened, failed) => {
    worker.once('error', (error) => {
      failed(error);
      failAll(error);
    });
    worker.once('message', () => {
      worker.on('message', (told: Told) => {
        const asker = waiting.get(told.id);
        waiting.delete(told.id);
        if ('failure' in told) asker?.reject(new Error(told.failure));
        else asker?.resolve(told.answer as never);
      });
      opened(desk);
    });
  });
}

/** A desk in this thread: each errand has a turn of the event loop to itself. */
export function openLocalDesk(warehouse: Warehouse): Desk {
  let tail: Promise<unknown> = Promise.resolve();
  return {
    ask: <E extends Errand>(errand: E, argument: Argument<E>) => {
      const turn = tail.then(() => new Promise((resolve) => setImmediate(resolve)));
      const answer = turn.then(() => carryOut(warehouse, errand, argument) as Answer<E>);
      tail = answer.catch(() => undefined);
      return answer;
    },
    close: async () => {
      await tail;
      warehouse.close();
    },
  };
}
