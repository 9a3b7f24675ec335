/** The log over a real RabbitMQ: the laws of a log, and what a broker does to it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AmqpConnection } from '../../src/log/amqp-connection.ts';
import { type AmqpLog, openAmqpLog } from '../../src/log/amqp-log.ts';
import { type AmqpLogReader, openAmqpLogReader } from '../../src/log/amqp-log-reader.ts';
import { seekStream } from '../../src/log/amqp-stream.ts';
import { systemClock } from '../../src/model/clock.ts';
import { LogReplacedError } from '../../src/model/log.ts';
import { contents, logLaws, type LogUnderTest, take } from '../log/log-laws.ts';
import { type Broker, startBroker } from './broker.ts';

const clock = systemClock;
let broker: Broker;
let streams = 0;

/** Each test has a stream of its own: one broker is enough, and a broker takes ten seconds to start. */
const newStream = (): string => `tailglow.log.test${(streams += 1)}`;
const writerOf = (stream: string, by = clock): AmqpLog => openAmqpLog(broker.url, { clock: by, stream });
const readerOf = (stream: string): AmqpLogReader => openAmqpLogReader(broker.url, { clock, stream });
const numbered = (i: number): Buffer => Buffer.from(String(i).padStart(6, '0').repeat(20));
const numberOf = (payload: Uint8Array): number => Number(Buffer.from(payload).toString('latin1', 0, 6));

beforeAll(async () => {
  broker = await startBroker();
});
afterAll(async () => {
  await broker?.stop();
});

async function until(condition: () => boolean, limitMs = 60_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error('waited too long');
    await clock.sleep(20);
  }
}

/** Reads into `seen` until stopped. */
function follow(reader: AmqpLogReader, from: number) {
  const stop = new AbortController();
  const seen: { offset: number; number: number }[] = [];
  const ended = (async () => {
    for await (const batch of reader.read(from, stop.signal)) {
      seen.push(...batch.map(({ offset, payload }) => ({ offset, number: numberOf(payload) })));
    }
  })();
  return { seen, stop: () => (stop.abort(), ended), ended };
}

/** Appends numbers one after the other at about 500/s until stopped; remembers which were confirmed. */
function load(log: AmqpLog) {
  const confirmed: number[] = [];
  const refused: number[] = [];
  let going = true;
  const ended = (async () => {
    const all: Promise<unknown>[] = [];
    for (let i = 0; going; i++) {
      all.push(
        log.append(numbered(i)).then(
          () => confirmed.push(i),
          () => refused.push(i),
        ),
      );
      if (i % 5 === 4) await clock.sleep(10);
    }
    await Promise.all(all);
  })();
  return { confirmed, refused, stop: () => ((going = false), ended) };
}

async function streamUnderTest(): Promise<LogUnderTest> {
  const stream = newStream();
  return {
    openWriter: (by) => Promise.resolve(writerOf(stream, by)),
    openReader: () => readerOf(stream),
    dispose: () => Promise.resolve(),
  };
}

logLaws('RabbitMQ log', streamUnderTest, 2, 1000);

it("finds the chunk of a time by the broker's clock", async () => {
  const stream = newStream();
  const log = writerOf(stream);
  for (let i = 0; i < 60; i++) {
    await log.append(numbered(i));
    await clock.sleep(100);
  }
  const entries = await take(readerOf(stream), 0, 60);
  const connection = await AmqpConnection.open(broker.url, clock, new AbortController().signal);
  const seek = (arrivedMs: number) => seekStream(connection, stream, arrivedMs, { clock, disorderMs: 1000 });
  const { arrivedMs: beganMs } = entries[0]!;
  for (const afterMs of [0, 2000, 3500, 5000]) {
    const from = await seek(beganMs + afterMs);
    const since = entries.filter(({ arrivedMs }) => arrivedMs >= beganMs + afterMs);
    expect(from).toBeLessThanOrEqual(since[0]!.offset);
  }
  // What is sure to lie before is left out.
  expect(await seek(beganMs + 5500)).toBeGreaterThan(entries[5]!.offset);
  expect(await seek(beganMs + 60_000)).toBeGreaterThan(entries[30]!.offset);
  await connection.close();
  await log.close();
});

