/** Tailglow inside another program: the log, fold, store and language of the server, in this thread, in a directory
 *  or in memory, without HTTP and without instrumenters. For tests that assert on distributions, and for tools
 *  (docs/LIBRARY.md).
 *
 *      const tailglow = await openTailglow({ metrics });
 *      await tailglow.instrument('instrument job.runs by queue, latency as runs');
 *      tailglow.record('job.runs', { queue: 'mail', latency: 12_000_000 });
 *      const answer = await tailglow.query('job.runs by queue, latency last 1m | percentiles 50, 99');
 *      await tailglow.close();
 *
 *  Units everywhere: times are whole Unix seconds, ranges half-open, values integers in base units (time in
 *  nanoseconds, sizes in bytes, percent in whole percent). */
import { performance } from 'node:perf_hooks';
import { PACKED_BYTES_MAX, packEntries } from '../ingest/pack-entries.ts';
import { Recorder } from '../ingest/recorder.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { KernelMissingError, loadKernel } from '../kernel/native.ts';
import { LogLockedError } from '../log/directory-lock.ts';
import { type Batch, encodeBatch, type Report, type Row, type Source, sourceName } from '../model/batch.ts';
import { type Clock, systemClock, unixSecond } from '../model/clock.ts';
import type { Checksum } from '../model/crc32c.ts';
import type { Coverage } from '../model/coverage.ts';
import type { Grid } from '../model/grid.ts';
import type { Histogram } from '../model/histogram.ts';
import type { Instrumentation, SourceState } from '../model/instrumentation.ts';
import type { Key } from '../model/key.ts';
import type { LevelRetention } from '../model/level.ts';
import { LogCorruptError, LogUnavailableError } from '../model/log.ts';
import type { Field, MetricDescription, TypeName } from '../model/metric.ts';
import type { Pin } from '../model/pin.ts';
import type { Literal, Predicate } from '../model/predicate.ts';
import type { DiffLayer, DiffRaster, HueLabel, Raster, RasterGeometry, YAxis } from '../model/raster.ts';
import type { PictureOptions } from '../query/checked.ts';
import type {
  Bounded,
  CellResult,
  ColumnStatistics,
  CompareField,
  CompareResult,
  CompareValue,
  Difference,
  DiffResult,
  HeatmapResult,
  KeyRanking,
  KeyShare,
  LinesResult,
  QueryResult,
  Series,
  TableColumn,
  TableResult,
  Unstored,
  ValueUnit,
} from '../query/result.ts';
import type { AsideItem } from '../store/fold-state.ts';
import { StoreDamagedError, StoreLockedError, StoreVersionError } from '../store/store-errors.ts';
import { type Core, openCore } from './core.ts';
import { type Answer, LibraryStatements, type Outcome } from './library-statements.ts';
import { MetricBook, RecordError } from './metric-book.ts';
import { type Problem, type ProblemError, ProblemException } from './problem.ts';
import { openRecording, type Recording, type RecordingOptions } from './recording.ts';
import { Trimmer } from './trimmer.ts';

export type {
  Answer,
  AsideItem,
  Batch,
  Bounded,
  CellResult,
  Clock,
  ColumnStatistics,
  CompareField,
  CompareResult,
  CompareValue,
  Coverage,
  Difference,
  DiffLayer,
  DiffRaster,
  DiffResult,
  Field,
  Grid,
  HeatmapResult,
  Histogram,
  HueLabel,
  Instrumentation,
  Key,
  KeyRanking,
  KeyShare,
  LevelRetention,
  LinesResult,
  Literal,
  MetricDescription,
  Outcome,
  PictureOptions,
  Pin,
  Predicate,
  Problem,
  ProblemError,
  QueryResult,
  Raster,
  RasterGeometry,
  Recording,
  RecordingOptions,
  Report,
  Row,
  Series,
  Source,
  TableColumn,
  TableResult,
  TypeName,
  Unstored,
  ValueUnit,
  YAxis,
};
export {
  KernelMissingError,
  LogCorruptError,
  LogLockedError,
  LogUnavailableError,
  openRecording,
  ProblemException,
  RecordError,
  StoreDamagedError,
  StoreLockedError,
  StoreVersionError,
};

