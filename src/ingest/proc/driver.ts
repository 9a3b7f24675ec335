/** The proc driver: what the kernel tells everyone, sampled at each second's end. One source, <host>/proc.
 *  Owns: the samplers, which instrumentation is counted from which. Invariants: nothing enabled, nothing read; a
 *  subject is sampled once a second however many instrumentations need it. */
import { join } from 'node:path';
import type { Clock } from '../../model/clock.ts';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import { encodeBatch, type Report } from '../../model/batch.ts';
import { sourceName } from '../../model/report.ts';
import {
  type Collected,
  type Driver,
  DriverError,
  type DriverSink,
  type DriverSource,
  type Availability,
} from '../driver.ts';
import { SourceSequence } from '../source-sequence.ts';
import { availabilityOf } from './availability.ts';
import { Measure } from './measure.ts';
import { PROC_METRICS } from './metrics.ts';
import type { Asked, Sample } from './sample.ts';
import { type Sampled, Sampler } from './sampler.ts';
import { newSubject, type SubjectName } from './subjects.ts';

const NOTHING: Collected = { batches: [], awaited: [] };

export interface ProcDriverOptions {
  readonly host: string;
  readonly random: () => number;
  readonly clock: Pick<Clock, 'sleep'>;
  /** What /proc and the mount points are below. */
  readonly root?: string;
}

interface Enabled {
  readonly measure: Measure;
  state: SourceState;
}

export class ProcDriver implements Driver {
  readonly name = 'proc';
  readonly tenancy = 'fields';
  readonly metrics = PROC_METRICS.map((metric) => metric.description);
  readonly #options: ProcDriverOptions;
  readonly #sequence: SourceSequence;
  readonly #enabled = new Map<string, Enabled>();
  readonly #samplers = new Map<SubjectName, Sampler>();
  /** What could not be read at the last sample of each subject: told once. */
  readonly #faults = new Map<SubjectName, ReadonlySet<string>>();
  #sink: DriverSink | undefined;
  #availability: readonly Availability[] = [];
  #looking: Promise<void> | undefined;

  constructor(options: ProcDriverOptions) {
    this.#options = options;
    this.#sequence = new SourceSequence({ host: options.host, driver: 'proc' }, options.random);
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    await this.#look();
  }

  /** As it was at the last look; a look now is what the next one who asks hears. */
  availability(): readonly Availability[] {
    void this.#look();
    return this.#availability;
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    const metric = PROC_METRICS.find((m) => m.description.name === instrumentation.metric);
    if (metric === undefined) {
      throw new DriverError(
        'METRIC_UNKNOWN',
        `Cannot measure "${instrumentation.metric}": /proc has no such metric`,
      );
    }
    if (this.#enabled.has(instrumentation.id)) return;
    const measure = new Measure(metric, instrumentation, this.#options.host);
    const entry: Enabled = { measure, state: { state: 'enabling' } };
    this.#enabled.set(instrumentation.id, entry);
    // Tried now, so that what is missing is said now.
    const sample = await this.#samplerOf(metric.subject).try(measure.asked);
    if (measure.count({ sample, gains: undefined }) !== 'none') return void measure.report();
    if (this.#enabled.get(instrumentation.id) === entry) await this.disable(instrumentation.id);
    throw new DriverError('UNAVAILABLE', this.#reason(sample));
  }

  async disable(id: string): Promise<void> {
    this.#enabled.delete(id);
    const needed = new Set([...this.#enabled.values()].map(({ measure }) => measure.metric.subject));
    for (const [name, sampler] of this.#samplers) {
      if (needed.has(name)) continue;
      sampler.close();
      this.#samplers.delete(name);
      this.#faults.delete(name);
    }
  }

  async collect(second: number): Promise<Collected> {
    if (this.#enabled.size === 0 || !this.#sequence.accepts(second)) return NOTHING;
    const sampled = await this.#sampleAll(second);
    const reports: Report[] = [];
    for (const entry of this.#enabled.values()) {
      const { measure } = entry;
      const of = sampled.get(measure.metric.subject);
      const counted = of && measure.count(of);
      if (counted === 'none') entry.state = { state: 'failed', reason: this.#reason(of!.sample) };
      if (counted !== 'counted') continue;
      if (entry.state.state !== 'enabled') entry.state = { state: 'enabled', sinceSecond: second };
      reports.push(measure.report());
    }
    if (reports.length === 0) return NOTHING;
    const { source } = this.#sequence;
    const sequence = this.#sequence.take(second);
    const bytes = encodeBatch({ source, sequence, second, reports });
    return { batches: [{ source, sequence, second, bytes }], awaited: [] };
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    const entry = this.#enabled.get(id);
    return entry === undefined ? [] : [{ source: sourceName(this.#sequence.source), state: entry.state }];
  }

  sources(): readonly DriverSource[] {
    if (this.#enabled.size === 0) return [];
    return [{ source: this.#sequence.source, lastSecond: this.#sequence.lastSecond }];
  }

  async close(): Promise<void> {
    for (const id of this.#enabled.keys()) await this.disable(id);
    const { source, lastSecond } = this.#sequence;
    if (lastSecond !== undefined) this.#sink?.offline(source, lastSecond + 1);
  }

  /** The subjects that are read at once come first: their moment is the second's end. */
  async #sampleAll(second: number): Promise<Map<SubjectName, Sampled>> {
    const asked = this.#asked();
    const taken = await Promise.all(
      [...asked].map(async ([name, of]): Promise<[SubjectName, Sampled]> => {
        const sampled = await this.#samplerOf(name).at(second, of);
        this.#tell(name, sampled.sample.faults);
        return [name, sampled];
      }),
    );
    return new Map(taken);
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { root = '/', clock } = this.#options;
    try {
      this.#availability = await availabilityOf(PROC_METRICS, { root, clock }, (sample) =>
        this.#reason(sample),
      );
    } catch (error) {
      this.#sink?.note(
        `proc: cannot tell what can be had: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #asked(): Map<SubjectName, Asked> {
    const all = new Map<SubjectName, { columns: Set<number>; fields: Set<string> }>();
    for (const { measure } of this.#enabled.values()) {
      const { subject } = measure.metric;
      const one = all.get(subject) ?? { columns: new Set(), fields: new Set() };
      for (const column of measure.asked.columns) one.columns.add(column);
      for (const field of measure.asked.fields) one.fields.add(field);
      all.set(subject, one);
    }
    return all;
  }

  #samplerOf(name: SubjectName): Sampler {
    let sampler = this.#samplers.get(name);
    if (sampler === undefined) {
      const { root = '/', clock } = this.#options;
      this.#samplers.set(name, (sampler = new Sampler(newSubject(name, { root, clock }))));
    }
    return sampler;
  }

  /** A file that is missing beside others that are there: what is in it is not counted, and that is said once. */
  #tell(name: SubjectName, faults: readonly string[]): void {
    const told = this.#faults.get(name);
    this.#faults.set(name, new Set(faults));
    for (const fault of faults) if (told?.has(fault) !== true) this.#sink?.note(`proc: ${fault}`);
  }

  #reason({ faults }: Sample): string {
    if (faults.length > 0) return faults.join('; ');
    return `Cannot tell: what "${join(this.#options.root ?? '/', 'proc')}" says has nothing of it`;
  }
}
