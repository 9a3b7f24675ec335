/** One connection to a broker, made safe: every call ends (deadline, or with the connection), every error is
 *  heard, and the end of the connection is one promise. Does not reconnect: `keepTrying` does that.
 *
 *  Bounds, from measurements with RabbitMQ 3.10 and amqplib 2.3: a frozen broker lets a connect hang for ever
 *  without its own limit; with heartbeats every 5 s a dead peer is noticed in 10 to 15 s. */
import { Duplex } from 'node:stream';
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import type { Clock } from '../model/clock.ts';

const HEARTBEAT_SECONDS = 5;
const CONNECT_MS_MAX = 3000;
/** An answer of the broker to anything but a publish. */
const ANSWER_MS_MAX = 10_000;
/** How long a broker may take to say goodbye. */
const GOODBYE_MS_MAX = 1000;
const RETRY_MS_MIN = 250;
const RETRY_MS_MAX = 5000;
/** A connection that lived this long ends the doubling of the pauses. */
const STEADY_MS = 10_000;

export class BrokerUrlError extends Error {
  readonly code = 'BROKER_URL';
}

/** What messages call the broker: its URL without user and password. Throws BrokerUrlError. */
export function brokerName(url: string): string {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target?.protocol !== 'amqp:' && target?.protocol !== 'amqps:') {
    throw new BrokerUrlError(
      `Cannot use broker URL: found ${target?.protocol ?? 'none'}, expected amqp: or amqps:`,
    );
  }
  return `${target.protocol}//${target.host}${target.pathname}`;
}

interface Blocked {
  readonly reason: string;
  readonly sinceMs: number;
}

export class AmqpConnection {
  /** Resolves with the reason when the connection is no more; never rejects. */
  readonly gone: Promise<Error>;
  readonly #model: ChannelModel;
  readonly #clock: Clock;
  #blocked: Blocked | undefined;

  private constructor(model: ChannelModel, clock: Clock) {
    this.#model = model;
    this.#clock = clock;
    this.gone = new Promise((resolve) => {
      // `error` comes first where there is one; an operator's close comes without.
      model.on('error', resolve);
      model.on('close', (error) => resolve(error ?? new Error('the connection is closed')));
    });
    model.on('blocked', (reason) => (this.#blocked ??= { reason, sinceMs: clock.nowMs() }));
    model.on('unblocked', () => (this.#blocked = undefined));
  }

  /** A connection that ends at once when `signal` aborts. */
  static async open(url: string, clock: Clock, signal: AbortSignal): Promise<AmqpConnection> {
    const target = new URL(url);
    target.searchParams.set('heartbeat', String(HEARTBEAT_SECONDS));
    const model = await connect(target.href, { noDelay: true, keepAlive: true, timeout: CONNECT_MS_MAX });
    const connection = new AmqpConnection(model, clock);
    const abort = (): void => connection.destroy(new Error('the log is closed'));
    void connection.gone.then(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    return connection;
  }

  /** Why the broker takes no messages for now (memory, disk); undefined when it does. */
  get blocked(): Blocked | undefined {
    return this.#blocked;
  }

  async channel(): Promise<Channel> {
    return heard(await this.answer(this.#model.createChannel()));
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    return heard(await this.answer(this.#model.createConfirmChannel()));
  }

  /** What the broker answers; rejects when the connection ends first, or when it takes too long, which ends it. */
  async answer<T>(work: Promise<T>, limitMs = ANSWER_MS_MAX): Promise<T> {
    const answered = new AbortController();
    const late = this.#clock.sleep(limitMs, answered.signal).then(() => {
      if (answered.signal.aborted) return;
      this.destroy(new Error(`no answer within ${limitMs / 1000} s`));
    });
    try {
      return await Promise.race([work, this.gone.then((reason) => Promise.reject(reason))]);
    } finally {
      answered.abort();
      await late;
    }
  }

  /** Ends the connection now, whatever the other side does. An error is given to the socket, because without
   *  one its end goes unnoticed until the heartbeat. */
  destroy(reason: Error): void {
    const stream = 'stream' in this.#model.connection ? this.#model.connection.stream : undefined;
    if (stream instanceof Duplex) stream.destroy(reason);
  }

  /** Ends it in good order where the broker answers, else without. */
  async close(): Promise<void> {
    try {
      await this.answer(this.#model.close(), GOODBYE_MS_MAX);
    } catch {
      /* it is gone, which is what was asked */
    }
  }
}

/** An error event that nobody hears would end the process; who uses the channel sees it as its close. */
function heard<T extends Channel>(channel: T): T {
  channel.on('error', () => {});
  return channel;
}

/** Resolves with the reason when the channel or its connection is no more. */
export function channelGone(connection: AmqpConnection, channel: Channel): Promise<Error> {
  const closed = new Promise<Error>((resolve) => {
    channel.on('error', resolve);
    channel.on('close', () => resolve(new Error('the channel is closed')));
  });
  return Promise.race([connection.gone, closed]);
}

export interface Trying {
  readonly clock: Clock;
  /** 0 <= x < 1. Many clients of one broker must not come back in step. */
  readonly prng: () => number;
  readonly signal: AbortSignal;
  readonly onFailure: (error: unknown) => void;
}

/** Makes attempts until `signal` aborts: an attempt lives as long as its connection and then throws. Pauses
 *  between them of 250 ms, doubling to 5 s, each times 0.5 to 1.5. */
export async function keepTrying(trying: Trying, attempt: () => Promise<void>): Promise<void> {
  const { clock, prng, signal, onFailure } = trying;
  let pauseMs = RETRY_MS_MIN;
  while (!signal.aborted) {
    const startedMs = clock.nowMs();
    try {
      await attempt();
    } catch (error) {
      onFailure(error);
    }
    if (clock.nowMs() - startedMs > STEADY_MS) pauseMs = RETRY_MS_MIN;
    await clock.sleep(pauseMs * (0.5 + prng()), signal);
    pauseMs = Math.min(pauseMs * 2, RETRY_MS_MAX);
  }
}
