/** One probe for instrumentations that measure the same: a layer around any driver. The driver is told of one of them,
 *  and what it reports is said in the name of each. Owns: who shares which probe, and from which second on.
 *  Does not: measure, number, decode rows; batches of which nothing is shared pass as they are.
 *  Invariants: a report of an instrumentation holds what a probe of its own would have counted; a probe ends with the
 *  last that shares it; of a window of several seconds only the report that completes it is full (windows.ts). */
import { encodeReports } from '../model/batch.ts';
import { type Clock, unixSecond } from '../model/clock.ts';
import {
  type Asked,
  type Instrumentation,
  measuresText,
  type SourceState,
} from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import { decodeBatch, sourceName } from '../model/report.ts';
import type {
  Availability,
  Collected,
  Driver,
  DriverLayer,
  DriverSink,
  DriverSource,
  EncodedBatch,
} from './driver.ts';
import { Windows } from './windows.ts';

interface Probe {
  readonly measures: string;
  /** As the driver knows it: under the name of who asked first, or another where that is taken. */
  readonly instrumentation: Instrumentation;
  /** Name to the first second that is said of it. */
  readonly sharers: Map<string, number>;
}

export class SharedProbes implements DriverLayer {
  readonly name: string;
  readonly #driver: Driver;
  readonly #clock: Clock;
  readonly #onBatch: (batch: EncodedBatch) => void;
  /** By the name under which the driver knows it. */
  readonly #probes = new Map<string, Probe>();
  readonly #windows = new Windows();

  /** `onBatch` hears of all that is said. */
  constructor(driver: Driver, clock: Clock, onBatch: (batch: EncodedBatch) => void = () => {}) {
    this.#onBatch = onBatch;
    this.name = driver.name;
    this.#driver = driver;
    this.#clock = clock;
  }

  get metrics(): readonly MetricDescription[] {
    return this.#driver.metrics;
  }

  get tenancy(): Driver['tenancy'] {
    return this.#driver.tenancy;
  }

  availability(): readonly Availability[] {
    return this.#driver.availability?.() ?? [];
  }

  refusal(asked: Asked): string | undefined {
    return this.#driver.refusal?.(asked);
  }

  start(sink: DriverSink): Promise<void> {
    const layered: Required<DriverSink> = {
      late: (batches) => sink.late(this.#all(batches)),
      isKept: (receipt) => sink.isKept?.(receipt) === true,
      offline: (source, second) => sink.offline(source, second),
      seen: (metrics) => sink.seen?.(metrics),
      note: (text) => sink.note(text),
    };
    return this.#driver.start(layered);
  }

  takes(metric: string): boolean {
    return this.#driver.takes?.(metric) ?? false;
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    const { id } = instrumentation;
    const measures = measuresText(instrumentation);
    const before = this.#probeOf(id);
    if (before !== undefined && before.measures !== measures) await this.disable(id);
    const probe = this.#join(instrumentation, measures);
    try {
      await this.#driver.enable(probe.instrumentation);
    } catch (error) {
      probe.sharers.delete(id);
      if (probe.sharers.size === 0) this.#probes.delete(probe.instrumentation.id);
      throw error;
    }
  }

  async disable(id: string): Promise<void> {
    const probe = this.#probeOf(id);
    this.#windows.forget(id);
    probe?.sharers.delete(id);
    if (probe === undefined || probe.sharers.size > 0) return;
    this.#probes.delete(probe.instrumentation.id);
    await this.#driver.disable(probe.instrumentation.id);
  }

  async collect(second: number): Promise<Collected> {
    const { batches, awaited } = await this.#driver.collect(second);
    return { batches: this.#all(batches), awaited };
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    const probe = this.#probeOf(id);
    if (probe === undefined) return [];
    const since = probe.sharers.get(id)!;
    return this.#driver.states(probe.instrumentation.id).map(({ source, state }) => ({
      source,
      state:
        state.state === 'enabled' ? { ...state, sinceSecond: Math.max(since, state.sinceSecond) } : state,
    }));
  }

  sources(): readonly DriverSource[] {
    return this.#driver.sources();
  }

  close(): Promise<void> {
    return this.#driver.close();
  }

  #probeOf(id: string): Probe | undefined {
    for (const probe of this.#probes.values()) if (probe.sharers.has(id)) return probe;
    return undefined;
  }

  #join(instrumentation: Instrumentation, measures: string): Probe {
    const { id } = instrumentation;
    for (const probe of this.#probes.values()) {
      if (probe.measures !== measures) continue;
      if (!probe.sharers.has(id)) probe.sharers.set(id, unixSecond(this.#clock.nowMs()) + 1);
      return probe;
    }
    const name = this.#freeName(id);
    const probe = {
      measures,
      instrumentation: { ...instrumentation, id: name },
      sharers: new Map([[id, 0]]),
    };
    this.#probes.set(name, probe);
    return probe;
  }

  /** A name may stand for a probe that outlives who asked for it first. */
  #freeName(id: string): string {
    let name = id;
    for (let n = 2; this.#probes.has(name); n++) name = `${id.slice(0, 58)}-${n}`;
    return name;
  }

  #all(batches: readonly EncodedBatch[]): EncodedBatch[] {
    const all = batches.map((batch) => this.#said(batch));
    for (const batch of all) this.#onBatch(batch);
    return all;
  }

  /** What the driver said of its probes, said of each who shares them. A batch of which nothing is left stays: its
   *  number was taken, and its source waits until it is safe. */
  #said(batch: EncodedBatch): EncodedBatch {
    if ([...this.#probes].every(([name, probe]) => isAlone(name, probe))) return batch;
    const view = decodeBatch(batch.bytes);
    const source = sourceName(batch.source);
    const { second } = batch;
    const reports = view.reports.flatMap((report) => {
      const probe = this.#probes.get(report.instrumentation);
      if (probe === undefined) return [report];
      const { scope, everySeconds } = probe.instrumentation;
      return [...probe.sharers].flatMap(([id, sinceSecond]) => {
        if (sinceSecond > second) return [];
        const at = { source, second, partial: report.partial };
        const partial = this.#windows.partial({ id, scope, everySeconds }, at);
        return partial === undefined ? [] : [{ ...report, instrumentation: id, partial }];
      });
    });
    return { ...batch, bytes: encodeReports({ ...view, reports }) };
  }
}

/** Whether what the driver says of the probe is said as it is. */
function isAlone(name: string, { sharers, instrumentation }: Probe): boolean {
  return instrumentation.everySeconds === 1 && sharers.size === 1 && sharers.has(name);
}
