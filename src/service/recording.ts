/** What a data directory's log holds, folded once more in memory: to ask it anything without touching it. The log is
 *  read, never written, and needs no lock: a server or a program may go on writing to it; what it writes after the
 *  opening is not seen. Owns: the folding, what `now` is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadKernel } from '../kernel/native.ts';
import { openFileLogReader } from '../log/file-log-reader.ts';
import { Tail } from '../log/log-tail.ts';
import { unixSecond } from '../model/clock.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { type LogEntry, type LogReader, LogUnavailableError } from '../model/log.ts';
import { type Batch, decodeEntry, readBatch } from '../model/report.ts';
import { CellsBuffer, type SeriesReader } from '../model/series.ts';
import type { Plan } from '../query/plan.ts';
import { printStatement } from '../query/print.ts';
import { type Catalogue, openCatalogue } from '../store/catalogue.ts';
import { IN_MEMORY } from '../store/sqlite.ts';
import { openStore, type Store } from '../store/store.ts';
import { readAsOf } from './answer-as-of.ts';
import { type Answer, notRead } from './library-statements.ts';
import { entriesOf, extentOf, type LogExtent, type StoredLog } from './log-entries.ts';
import { seedEntries } from './seed-entries.ts';
import { understand } from './statements.ts';
import { answered, planned } from './typed-answer.ts';

/** First byte of an entry of reports (docs/REPORT_FORMAT.md). */
const REPORTS_BYTE = 1;

export interface RecordingOptions {
  /** A data directory, of a server with its own log or of `openTailglow`. */
  readonly directory: string;
  /** `native` by default; as TailglowOptions. */
  readonly kernel?: 'native' | 'reference';
}

export interface Recording extends AsyncDisposable {
  /** The end of the newest second that was reported: what `now` means. */
  readonly nowSecond: number;
  /** Those that live at its end. */
  instrumentations(): readonly Instrumentation[];
  /** Answers a read statement, `as of` too, as numbers. Rejects with ProblemException. */
  query(statement: string): Promise<Answer>;
  /** Every batch that the log holds, in its order, repeats too. */
  batches(): AsyncIterable<Batch>;
  close(): Promise<void>;
}

/** Folds the log of a data directory in memory. Costs what folding it costs, and its segments' bytes of memory.
 *  @throws LogUnavailableError where there is no log, LogCorruptError, KernelMissingError. */
export async function openRecording(options: RecordingOptions): Promise<Recording> {
  const { directory } = options;
  const kernel = loadKernel(options.kernel ?? 'native');
  const log: StoredLog = { kind: 'file', directory: join(directory, 'log') };
  if (!existsSync(log.directory))
    throw new LogUnavailableError(`Cannot read log "${log.directory}": there is no such directory`);
  const extent = await extentOf(log);
  const catalogue = openCatalogue(IN_MEMORY, extent.identity);
  const store = openStore({
    directory: IN_MEMORY,
    kernel,
    owns: () => true,
    logIdentity: extent.identity,
  });
  let nowMs = 0;
  const fold = (entries: readonly LogEntry[]): void => {
    catalogue.fold(entries);
    store.fold(entries);
    while (store.work());
    nowMs = Math.max(nowMs, ...entries.slice(-1).map(({ arrivedMs }) => arrivedMs));
  };
  try {
    fold(seedEntries(directory, extent));
    for await (const entries of entriesOf(log, extent.endOffset)) {
      fold(entries);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } catch (error) {
    store.close();
    catalogue.close();
    throw error;
  }
  const reader = openFileLogReader(log.directory, new Tail(extent.endOffset), kernel.crc32c);
  return new FoldedRecording({ log, extent, catalogue, store, kernel, nowMs, reader });
}

interface Parts {
  readonly log: StoredLog;
  readonly extent: LogExtent;
  readonly catalogue: Catalogue;
  readonly store: Store;
  readonly kernel: Kernel;
  readonly nowMs: number;
  readonly reader: LogReader;
}

class FoldedRecording implements Recording {
  readonly #parts: Parts;
  readonly #closing = new AbortController();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get nowSecond(): number {
    const { store, nowMs } = this.#parts;
    const { largestSecond } = store.stats();
    return largestSecond < 0 ? unixSecond(nowMs) : largestSecond + 1;
  }

  instrumentations(): readonly Instrumentation[] {
    return this.#parts.catalogue.instrumentations();
  }

  async query(text: string): Promise<Answer> {
    const { catalogue: stored, store, kernel, nowMs, reader: log } = this.#parts;
    const catalogue = {
      metrics: stored.metrics(),
      instrumentations: stored.instrumentations(),
      pins: stored.pins(),
    };
    const { statement, checked } = understand(text, catalogue);
    if (checked.kind !== 'read') throw notRead(checked.kind);
    const asOf = (plan: Plan): Promise<SeriesReader> => readAsOf(plan, { log, kernel }, this.#closing.signal);
    // Nothing more is to come: all that was reported is known.
    const context = { catalogue, store, kernel, nowMs, asOf, openSecond: this.nowSecond - 1 };
    return { ...(await answered(planned(checked, context), context)), query: printStatement(statement) };
  }

  async *batches(): AsyncGenerator<Batch> {
    const { log, extent } = this.#parts;
    for await (const entries of entriesOf(log, extent.endOffset)) {
      for (const { payload } of entries) {
        if (payload[0] !== REPORTS_BYTE) continue;
        const view = decodeEntry(payload);
        if (view.kind !== 'reports') continue;
        for (const batch of view.batches) yield readBatch(batch, () => new CellsBuffer());
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const { reader, store, catalogue } = this.#parts;
    await reader.close();
    store.close();
    catalogue.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
