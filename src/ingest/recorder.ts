/** Counts the events of the program it lives in, and says them second by second as one source. Owns: the open
 *  second, a tally an instrumentation, the numbering and the bytes of what is said. Does not: ask the time,
 *  append, wait.
 *  Invariant: what was counted is in the rows (or `dropped`) of exactly one batch. Seconds ascend; from the first
 *  event on every second is said, also one in which nothing happened, so that none is not unknown. An open second
 *  that is asked for is said in parts, all but the last marked partial.
 *  A clock that is set back counts on in the open second, or, past FUTURE_SECONDS_MAX, which no fold would take,
 *  begins again as a new incarnation; what was not said then is said of the second it is now. */
import { encodeBatch, type Report, type Source, sourceName } from '../model/batch.ts';
import type { Checksum } from '../model/crc32c.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import { FUTURE_SECONDS_MAX, SOURCE_FORGET_SECONDS } from '../model/limits.ts';
import { compilePredicate, type FieldReader } from '../model/predicate.ts';
import { encodeControlEntry } from '../model/report.ts';
import { inParts } from './batch-parts.ts';
import { packEntries } from './pack-entries.ts';
import { newIncarnation } from './source-sequence.ts';
import { Tally } from './tally.ts';
import { Windows } from './windows.ts';

export interface RecorderOptions {
  readonly host: string;
  readonly driver: string;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly checksum: Checksum;
}

interface Measure {
  readonly instrumentation: Instrumentation;
  readonly tally: Tally;
  /** The second at which it began to count. */
  readonly sinceSecond: number;
  /** Events of the open second were there before it began: of that second it has a part. */
  isLate: boolean;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #measures = new Map<string, Measure>();
  readonly #byMetric = new Map<string, Measure[]>();
  readonly #windows = new Windows();
  /** Metrics of which an event came in the open second. */
  readonly #seen = new Set<string>();
  #source: Source;
  #sequence = 0;
  /** The open second; undefined before the first event. */
  #second: number | undefined;
  /** Something was counted since the open second was last said. */
  #isDirty = false;
  #batches: Uint8Array[] = [];
  #entries: Uint8Array[] = [];

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#source = this.#incarnate();
  }

  get source(): Source {
    return this.#source;
  }

  /** The second that events are counted into; undefined where none was in it yet. */
  get openSecond(): number | undefined {
    return this.#seen.size > 0 ? this.#second : undefined;
  }

  /** The second since which an instrumentation is measured; undefined where it is not. */
  sinceSecond(id: string): number | undefined {
    return this.#measures.get(id)?.sinceSecond;
  }

  /** Measures these from now on, and no others. */
  want(wanted: readonly Instrumentation[], nowSecond: number): void {
    if (this.#second !== undefined) this.#moveTo(nowSecond);
    const ids = new Set(wanted.map(({ id }) => id));
    for (const id of this.#measures.keys()) if (!ids.has(id)) this.#remove(id);
    for (const instrumentation of wanted) {
      const { id, metric, where } = instrumentation;
      const before = this.#measures.get(id);
      if (before !== undefined && counts(before.instrumentation) === counts(instrumentation)) continue;
      this.#windows.forget(id);
      const tally = new Tally(instrumentation, where && compilePredicate(where));
      this.#measures.set(id, {
        instrumentation,
        tally,
        sinceSecond: this.#second ?? nowSecond,
        isLate: this.#seen.has(metric),
      });
    }
    this.#byMetric.clear();
    for (const measure of this.#measures.values()) {
      const { metric } = measure.instrumentation;
      this.#byMetric.set(metric, [...(this.#byMetric.get(metric) ?? []), measure]);
    }
  }

  #remove(id: string): void {
    this.#measures.delete(id);
    this.#windows.forget(id);
  }

  /** Counts one event, or an amount, that ended in `second`. */
  count(metric: string, second: number, read: FieldReader, amount = 1): void {
    if (second !== this.#second) this.#moveTo(second);
    this.#seen.add(metric);
    this.#isDirty = true;
    for (const { tally } of this.#byMetric.get(metric) ?? []) tally.count(read, amount);
  }

  /** Says all that was counted; of a second that is still open, what there is of it so far. */
  flush(nowSecond: number): void {
    if (this.#second === undefined) return;
    this.#moveTo(nowSecond);
    if (this.#isDirty) this.#say(this.#second, true);
  }

  /** Says the seconds that are over, the rest when they are. */
  sealed(nowSecond: number): void {
    if (this.#second !== undefined) this.#moveTo(nowSecond);
  }

  /** Says all that was counted, and that nothing more is to come. */
  end(nowSecond: number): void {
    if (this.#second === undefined) return;
    this.#moveTo(nowSecond);
    this.#say(this.#second, false);
    this.#sayOffline(this.#second + 1);
    this.#second = undefined;
  }

  /** The log entries that were said since the last call, in order. */
  take(): readonly Uint8Array[] {
    this.#pack();
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  #moveTo(second: number): void {
    const open = this.#second;
    if (open === undefined || open - second > FUTURE_SECONDS_MAX) {
      if (open !== undefined) this.#source = this.#incarnate();
      this.#second = second;
    } else if (second > open) {
      this.#close(open, second);
    }
  }

  /** The open second is over, and those after it up to `second` were silent. */
  #close(open: number, second: number): void {
    this.#say(open, false);
    this.#seen.clear();
    for (const measure of this.#measures.values()) measure.isLate = false;
    if (second - open > SOURCE_FORGET_SECONDS) this.#sayOffline(open + 1);
    else for (let silent = open + 1; silent < second; silent++) this.#say(silent, false);
    this.#second = second;
  }

  #say(second: number, isPartial: boolean): void {
    this.#isDirty = false;
    const source = sourceName(this.#source);
    const reports = [...this.#measures.values()].flatMap((measure): Report[] => {
      const { id, grid } = measure.instrumentation;
      const { rows, dropped } = measure.tally.drain();
      const at = { source, second, partial: isPartial || measure.isLate };
      const partial = this.#windows.partial(measure.instrumentation, at);
      return partial === undefined ? [] : [{ instrumentation: id, grid, partial, dropped, rows }];
    });
    if (reports.length > 0) this.#encode(second, reports);
  }

  #encode(second: number, reports: readonly Report[]): void {
    const { checksum } = this.#options;
    const encode = (part: readonly Report[]): Uint8Array =>
      encodeBatch({ source: this.#source, sequence: this.#sequence, second, reports: part }, checksum);
    inParts(reports, encode, (bytes) => {
      this.#sequence++;
      this.#batches.push(bytes);
    });
  }

  #sayOffline(second: number): void {
    this.#pack();
    const { host, driver } = this.#source;
    this.#entries.push(encodeControlEntry({ kind: 'source-offline', host, driver, second }));
  }

  #pack(): void {
    this.#entries.push(...packEntries(this.#batches));
    this.#batches = [];
  }

  #incarnate(): Source {
    const { host, driver, random } = this.#options;
    this.#sequence = 0;
    return { host, driver, incarnation: newIncarnation(random) };
  }
}

/** Equal for two that count the same. */
function counts({ metric, where, by, numeric, grid, everySeconds }: Instrumentation): string {
  return JSON.stringify([metric, where ?? null, by, numeric ?? null, grid, everySeconds]);
}
