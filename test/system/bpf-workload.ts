/** For tests of the bpf driver: the driver with the real bpftrace, asked once a second as the reporter asks it, and
 *  what it said of the instrumentations. Probes are filtered to processes of the test's own. */
import { existsSync } from 'node:fs';
import { BpfDriver, type BpfDriverOptions } from '../../src/ingest/bpf/driver.ts';
import { lookAtMachine } from '../../src/ingest/bpf/machine.ts';
import type { EncodedBatch } from '../../src/ingest/driver.ts';
import { systemClock } from '../../src/model/clock.ts';
import { COUNT, type Grid } from '../../src/model/grid.ts';
import { total } from '../../src/model/histogram.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { gridOf } from '../../src/model/metric.ts';
import { decodeBatch, readBatch, type Report } from '../../src/model/report.ts';
import { CellsBuffer } from '../../src/model/series.ts';

/** Why the real bpftrace cannot run here; undefined where it can. */
export function whyNot(): string | undefined {
  const { missing } = lookAtMachine();
  return missing && `${missing.reason} (${missing.remedy})`;
}

export interface Counted {
  readonly rows: ReadonlyMap<string, number>;
  readonly total: number;
  readonly dropped: number;
  readonly partial: number;
  readonly seconds: readonly number[];
  /** Events below the numeric field's value. */
  readonly buckets: ReadonlyMap<number, number>;
}

export class BpfHouse {
  readonly driver: BpfDriver;
  readonly notes: string[] = [];
  readonly #reports: { readonly second: number; readonly report: Report }[] = [];
  readonly #stop = new AbortController();
  readonly #loop: Promise<void>;

  private constructor(driver: BpfDriver) {
    this.driver = driver;
    this.#loop = this.#collect();
  }

  static async start(options: Partial<BpfDriverOptions> = {}): Promise<BpfHouse> {
    const driver = new BpfDriver({ host: 'web1', clock: systemClock, random: Math.random, ...options });
    const house = new BpfHouse(driver);
    await driver.start({
      late: (batches) => house.#take(batches),
      offline: () => {},
      note: (text) => house.notes.push(text),
    });
    return house;
  }

  async #collect(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await systemClock.sleep(1000 - (Date.now() % 1000), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#take((await this.driver.collect(Math.floor(Date.now() / 1000) - 1)).batches);
    }
  }

  #take(batches: readonly EncodedBatch[]): void {
    for (const { bytes, second } of batches) {
      const batch = readBatch(decodeBatch(bytes), () => new CellsBuffer());
      for (const report of batch.reports) this.#reports.push({ second, report });
    }
  }

  /** Enables, and waits until it measures whole seconds. */
  async enable(metric: string, rest: Partial<Instrumentation> = {}): Promise<string> {
    const id = await this.enableNow(metric, rest);
    const [is] = this.driver.states(id);
    if (is?.state.state !== 'enabled') throw new Error(`${metric} is ${JSON.stringify(is)}`);
    await systemClock.sleep(Math.max(0, is.state.sinceSecond * 1000 - Date.now()) + 5);
    return id;
  }

  /** Enables: what happens from here on is counted. */
  async enableNow(metric: string, rest: Partial<Instrumentation> = {}): Promise<string> {
    const id = rest.id ?? `i${this.driver.metrics.length}${Math.random().toString(36).slice(2, 8)}`;
    const description = this.driver.metrics.find((one) => one.name === metric)!;
    const grid: Grid = rest.numeric === undefined ? COUNT : gridOf(description, rest.numeric);
    await this.driver.enable({
      id,
      metric,
      by: [],
      grid,
      scope: 'interval',
      everySeconds: 1,
      keepSeconds: 60,
      idleSeconds: 0,
      createdSecond: 0,
      ...rest,
    });
    return id;
  }

  /** Waits until the second at hand is reported. */
  async settled(id: string): Promise<void> {
    const second = Math.floor(Date.now() / 1000);
    for (
      let i = 0;
      i < 100 && !this.#reports.some((r) => r.second >= second && r.report.instrumentation === id);
      i++
    ) {
      await systemClock.sleep(100);
    }
  }

  counted(id: string): Counted {
    const rows = new Map<string, number>();
    const buckets = new Map<number, number>();
    const mine = this.#reports.filter(({ report }) => report.instrumentation === id);
    for (const { report } of mine) {
      for (const { key, histogram } of report.rows) {
        const name = key.join('|');
        rows.set(name, (rows.get(name) ?? 0) + total(histogram));
        histogram.buckets.forEach((bucket, i) =>
          buckets.set(bucket, (buckets.get(bucket) ?? 0) + histogram.counts[i]!),
        );
      }
    }
    return {
      rows,
      buckets,
      total: [...rows.values()].reduce((sum, count) => sum + count, 0),
      dropped: mine.reduce((sum, { report }) => sum + report.dropped, 0),
      partial: mine.filter(({ report }) => report.partial).length,
      seconds: mine.map(({ second }) => second),
    };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.driver.close();
    await this.#loop;
  }
}

/** Whether a process is there, and not only its remains. */
export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/exe`);
}
