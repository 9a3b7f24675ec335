/** The log over a RabbitMQ stream, reading. Each `read` has a connection of its own that comes back by itself
 *  and goes on at the offset after the last one given; what repeats is left out. Credit is given back when a
 *  batch was taken, so a slow reader holds at most PREFETCH messages and one chunk of the stream (the broker
 *  sends whole chunks). Nothing within 5 s, where a writer says something every second, means a new connection:
 *  an offset beyond the end would otherwise wait in silence for ever.
 *
 *  Does not declare: a stream that is not there is waited for. */
import type { Channel, ConsumeMessage } from 'amqplib';
import type { Clock } from '../model/clock.ts';
import { type LogEntry, type LogReader, LogReplacedError, LogUnavailableError } from '../model/log.ts';
import { AmqpConnection, brokerName, channelGone, keepTrying } from './amqp-connection.ts';
import { deliveryOf, readEnd, readIdentity, seekStream, STREAM } from './amqp-stream.ts';
import { HEALTHY, type LogHealth, reasonOf } from './health.ts';

const PREFETCH = 32;
const BATCH_BYTES = 1024 * 1024;
const SILENCE_MS_MAX = 5000;
const WATCH_MS = 500;
/** What `identity` and `end` wait for a broker and a first message. */
const QUESTION_MS_MAX = 15_000;

export interface AmqpLogReaderOptions {
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly prng?: () => number;
  readonly stream?: string;
}

export interface AmqpLogReader extends LogReader {
  /** Of all reads that go on. */
  health(): LogHealth;
}

/** Connects when it is asked something. A read ends with LogReplacedError when the stream is made anew under
 *  it; a read from an offset that the stream has not reached starts at the first. Throws BrokerUrlError. */
export function openAmqpLogReader(url: string, options: AmqpLogReaderOptions): AmqpLogReader {
  return new StreamReader(url, options);
}

interface Place {
  readonly url: string;
  readonly stream: string;
  /** How messages call the log. */
  readonly name: string;
  readonly clock: Clock;
  readonly prng: () => number;
}

class StreamReader implements AmqpLogReader {
  readonly #place: Place;
  readonly #closed = new AbortController();
  readonly #reads = new Set<StreamRead>();
  /** Whose offsets our callers speak of. */
  #identity: string | undefined;

  constructor(url: string, { clock, prng = Math.random, stream = STREAM }: AmqpLogReaderOptions) {
    this.#place = { url, stream, name: `log "${stream}" at ${brokerName(url)}`, clock, prng };
  }