/** A log is kept at least so long; `as of` reaches as far back. */
const KEEP_LOG_HOURS = 24;
/** Payloads of the recorder that wait while the log takes none; past it the oldest go, and are missing then. */
const UNSAID_BYTES_MAX = 64 * 1024 * 1024;

export interface TailglowOptions {
  /** What can be instrumented. Described again at each opening; a description that changed is the new one. */
  readonly metrics: readonly MetricDescription[];
  /** Where log and store live and are found again, safe against a crash at any instant; one program at a time.
   *  Left out: all is in memory, nothing touches a disk, and closing forgets it. */
  readonly directory?: string;
  /** Where the time comes from; a clock that is moved by hand is in `tailglow/testing`. */
  readonly clock?: Clock;
  /** `native` by default: the C++ kernel; `reference` gives the same numbers without an add-on, slower. */
  readonly kernel?: 'native' | 'reference';
  /** Under which name `record` reports: `library` and `record` where left out. Two programs that write to one
   *  directory, one after another, are told apart by it. */
  readonly source?: { readonly host: string; readonly driver: string };
  /** Hours for which the log keeps what the store has taken; 24 by default. In memory the log is bounded by 64 MiB
   *  besides. */
  readonly keepLogHours?: number;
  /** 0 up to 1: makes the incarnation of `record`'s source. Math.random by default. */
  readonly random?: () => number;
}

/** One event's fields: discrete ones as text or integer, numeric ones as a number in their base unit. */
export type EventFields = { readonly [field: string]: Literal };

export interface Tailglow extends AsyncDisposable {
  /** Counts one event, or an amount of `amount`, into the second it is by the clock, for every instrumentation of
   *  the metric that lives. Returns at once; a query that is asked afterwards sees it. Costs well under a
   *  microsecond where nothing measures the metric.
   *  @param amount a positive integer: bytes, say, of a metric with amounts; 1 by default.
   *  @throws RecordError (`METRIC_UNKNOWN`, `FIELD_UNKNOWN`, `VALUE_INVALID`) for what can only be a slip. */
  record(metric: string, fields: EventFields, amount?: number): void;
  /** Runs `run`, and records how long it took (also where it throws) in the metric's first field of type `time`:
   *  by the clock where one was given, else by the process's monotonic clock. Gives back what `run` does. */
  time<T>(metric: string, fields: EventFields, run: () => T | Promise<T>): Promise<T>;
  /** Says to the log what was recorded so far; of the second that is not over it says that it is a part. Resolves
   *  when that is durable and a query sees it (while the disk is full: durable; answers then say in their notes that
   *  they do not see it). Rejects with LogUnavailableError; then it is kept, and said later. */
  flush(): Promise<void>;
  /** Appends what sources say, one batch a source and second; resolves when it is durable and a query sees it.
   *  A batch that was taken before, told by source and sequence, is dropped. What does not fit (an instrumentation
   *  that is unknown, another grid, a second more than 10 s ahead) is in `refused()`.
   *  Rejects with LogUnavailableError; the same batches may be given again. */
  report(...batches: readonly Batch[]): Promise<void>;
  /** Runs an `instrument` statement; one that measures the same and lives already is given back.
   *  Rejects with ProblemException. */
  instrument(statement: string): Promise<Instrumentation>;
  /** Answers a read statement, as numbers. `now` is the end of the second at hand where `record` has counted into
   *  it; else the newest second that is complete. Rejects with ProblemException, whose `problem` says the place. */
  query(statement: string): Promise<Answer>;
  /** Runs any statement of the language. Rejects with ProblemException. */
  run(statement: string): Promise<Outcome>;
  /** Those that live, in the order in which they began. */
  instrumentations(): readonly Instrumentation[];
  /** The newest 64 things that were reported and not taken, each with its reason. */
  refused(): readonly AsideItem[];
  /** Says what was recorded, commits, and lets go of the directory. Nothing may be called afterwards. */
  close(): Promise<void>;
}

