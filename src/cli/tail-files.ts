/** What `tailglow tail` does: sees to it that something takes the lines, then once a second reads what is new in the
 *  files and sends it as the batches of a source of its own. Owns: the order of things. While the server is away nothing
 *  is read: the files are the buffer, and what rotation leaves of them is held open (ingest/tail/followed-file.ts). */
import { createHash, randomBytes } from 'node:crypto';
import { basename, join, resolve } from 'node:path';
import { Closings } from '../ingest/backfill/closings.ts';
import { Packer, type Packed } from '../ingest/backfill/packer.ts';
import { type Mapping, rowReader } from '../ingest/backfill/row.ts';
import { type LineFormat } from '../ingest/tail/access-line.ts';
import { FollowedFile } from '../ingest/tail/followed-file.ts';
import type { Source } from '../model/batch.ts';
import { systemClock, unixSecond } from '../model/clock.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import { keepSecondsMax } from '../model/level.ts';
import type { Field, MetricDescription, TypeName } from '../model/metric.ts';
import type { InstrumentStatement } from '../query/ast.ts';
import { printStatement, retentionText } from '../query/print.ts';
import { isTimeUnit } from '../query/unit.ts';
import { CommandFailure, EXIT, type Target } from './client.ts';
import { Delivery } from './delivery.ts';
import { shapeOf, statementOf } from './destination.ts';
import { createInstrumentation, describeMetric, endSource, metricsOf } from './server-json.ts';
import { TailLines } from './tail-lines.ts';
import { packedOf, type Remembered, remembered, TailState } from './tail-state.ts';

/** A second's lines are read so much after its end: most writers have written them. */
const AFTER_MS = 100;
const RETRY_MS = 2000;
/** What is left at the end may take so long. */
const LAST_MS = 5000;
/** Seconds of retention that a line needs beyond its age, so that it is not refused on its way. */
const MARGIN_SECONDS = 60;

export interface TailOptions {
  readonly files: readonly string[];
  readonly as: string;
  readonly format: LineFormat | undefined;
  readonly mapping: Mapping;
  readonly fromStart: boolean;
  readonly host: string;
  /** Where what outlives this process is kept. */
  readonly stateDirectory: string;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Throws CommandFailure. */
export async function tailFiles(target: Target, options: TailOptions): Promise<void> {
  const paths = [...new Set(options.files.map((file) => resolve(file)))];
  const statement = statementOf(options.as);
  const { instrumentation, metric } = await patiently(options, () => destination(target, statement, options));
  say(`into "${instrumentation.id}", which keeps ${retentionText(instrumentation)}`);
  const which = createHash('sha256')
    .update(JSON.stringify([target.url, instrumentation.id, paths]))
    .digest('hex');
  const state = await TailState.open(join(options.stateDirectory, which.slice(0, 16)));
  try {
    const before = state.read();
    const isSame = before?.createdSecond === instrumentation.createdSecond;
    const driver = `tail:${basename(paths[0]!)}-${which.slice(0, 6)}`;
    const incarnation = isSame ? before.incarnation : randomBytes(8).toString('hex');
    const source: Source = { host: options.host, driver, incarnation };
    const { grid, everySeconds } = instrumentation;
    const packer = new Packer({
      instrumentation: instrumentation.id,
      grid,
      everySeconds,
      source,
      ...(isSame ? { sequence: before.sequence, lastSecond: before.lastSecond } : {}),
      closings: new Closings({ everySeconds, fromSecond: wholeFrom(options, isSame ? before : undefined) }),
    });
    const follow = (path: string): FollowedFile =>
      new FollowedFile({
        path,
        from: before?.places[path] ?? (options.fromStart ? 'start' : 'end'),
        onLost: (what) => say(`${path}: lost: ${what}`),
      });
    const lines = new TailLines({
      packer,
      read: rowReader(shapeOf(statement, metric), options.mapping, new Set()),
      format: options.format,
      host: options.host,
      keepSeconds: keepSecondsMax(instrumentation) - MARGIN_SECONDS,
      say,
    });
    const files = new Map(paths.map((path) => [path, follow(path)]));
    const pending = isSame ? before.pending.map(packedOf) : [];
    await new Tail({ target, options, instrumentation, source, state, packer, lines, files }).run(pending);
  } finally {
    await state.close();
  }
}

/** From when on all lines are counted: where it went on from, or after the second in which it began at a file's end. */
function wholeFrom({ fromStart }: TailOptions, before: Remembered | undefined): number | undefined {
  return before?.lastSecond ?? (fromStart ? undefined : nowSecond() + 1);
}

interface TailParts {
  readonly target: Target;
  readonly options: TailOptions;
  readonly instrumentation: Instrumentation;
  readonly source: Source;
  readonly state: TailState;
  readonly packer: Packer;
  readonly lines: TailLines;
  readonly files: ReadonlyMap<string, FollowedFile>;
}

class Tail {
  readonly #parts: TailParts;
  #isWaiting = false;

  constructor(parts: TailParts) {
    this.#parts = parts;
  }

