/** Stores that are built by folding a fleet's reports (traffic.ts), with all that is due behind the fold done. */
import type { Kernel } from '../../src/kernel/kernel.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import { openStore, type Store, type StoreStats } from '../../src/store/store.ts';
import { requestsBy } from '../requests.ts';
import { traffic, type TrafficShape } from './traffic.ts';

/** No roll-up's block begins here but the finest's: nothing is neater than it would be. */
const START = BLOCK_STEPS * 7_013_000;
/** Nothing is given up while a bench looks. */
const KEEP_SECONDS = 400 * 86_400;
export const LOG_IDENTITY = 'bench';

export interface Built {
  readonly directory: string;
  readonly shape: TrafficShape;
  readonly instrumentation: Instrumentation;
  /** Of the last report. */
  readonly endSecond: number;
  readonly foldMs: number;
  /** What the store did behind the fold: roll-ups, compactions. */
  readonly workMs: number;
  readonly stats: StoreStats;
}

export function instrumentationOf({ everySeconds }: TrafficShape): Instrumentation {
  return requestsBy(['route'], { createdSecond: START, keepSeconds: KEEP_SECONDS, everySeconds });
}

export function openAt(directory: string, kernel: Kernel, logIdentity = LOG_IDENTITY): Store {
  return openStore({ directory, kernel, owns: () => true, logIdentity });
}

/** Folds all; `before` is called once the traffic is ready. The store stays open, nothing more is committed. */
export function fill(store: Store, shape: TrafficShape, kernel: Kernel, before = (): void => {}) {
  let [foldMs, workMs] = [0, 0];
  for (const entries of traffic(instrumentationOf(shape), shape, kernel)) {
    if (entries[0]!.offset === 0) before();
    foldMs += elapsedMs(() => store.fold(entries));
    workMs += elapsedMs(() => {
      while (store.work());
    });
  }
  return { foldMs, workMs };
}

export function build(directory: string, shape: TrafficShape, kernel: Kernel): Built {
  const store = openAt(directory, kernel);
  const times = fill(store, shape, kernel);
  const stats = store.stats();
  store.checkpoint();
  store.close();
  const instrumentation = instrumentationOf(shape);
  return { directory, shape, instrumentation, endSecond: START + shape.seconds, ...times, stats };
}

export function elapsedMs(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}
