/** Rebuilds a data directory's stores and catalogue from its log alone, into a new place: at full speed, one thread
 *  an aggregator. The log is read, never written; a server may go on using it. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Level } from '../model/level.ts';
import type { LogEntry } from '../model/log.ts';
import { openCatalogue } from '../store/catalogue.ts';
import { entriesOf, extentOf, type LogExtent, type StoredLog } from './log-entries.ts';
import { aggregatorCount } from './ownership.ts';
import { seedEntries } from './seed-entries.ts';
import type { ReplayThreadData, ReplayThreadNews } from './replay-worker.ts';

export interface ReplayOptions {
  /** The data directory whose log is replayed. */
  readonly data: string;
  /** `file`, or the URL of a RabbitMQ virtual host. */
  readonly log: string;
  /** A directory that is not there yet, or empty. */
  readonly into: string;
  readonly kernel: 'native' | 'reference';
  /** The finest level to keep; 1 for a store that equals the original. */
  readonly finest: Level;
  /** Per aggregator, where it stops; all stop at the log's end where this is left out. */
  readonly untilOffsets?: readonly number[];
  readonly onProgress: (progress: ReplayProgress) => void;
}

export interface ReplayProgress {
  /** Entries that all threads have folded, of so many. */
  readonly entries: number;
  readonly entriesTotal: number;
  /** Cells folded, over all threads. */
  readonly cells: number;
}

export interface ReplayOutcome extends LogExtent {
  readonly aggregators: number;
  readonly cells: number;
}

export class ReplayError extends Error {
  readonly code = 'REPLAY';
}

/** Throws ReplayError, LogUnavailableError, LogCorruptError, or what a store threw; the new place is then unfinished. */
export async function replay(options: ReplayOptions): Promise<ReplayOutcome> {
  const { data, into } = options;
  if (existsSync(into) && readdirSync(into).length > 0)
    throw new ReplayError(`Cannot replay into "${into}": it is not empty`);
  const log: StoredLog =
    options.log === 'file'
      ? { kind: 'file', directory: join(data, 'log') }
      : { kind: 'amqp', url: options.log };
  const extent = await extentOf(log);
  const count = originalCount(data);
  const seeds = seedEntries(data, extent);
  mkdirSync(into, { recursive: true });
  aggregatorCount(join(into, 'layout.json'), count);
  const news = Array.from({ length: count }, (): ReplayThreadNews => ({ nextOffset: 0, cells: 0 }));
  const tell = (): void => options.onProgress(progressOf(news, extent));
  const threads = news.map((_, index) =>
    runThread({ options, log, extent, seeds, index, count }, (one) => {
      news[index] = one;
      tell();
    }),
  );
  await Promise.all([...threads, replayCatalogue({ log, extent, seeds }, join(into, 'catalogue.db'))]);
  return { ...extent, aggregators: count, cells: sum(news.map(({ cells }) => cells)) };
}

/** As the original has it: who owns what, and so what one store holds, follows from it. A directory of the library
 *  has one store and does not say so. */
function originalCount(data: string): number {
  const path = join(data, 'layout.json');
  if (existsSync(path)) return aggregatorCount(path, 1);
  if (existsSync(join(data, 'aggregator-0'))) return 1;
  throw new ReplayError(`Cannot replay "${data}": it is no data directory, it has no store`);
}

function progressOf(
  news: readonly ReplayThreadNews[],
  { firstOffset, endOffset }: LogExtent,
): ReplayProgress {
  const least = Math.min(...news.map(({ nextOffset }) => Math.max(nextOffset, firstOffset)));
  return {
    entries: least - firstOffset,
    entriesTotal: endOffset - firstOffset,
    cells: sum(news.map(({ cells }) => cells)),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

interface ThreadPlace {
  readonly options: ReplayOptions;
  readonly log: StoredLog;
  readonly extent: LogExtent;
  readonly seeds: readonly LogEntry[];
  readonly index: number;
  readonly count: number;
}

function runThread(
  { options, log, extent, seeds, index, count }: ThreadPlace,
  onNews: (news: ReplayThreadNews) => void,
): Promise<void> {
  const { into, kernel, finest } = options;
  const workerData: ReplayThreadData = {
    index,
    count,
    directory: join(into, `aggregator-${index}`),
    kernel,
    log,
    logIdentity: extent.identity,
    untilOffset: options.untilOffsets?.[index] ?? extent.endOffset,
    seeds,
    ...(finest === 1 ? {} : { regrain: { finest } }),
  };
  const worker = new Worker(new URL('replay-worker.js', import.meta.url), { workerData });
  worker.on('message', onNews);
  return new Promise((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', (code) => {
      if (code === 0) resolve();
      else reject(new ReplayError(`Cannot replay aggregator ${index}: its thread ended with code ${code}`));
    });
  });
}

async function replayCatalogue(
  { log, extent, seeds }: Pick<ThreadPlace, 'log' | 'extent' | 'seeds'>,
  path: string,
): Promise<void> {
  const catalogue = openCatalogue(path, extent.identity);
  try {
    catalogue.fold(seeds);
    for await (const entries of entriesOf(log, extent.endOffset)) {
      catalogue.fold(entries);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    catalogue.close();
  }
}
