/** The log as a RabbitMQ stream: its names, its messages, and what both ends ask of it when they connect.
 *
 *  Exchange `tailglow.data`, direct, durable; a stream bound to it under its own name, `tailglow.log.0` by
 *  default. How much the stream keeps is the operator's, as a policy, so that it can change without a new
 *  stream:
 *    rabbitmqctl set_policy tailglow-log '^tailglow\.log\.' --apply-to queues \
 *      '{"max-age":"1h","max-length-bytes":2000000000,"stream-max-segment-size-bytes":50000000}'
 *
 *  Messages: type `entry` (body = payload), `tick` (no body; once a second from a writer that has nothing to
 *  say, so that a reader can tell a quiet log from a deaf ear), `identity` (no body; claims an empty stream).
 *  Headers: `log`, the identity; `arrivedMs`. The identity of a stream is the first that its messages name:
 *  when several claim it at once, all read the same first one. It is on every message because the stream
 *  forgets its beginning. */
import type { Channel, ConsumeMessage, Options } from 'amqplib';
import { assert } from '../model/assert.ts';
import type { Clock } from '../model/clock.ts';
import { ARRIVAL_DISORDER_MS_MAX, type LogEntry } from '../model/log.ts';
import { type AmqpConnection, channelGone } from './amqp-connection.ts';

export const EXCHANGE = 'tailglow.data';
export const STREAM = 'tailglow.log.0';

/** An empty stream is claimed when it has said nothing for this long. */
const CLAIM_AFTER_MS = 1000;
/** The last chunk of a stream is over when nothing more of it came for this long. */
const LAST_CHUNK_QUIET_MS = 500;
/** In a stream that never falls quiet, the last chunk came within this. */
const LAST_CHUNK_MS_MAX = 2000;
/** A chunk that is there comes within this. */
const SEEK_MS_MAX = 3000;
/** Credit of a short look at the stream: for the first message little is needed, the last chunk should come
 *  whole. */
const LOOK_PREFETCH = 10;
const LAST_CHUNK_PREFETCH = 1000;

const NOT_FOUND = 404;
const ACCESS_REFUSED = 403;

export interface Delivery {
  readonly kind: 'entry' | 'tick' | 'identity';
  /** Undefined where its writer did not know it. */
  readonly identity: string | undefined;
  readonly entry: LogEntry;
}

export function publishOptions(
  kind: Delivery['kind'],
  arrivedMs: number,
  identity: string | undefined,
): Options.Publish {
  const headers = identity === undefined ? { arrivedMs } : { arrivedMs, log: identity };
  // Mandatory: what no queue takes comes back, instead of being confirmed and dropped.
  return { type: kind, headers, persistent: true, mandatory: true };
}

/** What a message of the stream is. One of a stranger counts as an entry: who folds it says what is wrong. */
export function deliveryOf(message: ConsumeMessage, nowMs: number): Delivery {
  const { headers, type: typeText } = message.properties;
  const type: unknown = typeText;
  const offset: unknown = headers?.['x-stream-offset'];
  const arrivedMs: unknown = headers?.['arrivedMs'];
  const identity: unknown = headers?.['log'];
  if (typeof offset !== 'number')
    throw new Error('the queue gives messages without offsets, so it is no stream');
  return {
    kind: type === 'tick' || type === 'identity' ? type : 'entry',
    identity: typeof identity === 'string' ? identity : undefined,
    entry: {
      offset,
      arrivedMs:
        typeof arrivedMs === 'number' && Number.isSafeInteger(arrivedMs) ? arrivedMs : Math.floor(nowMs),
      payload: message.content,
    },
  };
}

/** Makes exchange, stream and binding where they are missing; what an operator made stays as it is, also where
 *  this user may not change it. */
export async function declareStream(connection: AmqpConnection, stream: string): Promise<void> {
  const hasStream = await unless(NOT_FOUND, connection, (channel) => channel.checkQueue(stream));
  if (!hasStream) {
    const options = { durable: true, arguments: { 'x-queue-type': 'stream' } };
    await declare(connection, (channel) => channel.assertQueue(stream, options));
  }
  const hasExchange = await unless(NOT_FOUND, connection, (channel) => channel.checkExchange(EXCHANGE));
  if (!hasExchange) {
    await declare(connection, (channel) => channel.assertExchange(EXCHANGE, 'direct', { durable: true }));
  }
  await unless(ACCESS_REFUSED, connection, (channel) => channel.bindQueue(stream, EXCHANGE, stream));
}

/** Does `work` on a channel of its own; false where the broker refused it with `code`, which ends a channel. */
async function unless(
  code: number,
  connection: AmqpConnection,
  work: (channel: Channel) => Promise<unknown>,
): Promise<boolean> {
  try {
    await declare(connection, work);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === code) return false;
    throw error;
  }
}

async function declare(
  connection: AmqpConnection,
  work: (channel: Channel) => Promise<unknown>,
): Promise<void> {
  const channel = await connection.channel();
  await connection.answer(work(channel));
  await connection.answer(channel.close());
}

/** Where a look begins: at the first or the last chunk, or at the chunk of a second of the broker's clock. */
type LookPlace = 'first' | 'last' | { readonly atSecond: number };

interface Look {
  readonly place: LookPlace;
  /** Called with every message; true ends the look. */
  readonly isEnough: (message: ConsumeMessage) => boolean;
  /** Waited for before the look ends; messages go on coming. */
  readonly afterwards?: () => Promise<void>;
}

