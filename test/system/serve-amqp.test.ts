/** The same server on a RabbitMQ stream: it comes through a broker that dies and comes back, and through its own
 *  kill -9, with every second that the shop served. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Broker, startBroker } from './broker.ts';
import {
  countedBy,
  demoShopOf,
  disagreements,
  eventually,
  queryJson,
  type RunningServer,
  servedBy,
  startServer,
} from './server.ts';

let data: string;
let broker: Broker;
let server: RunningServer;

const start = (): Promise<RunningServer> =>
  startServer([
    '--demo',
    '--log',
    broker.url,
    '--data',
    join(data, 'server'),
    '--socket',
    join(data, 'node.sock'),
  ]);

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'tailglow-amqp-'));
  broker = await startBroker();
  server = await start();
});
afterAll(async () => {
  await server?.stop();
  await broker?.stop();
  rmSync(data, { recursive: true, force: true });
});

it('keeps every second through a dead broker and a dead server', async () => {
  const from = await eventually(30_000, async () => {
    const json = await queryJson(server.url, 'http.requests last 5s step 1s | count');
    const values = (json['series'] as { values: (number | null)[] }[])[0]?.values ?? [];
    return values.some((v) => v !== null && v > 0) ? Math.floor(Date.now() / 1000) + 1 : undefined;
  });
  await broker.kill9();
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const away = await fetch(`${server.url}/readyz`);
  expect(away.status).toBe(503);
  expect(((await away.json()) as { detail: string }).detail).toContain('log');
  await broker.restart();
  const until = Math.floor(Date.now() / 1000) + 2;
  const counted = await eventually(60_000, async () => {
    const values = await countedBy(server.url, from, until);
    return values.length === until - from && values.every((v) => v !== null) ? values : undefined;
  });
  const served = await servedBy(demoShopOf(server), from, until);
  expect(disagreements(counted, served, from)).toEqual([]);
  await server.kill9();
  server = await start(); // with a shop of its own, whose seconds are later ones
  const again = await eventually(30_000, async () => {
    const values = await countedBy(server.url, from, until);
    return values.length === counted.length && values.every((v) => v !== null) ? values : undefined;
  });
  expect(again).toEqual(counted);
});

it('answers what was known from the stream', async () => {
  const from = Math.floor(Date.now() / 1000) + 2;
  const until = from + 12;
  const counted = await eventually(60_000, async () => {
    const values = Date.now() < (until + 5) * 1000 ? [] : await countedBy(server.url, from, until);
    return values.length > 0 && values.at(-1) !== null ? values : undefined;
  });
  const iso = (second: number): string => new Date(second * 1000).toISOString();
  const values = async (asOf: number): Promise<(number | null)[]> => {
    const statement = `http.requests from ${iso(from)} to ${iso(until)} step 1s as of ${iso(asOf)} | count`;
    return ((await queryJson(server.url, statement))['series'] as { values: (number | null)[] }[])[0]!.values;
  };
  expect(await values(until + 4)).toEqual(counted);
  const then = await values(from + 6);
  expect(then.slice(0, 3)).toEqual(counted.slice(0, 3));
  expect(then.slice(6)).toEqual(Array.from({ length: 6 }, () => null));
});
