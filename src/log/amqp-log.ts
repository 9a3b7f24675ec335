/** The log over a RabbitMQ stream, writing: the fleet's. One confirm channel on a connection of its own, and
 *  nothing else on it; a message that comes back, a nack, or 5 s without a confirm (while the broker does not
 *  block) ends the connection, later confirms of it count for nothing, and what is unconfirmed is sent again.
 *  Each rule was paid for with lost messages: with another queue on the channel, or with confirms believed
 *  after a return, RabbitMQ 3.10 confirms what it drops.
 *
 *  A confirm does not survive a power cut of the broker (streams do not sync), so a report is safe only when a
 *  fold covers it. Offsets are positions with holes. What is kept is the broker's policy: `trim` does nothing.
 *
 *  Bounds: 64 messages or 4 MB unconfirmed; 64 MB or 65,536 entries wait, then appends are refused; an entry
 *  that waits for 60 s is refused, though it may yet arrive. */
import { randomUUID } from 'node:crypto';
import type { ConfirmChannel } from 'amqplib';
import { assert } from '../model/assert.ts';
import type { Clock } from '../model/clock.ts';
import { ENTRY_BYTES_MAX } from '../model/limits.ts';
import { LogUnavailableError, type LogWriter } from '../model/log.ts';
import { AmqpConnection, brokerName, channelGone, keepTrying } from './amqp-connection.ts';
import { declareStream, EXCHANGE, publishOptions, readOrClaimIdentity, STREAM } from './amqp-stream.ts';
import { HEALTHY, type LogHealth, reasonOf } from './health.ts';

const WINDOW_MESSAGES = 64;
const WINDOW_BYTES = 4 * 1024 * 1024;
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;
const QUEUE_ENTRIES_MAX = 65_536;
/** Longer than a broker takes to start again. */
const WAIT_MS_MAX = 60_000;
const CONFIRM_MS_MAX = 5000;
/** After a return the queue is not ready; soon it is. */
const RETURN_PAUSE_MS = 1000;
const TICK_MS = 1000;
const WATCH_MS = 250;
/** What close waits for the last confirms. */
const CLOSE_MS_MAX = 5000;

assert(ENTRY_BYTES_MAX <= WINDOW_BYTES, 'every entry fits the window');

export interface AmqpLogOptions {
  readonly clock: Clock;
  /** 0 <= x < 1. */
  readonly prng?: () => number;
  readonly stream?: string;
  /** A UUID for a stream that is empty. */
  readonly newIdentity?: () => string;
}

export interface AmqpLog extends LogWriter {
  readonly confirmsDurably: false;
  health(): LogHealth;
}

/** Connects by itself, now and whenever it must; appends wait for it. Throws BrokerUrlError. */
export function openAmqpLog(url: string, options: AmqpLogOptions): AmqpLog {
  return new StreamWriter(url, options);
}

interface Entry {
  readonly kind: 'entry' | 'tick';
  readonly payload: Buffer;
  readonly arrivedMs: number;
  state: 'waiting' | 'sent' | 'confirmed';
  readonly resolve: () => void;
  readonly reject: (error: LogUnavailableError) => void;
}

/** One connection's life. */
interface Session {
  readonly connection: AmqpConnection;
  readonly channel: ConfirmChannel;
  readonly identity: string | undefined;
  messages: number;
  bytes: number;
  /** When the broker last confirmed, or was last owed nothing. */
  progressMs: number;
}

class StreamWriter implements AmqpLog {
  readonly confirmsDurably = false;
  readonly #url: string;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #stream: string;
  readonly #newIdentity: () => string;
  readonly #closed = new AbortController();
  readonly #ended: Promise<unknown>;
  /** In the order of the calls; the head is resolved first. */
  #queue: Entry[] = [];
  #queuedBytes = 0;
  /** Entries before this place of the queue are not `waiting`. */
  #nextToSend = 0;
  #session: Session | undefined;
  #failure: { readonly reason: string; readonly sinceMs: number } | undefined;
  #lastPublishMs = 0;
  #closing = false;

