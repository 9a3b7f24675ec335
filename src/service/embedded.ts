/** All roles in one process: log, config, aggregators in worker threads, instrumenter and gateway, started in
 *  the order in which they need one another and closed in the reverse. */
import { mkdirSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Driver } from '../ingest/driver.ts';
import { type Instrumenter, startInstrumenter } from '../ingest/instrumenter.ts';
import type { ScrapeTarget } from '../ingest/prometheus/target.ts';
import { statsdAddress } from '../ingest/statsd/address.ts';
import { loadKernel } from '../kernel/native.ts';
import type { Clock } from '../model/clock.ts';
import type { ControlEvent } from '../model/control.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import { type LogReader, LogUnavailableError } from '../model/log.ts';
import { encodeControlEntry } from '../model/report.ts';
import type { SourceLimits } from '../model/source-limits.ts';
import { type Catalogue, openCatalogue } from '../store/catalogue.ts';
import { AggregatorThread } from './aggregator-thread.ts';
import { Configuration } from './configuration.ts';
import { Cover } from './cover.ts';
import { untilFolded } from './folded.ts';
import { foreignDrivers } from './foreign-drivers.ts';
import { buildGateway, type Gateway } from './gateway.ts';
import type { HealthCheck } from './health.ts';
import { LearnedMetrics, originOf } from './learned-metrics.ts';
import { type OpenedLog, openLog } from './open-log.ts';
import { aggregatorCount, ownerIndex } from './ownership.ts';
import { ProblemException } from './problem.ts';
import { Reconciler } from './reconciler.ts';
import { draftOf } from './statements.ts';
import { openTransformations } from './transform/open.ts';
import { SpaceKeeper } from './space-keeper.ts';
import { type LogFollowers, Trimmer } from './trimmer.ts';

export interface EmbeddedOptions {
  readonly version: string;
  readonly listen: string;
  readonly port: number;
  readonly data: string;
  /** `file`, or the URL of a RabbitMQ virtual host. */
  readonly log: string;
  readonly kernel: 'native' | 'reference';
  readonly aggregators: number;
  readonly host: string;
  /** Empty for the default of this user. */
  readonly socket: string;
  /** What is measured here at most; everything where it is left out. */
  readonly limits?: SourceLimits | undefined;
  /** What measuring may cost each source, of one core. */
  readonly cpuShareMax?: number;
  /** Where StatsD clients send, as `statsdAddress` reads it; empty for nowhere. */
  readonly statsd: string;
  /** Empty for none. */
  readonly token: string;
  /** Prometheus targets to scrape. */
  readonly scrape: readonly ScrapeTarget[];
  /** `instrument` statements to hold. */
  readonly instrument: readonly string[];
  /** Tables that name keys, as NAME=FILE. */
  readonly lookup: readonly string[];
  /** A geolocation file; empty for none. */
  readonly geo: string;
  readonly logKeepHours: number;
  /** Of the data directory; undefined for a share of its file system. */
  readonly dataMaxBytes?: number | undefined;
  readonly clock: Clock;
  /** One line for a person: something broke, or healed. */
  readonly notice: (line: string) => void;
}

export interface Embedded {
  readonly url: string;
  readonly socketPath: string;
  close(): Promise<void>;
}

type OnClose = (closer: () => Promise<unknown>) => void;