/** Opens Tailglow in a directory or in memory.
 *  @throws LogLockedError or StoreLockedError where the directory is in use; KernelMissingError where the add-on is
 *  not built; LogCorruptError, StoreDamagedError or StoreVersionError where its files cannot be read. */
export async function openTailglow(options: TailglowOptions): Promise<Tailglow> {
  const { metrics, directory, clock = systemClock, random = Math.random } = options;
  const kernel = loadKernel(options.kernel ?? 'native');
  const { host, driver } = options.source ?? { host: 'library', driver: 'record' };
  const recorder = new Recorder({ host, driver, random, checksum: kernel.crc32c });
  const book = new MetricBook(metrics);
  const want = (living: readonly Instrumentation[]): void =>
    recorder.want(
      living.filter(({ metric }) => book.has(metric)),
      unixSecond(clock.nowMs()),
    );
  const faults: unknown[] = [];
  const core = await openCore({
    ...(directory === undefined ? {} : { directory }),
    kernel,
    clock,
    onChange: want,
    onFault: (error) => faults.push(error),
  });
  const measuredMs = options.clock === undefined ? () => performance.now() : () => clock.nowMs();
  try {
    await core.configuration.announce(host, metrics);
    want(core.configuration.measured());
    return new Library({ kernel, core, recorder, book, clock, measuredMs, faults, options });
  } catch (error) {
    await core.close();
    throw error;
  }
}

interface Parts {
  readonly kernel: Kernel;
  readonly core: Core;
  readonly recorder: Recorder;
  readonly book: MetricBook;
  readonly clock: Clock;
  readonly measuredMs: () => number;
  /** What broke the fold, the first first. */
  readonly faults: readonly unknown[];
  readonly options: TailglowOptions;
}

