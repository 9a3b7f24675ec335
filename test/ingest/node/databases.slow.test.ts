/** The probe of database queries with the libraries themselves against real servers: what a program asks is what is
 *  counted, by its normalised text and the error that it had. */
import { Redis } from 'ioredis';
import mysqlCallbacks from 'mysql2';
import mysql from 'mysql2/promise';
import pg from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Measuring } from '../../../src/ingest/node/measuring.ts';
import { LL5 } from '../../../src/model/grid.ts';
import { asked } from '../asked.ts';
import { type DatabaseServer, startMariadb, startPostgres, startRedis } from './database-servers.ts';
import { nextSecond, sealed, start } from './measured.ts';

const BY = ['system', 'database', 'query', 'error'];
let servers: readonly [DatabaseServer, DatabaseServer, DatabaseServer];

beforeAll(async () => {
  servers = await Promise.all([startPostgres(), startMariadb(), startRedis()]);
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
});

async function measuringQueries(): Promise<Measuring> {
  const { measuring } = start();
  await measuring.want([asked('db.queries', { by: BY, numeric: 'latency', grid: LL5 })]);
  await nextSecond(measuring);
  return measuring;
}

/** What was called, by the key that it should be counted under. */
class Calls {
  readonly made: Record<string, number> = {};

  /** Calls, and waits until it is over, however it ends. */
  async of(key: string, call: () => Promise<unknown>): Promise<unknown> {
    this.made[key] = (this.made[key] ?? 0) + 1;
    return call().catch((error: unknown) => error);
  }

  async times(count: number, key: string, call: (i: number) => Promise<unknown>): Promise<void> {
    for (let i = 0; i < count; i++) await this.of(key, () => call(i));
  }

  async together(count: number, key: string, call: (i: number) => Promise<unknown>): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => this.of(key, () => call(i))));
  }
}

it('counts queries of pg at PostgreSQL, in every form that it is asked in', async () => {
  const method = (): unknown => Reflect.get(pg.Client.prototype, 'query');
  const before = method();
  const where = { host: servers[0].directory, user: 'bench', database: 'postgres' };
  const client = new pg.Client(where);
  await client.connect();
  await client.query('create table cart (id int primary key, owner text)');
  const measuring = await measuringQueries();
  const calls = new Calls();
  const shop = 'postgresql postgres';
  const insert = `${shop} insert into cart values (?)`;
  await calls.times(30, `${insert} `, (i) => client.query('insert into cart values ($1, $2)', [i, 'me']));
  await calls.times(4, `${insert} 23505`, () => client.query("insert into cart values (7, 'it''s me')"));
  const byId = `${shop} select * from cart where id = ? `;
  await calls.times(5, byId, (i) => client.query({ text: 'select * from cart where id = $1', values: [i] }));
  await calls.times(6, byId, (i) =>
    client.query({ name: 'by-id', text: 'select * from cart where id = $1', values: [i] }),
  );
  const rows = (await calls.of(byId, () => client.query('select  *\nfrom cart -- all\nwhere id = 17'))) as {
    rows: unknown[];
  };
  expect(rows.rows).toEqual([{ id: 17, owner: 'me' }]);
  await calls.of(
    byId,
    () => new Promise((resolve) => client.query('select * from cart where id = 3', resolve)),
  );
  await calls.times(3, `${shop} select * from missing 42P01`, () => client.query('select * from missing'));
  await calls.of(`${shop} select ? / (id - id) from cart 22012`, () =>
    client.query('select 1 / (id - id) from cart'),
  );
  const pool = new pg.Pool({ ...where, max: 5 });
  await calls.together(200, `${shop} select owner, pg_sleep(?) from cart where id in (?) `, (i) =>
    pool.query(`select owner, pg_sleep(0.001) from cart where id in (${i}, ${i + 1}, ${i + 2})`),
  );
  // One whose server process is ended in its middle.
  const doomed = new pg.Client(where);
  doomed.on('error', () => {});
  await doomed.connect();
  const { pid } = (await calls.of(`${shop} select pg_backend_pid() as pid `, async () => {
    const { rows: found } = await doomed.query('select pg_backend_pid() as pid');
    return found[0] as unknown;
  })) as { pid: number };
  const asleep = calls.of(`${shop} select pg_sleep(?) 57P01`, () => doomed.query('select pg_sleep(60)'));
  await calls.of(`${shop} select pg_terminate_backend(?) `, () =>
    client.query('select pg_terminate_backend($1)', [pid]),
  );
  await asleep;
  await Promise.all([client.end(), pool.end()]);
  expect(sealed(measuring, 'db_queries')).toEqual({ counts: calls.made, dropped: 0 });
  await measuring.want([]);
  expect(method()).toBe(before);
});