  async *read(
    from: number,
    signal: AbortSignal,
    untilOffset = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<readonly LogEntry[]> {
    if (from >= untilOffset) return;
    const ends = AbortSignal.any([signal, this.#closed.signal]);
    const read = new StreamRead(this.#place, { from, untilOffset, identity: this.#identity, signal: ends });
    this.#reads.add(read);
    try {
      yield* read.batches();
    } finally {
      this.#reads.delete(read);
      await read.stop();
    }
  }

  seek(arrivedMs: number): Promise<number | undefined> {
    const { stream, clock } = this.#place;
    return this.#ask((connection) => seekStream(connection, stream, arrivedMs, { clock }));
  }

  async identity(): Promise<string> {
    const { stream } = this.#place;
    return (this.#identity = await this.#ask((connection) => readIdentity(connection, stream)));
  }

  end(): Promise<number> {
    const { stream, clock } = this.#place;
    return this.#ask((connection) => readEnd(connection, stream, clock));
  }

  health(): LogHealth {
    const faults = [...this.#reads].map((read) => read.health());
    return faults.find((health) => !health.ok) ?? HEALTHY;
  }

  close(): Promise<void> {
    this.#closed.abort();
    return Promise.resolve();
  }

  /** One answer from the stream, over a short connection; tried again for a while. */
  async #ask<T>(question: (connection: AmqpConnection) => Promise<T>): Promise<T> {
    const { url, name, clock, prng } = this.#place;
    const enough = new AbortController();
    const signal = AbortSignal.any([enough.signal, this.#closed.signal]);
    const late = clock.sleep(QUESTION_MS_MAX, signal).then(() => enough.abort());
    let answer: { readonly value: T } | undefined;
    let cause: unknown;
    await keepTrying({ clock, prng, signal, onFailure: (error) => (cause = error) }, async () => {
      const connection = await AmqpConnection.open(url, clock, signal);
      try {
        answer = { value: await question(connection) };
        enough.abort();
      } finally {
        await connection.close();
      }
    });
    await late;
    if (answer !== undefined) return answer.value;
    const state = this.#closed.signal.aborted
      ? 'it is closed'
      : `no answer within ${QUESTION_MS_MAX / 1000} s`;
    throw new LogUnavailableError(`Cannot read ${name}: ${state}`, { cause });
  }
}

/** A message that nobody took yet. What has nothing for the caller is held too, so that its credit goes back
 *  in turn. */
interface Held {
  /** Undefined for a tick, and for what was given already. */
  readonly entry: LogEntry | undefined;
  readonly message: ConsumeMessage;
}

/** One iteration: the connections it has one after the other, and what they delivered and nobody took yet. */
class StreamRead {
  readonly #place: Place;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  readonly #untilOffset: number;
  #identity: string | undefined;
  #next: number;
  /** Whether an entry or the place was seen: from then on the log must not fall back. */
  #begun = false;
  #held: Held[] = [];
  /** The caller has a batch and did not come back for more. */
  #isTaken = false;
  #wake: () => void = () => {};
  #channel: Channel | undefined;
  #lastMs = 0;
  #failure: { readonly reason: string; readonly sinceMs: number } | undefined;
  #replaced: LogReplacedError | undefined;

  constructor(
    place: Place,
    options: { from: number; untilOffset: number; identity: string | undefined; signal: AbortSignal },
  ) {
    this.#place = place;
    this.#next = options.from;
    this.#untilOffset = options.untilOffset;
    this.#identity = options.identity;
    const { clock, prng } = place;
    this.#failure = { reason: 'not connected yet', sinceMs: clock.nowMs() };
    const onFailure = (error: unknown): void => {
      this.#failure = { reason: reasonOf(error), sinceMs: this.#failure?.sinceMs ?? clock.nowMs() };
    };
    const { signal } = this.#stopped;
    signal.addEventListener('abort', () => this.#wake());
    if (options.signal.aborted) this.#stopped.abort();
    else options.signal.addEventListener('abort', () => this.#stopped.abort(), { signal });
    this.#running = keepTrying({ clock, prng, signal, onFailure }, () => this.#connect());
  }

  async *batches(): AsyncGenerator<readonly LogEntry[]> {
    while (!this.#stopped.signal.aborted) {
      if (this.#held.length === 0) {
        // What the log says of itself counts too: an entry need not be the last below.
        if (this.#next >= this.#untilOffset) return;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        continue;
      }
      const channel = this.#channel;
      const taken = this.#take();
      const entries = taken.flatMap(({ entry }) =>
        entry === undefined || entry.offset >= this.#untilOffset ? [] : [entry],
      );
      this.#isTaken = true;
      if (entries.length > 0) yield entries;
      this.#isTaken = false;
      if (channel !== undefined && channel === this.#channel)
        this.#giveCredit(channel, taken.at(-1)!.message);
    }
    if (this.#replaced !== undefined) throw this.#replaced;
  }

  health(): LogHealth {
    return this.#failure === undefined ? HEALTHY : { ok: false, ...this.#failure };
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  #take(): Held[] {
    let bytes = 0;
    let count = 0;
    for (const { message } of this.#held) {
      bytes += message.content.length;
      if (count > 0 && bytes > BATCH_BYTES) break;
      count += 1;
    }
    return this.#held.splice(0, count);
  }

  #giveCredit(channel: Channel, upTo: ConsumeMessage): void {
    this.#lastMs = this.#place.clock.nowMs();
    try {
      channel.ack(upTo, true);
    } catch {
      /* the channel ended meanwhile, and its credit with it */
    }
  }

  /** One connection, from its making to its end, which is thrown. */
  async #connect(): Promise<void> {
    const { url, stream, clock } = this.#place;
    const connection = await AmqpConnection.open(url, clock, this.#stopped.signal);
    try {
      const from = await this.#startingPlace(connection);
      const channel = await connection.channel();
      const gone = channelGone(connection, channel);
      await connection.answer(channel.prefetch(PREFETCH));
      this.#lastMs = clock.nowMs();
      this.#channel = channel;
      const take = (message: ConsumeMessage | null): void => this.#receive(connection, channel, message);
      await connection.answer(channel.consume(stream, take, { arguments: { 'x-stream-offset': from } }));
      this.#failure = undefined;
      await this.#watch(connection, gone);
      throw await gone;
    } finally {
      this.#channel = undefined;
      // What nobody took comes again over the next connection.
      this.#next = this.#held.find((held) => held.entry !== undefined)?.entry?.offset ?? this.#next;
      this.#held = [];
      await connection.close();
    }
  }

  /** Where to read on, once it is known that the stream is still the same. */
  async #startingPlace(connection: AmqpConnection): Promise<number | 'first'> {
    const { stream, clock } = this.#place;
    this.#check(await readIdentity(connection, stream));
    const end = await readEnd(connection, stream, clock, this.#next);
    if (this.#next > end) {
      if (this.#begun) throw this.#replace(`it ends at ${end}, before ${this.#next}, which was read already`);
      this.#next = 0;
    }
    this.#begun = true;
    return this.#next === 0 ? 'first' : this.#next;
  }

  #check(identity: string | undefined): void {
    if (identity === undefined) return;
    this.#identity ??= identity;
    if (identity !== this.#identity) throw this.#replace(`it is ${identity}, expected ${this.#identity}`);
  }

  /** Ends the iteration: nothing that comes now belongs to what was read before. */
  #replace(what: string): LogReplacedError {
    this.#replaced = new LogReplacedError(`Cannot go on reading ${this.#place.name}: ${what}`);
    this.#stopped.abort();
    return this.#replaced;
  }

  #receive(connection: AmqpConnection, channel: Channel, message: ConsumeMessage | null): void {
    if (channel !== this.#channel) return;
    if (message === null) return connection.destroy(new Error(`stream "${this.#place.stream}" is deleted`));
    this.#lastMs = this.#place.clock.nowMs();
    try {
      const delivery = deliveryOf(message, this.#lastMs);
      // Others may have claimed the stream in the same moment as its identity.
      if (delivery.kind !== 'identity') this.#check(delivery.identity);
      const isNew = delivery.entry.offset >= this.#next;
      this.#held.push({ message, entry: isNew && delivery.kind === 'entry' ? delivery.entry : undefined });
      if (isNew) this.#next = delivery.entry.offset + 1;
      this.#wake();
    } catch (error) {
      connection.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Ends the connection when it is silent while nobody keeps it waiting. */
  async #watch(connection: AmqpConnection, gone: Promise<Error>): Promise<void> {
    const { clock } = this.#place;
    const ended = new AbortController();
    void gone.then(() => ended.abort());
    while (!ended.signal.aborted) {
      await clock.sleep(WATCH_MS, ended.signal);
      if (this.#held.length > 0 || this.#isTaken) this.#lastMs = clock.nowMs();
      if (clock.nowMs() - this.#lastMs > SILENCE_MS_MAX) {
        connection.destroy(new Error(`no message within ${SILENCE_MS_MAX / 1000} s`));
        return;
      }
    }
  }
}