describe('a broker that fails', () => {
  it('killed under load twice: nothing confirmed is lost, nothing is given twice at one offset', async () => {
    const stream = newStream();
    const log = writerOf(stream);
    const reader = readerOf(stream);
    const reading = follow(reader, 0);
    const loading = load(log);
    for (let kill = 0; kill < 2; kill++) {
      const before = loading.confirmed.length;
      await until(() => loading.confirmed.length > before + 300);
      await broker.kill9();
      await until(() => !log.health().ok);
      await broker.restart();
      await until(() => log.health().ok);
    }
    const before = loading.confirmed.length;
    await until(() => loading.confirmed.length > before + 300);
    await loading.stop();
    expect(loading.refused).toEqual([]);
    const all = new Set(loading.confirmed);
    expect(all.size).toBe(loading.confirmed.length);
    await until(() => new Set(reading.seen.map((entry) => entry.number)).size === all.size);
    await reading.stop();
    const offsets = reading.seen.map((entry) => entry.offset);
    expect(offsets).toEqual([...new Set(offsets)].toSorted((a, b) => a - b));
    const again = await take(readerOf(stream), 0, offsets.length);
    expect(again.map((entry) => entry.offset)).toEqual(offsets);
    await log.close();
  });

  it('closes connections as its operator says: both ends come back', async () => {
    const stream = newStream();
    const log = writerOf(stream);
    const reader = readerOf(stream);
    const reading = follow(reader, 0);
    const loading = load(log);
    for (let i = 0; i < 2; i++) {
      const before = loading.confirmed.length;
      await until(() => loading.confirmed.length > before + 100 && reading.seen.length > before);
      await broker.ctl(['close_all_connections', 'test']);
    }
    const before = loading.confirmed.length;
    await until(() => loading.confirmed.length > before + 100);
    await loading.stop();
    expect(loading.refused).toEqual([]);
    await until(() => new Set(reading.seen.map((entry) => entry.number)).size === loading.confirmed.length);
    await reading.stop();
    await log.close();
  });

  it('absent at the start: appends wait, and are confirmed when it comes', async () => {
    await broker.kill9();
    const stream = newStream();
    const log = writerOf(stream);
    const reading = follow(readerOf(stream), 0);
    const waiting = [1, 2, 3].map((i) => log.append(numbered(i)));
    await until(() => {
      const health = log.health();
      return !health.ok && health.reason.includes('ECONNREFUSED');
    });
    await broker.restart();
    await Promise.all(waiting);
    expect(log.health()).toEqual({ ok: true });
    await until(() => reading.seen.length === 3);
    expect(reading.seen.map((entry) => entry.number)).toEqual([1, 2, 3]);
    await reading.stop();
    await log.close();
  });

  it('frozen: no confirm within its time ends the connection; what was sent is sent again', async () => {
    const stream = newStream();
    const log = writerOf(stream);
    await log.append(numbered(0));
    broker.freeze();
    const append = log.append(numbered(1));
    await until(() => !log.health().ok);
    broker.thaw();
    await append;
    await until(() => log.health().ok);
    const entries = await take(readerOf(stream), 0, 2);
    expect(new Set(entries.map((entry) => numberOf(entry.payload)))).toEqual(new Set([0, 1]));
    await log.close();
  });

  it('blocks on a memory alarm: the writer says so and waits, without a new connection, and goes on', async () => {
    const stream = newStream();
    const log = writerOf(stream);
    await log.append(numbered(0));
    await broker.ctl(['set_vm_memory_high_watermark', '0.0001']);
    const append = log.append(numbered(1));
    await until(() => {
      const health = log.health();
      return !health.ok && health.reason.startsWith('the broker blocks: ');
    });
    // Longer than the confirm timeout.
    await clock.sleep(6000);
    expect(log.health()).toMatchObject({ ok: false, reason: 'the broker blocks: low on memory' });
    await broker.ctl(['set_vm_memory_high_watermark', '0.4']);
    await append;
    expect(log.health()).toEqual({ ok: true });
    const entries = await take(readerOf(stream), 0, 2);
    expect(entries.map((entry) => numberOf(entry.payload))).toEqual([0, 1]);
    await log.close();
  });
});

