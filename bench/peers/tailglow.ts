/** Tailglow in this process: binary reports to the file log, synced; folded from there into the store; questions as
 *  text, parsed, planned and evaluated to numbers, as the library does. The clock is the data's: no report may come
 *  from the future. The log is trimmed as far as the store allows, every period: what is left of it is not counted. */
import { join } from 'node:path';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { loadKernel } from '../../src/kernel/native.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import type { MetricDescription } from '../../src/model/metric.ts';
import { evaluate } from '../../src/query/evaluate.ts';
import { planRead } from '../../src/query/plan.ts';
import type { QueryResult } from '../../src/query/result.ts';
import { heatmapPng } from '../../src/render/heatmap-png.ts';
import { DRAW_DEFAULTS } from '../../src/render/options.ts';
import { type Core, openCore } from '../../src/service/core.ts';
import { catalogueOf, draftOf, understand } from '../../src/service/statements.ts';
import type { TimeRange } from './fleet.ts';
import {
  countStatement,
  heatmapStatement,
  instrumentStatement,
  type Keeping,
  mergedEntry,
  percentilesStatement,
  reportEntry,
} from './fleet-reports.ts';
import { occupiedBytes } from './machine.ts';
import { CannotError, type PercentileLines, type Peer, type Place, type Session } from './peer.ts';

const METRIC: MetricDescription = {
  name: 'http.requests',
  label: 'HTTP requests',
  unit: 'requests',
  scope: 'interval',
  fields: [
    { name: 'host', label: 'Host', type: 'string' },
    { name: 'route', label: 'Route', type: 'string' },
    { name: 'latency', label: 'Latency', type: 'time' },
  ],
  cost: 'none',
};

/** Its directory is also its name among those of the run. */
export const TAILGLOW_ID = 'tailglow';
export const tailglow = tailglowPeer(TAILGLOW_ID, 'Tailglow', 'by host and key');
export const tailglowMerged = tailglowPeer('tailglow-merged', 'Tailglow, hosts merged', 'by key');

/** Seconds that are preloaded in one go. */
const PRELOAD_SECONDS = 600;

function tailglowPeer(id: string, label: string, keeping: Keeping): Peer {
  return {
    id,
    label,
    place: 'in process',
    takes: keeping === 'by key' ? 'one period' : 'all periods',
    keepsFiles: id === TAILGLOW_ID,
    percentileLoss: 0,
    open: async (place) => {
      let nowSecond = place.historySecond;
      const clock: Clock = { ...systemClock, nowMs: () => nowSecond * 1000 };
      const kernel = loadKernel('native');
      let fault: unknown;
      const core = await openCore({
        directory: place.directory,
        kernel,
        clock,
        onFault: (error) => (fault ??= error),
      });
      await core.configuration.announce('bench', [METRIC]);
      await core.configuration.create(draftOf(instrumentStatement(keeping), core.configuration));
      const passTo = (second: number): void => {
        if (fault !== undefined) throw fault;
        nowSecond = second;
      };
      return new TailglowSession({ place, keeping, core, kernel, passTo, now: () => nowSecond });
    },
  };
}

interface Parts {
  readonly place: Place;
  readonly keeping: Keeping;
  readonly core: Core;
  readonly kernel: Kernel;
  /** It is this second now. */
  readonly passTo: (second: number) => void;
  readonly now: () => number;
}

