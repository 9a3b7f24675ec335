/** `postgres.queries` against a PostgreSQL of the test's own: each query of one connection is counted once, by its text
 *  without constants, its database and its user. Probes are filtered to that connection's process. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseServer, postgresPrograms, startPostgres } from '../ingest/node/database-servers.ts';
import { whyNot } from './bpf-workload.ts';
import { eventually, MAIN, queryJson, type RunningServer, startServer } from './server.ts';

const reason = whyNot();
if (reason !== undefined) process.stderr.write(`postgres.queries is not tested: ${reason}\n`);

describe.skipIf(reason !== undefined)('queries of a real PostgreSQL', () => {
  let database: DatabaseServer;
  let client: ChildProcessWithoutNullStreams;
  let server: RunningServer;
  const answers: string[] = [];

  beforeAll(async () => {
    database = await startPostgres();
    const { directory } = database;
    client = spawn(join(postgresPrograms(), 'psql'), [
      '-X',
      '-q',
      '-t',
      '-A',
      '-h',
      directory,
      '-U',
      'bench',
      '-d',
      'postgres',
    ]);
    createInterface({ input: client.stdout }).on('line', (line) => answers.push(line));
    server = await startServer([
      '--data',
      join(directory, 'tailglow'),
      '--socket',
      join(directory, 'node.sock'),
    ]);
  }, 60_000);

  afterAll(async () => {
    client?.kill('SIGKILL');
    await server?.kill9();
    await database?.stop();
  });

  it('are counted exactly, by text, database and user', async () => {
    client.stdin.write('select pg_backend_pid();\n');
    const pid = await eventually(10_000, async () => answers[0]);
    const where = `postgres.queries where pid == ${pid}`;
    execFileSync(process.execPath, [
      MAIN,
      'instrument',
      '--url',
      server.url,
      `${where} by query, database, user, latency as pg`,
    ]);
    await eventually(30_000, async () => {
      const response = await fetch(`${server.url}/api/v1/instrumentations/pg`);
      return ((await response.json()) as { state: string }).state === 'enabled' ? true : undefined;
    });
    await new Promise((resolve) => setTimeout(resolve, 1100)); // the first whole second has begun
    for (let i = 0; i < 120; i++) client.stdin.write(`select ${i}, 'x${i}';\n`);
    for (let i = 0; i < 20; i++) client.stdin.write('select pg_sleep(0.02);\n');
    client.stdin.write("select 'over';\n");
    await eventually(30_000, async () => (answers.at(-1) === 'over' ? true : undefined));
    const counts = await eventually(20_000, async () => {
      const json = await queryJson(server.url, `${where} by query, database, user last 2m | count`);
      const series = json['series'] as { key: string[]; values: (number | null)[] }[];
      const sums = series.map(({ key, values }): [string, number] => {
        return [key.join('|'), values.reduce<number>((sum, value) => sum + (value ?? 0), 0)];
      });
      const all = sums.reduce((sum, [, count]) => sum + count, 0);
      return all >= 141 ? Object.fromEntries(sums) : undefined;
    });
    expect(counts).toEqual({
      'select ?, ?;|postgres|bench': 120,
      'select pg_sleep(?);|postgres|bench': 20,
      'select ?;|postgres|bench': 1,
    });
    const slow = `${where} and query contains "pg_sleep" by latency last 2m | share latency >= 19ms`;
    const share = (await queryJson(server.url, slow)) as { series: { values: (number | null)[] }[] };
    const known = share.series[0]!.values.filter((value) => value !== null);
    expect(known.length).toBeGreaterThan(0);
    expect(Math.min(...(known as number[]))).toBe(100);
  });
});
