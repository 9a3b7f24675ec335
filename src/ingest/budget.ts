/** What measuring costs each source, as far as is known, and whether more may be asked of it. Owns: what was observed of
 *  each instrumentation at each source, the sums. Does not: measure, enable, disable; it says what should be.
 *  A probe costs its metric's `costNs` for each event. How many events there are is known from what is measured already:
 *  at least as many as any instrumentation of that metric counts. Where nothing is known nothing is refused, and what
 *  turns out too dear for OVERRUN_SECONDS is to be stopped. */
import { type Asked, type Instrumentation, measuresText } from '../model/instrumentation.ts';
import { REPORT_KEYS_MAX } from '../model/limits.ts';
import type { MetricDescription } from '../model/metric.ts';
import { decodeBatch, decodeRows, ReportCorruptError, type ReportView, sourceName } from '../model/report.ts';
import { CellsBuffer } from '../model/series.ts';
import type { EncodedBatch } from './driver.ts';

/** A source over its budget for so many seconds in a row stops what was asked of it last. */
const OVERRUN_SECONDS = 5;
/** Rows that one source may report in a second: a few MB of log. */
const ROWS_MAX = 100_000;
/** What was not said again for so long is not measured any more. */
const FORGET_SECONDS = 60;
/** With more sources than so many, those that fell silent are looked for. */
const SOURCES_LOOK = 64;

/** What one instrumentation costs one source, by its newest report. */
export interface SourceLoad {
  readonly rows: number;
  /** Of a metric that says what an event costs. */
  readonly eventsPerSecond?: number;
  /** Of one core. */
  readonly cpuShare?: number;
  /** A bound that it is at, for a person. */
  readonly remark?: string;
}

/** What measuring it would cost one source, as far as is known. */
export interface Estimate {
  /** One that measures the same there: what shares its probe costs nothing more. */
  readonly sharedWith?: string;
  /** CPU time of an event. */
  readonly costNs?: number;
  /** Events of the metric a second, at least: as many as the busiest instrumentation of it counts now. */
  readonly eventsPerSecond?: number;
  /** Of one core, beside what is measured already; at least, as the rate is. */
  readonly cpuShare?: number;
  /** Of one core: what is measured there already. */
  readonly cpuShareNow: number;
  /** Of one core: the budget of the source. */
  readonly cpuShareMax?: number;
  /** Rows, one a key, that it would report at most each `every`. */
  readonly rowsMax?: number;
  /** Why it would not be measured. */
  readonly refusal?: string;
}

/** To be stopped: it is what was asked last of a source that is over its budget. */
export interface Overrun {
  readonly id: string;
  readonly reason: string;
}

interface Observed extends SourceLoad {
  readonly second: number;
}

export class Budget {
  /** Of one core, for each source; undefined for none. */
  readonly #cpuShareMax: number | undefined;
  readonly #metrics: () => readonly MetricDescription[];
  /** What is measured, in the order in which it was asked for. */
  readonly #asked = new Map<string, Instrumentation>();
  /** source -> instrumentation. */
  readonly #observed = new Map<string, Map<string, Observed>>();
  /** source -> seconds in a row that it was over its budget. */
  readonly #over = new Map<string, number>();
  readonly #cells = new CellsBuffer();

  constructor(cpuShareMax: number | undefined, metrics: () => readonly MetricDescription[]) {
    this.#cpuShareMax = cpuShareMax;
    this.#metrics = metrics;
  }

  /** Why it should not be measured; undefined where it may, and is counted on from now on. */
  ask(instrumentation: Instrumentation): string | undefined {
    const reason = this.#refusal(instrumentation);
    this.#asked.delete(instrumentation.id);
    if (reason === undefined) this.#asked.set(instrumentation.id, instrumentation);
    return reason;
  }