class TailglowSession implements Session {
  readonly pid = process.pid;
  readonly version = 'this version';
  readonly preload?: () => Promise<void>;
  readonly #parts: Parts;
  #sequence = 0;
  #reportBytes = 0;
  #reports = 0;
  #trimmedSecond: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#trimmedSecond = parts.place.historySecond;
    if (parts.keeping === 'by key') this.preload = () => this.#preload();
  }

  prepare(fromSecond: number, untilSecond: number): () => Promise<void> {
    const { place, keeping, kernel } = this.#parts;
    const hosts = Array.from({ length: place.fleet.hosts }, (_, host) => host);
    const entries = this.#encode(fromSecond, untilSecond, (second, sequence) =>
      hosts.map((host) => reportEntry(place.fleet, { second, hosts: [host], sequence }, keeping, kernel)),
    );
    for (const entry of entries.flat()) this.#reportBytes += entry.length;
    this.#reports += entries.length * hosts.length;
    return () => this.#write(fromSecond, entries);
  }

  async settle(): Promise<void> {
    this.#parts.core.store.checkpoint();
    this.#work();
  }

  diskBytes(): number {
    return occupiedBytes(join(this.#parts.place.directory, 'aggregator-0'));
  }

  /** By key the earlier periods come merged, which is a fraction of the work and the same in the store. */
  async #preload(): Promise<void> {
    const { fleet, historySecond, fromSecond } = this.#parts.place;
    for (let second = historySecond; second < fromSecond; second += PRELOAD_SECONDS) {
      const until = Math.min(second + PRELOAD_SECONDS, fromSecond);
      const entries = this.#encode(second, until, (at, sequence) => [
        mergedEntry(fleet, { second: at, sequence }, this.#parts.kernel),
      ]);
      await this.#write(second, entries);
    }
  }

  async heatmap(range: TimeRange, byKey: boolean): Promise<() => number> {
    const result = this.#query(heatmapStatement(range, byKey));
    if (result.kind !== 'heatmap') throw new CannotError(`wrong: a ${result.kind}`);
    return () => result.raster.total;
  }

  async picture(range: TimeRange): Promise<void> {
    const result = this.#query(heatmapStatement(range, true));
    if (result.kind !== 'heatmap') throw new CannotError(`wrong: a ${result.kind}`);
    heatmapPng(result.raster, DRAW_DEFAULTS, this.#parts.kernel);
  }

  async percentiles(range: TimeRange): Promise<() => PercentileLines> {
    const lines = this.#lines(percentilesStatement(range));
    return () => ({ p50: [...(lines[0]?.values ?? [])], p99: [...(lines[1]?.values ?? [])] });
  }

  async visible(second: number, events: number): Promise<boolean> {
    return this.#lines(countStatement(second))[0]?.values[0] === events;
  }

  remark(): string {
    const { fleet } = this.#parts.place;
    const bytes = this.#reportBytes / (this.#reports * fleet.keys);
    return `its log, while it is kept: ${bytes.toFixed(1)} B/histogram more`;
  }

  async close(): Promise<void> {
    await this.#parts.core.close();
  }

  /** The entries of each second. */
  #encode(
    fromSecond: number,
    untilSecond: number,
    entriesOf: (second: number, sequence: number) => Uint8Array[],
  ): Uint8Array[][] {
    const seconds: Uint8Array[][] = [];
    for (let second = fromSecond; second < untilSecond; second++)
      seconds.push(entriesOf(second, this.#sequence++));
    return seconds;
  }

  async #write(fromSecond: number, seconds: readonly (readonly Uint8Array[])[]): Promise<void> {
    const { core, passTo } = this.#parts;
    const confirmed: Promise<void>[] = [];
    for (const [i, entries] of seconds.entries()) {
      passTo(fromSecond + i + 1);
      for (const entry of entries) confirmed.push(core.log.append(entry));
    }
    await Promise.all(confirmed);
    await core.folded();
    this.#work();
    await this.#trim(fromSecond + seconds.length);
  }

  #lines(statement: string) {
    const result = this.#query(statement);
    if (result.kind !== 'lines') throw new CannotError(`wrong: a ${result.kind}`);
    return result.series;
  }

  #query(statement: string): QueryResult {
    const { core, kernel, now } = this.#parts;
    const catalogue = catalogueOf(core.configuration);
    const { checked } = understand(statement, catalogue);
    if (checked.kind !== 'read') throw new CannotError(`wrong: no read but ${checked.kind}`);
    const planned = planRead(checked, { catalogue, nowSecond: now(), frontierSecond: () => now() });
    if ('problem' in planned) throw new CannotError(`refused: ${planned.problem.message}`);
    return evaluate(planned.plan, core.store.reader, kernel);
  }

  #work(): void {
    while (this.#parts.core.store.work());
  }

  async #trim(second: number): Promise<void> {
    const { core, place } = this.#parts;
    if (second - this.#trimmedSecond < place.fleet.periodSeconds) return;
    this.#trimmedSecond = second;
    await core.log.trim(Math.min(core.store.trimOffset(), core.configuration.trimOffset));
  }
}