  constructor(url: string, options: AmqpLogOptions) {
    this.#url = url;
    this.#clock = options.clock;
    this.#stream = options.stream ?? STREAM;
    this.#name = `log "${this.#stream}" at ${brokerName(url)}`;
    this.#newIdentity = options.newIdentity ?? randomUUID;
    this.#failure = { reason: 'not connected yet', sinceMs: this.#clock.nowMs() };
    const { signal } = this.#closed;
    const onFailure = (error: unknown): void => this.#failed(error);
    const trying = { clock: this.#clock, prng: options.prng ?? Math.random, signal, onFailure };
    this.#ended = Promise.all([keepTrying(trying, () => this.#connect()), this.#watch()]);
  }

  append(payload: Uint8Array): Promise<void> {
    assert(
      payload.length >= 1 && payload.length <= ENTRY_BYTES_MAX,
      () => `payload has ${payload.length} bytes`,
    );
    if (this.#closing) return Promise.reject(this.#unavailable('it is closed'));
    if (this.#queue.length >= QUEUE_ENTRIES_MAX || this.#queuedBytes + payload.length > QUEUE_BYTES_MAX) {
      const state = `${this.#queue.length} entries of ${this.#queuedBytes} bytes wait for the broker`;
      return Promise.reject(this.#unavailable(state, this.#failure?.reason));
    }
    return new Promise((resolve, reject) => this.#enqueue('entry', payload, resolve, reject));
  }

  trim(): Promise<void> {
    return Promise.resolve();
  }

  health(): LogHealth {
    if (this.#failure !== undefined) return { ok: false, ...this.#failure };
    const blocked = this.#session?.connection.blocked;
    if (blocked === undefined) return HEALTHY;
    return { ok: false, reason: `the broker blocks: ${blocked.reason}`, sinceMs: blocked.sinceMs };
  }

  async close(): Promise<void> {
    this.#closing = true;
    const untilMs = this.#clock.nowMs() + CLOSE_MS_MAX;
    while (this.#queue.length > 0 && this.#session !== undefined && this.#clock.nowMs() < untilMs) {
      await this.#clock.sleep(10);
    }
    await this.#session?.connection.close();
    this.#closed.abort();
    for (const { reject } of this.#queue) reject(this.#unavailable('it is closed'));
    this.#queue = [];
    await this.#ended;
  }

  #unavailable(state: string, reason?: string): LogUnavailableError {
    const why = reason === undefined ? '' : ` (${reason})`;
    return new LogUnavailableError(`Cannot append to ${this.#name}: ${state}${why}`);
  }

  #enqueue(kind: Entry['kind'], payload: Uint8Array, resolve: () => void, reject: Entry['reject']): void {
    const arrivedMs = Math.floor(this.#clock.nowMs());
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#queue.push({ kind, payload: bytes, arrivedMs, state: 'waiting', resolve, reject });
    this.#queuedBytes += payload.length;
    this.#send();
  }

  /** One connection, from its making to its end, which is thrown. */
  async #connect(): Promise<void> {
    const identity = await this.#prepare();
    const connection = await AmqpConnection.open(this.#url, this.#clock, this.#closed.signal);
    try {
      const channel = await connection.confirmChannel();
      channel.on('return', () => this.#lose(connection, new MessageReturned(this.#stream)));
      if (this.#closed.signal.aborted) return;
      const progressMs = this.#clock.nowMs();
      this.#session = { connection, channel, identity, messages: 0, bytes: 0, progressMs };
      this.#failure = undefined;
      this.#send();
      throw await channelGone(connection, channel);
    } catch (error) {
      this.#lose(connection, error);
      if (error instanceof MessageReturned) await this.#clock.sleep(RETURN_PAUSE_MS, this.#closed.signal);
      throw error;
    } finally {
      await connection.close();
    }
  }

  /** The stream is there and has its identity: on a connection that ends with it, because the other one carries
   *  nothing but messages. */
  async #prepare(): Promise<string | undefined> {
    const connection = await AmqpConnection.open(this.#url, this.#clock, this.#closed.signal);
    try {
      await declareStream(connection, this.#stream);
      return await readOrClaimIdentity(connection, this.#stream, this.#newIdentity(), this.#clock);
    } finally {
      await connection.close();
    }
  }

  /** From here on nothing that the connection says counts; what is unconfirmed will be sent again. */
  #lose(connection: AmqpConnection, error: unknown): void {
    connection.destroy(error instanceof Error ? error : new Error(String(error)));
    if (this.#session?.connection !== connection) return;
    this.#session = undefined;
    for (const entry of this.#queue) if (entry.state === 'sent') entry.state = 'waiting';
    this.#nextToSend = 0;
  }

  #failed(error: unknown): void {
    this.#failure = { reason: reasonOf(error), sinceMs: this.#failure?.sinceMs ?? this.#clock.nowMs() };
  }

  /** Publishes what waits, as far as the window goes. */
  #send(): void {
    const session = this.#session;
    if (session === undefined) return;
    while (this.#nextToSend < this.#queue.length) {
      const entry = this.#queue[this.#nextToSend]!;
      if (entry.state === 'waiting') {
        const isFull =
          session.messages >= WINDOW_MESSAGES || session.bytes + entry.payload.length > WINDOW_BYTES;
        if (isFull && session.messages > 0) return;
        this.#publish(session, entry);
        if (this.#session !== session) return;
      }
      this.#nextToSend += 1;
    }
  }

  #publish(session: Session, entry: Entry): void {
    const nowMs = this.#clock.nowMs();
    if (session.messages === 0) session.progressMs = nowMs;
    session.messages += 1;
    session.bytes += entry.payload.length;
    this.#lastPublishMs = nowMs;
    entry.state = 'sent';
    const options = publishOptions(entry.kind, entry.arrivedMs, session.identity);
    const onConfirm = (error: unknown): void => {
      if (this.#session !== session) return;
      if (error !== null && error !== undefined) return this.#lose(session.connection, error);
      session.messages -= 1;
      session.bytes -= entry.payload.length;
      session.progressMs = this.#clock.nowMs();
      entry.state = 'confirmed';
      this.#settle();
      this.#send();
    };
    try {
      session.channel.publish(EXCHANGE, this.#stream, entry.payload, options, onConfirm);
    } catch (error) {
      this.#lose(session.connection, error);
    }
  }

  /** Resolves from the head on, so that the order of the calls holds. */
  #settle(): void {
    const firstOpen = this.#queue.findIndex((entry) => entry.state !== 'confirmed');
    const done = this.#dequeue(firstOpen < 0 ? this.#queue.length : firstOpen);
    for (const { resolve } of done) resolve();
  }

  #dequeue(count: number): Entry[] {
    const taken = this.#queue.splice(0, count);
    for (const { payload } of taken) this.#queuedBytes -= payload.length;
    this.#nextToSend = Math.max(0, this.#nextToSend - count);
    return taken;
  }

  /** What time brings: entries too old, confirms that do not come, ticks. */
  async #watch(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      await this.#clock.sleep(WATCH_MS, this.#closed.signal);
      const nowMs = this.#clock.nowMs();
      this.#expire(nowMs);
      const session = this.#session;
      if (session === undefined) continue;
      if (session.connection.blocked !== undefined) session.progressMs = nowMs;
      if (session.messages > 0 && nowMs - session.progressMs > CONFIRM_MS_MAX) {
        this.#lose(session.connection, new Error(`no confirm within ${CONFIRM_MS_MAX / 1000} s`));
      } else if (this.#queue.length === 0 && nowMs - this.#lastPublishMs >= TICK_MS && !this.#closing) {
        const nobodyWaits = (): void => {};
        this.#enqueue('tick', Buffer.alloc(0), nobodyWaits, nobodyWaits);
      }
    }
  }

  #expire(nowMs: number): void {
    const firstYoung = this.#queue.findIndex((entry) => nowMs - entry.arrivedMs <= WAIT_MS_MAX);
    const reason = this.#failure?.reason ?? this.#session?.connection.blocked?.reason;
    for (const { reject } of this.#dequeue(firstYoung < 0 ? this.#queue.length : firstYoung)) {
      reject(this.#unavailable(`no confirm within ${WAIT_MS_MAX / 1000} s`, reason));
    }
  }
}

class MessageReturned extends Error {
  constructor(stream: string) {
    super(`stream "${stream}" is not ready: a message came back`);
  }
}