/** Throws the typed error of the part that could not start; what had started is closed again. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).toReversed()) await each();
  };
  try {
    return { ...(await start(options, (closer) => void closers.push(closer))), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(options: EmbeddedOptions, onClose: OnClose): Promise<Omit<Embedded, 'close'>> {
  const { data, clock } = options;
  const transformations = openTransformations(options, clock, options.notice);
  mkdirSync(data, { recursive: true });
  const { crc32c } = loadKernel(options.kernel);
  const log = await openLog(options.log, { data, clock, checksum: crc32c });
  onClose(() => log.writer.close());
  const events = new Set<Promise<void>>();
  const learned = new LearnedMetrics(clock);
  const foreign = foreignDrivers(options);
  const told = { events, learned, more: foreign.drivers };
  const instrumenter = await startMeasuring(options, log, told);
  onClose(() => instrumenter.close());
  const reconciler = new Reconciler(instrumenter, clock, options.notice);
  const configuration = await startConfiguration(options, log, (measured) => reconciler.want(measured));
  onClose(() => configuration.close());
  const threads = startThreads(options, log, instrumenter);
  onClose(() => Promise.all(threads.map((thread) => thread.close())));
  onClose(async () => {
    await instrumenter.close();
    await Promise.all(events);
    await untilFolded(threads, log.end() ?? 0, clock);
  });
  await configuration.announce(options.host, instrumenter.metrics());
  foreign.remember(configuration);
  learned.tell(configuration, (error) => options.notice(`metrics: ${text(error)}`));
  onClose(() => learned.close());
  for (const statement of options.instrument) await hold(configuration, statement, options.notice);
  reconciler.want(configuration.measured());
  // So that the first question is not told that its instrumentation is yet to come.
  await untilFolded(threads, log.end() ?? 0, clock);
  const followers = { aggregators: threads, catalogueOffset: () => configuration.trimOffset };
  if (options.log === 'file') {
    const trimmer = await startTrimmer(options, log, followers);
    onClose(() => trimmer.close());
  }
  const space = new SpaceKeeper({
    ...followers,
    directory: data,
    budgetBytes: options.dataMaxBytes,
    writer: log.writer,
    reclaim: (level, untilSecond) => configuration.reclaim(level, untilSecond),
    clock,
    onNotice: (line) => options.notice(`space: ${line}`),
  });
  onClose(() => space.close());
  const gateway = await buildGateway({
    version: options.version,
    configuration,
    aggregators: threads,
    owner: (id) => threads[ownerIndex(id, threads.length)]!,
    states: (id) => instrumenter.states(id),
    offers: (known) => instrumenter.offers(known),
    estimates: (asked) => instrumenter.estimates(asked),
    checks: () => [...checks({ log, threads, instrumenter, configuration }), space.check()],
    space: () => space.report,
    transformations,
    clock: options.clock,
    otlp: foreign.otlp,
    remoteWrite: foreign.remoteWrite,
    received: foreign.drivers,
    log: log.writer,
    checksum: loadKernel(options.kernel).crc32c,
    hostNames: [options.host],
    ...(options.token === '' ? {} : { token: options.token }),
  });
  onClose(() => gateway.close());
  return { url: await listen(gateway, options), socketPath: instrumenter.socketPath };
}

interface Told {
  /** Those on their way to the log. */
  readonly events: Set<Promise<void>>;
  readonly learned: LearnedMetrics;
  /** Drivers beside the host's own. */
  readonly more: readonly Driver[];
}

function startMeasuring(
  options: EmbeddedOptions,
  log: OpenedLog,
  { events, learned, more }: Told,
): Promise<Instrumenter> {
  const { host, data, socket, clock, notice, limits, cpuShareMax } = options;
  const statsd = options.statsd === '' ? undefined : statsdAddress(options.statsd);
  const onEvent = (event: ControlEvent): void => {
    const appended = log.writer
      .append(encodeControlEntry(event))
      .catch((error: unknown) => notice(`${event.kind}: ${text(error)}`))
      .finally(() => events.delete(appended));
    events.add(appended);
  };
  return startInstrumenter({
    host,
    log: log.writer,
    spoolDirectory: join(data, 'spool'),
    ...(socket === '' ? {} : { socketPath: socket }),
    ...(limits === undefined ? {} : { limits }),
    ...(cpuShareMax === undefined ? {} : { cpuShareMax }),
    clock,
    random: Math.random,
    more,
    onEvent,
    ...(statsd === undefined ? {} : { statsd }),
    onSeen: (driver, metrics) => learned.add(originOf(host, driver), metrics),
    note: notice,
  });
}

