/** The thread that rebuilds one aggregator's store from the log. It ends when the log's end is folded and no
 *  roll-up waits, or with the error that stopped it. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../model/assert.ts';
import type { LogEntry } from '../model/log.ts';
import { loadKernel } from '../kernel/native.ts';
import { openStore } from '../store/store.ts';
import { entriesOf, type StoredLog } from './log-entries.ts';
import { ownerIndex } from './ownership.ts';
import { type Regrain, regrained } from './regrain.ts';

export interface ReplayThreadData {
  readonly index: number;
  readonly count: number;
  readonly directory: string;
  readonly kernel: 'native' | 'reference';
  readonly log: StoredLog;
  readonly logIdentity: string;
  /** Entries below it are folded. */
  readonly untilOffset: number;
  /** What a trimmed log no longer says. */
  readonly seeds: readonly LogEntry[];
  readonly regrain?: Regrain;
}

/** How far the thread is. */
export interface ReplayThreadNews {
  readonly nextOffset: number;
  readonly cells: number;
}

assert(parentPort !== null, 'this file is started as a worker thread');
const port = parentPort;
const data = workerData as ReplayThreadData;

const store = openStore({
  directory: data.directory,
  kernel: loadKernel(data.kernel),
  owns: (id) => ownerIndex(id, data.count) === data.index,
  logIdentity: data.logIdentity,
});
const fold = (entries: readonly LogEntry[]): void => {
  const { stalled } = store.fold(entries.map((entry) => regrained(entry, data.regrain)));
  if (stalled !== undefined) throw new Error(`Cannot write "${data.directory}": ${stalled.reason}`);
};
fold(data.seeds);
for await (const entries of entriesOf(data.log, data.untilOffset)) {
  fold(entries);
  while (store.work());
  port.postMessage({
    nextOffset: store.resumeOffset,
    cells: store.stats().cells,
  } satisfies ReplayThreadNews);
}
store.checkpoint();
while (store.work());
store.close();
