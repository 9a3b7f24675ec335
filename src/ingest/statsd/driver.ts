/** The statsd driver: StatsD and DogStatsD over UDP, one source, <host>/statsd. A line is counted into the second in
 *  which it arrived. Owns: the socket, the open second, the tallies. Does not: read lines (line.ts), name metrics
 *  (seen-metrics.ts).
 *  Invariants: what a line says is counted only where it is instrumented; every line is in one outcome of
 *  `statsd.lines`; a second is said once, with every instrumentation that measured the whole of it. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { encodeBatch, type Report } from '../../model/batch.ts';
import { type Clock, unixSecond } from '../../model/clock.ts';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import type { MetricDescription } from '../../model/metric.ts';
import { compilePredicate, type FieldReader } from '../../model/predicate.ts';
import { sourceName } from '../../model/report.ts';
import {
  type Collected,
  type Driver,
  DriverError,
  type DriverSink,
  type DriverSource,
  type EncodedBatch,
} from '../driver.ts';
import { CLOCK_BACK_SECONDS_MAX, SourceSequence } from '../source-sequence.ts';
import { Tally } from '../tally.ts';
import type { StatsdAddress } from './address.ts';
import { Gauges } from './gauges.ts';
import { parseLine, type StatsdLine } from './line.ts';
import { LostDatagrams } from './lost-datagrams.ts';
import { Refusals } from './refusals.ts';
import {
  GAUGE_SCALE,
  MODULE,
  SeenMetrics,
  type SeenMetric,
  type SeenValue,
  type Tags,
} from './seen-metrics.ts';
import { Weights } from './weights.ts';

/** Asked of the kernel; it gives what net.core.rmem_max allows. A burst of datagrams waits here. */
const RECEIVE_BYTES = 4 * 1024 * 1024;
/** Seconds that wait to be collected; this process stood still before those that are older. */
const SEALED_MAX = 10;

export const DATAGRAMS = `${MODULE}.datagrams`;
export const LINES = `${MODULE}.lines`;

function ownMetric(name: string, label: string, unit: string): MetricDescription {
  return {
    name,
    label,
    unit,
    scope: 'interval',
    fields: [
      { name: 'host', label: 'host', type: 'string' },
      { name: 'outcome', label: 'outcome', type: 'string' },
    ],
    cost: 'nothing',
  };
}

export interface StatsdDriverOptions {
  readonly host: string;
  readonly address: StatsdAddress;
  readonly clock: Clock;
  readonly random: () => number;
}

interface Measure {
  readonly instrumentation: Instrumentation;
  readonly tally: Tally;
  /** The first second that is measured whole. */
  readonly sinceSecond: number;
}

interface SealedSecond {
  readonly second: number;
  readonly reports: readonly Report[];
}

export class StatsdDriver implements Driver {
  readonly name = 'statsd';
  readonly metrics: readonly MetricDescription[] = [
    ownMetric(DATAGRAMS, 'datagrams of StatsD; those lost were thrown away by the kernel', 'datagrams'),
    ownMetric(LINES, 'lines of StatsD by what became of them', 'lines'),
  ];
  readonly #options: StatsdDriverOptions;
  readonly #sequence: SourceSequence;
  readonly #seen = new SeenMetrics([DATAGRAMS, LINES]);
  readonly #weights = new Weights();
  readonly #gauges = new Gauges();
  readonly #refusals = new Refusals();
  readonly #measures = new Map<string, Measure>();
  readonly #byMetric = new Map<string, Measure[]>();
  #sink: DriverSink | undefined;
  #socket: Socket | undefined;
  #lost: LostDatagrams | undefined;
  #openSecond: number;
  #sealed: SealedSecond[] = [];
  #received = 0;

  constructor(options: StatsdDriverOptions) {
    this.#options = options;
    this.#sequence = new SourceSequence({ host: options.host, driver: this.name }, options.random);
    this.#openSecond = unixSecond(options.clock.nowMs());
  }

  /** What clients send becomes known when it comes. */
  takes(metric: string): boolean {
    return metric.startsWith(`${MODULE}.`);
  }