  async run(pending: readonly Packed[]): Promise<void> {
    const { target, options, source, lines, files } = this.#parts;
    const { signal } = options;
    const looking = this.#look();
    const delivery = await patiently(options, () =>
      Delivery.begin({
        target,
        source,
        clock: systemClock,
        patienceMs: Number.POSITIVE_INFINITY,
        onWait: (why) => this.#wait(why),
      }),
    );
    await this.#deliver(delivery, pending);
    while (!signal.aborted) {
      const hasMore = await this.#round(delivery);
      lines.tell(nowSecond());
      const nowMs = systemClock.nowMs();
      if (!hasMore) await systemClock.sleep(1000 + AFTER_MS - (nowMs % 1000), signal);
    }
    await looking;
    for (const file of files.values()) file.look();
    await Promise.race([this.#last(delivery), systemClock.sleep(LAST_MS)]);
    for (const file of files.values()) file.close();
    say(lines.summary);
  }

  /** Reads a piece of each file, remembers it, sends it. Gives whether there is more. */
  async #round(delivery: Delivery): Promise<boolean> {
    const { packer, lines, files, state, source, instrumentation } = this.#parts;
    const second = nowSecond();
    const packed: Packed[] = [];
    let hasMore = false;
    for (const [path, file] of files) {
      const piece = file.read();
      packed.push(...lines.take(path, piece.lines, second));
      hasMore ||= piece.hasMore;
    }
    // What is behind is not silent: its seconds are still to come.
    packed.push(...packer.take(hasMore ? undefined : second));
    if (packed.length === 0) return hasMore;
    const places = Object.fromEntries([...files].map(([path, file]) => [path, file.places]));
    const { lastSecond } = packer;
    const now: Remembered = {
      version: 1,
      incarnation: source.incarnation,
      createdSecond: instrumentation.createdSecond,
      sequence: packer.sequence,
      ...(lastSecond === undefined ? {} : { lastSecond }),
      places,
      pending: packed.map(remembered),
    };
    state.write(now);
    await this.#deliver(delivery, packed);
    return hasMore;
  }

  /** Ends early where this ends: what is not sent is remembered. */
  async #deliver(delivery: Delivery, packed: readonly Packed[]): Promise<void> {
    const { signal } = this.#parts.options;
    for (const each of packed) {
      const isFirst = !signal.aborted;
      const sent = delivery.deliver(each);
      await (isFirst ? untilAborted(sent, signal) : sent);
      if (this.#isWaiting && !signal.aborted) say('goes on');
      this.#isWaiting = false;
    }
  }

  /** Rotation is seen also while nothing is read. */
  async #look(): Promise<void> {
    const { options, files } = this.#parts;
    while (!options.signal.aborted) {
      for (const file of files.values()) file.look();
      await systemClock.sleep(1000, options.signal);
    }
  }

  async #last(delivery: Delivery): Promise<void> {
    const { target, source, packer } = this.#parts;
    try {
      while (await this.#round(delivery));
      if (packer.lastSecond === undefined) return;
      await endSource(target, { host: source.host, driver: source.driver, second: packer.lastSecond + 1 });
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.unreachable) throw error;
    }
  }

  #wait(why: string): void {
    if (!this.#isWaiting) say(`waits, and reads nothing meanwhile: ${why.split('\n')[0]}`);
    this.#isWaiting = true;
  }
}

interface Destination {
  readonly instrumentation: Instrumentation;
  readonly metric: MetricDescription;
}

async function destination(
  target: Target,
  statement: InstrumentStatement,
  { mapping }: TailOptions,
): Promise<Destination> {
  const name = statement.metric.text;
  const known = (await metricsOf(target)).find((metric) => metric.name === name);
  const metric = known ?? accessMetric(statement, mapping);
  if (known === undefined) await describeMetric(target, metric);
  const { span } = statement;
  // A log is written whether somebody looks or not.
  const text = printStatement({ ...statement, idle: statement.idle ?? { span } });
  return { instrumentation: await createInstrumentation(target, text), metric };
}

const TYPES: Readonly<Record<string, TypeName>> = { status: 'integer', bytes: 'size', latency: 'time' };
const FIELDS = ['host', 'route', 'method', 'status'];

/** A metric that nobody knows: what every access log has, and what is asked for besides. */
function accessMetric({ metric, by }: InstrumentStatement, { unit }: Mapping): MetricDescription {
  const asked = by.map(({ text }) => text);
  const names = [...new Set([...FIELDS, ...asked.filter((name) => name !== 'latency'), 'latency'])];
  const field = (name: string): Field => {
    const isMeasured = name === asked.at(-1) && unit !== undefined && TYPES[name] === undefined;
    return { name, label: name, type: isMeasured ? typeOf(unit) : (TYPES[name] ?? 'string') };
  };
  return {
    name: metric.text,
    label: `${metric.text}, from a log`,
    unit: 'requests',
    scope: 'interval',
    fields: names.map(field),
    cost: 'a few microseconds a line, nothing in the server, which writes its log anyway',
  };
}

function typeOf(unit: NonNullable<Mapping['unit']>): TypeName {
  if (unit === '') return 'number';
  if (unit === '%') return 'percent';
  return isTimeUnit(unit) ? 'time' : 'size';
}

/** Tries again while no server answers. */
async function patiently<T>({ signal }: TailOptions, ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      const isAway = error instanceof CommandFailure && error.exitCode === EXIT.unreachable;
      if (!isAway || signal.aborted) throw error;
      if (tries === 0) say(`waits: ${error.message}`);
      await systemClock.sleep(RETRY_MS, signal);
      if (signal.aborted) throw error;
    }
  }
}

/** Resolves when `work` does, or when `signal` aborts; leaves nothing at the signal. */
function untilAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    work.then(done, (error: unknown) => {
      signal.removeEventListener('abort', done);
      reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
}

function nowSecond(): number {
  return unixSecond(systemClock.nowMs());
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
