/** The probe of database queries, with better-sqlite3 in memory. */
import { createRequire } from 'node:module';
import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { LL5 } from '../../../src/model/grid.ts';
import type { Measuring } from '../../../src/ingest/node/measuring.ts';
import { asked } from '../asked.ts';
import { nextSecond, sealed, start } from './measured.ts';

const require = createRequire(import.meta.url);
const BY = ['system', 'database', 'query', 'error'];

async function measuringQueries(): Promise<Measuring> {
  const { measuring } = start();
  await measuring.want([asked('db.queries', { by: BY, numeric: 'latency', grid: LL5 })]);
  await nextSecond(measuring);
  return measuring;
}

it('counts queries of better-sqlite3, of statements that were there before too', async () => {
  const db = new Database(':memory:');
  db.exec('create table t (x integer unique)');
  const insert = db.prepare('insert into t values (?)');
  const measuring = await measuringQueries();
  for (let i = 0; i < 5; i++) insert.run(i);
  expect(() => insert.run(1)).toThrow('UNIQUE');
  expect(db.prepare('select x from t where x < 3').all()).toHaveLength(3);
  expect(db.prepare('select x from t where x = 3').pluck().get()).toBe(3);
  db.exec("insert into t values (77); -- 'twas");
  expect(sealed(measuring, 'db_queries').counts).toEqual({
    'sqlite :memory: insert into t values (?) ': 5,
    'sqlite :memory: insert into t values (?) SQLITE_CONSTRAINT_UNIQUE': 1,
    'sqlite :memory: select x from t where x < ? ': 1,
    'sqlite :memory: select x from t where x = ? ': 1,
    'sqlite :memory: insert into t values (?); ': 1,
  });
  await measuring.want([]);
  insert.run(99);
  db.close();
});

it('finds a module that is loaded while it looks', async () => {
  const file = require.resolve('better-sqlite3/lib/database.js');
  const before = require.cache[file];
  delete require.cache[file];
  const measuring = await measuringQueries();
  const Fresh = require(file) as typeof Database;
  new Fresh(':memory:').exec('create table later (x)');
  expect(Object.keys(sealed(measuring, 'db_queries').counts)).toEqual([
    'sqlite :memory: create table later (x) ',
  ]);
  require.cache[file] = before;
});