describe('a stream that changes', () => {
  it('deleted and made anew: the writer goes on in the new one, the reading ends and says why', async () => {
    const stream = newStream();
    const log = writerOf(stream);
    for (let i = 0; i < 5; i++) await log.append(numbered(i));
    const reader = readerOf(stream);
    const identity = await reader.identity();
    const reading = follow(reader, 0);
    await until(() => reading.seen.length === 5);
    const ended = expect(reading.ended).rejects.toThrow(LogReplacedError);
    await broker.ctl(['delete_queue', stream]);
    await log.append(numbered(7));
    await ended;
    expect(await reader.identity()).not.toBe(identity);
    const anew = await take(reader, 0, 1);
    expect(anew.map((entry) => numberOf(entry.payload))).toEqual([7]);
    await log.close();
  });

  it('shorter than the offset asked for: reads from the first', async () => {
    const stream = newStream();
    const log = writerOf(stream);
    await Promise.all([1, 2, 3].map((i) => log.append(numbered(i))));
    const entries = await take(readerOf(stream), 1000, 3);
    expect(entries.map((entry) => numberOf(entry.payload))).toEqual([1, 2, 3]);
    await log.close();
  });

  it('declared by an operator with other arguments is used as it is', async () => {
    const stream = newStream();
    const { connect } = await import('amqplib');
    const operator = await connect(broker.url);
    const channel = await operator.createChannel();
    const options = {
      durable: true,
      arguments: { 'x-queue-type': 'stream', 'x-max-length-bytes': 50_000_000 },
    };
    await channel.assertQueue(stream, options);
    await operator.close();
    const log = writerOf(stream);
    await log.append(numbered(1));
    expect(contents(await take(readerOf(stream), 0, 1))).toHaveLength(1);
    await log.close();
  });

  it('may be written by a user who may neither declare nor read it, and read by one who may do only that', async () => {
    const stream = newStream();
    const owner = writerOf(stream);
    await owner.append(numbered(0));
    const asUser = async (name: string, permissions: readonly string[]): Promise<string> => {
      await broker.ctl(['add_user', name, 'secret']);
      await broker.ctl(['set_permissions', name, ...permissions]);
      return broker.url.replace('amqp://', `amqp://${name}:secret@`);
    };
    const measures = await asUser('measures', ['^$', '^tailglow\\.data$', '^$']);
    const folds = await asUser('folds', ['^$', '^$', '^tailglow\\.log\\.']);
    const log = openAmqpLog(measures, { clock, stream });
    await log.append(numbered(1));
    const reader = openAmqpLogReader(folds, { clock, stream });
    const entries = await take(reader, 0, 2);
    expect(entries.map((entry) => numberOf(entry.payload))).toEqual([0, 1]);
    expect(await reader.identity()).toBe(await readerOf(stream).identity());
    await Promise.all([log.close(), owner.close()]);
  });

  it('whose first writers come at once has one identity for all of them', async () => {
    const stream = newStream();
    const logs = Array.from({ length: 4 }, () => writerOf(stream));
    await Promise.all(logs.map((log, i) => log.append(numbered(i))));
    const readers = Array.from({ length: 3 }, () => readerOf(stream));
    const identities = await Promise.all(readers.map((reader) => reader.identity()));
    expect(new Set(identities).size).toBe(1);
    expect(await take(readers[0]!, 0, 4)).toHaveLength(4);
    await Promise.all(logs.map((log) => log.close()));
  });
});

it('keeps a quiet log alive: a waiting reader stays connected, sees no tick, and hears what comes', async () => {
  const stream = newStream();
  const log = writerOf(stream);
  await log.append(numbered(0));
  const reader = readerOf(stream);
  const reading = follow(reader, 0);
  await until(() => reading.seen.length === 1);
  for (let i = 0; i < 70; i++) {
    await clock.sleep(100);
    expect(reader.health()).toEqual({ ok: true });
  }
  await log.append(numbered(1));
  await until(() => reading.seen.length === 2);
  expect(reading.seen.map((entry) => entry.number)).toEqual([0, 1]);
  expect(reading.seen[1]!.offset).toBeGreaterThan(reading.seen[0]!.offset + 4);
  await reading.stop();
  await log.close();
});

it('holds a bounded part of the stream for a slow reader, and gives it all', async () => {
  const stream = newStream();
  const log = writerOf(stream);
  const reader = readerOf(stream);
  const stop = new AbortController();
  const sending = Promise.all(Array.from({ length: 400 }, (_, i) => log.append(numbered(i))));
  const seen: number[] = [];
  for await (const batch of reader.read(0, stop.signal)) {
    if (seen.length === 0) await clock.sleep(7000);
    seen.push(...batch.map((entry) => numberOf(entry.payload)));
    expect(batch.length).toBeLessThanOrEqual(400);
    if (seen.length >= 400) stop.abort();
  }
  await sending;
  expect(seen).toEqual(Array.from({ length: 400 }, (_, i) => i));
  await log.close();
});
