/** The proc driver: what the kernel tells everyone, sampled at each second's end. One source, <host>/proc.
 *  Owns: the samples, the descriptors. Invariants: nothing enabled, nothing read; a file is read once a second
 *  however many instrumentations need it; what a counter gained is reported only between samples of adjacent
 *  seconds, so a skipped second is unknown, and never a double one. */
import { join } from 'node:path';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import { compilePredicate, type Literal } from '../../model/predicate.ts';
import { encodeBatch, type Report } from '../../model/batch.ts';
import { sourceName } from '../../model/report.ts';
import { type Collected, type Driver, DriverError, type DriverSink, type DriverSource } from '../driver.ts';
import { SourceSequence } from '../source-sequence.ts';
import { Tally } from '../tally.ts';
import type { Reading } from './counters.ts';
import { KeptFile } from './kept-file.ts';
import { PROC_METRICS, type ProcMetric } from './metrics.ts';

interface Measure {
  readonly instrumentation: Instrumentation;
  readonly metric: ProcMetric;
  readonly tally: Tally;
  state: SourceState;
}

interface Sample {
  readonly second: number;
  readonly readings: readonly Reading[];
}

export interface ProcDriverOptions {
  readonly host: string;
  readonly random: () => number;
  /** Where /proc is. */
  readonly root?: string;
}

export class ProcDriver implements Driver {
  readonly name = 'proc';
  readonly metrics = PROC_METRICS.map((metric) => metric.description);
  readonly #host: string;
  readonly #root: string;
  readonly #sequence: SourceSequence;
  readonly #measures = new Map<string, Measure>();
  readonly #files = new Map<string, KeptFile>();
  /** The newest sample of each metric that is measured. */
  readonly #samples = new Map<ProcMetric, Sample>();
  #sink: DriverSink | undefined;

  constructor(options: ProcDriverOptions) {
    this.#host = options.host;
    this.#root = options.root ?? '/proc';
    this.#sequence = new SourceSequence({ host: options.host, driver: 'proc' }, options.random);
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    const metric = PROC_METRICS.find((m) => m.description.name === instrumentation.metric);
    if (metric === undefined) {
      throw new DriverError(
        'METRIC_UNKNOWN',
        `Cannot measure "${instrumentation.metric}": /proc has no such metric`,
      );
    }
    if (this.#measures.has(instrumentation.id)) return;
    const predicate = instrumentation.where;
    const where = predicate === undefined ? undefined : compilePredicate(predicate);
    try {
      this.#readFiles(metric, new Map()); // so that a missing file is said now
    } catch (error) {
      this.#closeUnneeded();
      throw error;
    }
    const tally = new Tally(instrumentation, where);
    this.#measures.set(instrumentation.id, { instrumentation, metric, tally, state: { state: 'enabling' } });
  }

  async disable(id: string): Promise<void> {
    this.#measures.delete(id);
    this.#closeUnneeded();
  }

  async collect(second: number): Promise<Collected> {
    if (this.#measures.size === 0 || !this.#sequence.accepts(second)) return { batches: [], awaited: [] };
    const texts = new Map<string, string>();
    const counted = new Map<ProcMetric, readonly Reading[] | DriverError | undefined>();
    const reports: Report[] = [];
    for (const measure of this.#measures.values()) {
      const { metric } = measure;
      if (!counted.has(metric)) counted.set(metric, this.#sample(metric, second, texts));
      const readings = counted.get(metric);
      if (readings instanceof DriverError) measure.state = { state: 'failed', reason: readings.message };
      else if (readings !== undefined) reports.push(this.#report(measure, second, readings));
    }
    if (reports.length === 0) return { batches: [], awaited: [] };
    const { source } = this.#sequence;
    const sequence = this.#sequence.take(second);
    const bytes = encodeBatch({ source, sequence, second, reports });
    return { batches: [{ source, sequence, second, bytes }], awaited: [] };
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    const measure = this.#measures.get(id);
    return measure === undefined ? [] : [{ source: sourceName(this.#sequence.source), state: measure.state }];
  }

  sources(): readonly DriverSource[] {
    if (this.#measures.size === 0) return [];
    return [{ source: this.#sequence.source, lastSecond: this.#sequence.lastSecond }];
  }

  async close(): Promise<void> {
    for (const id of this.#measures.keys()) await this.disable(id);
    const { source, lastSecond } = this.#sequence;
    if (lastSecond !== undefined) this.#sink?.offline(source, lastSecond + 1);
  }

  /** What a metric counts in `second`; undefined where that takes a sample before. */
  #sample(
    metric: ProcMetric,
    second: number,
    texts: Map<string, string>,
  ): readonly Reading[] | DriverError | undefined {
    const before = this.#samples.get(metric);
    try {
      const readings = this.#readFiles(metric, texts);
      this.#samples.set(metric, { second, readings });
      if (metric.between === 'level') return readings;
      return before?.second === second - 1 ? metric.between(before.readings, readings) : undefined;
    } catch (error) {
      this.#samples.delete(metric);
      if (error instanceof DriverError) return error;
      throw error;
    }
  }

  #report(measure: Measure, second: number, readings: readonly Reading[]): Report {
    const { instrumentation, metric, tally } = measure;
    if (measure.state.state !== 'enabled') measure.state = { state: 'enabled', sinceSecond: second };
    let reading: Reading;
    const read = (field: string): Literal | undefined => {
      if (field === 'host') return this.#host;
      return reading.fields[field] ?? reading.at?.[field];
    };
    for (reading of readings) tally.count(read, reading.value * metric.scale);
    const { rows, dropped } = tally.drain();
    return { instrumentation: instrumentation.id, grid: instrumentation.grid, partial: false, dropped, rows };
  }

  /** Throws DriverError where none of the metric's files can be read, or none says what it should. */
  #readFiles(metric: ProcMetric, texts: Map<string, string>): Reading[] {
    const readings: Reading[] = [];
    let failure: unknown;
    for (const name of metric.files) {
      try {
        readings.push(...metric.parse(this.#textOf(name, texts), name));
      } catch (error) {
        failure = error;
      }
    }
    if (readings.length > 0) return readings;
    const paths = metric.files.map((name) => `"${join(this.#root, name)}"`).join(', ');
    const state = failure instanceof Error ? failure.message : 'it has no line of the form expected';
    const reason = metric.absent === undefined ? state : `${metric.absent}; ${state}`;
    throw new DriverError('UNAVAILABLE', `Cannot read ${paths}: ${reason}`, { cause: failure });
  }

  /** Closes what no instrumentation reads any more. */
  #closeUnneeded(): void {
    const needed = new Set([...this.#measures.values()].map((m) => m.metric));
    for (const metric of this.#samples.keys()) if (!needed.has(metric)) this.#samples.delete(metric);
    const files = new Set([...needed].flatMap((metric) => metric.files));
    for (const [name, file] of this.#files) {
      if (files.has(name)) continue;
      file.close();
      this.#files.delete(name);
    }
  }

  #textOf(name: string, texts: Map<string, string>): string {
    let text = texts.get(name);
    if (text !== undefined) return text;
    let file = this.#files.get(name);
    if (file === undefined) this.#files.set(name, (file = new KeptFile(join(this.#root, name))));
    text = file.read();
    texts.set(name, text);
    return text;
  }
}