async function startConfiguration(
  { data, clock, notice }: EmbeddedOptions,
  log: OpenedLog,
  onChange: (measured: readonly Instrumentation[]) => void,
): Promise<Configuration> {
  const reader = await log.reader();
  const reopen = (identity: string): Catalogue => openCatalogue(join(data, 'catalogue.db'), identity);
  return Configuration.start({
    catalogue: reopen(await identityOf(reader, notice)),
    reopen,
    writer: log.writer,
    reader,
    clock,
    onChange,
    onFault: (error) => notice(`config: ${text(error)}`),
    onHealed: () => notice('config: follows the log again'),
  });
}

/** A broker that is away when we start is waited for; the reader bounds each try, and a person is told. */
async function identityOf(reader: LogReader, notice: (line: string) => void): Promise<string> {
  for (;;) {
    try {
      return await reader.identity();
    } catch (error) {
      if (!(error instanceof LogUnavailableError)) throw error;
      notice(`${error.message}; trying again`);
    }
  }
}

function startThreads(
  options: EmbeddedOptions,
  log: OpenedLog,
  instrumenter: Instrumenter,
): AggregatorThread[] {
  const { data, kernel, notice } = options;
  const count = aggregatorCount(join(data, 'layout.json'), options.aggregators);
  const cover = new Cover(count);
  const startThread = (_: unknown, index: number): AggregatorThread =>
    new AggregatorThread({
      index,
      data: () => ({
        index,
        count,
        kernel,
        directory: join(data, `aggregator-${index}`),
        checkpoints: !log.writer.confirmsDurably,
        address: log.address(),
        naming: { lookup: options.lookup, geo: options.geo },
      }),
      onDurable: (watermarks) => instrumenter.cover(cover.advance(index, watermarks)),
      onNotice: (line) => notice(`aggregator ${index}: ${line}`),
    });
  return Array.from({ length: count }, startThread);
}

/** Sees to it that what the statement measures lives; one of the same name and another meaning is left alone. */
async function hold(
  configuration: Configuration,
  statement: string,
  notice: (line: string) => void,
): Promise<void> {
  try {
    await configuration.create(draftOf(statement, configuration));
  } catch (error) {
    if (!(error instanceof ProblemException) || error.problem.code !== 'NAME_TAKEN') throw error;
    notice(error.message);
  }
}

async function startTrimmer(
  { logKeepHours, clock, notice }: EmbeddedOptions,
  log: OpenedLog,
  followers: LogFollowers,
): Promise<Trimmer> {
  return new Trimmer({
    ...followers,
    writer: log.writer,
    reader: await log.reader(),
    keepMs: logKeepHours * 3_600_000,
    clock,
    onFault: (error) => notice(`log: ${text(error)}`),
  });
}

function checks({
  log,
  threads,
  instrumenter,
  configuration: { fault },
}: {
  readonly log: OpenedLog;
  readonly threads: readonly AggregatorThread[];
  readonly instrumenter: Instrumenter;
  readonly configuration: Configuration;
}): readonly HealthCheck[] {
  const health = log.health();
  return [
    { name: 'log', ok: health.ok, detail: health.ok ? 'takes entries' : health.reason },
    { name: 'config', ok: fault === undefined, detail: fault ?? 'follows the log' },
    ...threads.map(aggregatorCheck),
    ...instrumenter.health(),
  ];
}

function aggregatorCheck({ index, fault, stalled }: AggregatorThread): HealthCheck {
  const name = `aggregator-${index}`;
  if (fault !== undefined) return { name, ok: false, detail: fault };
  if (stalled === undefined) return { name, ok: true, detail: 'answers' };
  return { name, ok: false, detail: `cannot write: ${stalled}; answers what it has, and waits for room` };
}

async function listen(gateway: Gateway, { listen: host, port }: EmbeddedOptions): Promise<string> {
  try {
    await gateway.listen({ host, port });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new ListenError(
      `Cannot listen on ${host}:${port}: another program does; choose another with --port`,
    );
  }
  const address = gateway.server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${name}:${address.port}`;
}

class ListenError extends Error {
  readonly code = 'LISTEN';
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