/** Reads the stream from `place` on, on a channel of its own. */
async function look(connection: AmqpConnection, stream: string, options: Look): Promise<void> {
  const channel = await connection.channel();
  const gone = channelGone(connection, channel);
  const { place } = options;
  await connection.answer(channel.prefetch(place === 'last' ? LAST_CHUNK_PREFETCH : LOOK_PREFETCH));
  const enough = new Promise<void>((resolve, reject) => {
    const take = (message: ConsumeMessage | null): void => {
      if (message === null) return reject(new Error(`stream "${stream}" is deleted`));
      try {
        if (options.isEnough(message)) resolve();
        channel.ack(message);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const from = typeof place === 'string' ? place : { '!': 'timestamp', value: place.atSecond };
    channel.consume(stream, take, { arguments: { 'x-stream-offset': from } }).catch(reject);
  });
  await connection.answer(Promise.race([enough, gone.then((reason) => Promise.reject(reason))]));
  await options.afterwards?.();
  await connection.answer(channel.close());
}

/** The stream's identity; waits for the first message that names it. */
export async function readIdentity(connection: AmqpConnection, stream: string): Promise<string> {
  let identity = '';
  const isEnough = (message: ConsumeMessage): boolean => {
    identity ||= deliveryOf(message, 0).identity ?? '';
    return identity !== '';
  };
  await look(connection, stream, { place: 'first', isEnough });
  return identity;
}

/** The stream's identity, claimed as `ours` where the stream has none; undefined where this user may not read
 *  it, who then writes without. */
export async function readOrClaimIdentity(
  connection: AmqpConnection,
  stream: string,
  ours: string,
  clock: Clock,
): Promise<string | undefined> {
  const found = new AbortController();
  const claiming = (async () => {
    await clock.sleep(CLAIM_AFTER_MS, found.signal);
    if (found.signal.aborted) return;
    const channel = await connection.confirmChannel();
    channel.on('return', () => connection.destroy(new Error(`stream "${stream}" is not bound or not ready`)));
    const options = publishOptions('identity', Math.floor(clock.nowMs()), ours);
    channel.publish(EXCHANGE, stream, Buffer.alloc(0), options);
    await connection.answer(channel.waitForConfirms());
  })();
  try {
    const [identity] = await Promise.all([
      readIdentity(connection, stream).finally(() => found.abort()),
      claiming,
    ]);
    return identity;
  } catch (error) {
    found.abort();
    await claiming.catch(() => {
      /* the reading failed first, and says why */
    });
    if (error instanceof Error && 'code' in error && error.code === ACCESS_REFUSED) return undefined;
    throw error;
  }
}

/** The offset after the last message of a stream that has one, or one that is at least `enough`: looks no
 *  further then. In a stream that goes on, it is the end of some moment since the call. */
export async function readEnd(
  connection: AmqpConnection,
  stream: string,
  clock: Clock,
  enough = Number.POSITIVE_INFINITY,
): Promise<number> {
  let end = 0;
  let firstMs: number | undefined;
  let lastMs = 0;
  const isEnough = (message: ConsumeMessage): boolean => {
    end = Math.max(end, deliveryOf(message, 0).entry.offset + 1);
    lastMs = clock.nowMs();
    firstMs ??= lastMs;
    return true;
  };
  const isOver = (nowMs: number): boolean =>
    end >= enough || nowMs - lastMs > LAST_CHUNK_QUIET_MS || nowMs - (firstMs ?? nowMs) > LAST_CHUNK_MS_MAX;
  const afterwards = async (): Promise<void> => {
    while (!isOver(clock.nowMs())) await clock.sleep(50);
  };
  await look(connection, stream, { place: 'last', isEnough, afterwards });
  return end;
}

/** As LogReader.seek, of a stream that has a message. The broker finds a chunk by when it wrote it, by its own
 *  clock; where that is behind by more than `disorderMs` it would wait, and all is to be read. */
export async function seekStream(
  connection: AmqpConnection,
  stream: string,
  arrivedMs: number,
  { clock, disorderMs = ARRIVAL_DISORDER_MS_MAX }: { readonly clock: Clock; readonly disorderMs?: number },
): Promise<number | undefined> {
  const sureMs = arrivedMs - disorderMs;
  const first = await firstEntry(connection, stream, 'first');
  if (first.arrivedMs >= sureMs) return first.offset === 0 ? 0 : undefined;
  const last = await firstEntry(connection, stream, 'last');
  if (last.arrivedMs < sureMs) return last.offset;
  const atSecond = Math.max(0, Math.floor((sureMs - disorderMs) / 1000));
  const answered = new AbortController();
  const found = firstEntry(connection, stream, { atSecond }).then(
    ({ offset }) => offset,
    () => undefined,
  );
  const late = clock.sleep(SEEK_MS_MAX, answered.signal).then(() => undefined);
  const offset = await Promise.race([found, late]);
  answered.abort();
  return offset ?? first.offset;
}

async function firstEntry(connection: AmqpConnection, stream: string, place: LookPlace): Promise<LogEntry> {
  let entry: LogEntry | undefined;
  const isEnough = (message: ConsumeMessage): boolean => {
    entry ??= deliveryOf(message, 0).entry;
    return true;
  };
  await look(connection, stream, { place, isEnough });
  assert(entry !== undefined, 'a look ends with a message');
  return entry;
}