  /** Where it listens. */
  get port(): number | undefined {
    return this.#socket?.address().port;
  }

  /** Datagrams that came since the start. */
  get received(): number {
    return this.#received;
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
    const { host, port } = this.#options.address;
    const type = isIPv6(host) ? 'udp6' : 'udp4';
    const socket = createSocket({ type, recvBufferSize: RECEIVE_BYTES });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (error) => {
        const message = `Cannot listen for StatsD on ${host}:${port}: ${error.message}`;
        reject(new DriverError('SOCKET', message, { cause: error }));
      });
      socket.bind(port, host, resolve);
    });
    socket.removeAllListeners('error');
    socket.on('error', (error) => sink.note(`statsd: ${error.message}`));
    socket.on('message', (message) => this.#take(message));
    this.#socket = socket;
    this.#lost = new LostDatagrams(socket.address().port, type);
    this.#lost.since();
    sink.note(`statsd: listens on ${host}:${socket.address().port}`);
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    if (this.#measures.has(instrumentation.id)) return;
    this.#moveTo(unixSecond(this.#options.clock.nowMs()));
    const { where } = instrumentation;
    const tally = new Tally(instrumentation, where && compilePredicate(where));
    this.#measures.set(instrumentation.id, { instrumentation, tally, sinceSecond: this.#openSecond + 1 });
    this.#regroup();
  }

  async disable(id: string): Promise<void> {
    this.#measures.delete(id);
    this.#regroup();
  }

  async collect(second: number): Promise<Collected> {
    const lost = this.#lost?.since() ?? 0;
    if (lost > 0) this.#countOwn(DATAGRAMS, 'lost', lost);
    this.#moveTo(second + 1);
    const changes = this.#seen.changes();
    if (changes.length > 0) this.#sink?.seen?.(changes);
    for (const line of this.#refusals.tell(second)) this.#sink?.note(`statsd: ${line}`);
    const sealed = this.#sealed;
    this.#sealed = [];
    const batches = sealed
      .filter((each) => each.second <= second && this.#sequence.accepts(each.second))
      .map((each) => this.#encode(each));
    return { batches, awaited: [] };
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    const measure = this.#measures.get(id);
    if (measure === undefined) return [];
    const { sinceSecond } = measure;
    const state: SourceState =
      sinceSecond <= this.#openSecond ? { state: 'enabled', sinceSecond } : { state: 'enabling' };
    return [{ source: sourceName(this.#sequence.source), state }];
  }

  sources(): readonly DriverSource[] {
    if (this.#measures.size === 0) return [];
    return [{ source: this.#sequence.source, lastSecond: this.#sequence.lastSecond }];
  }

  async close(): Promise<void> {
    this.#lost?.close();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) await new Promise<void>((resolve) => void socket.close(() => resolve()));
    const { source, lastSecond } = this.#sequence;
    if (lastSecond !== undefined) this.#sink?.offline(source, lastSecond + 1);
  }

  #take(message: Buffer): void {
    const second = unixSecond(this.#options.clock.nowMs());
    this.#moveTo(second);
    this.#received++;
    this.#countOwn(DATAGRAMS, 'received', 1);
    const text = message.toString('utf8');
    for (const line of text.includes('\n') ? text.split('\n') : [text]) {
      const trimmed = line.endsWith('\r') ? line.slice(0, -1) : line;
      if (trimmed !== '') this.#countOwn(LINES, this.#takeLine(trimmed, second), 1);
    }
  }

  /** What became of it. */
  #takeLine(text: string, second: number): string {
    const line = parseLine(text);
    if (line.kind === 'event') return 'event';
    if (line.kind === 'fault') return this.#refusals.refuse('malformed', text, line.why);
    if (line.type === 's') return this.#refusals.refuse('set', text, 'sets are not counted here');
    const seen = this.#seen.see(line);
    if ('refused' in seen) return this.#refusals.refuse('refused', text, seen.refused);
    const { metric, tags } = seen;
    if (line.type === 'g') return this.#takeGauge(line, metric, tags, second);
    const measures = this.#byMetric.get(metric.name);
    if (line.type === 'c') return this.#takeCounter(line, measures, tags);
    if (measures !== undefined) this.#countValues(line, measures, seen);
    return 'taken';
  }

  #countValues(
    line: StatsdLine,
    measures: readonly Measure[],
    { metric: { numeric }, scale, tags }: SeenValue,
  ): void {
    let value = 0;
    const read: FieldReader = (field) => (field === numeric?.name ? value : this.#fieldOf(field, tags));
    const of = `${line.name}|${line.tags}`;
    for (const sent of line.values) {
      value = Math.max(0, Math.round(sent * scale));
      const events = this.#weights.events(of, line.weight);
      for (const { tally } of measures) tally.count(read, events);
    }
  }

  #takeCounter(line: StatsdLine, measures: readonly Measure[] | undefined, tags: Tags): string {
    if (line.values.some((value) => value < 0)) {
      return this.#refusals.refuse('refused', line.name, 'a counter that is taken back cannot be counted');
    }
    if (measures === undefined) return 'taken';
    const of = `${line.name}|${line.tags}`;
    const read: FieldReader = (field) => this.#fieldOf(field, tags);
    for (const value of line.values) {
      const amount = this.#weights.events(of, value * line.weight);
      for (const { tally } of measures) tally.count(read, amount);
    }
    return 'taken';
  }

  #takeGauge(line: StatsdLine, metric: SeenMetric, tags: Tags, second: number): string {
    const of = `${line.name}|${line.tags}`;
    for (const value of line.values)
      this.#gauges.say(of, { metric, tags, value, saidSecond: second }, line.isStep);
    return 'taken';
  }

  #fieldOf(field: string, tags: Tags): string | undefined {
    return tags[field] ?? (field === 'host' ? this.#options.host : undefined);
  }

  #countOwn(metric: string, outcome: string, amount: number): void {
    const measures = this.#byMetric.get(metric);
    if (measures === undefined) return;
    const read: FieldReader = (field) => (field === 'outcome' ? outcome : this.#fieldOf(field, {}));
    for (const { tally } of measures) tally.count(read, amount);
  }

  /** Seals the seconds before `second`. A clock that was set back a little counts on in the open one. */
  #moveTo(second: number): void {
    if (this.#openSecond - second > CLOCK_BACK_SECONDS_MAX) this.#openSecond = second;
    const first = Math.max(this.#openSecond, second - SEALED_MAX);
    for (let ended = first; ended < second; ended++) {
      this.#standGauges(ended);
      const reports = [...this.#measures.values()].flatMap((measure) => reportOf(measure, ended));
      if (reports.length > 0) this.#sealed.push({ second: ended, reports });
    }
    this.#openSecond = Math.max(this.#openSecond, second);
    if (this.#sealed.length > SEALED_MAX) this.#sealed = this.#sealed.slice(-SEALED_MAX);
  }

  #standGauges(second: number): void {
    for (const { metric, tags, value } of this.#gauges.at(second)) {
      const read: FieldReader = (field) => this.#fieldOf(field, tags);
      const amount = Math.round(value * GAUGE_SCALE);
      for (const { tally } of this.#byMetric.get(metric.name) ?? []) tally.count(read, amount);
    }
  }

  #encode({ second, reports }: SealedSecond): EncodedBatch {
    const { source } = this.#sequence;
    const sequence = this.#sequence.take(second);
    return { source, sequence, second, bytes: encodeBatch({ source, sequence, second, reports }) };
  }

  #regroup(): void {
    this.#byMetric.clear();
    for (const measure of this.#measures.values()) {
      const { metric } = measure.instrumentation;
      this.#byMetric.set(metric, [...(this.#byMetric.get(metric) ?? []), measure]);
    }
  }
}

/** None of a second that it measured in part. */
function reportOf({ instrumentation: { id, grid }, tally, sinceSecond }: Measure, second: number): Report[] {
  const { rows, dropped } = tally.drain();
  return second < sinceSecond ? [] : [{ instrumentation: id, grid, partial: false, dropped, rows }];
}
