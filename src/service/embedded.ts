/** All roles in one process: log, config, aggregators in worker threads, instrumenter and gateway, started in
 *  the order in which they need one another and closed in the reverse. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../model/clock.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import { startInstrumenter, type Instrumenter } from '../ingest/instrumenter.ts';
import { checkStatement } from '../query/check.ts';
import { parseStatement } from '../query/parse.ts';
import { openCatalogue } from '../store/catalogue.ts';
import { AggregatorThread, type ThreadData } from './aggregator-thread.ts';
import { Configuration } from './configuration.ts';
import { buildGateway, type Gateway } from './gateway.ts';
import type { HealthCheck } from './health.ts';
import { openLog, type OpenedLog } from './open-log.ts';
import { ownerIndex } from './ownership.ts';
import { queryProblem } from './problem.ts';
import { Trimmer } from './trimmer.ts';

export const AGGREGATORS_MAX = 16;

export interface EmbeddedOptions {
  readonly version: string;
  readonly listen: string;
  readonly port: number;
  readonly data: string;
  readonly log: string;
  readonly kernel: 'native' | 'reference';
  readonly aggregators: number;
  readonly host: string;
  readonly socket: string;
  readonly token: string;
  readonly instrument: readonly string[];
  readonly logKeepHours: number;
  readonly clock: Clock;
  /** One line for a person: something broke, or healed. */
  readonly notice: (line: string) => void;
}

export interface Embedded {
  readonly url: string;
  readonly socketPath: string;
  close(): Promise<void>;
}

/** Throws a typed error of the part that could not start; what had started is closed again. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const started: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of started.splice(0).toReversed()) await close();
  };
  try {
    return await start(options, started, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(
  options: EmbeddedOptions,
  started: (() => Promise<void>)[],
  closeAll: () => Promise<void>,
): Promise<Embedded> {
  const { data, clock, notice } = options;
  mkdirSync(data, { recursive: true });
  const log = await openLog(options);
  started.push(() => log.close());
  const count = aggregatorCount(join(data, 'layout.json'), options.aggregators);
  const threads = startThreads(options, { log, count, cover: (i, w) => instrumenter?.cover(i, w) });
  started.push(async () => void (await Promise.all(threads.map((t) => t.close()))));
  let instrumenter: Instrumentation_ | undefined;
  const reconciler = new Reconciler(() => instrumenter?.role, notice);
  const configuration = await Configuration.start({
    catalogue: openCatalogue(join(data, 'catalogue.db')),
    writer: log.writer,
    reader: log.reader(),
    clock,
    onChange: (living) => reconciler.want(living),
    onFault: (error) => notice(`config: ${message(error)}`),
  });
  started.push(() => configuration.close());
  instrumenter = await startInstrumentation(options, log, configuration, count);
  started.push(() => instrumenter!.role.close());
  await configuration.note({ kind: 'instrumenter-online', host: options.host, metrics: instrumenter.role.metrics() });
  await hold(configuration, options.instrument);
  reconciler.want(configuration.instrumentations());
  const trimmer = new Trimmer({ log: log.writer, keepMs: options.logKeepHours * 3_600_000, clock, threads, configuration });
  started.push(() => trimmer.close());
  const gateway = await buildGateway({
    version: options.version,
    configuration,
    aggregators: threads,
    owner: (id) => threads[ownerIndex(id, count)]!,
    states: (id) => instrumenter!.role.states(id),
    checks: () => checks(log, threads, instrumenter!.role),
    clock,
    hostNames: [options.host],
    ...(options.token === '' ? {} : { token: options.token }),
  });
  started.push(() => gateway.close());
  return { url: await listen(gateway, options), socketPath: instrumenter.socketPath, close: closeAll };
}
