/** What the RabbitMQ log does without a broker; test/system/log-amqp.test.ts has what it does with one. */
import { once } from 'node:events';
import net from 'node:net';
import { expect, it } from 'vitest';
import type { ConsumeMessage } from 'amqplib';
import { BrokerUrlError } from '../../src/log/amqp-connection.ts';
import { openAmqpLog } from '../../src/log/amqp-log.ts';
import { openAmqpLogReader } from '../../src/log/amqp-log-reader.ts';
import { deliveryOf, publishOptions } from '../../src/log/amqp-stream.ts';
import type { Clock } from '../../src/model/clock.ts';

/** Sleeps a little of the time asked, and says that all of it went by. */
class FastClock implements Clock {
  #aheadMs = 0;
  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const endMs = this.nowMs() + ms;
    await new Promise((resolve) => setTimeout(resolve, ms / 100));
    if (signal?.aborted !== true) this.#aheadMs = Math.max(this.#aheadMs, endMs - Date.now());
  }
}

/** The URL of a port where nobody listens. */
async function nowhere(): Promise<string> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  return `amqp://guest:secret@127.0.0.1:${port}`;
}

it('refuses an entry that waited for a minute, in order, and says why without the password', async () => {
  const log = openAmqpLog(await nowhere(), { clock: new FastClock(), prng: () => 0.5 });
  const order: string[] = [];
  const refused = async (name: string): Promise<unknown> => {
    const reason: unknown = await log.append(Buffer.of(1)).catch((error: unknown) => error);
    order.push(name);
    return reason;
  };
  const [first] = await Promise.all([refused('a'), refused('b')]);
  expect(first).toMatchObject({ code: 'LOG_UNAVAILABLE' });
  expect(String(first)).toMatch(
    /Cannot append to log "tailglow.log.0" at amqp:\/\/127.0.0.1:\d+: no confirm within 60 s \(.*ECONNREFUSED.*\)$/,
  );
  expect(order).toEqual(['a', 'b']);
  expect(log.health()).toMatchObject({ ok: false });
  await log.close();
});

it('bounds the bytes that wait, and refuses what waits when it closes', async () => {
  const log = openAmqpLog(await nowhere(), {
    clock: { nowMs: Date.now, sleep: (ms) => new Promise((r) => setTimeout(r, Math.min(ms, 5))) },
  });
  const big = Buffer.alloc(4 * 1024 * 1024);
  const waiting = Array.from({ length: 16 }, () => log.append(big));
  await expect(log.append(Buffer.of(1))).rejects.toThrow('16 entries of 67108864 bytes wait for the broker');
  const refused = Promise.allSettled(waiting);
  await log.close();
  for (const result of await refused) expect(result).toMatchObject({ reason: { code: 'LOG_UNAVAILABLE' } });
  await expect(log.append(Buffer.of(1))).rejects.toThrow('it is closed');
});

it('refuses a URL that is no broker, without showing it', () => {
  const clock = new FastClock();
  for (const url of ['http://user:secret@127.0.0.1', 'nonsense']) {
    expect(() => openAmqpLog(url, { clock })).toThrow(BrokerUrlError);
  }
  expect(() => openAmqpLogReader('http://u:secret@h', { clock })).toThrow(
    /^Cannot use broker URL: found http:, expected amqp: or amqps:$/,
  );
});

it('answers no question without a broker, after a while', async () => {
  const reader = openAmqpLogReader(await nowhere(), { clock: new FastClock(), prng: () => 0 });
  await expect(reader.identity()).rejects.toThrow(/^Cannot read log .*: no answer within 15 s$/);
  const asked = reader.end();
  await reader.close();
  await expect(asked).rejects.toThrow(/: it is closed$/);
});

function message(properties: Record<string, unknown>, content: Uint8Array): ConsumeMessage {
  return { fields: {}, properties, content: Buffer.from(content) } as unknown as ConsumeMessage;
}

it('reads back what it publishes, and takes a message of a stranger as an entry', () => {
  const { type, headers } = publishOptions('entry', 1795316527123, 'b7c1') as {
    type: string;
    headers: object;
  };
  expect(
    deliveryOf(message({ type, headers: { ...headers, 'x-stream-offset': 7 } }, Buffer.of(1)), 5),
  ).toEqual({
    kind: 'entry',
    identity: 'b7c1',
    entry: { offset: 7, arrivedMs: 1795316527123, payload: Buffer.of(1) },
  });
  const strange = { type: 'mail', headers: { 'x-stream-offset': 8, arrivedMs: 'noon', log: 3 } };
  expect(deliveryOf(message(strange, Buffer.of(2)), 5.5)).toEqual({
    kind: 'entry',
    identity: undefined,
    entry: { offset: 8, arrivedMs: 5, payload: Buffer.of(2) },
  });
  expect(() => deliveryOf(message({ headers: undefined }, Buffer.of(2)), 5)).toThrow('it is no stream');
});