it('counts queries of mysql2 at MariaDB, with callbacks, promises and prepared statements', async () => {
  const where = { socketPath: servers[1].socket, user: 'me' };
  const admin = await mysql.createConnection(where);
  await admin.query('create database shop');
  await admin.query('create table shop.cart (id int primary key, owner text)');
  await admin.end();
  const client = await mysql.createConnection({ ...where, database: 'shop' });
  const measuring = await measuringQueries();
  const calls = new Calls();
  const insert = 'mysql shop insert into cart values (?)';
  await calls.times(30, `${insert} `, (i) => client.query('insert into cart values (?, ?)', [i, 'me']));
  await calls.times(4, `${insert} ER_DUP_ENTRY`, () =>
    client.query('insert into cart values (7, "it\\"s me")'),
  );
  const byId = 'mysql shop select * from cart where id = ? ';
  await calls.times(9, byId, (i) => client.execute('select * from cart where id = ?', [i]));
  const [rows] = (await calls.of(byId, () => client.query('select * from cart where id = 17'))) as [
    unknown[],
  ];
  expect(rows).toEqual([{ id: 17, owner: 'me' }]);
  await calls.times(3, 'mysql shop select * from missing ER_NO_SUCH_TABLE', () =>
    client.query('select * from missing'),
  );
  const pool = mysql.createPool({ ...where, database: 'shop', connectionLimit: 5 });
  await calls.together(200, 'mysql shop select owner, sleep(?) from cart where id in (?) limit ? ', (i) =>
    pool.query(`select owner, sleep(0.001) from cart where id in (${i}, ${i + 1}) limit 1`),
  );
  const called = mysqlCallbacks.createConnection({ ...where, database: 'shop' });
  await calls.of(
    'mysql shop update cart set owner = ? where id = ? ',
    () => new Promise((resolve) => called.query('update cart set owner = "you" where id = 1', resolve)),
  );
  called.destroy();
  await Promise.all([client.end(), pool.end()]);
  expect(sealed(measuring, 'db_queries')).toEqual({ counts: calls.made, dropped: 0 });
});

it('counts commands of node-redis and ioredis at Redis, alone, in pipelines and in transactions', async () => {
  const { socket } = servers[2];
  const node = createClient({ socket: { path: socket, tls: false } });
  node.on('error', () => {});
  const io = new Redis({ path: socket, lazyConnect: true });
  await Promise.all([node.connect(), io.connect()]);
  const measuring = await measuringQueries();
  const calls = new Calls();
  await calls.together(50, 'redis 0 SET ', (i) => node.set(`node-${i}`, 'value'));
  await calls.times(50, 'redis 0 SET ', (i) => io.set(`io-${i}`, 'value'));
  await calls.times(20, 'redis 0 GET ', (i) => node.get(`node-${i}`));
  await calls.times(10, 'redis 0 MGET ', () => io.mget('io-1', 'io-2'));
  expect(await node.get('io-3')).toBe('value');
  calls.made['redis 0 GET ']!++;
  const refused = { node: 0, io: 0 };
  for (let i = 0; i < 3; i++) {
    await node.incr('node-1').catch(() => refused.node++);
    await io.incr('io-1').catch(() => refused.io++);
  }
  expect(refused).toEqual({ node: 3, io: 3 });
  const { counts, dropped } = sealed(measuring, 'db_queries');
  const errors = Object.entries(counts).filter(([key]) => key.startsWith('redis 0 INCR '));
  const rest = Object.entries(counts).filter(([key]) => !key.startsWith('redis 0 INCR '));
  expect(Object.fromEntries(rest)).toEqual(calls.made);
  expect(errors.map(([key]) => key)).not.toContain('redis 0 INCR ');
  expect(errors.reduce((sum, [, count]) => sum + count, 0)).toBe(6);
  expect(dropped).toBe(0);
  await nextSecond(measuring);
  await io.pipeline().set('a', '1').get('a').exec();
  await node.multi().set('b', '1').get('b').execAsPipeline();
  await io.multi().set('a', '1').del('a').exec();
  // Of its transactions node-redis tells as one, ioredis of each command.
  await node.multi().set('b', '1').incr('b').exec();
  expect(sealed(measuring, 'db_queries').counts).toEqual({
    'redis 0 SET ': 3,
    'redis 0 GET ': 2,
    'redis 0 DEL ': 1,
    'redis 0 EXEC ': 1,
    'redis 0 MULTI ': 2,
  });
  node.destroy();
  io.disconnect();
});