class Library implements Tailglow {
  readonly #parts: Parts;
  readonly #statements: LibraryStatements;
  readonly #trimmer: Trimmer;
  readonly #stop = new AbortController();
  /** Seconds go to the log as they end; begun by the first event. */
  #saying: Promise<void> | undefined;
  #unsaid: Uint8Array[] = [];
  #appending: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { core, clock, options, recorder } = parts;
    this.#statements = new LibraryStatements({
      core,
      clock,
      kernel: parts.kernel,
      settled: () => this.#seen(),
      openSecond: () => recorder.openSecond,
      states: (id) => recorderStates(recorder, id),
    });
    this.#trimmer = new Trimmer({
      writer: core.log,
      reader: core.reader,
      keepMs: (options.keepLogHours ?? KEEP_LOG_HOURS) * 3_600_000,
      clock,
      aggregators: [core.aggregator],
      catalogueOffset: () => core.configuration.trimOffset,
      onFault: () => {
        /* it is trimmed a minute later */
      },
    });
  }

  record(metric: string, fields: EventFields, amount = 1): void {
    const { book, recorder } = this.#parts;
    book.check(metric, fields, amount);
    recorder.count(metric, this.#nowSecond(), (field) => fields[field], amount);
    this.#saying ??= this.#sayEachSecond();
  }

  async time<T>(metric: string, fields: EventFields, run: () => T | Promise<T>): Promise<T> {
    const { book, measuredMs } = this.#parts;
    const field = book.timeField(metric);
    const beganMs = measuredMs();
    try {
      return await run();
    } finally {
      const tookNs = Math.max(0, Math.round((measuredMs() - beganMs) * 1e6));
      this.record(metric, { ...fields, [field]: tookNs });
    }
  }

  async flush(): Promise<void> {
    this.#parts.recorder.flush(this.#nowSecond());
    await this.#sayAll();
    await this.#settled();
  }

  async report(...batches: readonly Batch[]): Promise<void> {
    const { core, kernel } = this.#parts;
    const encoded = batches.map((batch) => encodedWithin(batch, kernel.crc32c));
    for (const entry of packEntries(encoded)) await core.log.append(entry);
    await this.#settled();
  }

  async instrument(statement: string): Promise<Instrumentation> {
    const instrumentation = await this.#statements.instrument(statement);
    await this.#settled();
    return instrumentation;
  }

  query(statement: string): Promise<Answer> {
    return this.#statements.query(statement);
  }

  run(statement: string): Promise<Outcome> {
    return this.#statements.run(statement);
  }

  instrumentations(): readonly Instrumentation[] {
    return this.#parts.core.configuration.instrumentations();
  }

  refused(): readonly AsideItem[] {
    return this.#parts.core.store.aside();
  }

  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#saying;
    const { core, recorder } = this.#parts;
    recorder.end(this.#nowSecond());
    try {
      await this.#sayAll();
      await this.#settled();
    } finally {
      await this.#trimmer.close();
      await core.close();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #nowSecond(): number {
    return unixSecond(this.#parts.clock.nowMs());
  }

  async #sayEachSecond(): Promise<void> {
    const { clock, recorder } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const nowMs = clock.nowMs();
      await clock.sleep(1000 - (nowMs % 1000), signal);
      if (signal.aborted) return;
      recorder.sealed(this.#nowSecond());
      await this.#sayAll().catch(() => {
        /* kept, and said with the next second */
      });
    }
  }

  /** Appends what the recorder said, in order, one call after another. */
  #sayAll(): Promise<void> {
    const { core, recorder } = this.#parts;
    const run = async (): Promise<void> => {
      this.#unsaid.push(...recorder.take());
      for (let entry = this.#unsaid[0]; entry !== undefined; entry = this.#unsaid[0]) {
        try {
          await core.log.append(entry);
        } catch (error) {
          this.#boundUnsaid();
          throw error;
        }
        this.#unsaid.shift();
      }
    };
    const said = this.#appending.then(run, run);
    this.#appending = said.catch(() => undefined);
    return said;
  }

  #boundUnsaid(): void {
    let bytes = this.#unsaid.reduce((sum, { length }) => sum + length, 0);
    while (bytes > UNSAID_BYTES_MAX) bytes -= this.#unsaid.shift()!.length;
  }

  /** What was recorded is folded; where a full or failing disk keeps it, an answer without it is better than none. */
  async #seen(): Promise<readonly string[]> {
    const { core, recorder } = this.#parts;
    recorder.flush(this.#nowSecond());
    const unseen: string[] = [];
    try {
      await this.#sayAll();
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
      unseen.push(`what was recorded last is not in the answer: ${error.message}`);
    }
    await this.#settled();
    const { stalled } = core.store;
    if (stalled !== undefined) unseen.push(`what was reported last is not in the answer: ${stalled.reason}`);
    return unseen;
  }

  /** What was appended is folded, unless the disk is full. Throws what broke the fold. */
  async #settled(): Promise<void> {
    await this.#parts.core.folded();
    if (this.#parts.faults.length > 0) throw this.#parts.faults[0];
  }
}

/** Throws RecordError where the batch is larger than a log entry takes. */
function encodedWithin(batch: Batch, checksum: Checksum): Uint8Array {
  const bytes = encodeBatch(batch, checksum);
  if (bytes.length <= PACKED_BYTES_MAX) return bytes;
  const name = `batch ${batch.sequence} of ${sourceName(batch.source)}`;
  throw new RecordError(
    'BATCH_TOO_LARGE',
    `Cannot report ${name}: it has ${bytes.length} bytes, expected at most ${PACKED_BYTES_MAX}; give its reports in several batches`,
  );
}

function recorderStates(recorder: Recorder, id: string): { source: string; state: SourceState }[] {
  const sinceSecond = recorder.sinceSecond(id);
  if (sinceSecond === undefined) return [];
  return [{ source: sourceName(recorder.source), state: { state: 'enabled', sinceSecond } }];
}