  end(id: string): void {
    this.#asked.delete(id);
    for (const loads of this.#observed.values()) loads.delete(id);
  }

  load(source: string, id: string): SourceLoad | undefined {
    return this.#observed.get(source)?.get(id);
  }

  /** Takes what a source said of a second. What cannot be read of it is the fold's to tell. */
  observe(batch: EncodedBatch): Overrun | undefined {
    if (this.#asked.size === 0) return undefined;
    const source = sourceName(batch.source);
    const loads = this.#observed.get(source) ?? new Map<string, Observed>();
    this.#observed.set(source, loads);
    try {
      for (const report of decodeBatch(batch.bytes).reports) {
        const { instrumentation: id } = report;
        const asked = this.#asked.get(id);
        if (asked !== undefined) loads.set(id, this.#loadOf(report, asked, batch.second));
      }
    } catch (error) {
      if (!(error instanceof ReportCorruptError)) throw error;
    }
    for (const [id, { second }] of loads) if (second < batch.second - FORGET_SECONDS) loads.delete(id);
    if (this.#observed.size > SOURCES_LOOK) this.#forgetSilent(batch.second);
    return this.#overrun(source);
  }

  #loadOf(report: ReportView, { metric }: Instrumentation, second: number): Observed {
    const rows = report.rowCount;
    const remark =
      rows > REPORT_KEYS_MAX
        ? { remark: `it has ${REPORT_KEYS_MAX} keys, as many as may be: the rest counts as (other)` }
        : report.dropped > 0
          ? { remark: `${report.dropped} events of its newest second are in no row` }
          : {};
    const costNs = this.#costNs(metric);
    if (costNs === undefined) return { second, rows, ...remark };
    this.#cells.length = 0;
    decodeRows(report, 0, this.#cells, () => 0);
    let eventsPerSecond = report.dropped;
    for (let i = 0; i < this.#cells.length; i++) eventsPerSecond += this.#cells.count[i]!;
    return { second, rows, eventsPerSecond, cpuShare: (eventsPerSecond * costNs) / 1e9, ...remark };
  }

  /** Of one that is not measured yet. */
  estimate(source: string, asked: Asked): Estimate {
    const loads = this.#observed.get(source) ?? new Map<string, Observed>();
    const sharedWith = this.#sharing(asked);
    const costNs = this.#costNs(asked.metric);
    const eventsPerSecond = this.#rate(loads, asked.metric);
    const rowsMax = this.#rowsMax(loads, asked);
    const cpuShare = sharedWith === undefined ? shareOf(eventsPerSecond, costNs) : 0;
    const told: Omit<Estimate, 'refusal'> = {
      ...(sharedWith === undefined ? {} : { sharedWith }),
      ...(costNs === undefined ? {} : { costNs }),
      ...(eventsPerSecond === undefined ? {} : { eventsPerSecond }),
      ...(cpuShare === undefined ? {} : { cpuShare }),
      cpuShareNow: this.#share(loads),
      ...(this.#cpuShareMax === undefined ? {} : { cpuShareMax: this.#cpuShareMax }),
      ...(rowsMax === undefined ? {} : { rowsMax }),
    };
    const refusal = this.#tooManyRows(source, loads, asked) ?? tooDear(source, asked, told);
    return refusal === undefined ? told : { ...told, refusal };
  }

  #refusal(instrumentation: Instrumentation): string | undefined {
    for (const source of this.#observed.keys()) {
      const { refusal } = this.estimate(source, instrumentation);
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #tooManyRows(source: string, loads: ReadonlyMap<string, Observed>, { metric }: Asked): string | undefined {
    const rows = [...loads.values()].reduce((sum, load) => sum + load.rows, 0);
    if (rows <= ROWS_MAX || ![...loads].some(([id]) => this.#asked.get(id)?.metric === metric))
      return undefined;
    return `Cannot measure more at ${source}: it reports ${rows} rows a second, at most ${ROWS_MAX} may be; break out by fewer fields`;
  }

  /** As many as one reports that is broken out by the same fields or more, of the same events or more. */
  #rowsMax(loads: ReadonlyMap<string, Observed>, asked: Asked): number | undefined {
    if (asked.by.length === 0) return 1;
    const rows = [...loads].flatMap(([id, load]) => {
      const other = this.#asked.get(id);
      return other !== undefined && isFiner(other, asked) ? [load.rows] : [];
    });
    return rows.length === 0 ? undefined : Math.min(...rows);
  }

  #overrun(source: string): Overrun | undefined {
    const max = this.#cpuShareMax;
    const loads = this.#observed.get(source)!;
    const share = this.#share(loads);
    const seconds = max !== undefined && share > max ? (this.#over.get(source) ?? 0) + 1 : 0;
    this.#over.set(source, seconds);
    if (seconds < OVERRUN_SECONDS) return undefined;
    const id = [...this.#asked.keys()].findLast((asked) => (loads.get(asked)?.cpuShare ?? 0) > 0);
    if (id === undefined) return undefined;
    this.#over.set(source, 0);
    const own = loads.get(id)!;
    const reason =
      `Stopped: ${source} was over its budget of ${percent(max!)} of a core for ${OVERRUN_SECONDS} s, with about ${percent(share)}, ` +
      `of which this is ${percent(own.cpuShare!)} (${Math.round(own.eventsPerSecond!)} events a second); pause and resume it to try again, or raise --budget`;
    return { id, reason };
  }

  /** Of what shares a probe, the dearest counts, once. */
  #share(loads: ReadonlyMap<string, Observed>): number {
    const shares = new Map<string, number>();
    for (const [id, { cpuShare = 0 }] of loads) {
      const asked = this.#asked.get(id);
      if (asked === undefined) continue;
      const probe = measuresText(asked);
      shares.set(probe, Math.max(cpuShare, shares.get(probe) ?? 0));
    }
    return [...shares.values()].reduce((sum, share) => sum + share, 0);
  }

  /** Events of the metric a second, at least; undefined where none of it is measured. */
  #rate(loads: ReadonlyMap<string, Observed>, metric: string): number | undefined {
    const rates = [...loads].flatMap(([id, { eventsPerSecond }]) =>
      this.#asked.get(id)?.metric === metric && eventsPerSecond !== undefined ? [eventsPerSecond] : [],
    );
    return rates.length === 0 ? undefined : Math.max(...rates);
  }

  #sharing(asked: Asked): string | undefined {
    const probe = measuresText(asked);
    return [...this.#asked.values()].find((other) => measuresText(other) === probe)?.id;
  }

  #costNs(metric: string): number | undefined {
    return this.#metrics().find(({ name }) => name === metric)?.costNs;
  }

  #forgetSilent(second: number): void {
    for (const [source, loads] of this.#observed) {
      const isSilent = [...loads.values()].every((load) => load.second < second - FORGET_SECONDS);
      if (!isSilent) continue;
      this.#observed.delete(source);
      this.#over.delete(source);
    }
  }
}

/** Of one core; undefined where it is not known. */
function shareOf(eventsPerSecond: number | undefined, costNs: number | undefined): number | undefined {
  return eventsPerSecond === undefined || costNs === undefined ? undefined : (eventsPerSecond * costNs) / 1e9;
}

function isFiner(other: Instrumentation, { metric, by, where, everySeconds }: Asked): boolean {
  return (
    other.metric === metric &&
    other.everySeconds === everySeconds &&
    by.every((field) => other.by.includes(field)) &&
    (other.where === undefined || JSON.stringify(other.where) === JSON.stringify(where))
  );
}

function tooDear(source: string, { metric }: Asked, told: Omit<Estimate, 'refusal'>): string | undefined {
  const { costNs = 0, eventsPerSecond = 0, cpuShare: more = 0, cpuShareNow: now, cpuShareMax: max } = told;
  if (max === undefined || more <= 0 || now + more <= max) return undefined;
  return (
    `Cannot measure "${metric}" at ${source}: it would cost about ${percent(more)} of a core ` +
    `(${Math.round(eventsPerSecond)} events a second, ${costNs} ns each), with what is measured already ${percent(now + more)}, ` +
    `and the budget is ${percent(max)}; drop or pause what is not needed, or raise --budget`
  );
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}
