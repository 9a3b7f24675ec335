/** The whole server in one thread, on real files in a temporary directory, fed with reports by hand: what the
 *  gateway's tests ask by `inject`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NODE_METRICS } from '../../src/ingest/node/metrics.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { encodeBatch, type Row } from '../../src/model/batch.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import { encodeReportEntry } from '../../src/model/report.ts';
import { openCore } from '../../src/service/core.ts';
import { buildGateway, type Gateway } from '../../src/service/gateway.ts';
import { draftOf } from '../../src/service/statements.ts';
import { namesBy } from '../../src/service/transform/open.ts';
import type { Transformation } from '../../src/service/transform/transformation.ts';

export interface House {
  readonly gateway: Gateway;
  readonly clock: MovableClock;
  /** Creates an instrumentation by statement. */
  instrument(statement: string): Promise<string>;
  /** Latencies in ns by key, for one second of one source; resolves when they are folded. */
  report(
    second: number,
    instrumentation: string,
    latencies: Readonly<Record<string, readonly number[]>>,
  ): Promise<void>;
  /** Resolves when all that the log has is folded. */
  folded(): Promise<void>;
  /** As where its disk is gone: what is appended is refused. */
  closeLog(): Promise<void>;
  close(): Promise<void>;
}

/** Now is what a test says; waiting is real. */
export class MovableClock implements Clock {
  ms: number;
  constructor(ms: number) {
    this.ms = ms;
  }
  nowMs(): number {
    return this.ms;
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}

export const START_SECOND = 1_800_000_000;
const SOURCE = { host: 'web1', driver: 'node:shop[1]', incarnation: '00112233445566aa' };

export async function openHouse(
  options: {
    token?: string;
    hostNames?: readonly string[];
    transformations?: readonly Transformation[];
  } = {},
): Promise<House> {
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-house-'));
  const clock = new MovableClock((START_SECOND + 1) * 1000);
  const core = await openCore({
    directory,
    kernel: referenceKernel,
    clock,
    names: namesBy(options.transformations ?? []),
    onFault: (error) => {
      throw error;
    },
  });
  const { configuration, aggregator, log } = core;
  await configuration.announce('web1', NODE_METRICS);
  const gateway = await buildGateway({
    version: '0.0.0-test',
    configuration,
    aggregators: [aggregator],
    owner: () => aggregator,
    states: () => [{ source: 'web1/node:shop[1]', state: { state: 'enabled', sinceSecond: START_SECOND } }],
    estimates: () => [
      {
        source: 'web1/node:shop[1]',
        measurable: true,
        costNs: 2000,
        eventsPerSecond: 1000,
        cpuShare: 0.002,
        cpuShareNow: 0.01,
        cpuShareMax: 0.2,
      },
      { source: 'web1/bpf', measurable: false, reason: 'no root', remedy: 'run as root' },
    ],
    offers: () => [
      { driver: 'node', metric: 'http.requests', available: true },
      { driver: 'node', metric: 'node.gc', available: false, reason: 'no program', remedy: 'start one' },
    ],
    checks: () => [{ name: 'log', ok: log.health().ok, detail: 'takes entries' }],
    clock,
    log,
    checksum: referenceKernel.crc32c,
    hostNames: options.hostNames ?? [],
    transformations: options.transformations ?? [],
    ...(options.token === undefined ? {} : { token: options.token }),
  });
  let sequence = 0;
  return {
    gateway,
    clock,
    instrument: async (statement) => {
      const { instrumentation } = await configuration.create(draftOf(statement, configuration));
      await core.folded();
      return instrumentation.id;
    },
    report: async (second, instrumentation, latencies) => {
      const rows = Object.entries(latencies).map(([key, values]): Row => ({
        key: key === '' ? [] : key.split(' '),
        histogram: histogramOf(LL5, values),
      }));
      const report = { instrumentation, grid: LL5, partial: false, dropped: 0, rows };
      clock.ms = Math.max(clock.ms, (second + 1) * 1000 + 5);
      await log.append(
        encodeReportEntry([encodeBatch({ source: SOURCE, sequence: sequence++, second, reports: [report] })]),
      );
      await core.folded();
    },
    folded: () => core.folded(),
    closeLog: () => log.close(),
    close: async () => {
      await gateway.close();
      await core.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
