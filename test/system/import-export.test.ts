/** History comes in and goes out over the real command line and a real server: nothing lost, nothing counted twice,
 *  whatever is killed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tableFromIPC } from 'apache-arrow';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ll5Edge, ll5Index } from '../../src/model/grid.ts';
import { mmdbOf } from '../service/mmdb.ts';
import { eventually, MAIN, queryJson, type RunningServer, startServer } from './server.ts';

const run = promisify(execFile);
/** Yesterday, on a minute. */
const START = Math.floor(Date.now() / 60_000) * 60 - 86_400;
const SECONDS = 3600;
const EVENTS = 30_000;
const ROUTES = ['/', '/pay', '/search'];

let directory: string;
let server: RunningServer;
/** Per route and second: latencies in ns. */
const truth = new Map<string, number[][]>();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tailglow-import-'));
  writeFileSync(file('access.jsonl'), accessLog().join('\n'));
  writeFileSync(
    file('places.mmdb'),
    mmdbOf({
      type: 'GeoLite2-City',
      ipVersion: 6,
      networks: { '192.0.2.0/24': { city: { names: { en: 'Ghent' } }, country: { iso_code: 'BE' } } },
    }),
  );
  writeFileSync(file('tills.csv'), '192.0.2.7,"till 7, front"\n');
  server = await serve('0');
});
afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

function serve(port: string): Promise<RunningServer> {
  return startServer(['--data', file('data'), '--socket', file('node.sock'), '--port', port], {
    TAILGLOW_GEO: file('places.mmdb'),
    TAILGLOW_LOOKUP: JSON.stringify([`tills=${file('tills.csv')}`]),
  });
}

function file(name: string): string {
  return join(directory, name);
}

/** Requests, a few seconds out of order, quiet for 30 s and silent for 100 s, with five lines that are none. */
function accessLog(): string[] {
  let seed = 11;
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
  for (const route of ROUTES)
    truth.set(
      route,
      Array.from({ length: SECONDS }, () => []),
    );
  const lines: string[] = [];
  for (let i = 0; i < EVENTS; i++) {
    const second = Math.max(0, Math.floor((i / EVENTS) * SECONDS) - Math.floor(random() * 4));
    if ((second >= 300 && second < 330) || (second >= 600 && second < 700)) continue;
    const route = ROUTES[Math.floor(random() * ROUTES.length)]!;
    const ns = Math.round(1e5 * Math.exp(random() * 9));
    truth.get(route)![second]!.push(ns);
    const time = new Date((START + second) * 1000 + Math.floor(random() * 1000)).toISOString();
    lines.push(JSON.stringify({ ts: time, req: { route }, status: 200, took: `${ns / 1000}us` }));
  }
  for (let i = 0; i < 5; i++) lines.splice(i * 1000, 0, '{"ts":"yesterday"');
  return lines;
}

async function cli(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, [MAIN, '--url', server.url, ...args], { maxBuffer: 2 ** 28 });
}

async function refused(...args: string[]): Promise<string> {
  const failure = await cli(...args).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  );
  expect(failure).toMatchObject({ code: 1 });
  return failure!.stderr;
}

const MAPPED = ['--map', 'time=ts,route=req.route,latency=took'];
const range = (from: number, until: number): string =>
  `from ${new Date(from * 1000).toISOString()} to ${new Date(until * 1000).toISOString()}`;
const WHOLE = range(START, START + SECONDS);

async function countsOf(metric: string): Promise<Record<string, (number | null)[]>> {
  const json = await queryJson(server.url, `${metric} by route ${WHOLE} step 1s | count`);
  const series = json['series'] as { key: string[]; values: (number | null)[] }[];
  return Object.fromEntries(series.map(({ key, values }) => [key[0]!, values]));
}

/** 0 where the file was quiet, null where it was silent for more than a minute. */
function trueCounts(): Record<string, (number | null)[]> {
  const spoken = Array.from({ length: SECONDS }, (_, s) => s).filter((s) =>
    [...truth.values()].some((seconds) => seconds[s]!.length > 0),
  );
  const isKnown = (second: number): boolean => {
    const next = spoken.findIndex((s) => s >= second);
    return spoken[next] === second || spoken[next]! - spoken[next - 1]! <= 60;
  };
  const known = Array.from({ length: SECONDS }, (_, s) => isKnown(s));
  return Object.fromEntries(
    [...truth].map(([route, seconds]) => [route, seconds.map((ns, s) => (known[s] ? ns.length : null))]),
  );
}

/** What queries say of a metric, its own name left out. */
async function answersOf(metric: string): Promise<unknown[]> {
  const by = `${metric} by route, latency ${WHOLE}`;
  const statements = [`${by} step 10s | percentiles 50, 99`, `${by} step 1s | histograms`, `${by} | heatmap`];
  const answers = await Promise.all(statements.map((statement) => queryJson(server.url, statement)));
  return answers.map(({ series, rows, cells, total, hues, y }) => ({ series, rows, cells, total, hues, y }));
}

describe('events', () => {
  it('are counted exactly, second by second, and what is no event is told', async () => {
    const { stderr } = await cli(
      'import',
      file('access.jsonl'),
      ...MAPPED,
      '--as',
      'shop.requests by route, latency',
    );
    expect(stderr).toMatch(/shop.requests is new: route \(string\), latency \(time\)/);
    expect(stderr).toMatch(/access.jsonl:1: it is no JSON/);
    expect(stderr).toMatch(/5 bad lines/);
    expect(await countsOf('shop.requests')).toEqual(trueCounts());
    const histograms = await queryJson(
      server.url,
      `shop.requests by route, latency ${WHOLE} step 1s | histograms`,
    );
    const buckets = new Map<string, number>();
    for (const [route, seconds] of truth) {
      seconds.forEach((values, second) => {
        for (const ns of values) {
          const place = JSON.stringify([START + second, route, ll5Edge(ll5Index(ns))]);
          buckets.set(place, (buckets.get(place) ?? 0) + 1);
        }
      });
    }
    const rows = histograms['rows'] as [number, string, number, number, number][];
    const found = new Map(
      rows.map(([time, route, lower, , count]) => [JSON.stringify([time, route, lower]), count]),
    );
    expect(found).toEqual(buckets);
  });

  it('are counted once however often they are imported, and nobody is missed afterwards', async () => {
    const { stderr } = await cli(
      'import',
      file('access.jsonl'),
      ...MAPPED,
      '--as',
      'shop.requests by route, latency',
    );
    expect(stderr).toMatch(/batches are there already/);
    expect(await countsOf('shop.requests')).toEqual(trueCounts());
    const now = await queryJson(server.url, 'shop.requests last 1m step 1s | count');
    expect(now['coverage']).toMatchObject({ missing: [] });
  });

  it('are counted once though the command is killed again and again', async () => {
    const args = [
      'import',
      file('access.jsonl'),
      ...MAPPED,
      '--as',
      'killed.requests by route, latency as killed',
    ];
    for (const batches of [1, 900, 1800]) {
      const child = spawn(process.execPath, [MAIN, '--url', server.url, ...args], { stdio: 'ignore' });
      await takenOf('killed', batches);
      await killed(child);
    }
    await cli(...args);
    expect(await countsOf('killed.requests')).toEqual(trueCounts());
  });

  it('go on when the server is killed and comes back', async () => {
    const { port } = new URL(server.url);
    const args = [
      'import',
      file('access.jsonl'),
      ...MAPPED,
      '--as',
      'moved.requests by route, latency as moved',
    ];
    const done = cli(...args).catch(() => cli(...args)); // where it asks for something small just then, it ends
    await takenOf('moved', 1);
    await server.kill9();
    server = await serve(port);
    await done;
    expect(await countsOf('moved.requests')).toEqual(trueCounts());
  });
});

/** Resolves when the server has so many batches of an import. */
async function takenOf(name: string, batches: number): Promise<void> {
  await eventually(60_000, async () => {
    const response = await fetch(`${server.url}/api/v1/sources`);
    const { sources } = (await response.json()) as { sources: { name: string; lastSequence: number }[] };
    return sources.find((s) => s.name === `import/${name}` && s.lastSequence + 1 >= batches);
  });
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

describe('what is refused', () => {
  const as = ['--as', 'shop.requests by route, latency as short'];
  it('is a retention that would lose it, with the number that would do', async () => {
    const old = file('old.jsonl');
    const time = new Date(Date.now() - 1500 * 86_400_000).toISOString();
    writeFileSync(old, JSON.stringify({ time, route: '/a', latency: '1ms' }));
    expect(await refused('import', old, '--as', 'old.requests by route, latency keep 1h')).toMatch(
      /say "keep 1501d" in --as/,
    );
    const { stderr } = await cli('import', old, '--as', 'old.requests by route, latency');
    expect(stderr).toMatch(/keeps 1531d/);
  });

  it('is the first bad line with --strict, a column that no row has, and a file that is none', async () => {
    expect(await refused('import', file('access.jsonl'), ...MAPPED, '--strict', ...as)).toMatch(
      /nothing was sent/,
    );
    expect(await refused('import', file('access.jsonl'), '--map', 'time=ts,latency=took', ...as)).toMatch(
      /No row has route: there is ts, req, status, took/,
    );
    await expect(cli('import', file('nothing'), ...as)).rejects.toMatchObject({ code: 2 });
    const listed = await queryJson(server.url, 'show instrumentations');
    expect(JSON.stringify(listed['rows'])).not.toContain('"short"');
  });

  it('is what was dropped since, until it is told to be another import', async () => {
    const small = file('small.csv');
    writeFileSync(small, `time,route,latency\n${START},/a,3\n${START + 1},"/b, c",4.5\n`);
    const args = ['import', small, '--unit', 'ms', '--as', 'gone.requests by route, latency as gone'];
    await cli(...args);
    await cli('instrumentations', 'drop', 'gone');
    expect(await refused(...args)).toMatch(/counts 0 of the 2 that were imported.*--anew/);
    await cli(...args, '--anew', 'again');
    expect(Object.keys(await countsOf('gone.requests')).toSorted()).toEqual(['/a', '/b, c']);
  });
});

describe('addresses', () => {
  it('have names from files of the user', async () => {
    const visits = file('visits.csv');
    writeFileSync(visits, `time,peer,latency\n${START},192.0.2.7,3\n${START},192.0.2.8,4\n${START},::1,5\n`);
    await cli('import', visits, '--unit', 'ms', '--as', 'site.visits by peer, latency');
    const named = async (by: string) => {
      const json = await queryJson(server.url, `site.visits by peer, latency ${WHOLE} name peer by ${by}`);
      const hues = json['hues'] as { key: string[]; names: (string | null)[] }[];
      return Object.fromEntries(hues.map(({ key, names }) => [key[0]!, names[0]]));
    };
    expect(await named('geo')).toEqual({ '192.0.2.7': 'Ghent, BE', '192.0.2.8': 'Ghent, BE', '::1': null });
    expect(await named('tills')).toEqual({ '192.0.2.7': 'till 7, front', '192.0.2.8': null, '::1': null });
    await expect(named('maps')).rejects.toThrow('Cannot find the transformation \\"maps\\"');
    const { stdout } = await cli('query', `site.visits by peer ${WHOLE} name peer by geo | top 3 by count`);
    expect(stdout).toContain('"peer name":"Ghent, BE"');
  });
});

describe('exports', () => {
  const statement = `shop.requests by route, latency ${WHOLE} step 1s | histograms`;

  it('of histograms are imported as they were: all queries answer alike', async () => {
    for (const [ending, metric] of [
      ['jsonl', 'lines.requests'],
      ['csv', 'cells.requests'],
    ] as const) {
      await cli('export', statement, '-o', file(`h.${ending}`));
      await cli('import', file(`h.${ending}`), '--unit', 'ns', '--as', `${metric} by route, latency`);
      expect(await answersOf(metric)).toEqual(await answersOf('shop.requests'));
    }
    expect(readdirSync(directory).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('are the same rows in every format', async () => {
    const lines = readFileSync(file('h.jsonl'), 'utf8').trimEnd().split('\n');
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    await cli('export', statement, '-o', file('h.parquet'));
    await cli('export', statement, '-o', file('h.arrow'));
    const bytes = readFileSync(file('h.parquet'));
    const parquet = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    });
    const plain = (time: unknown, { route, lower, upper, count }: Record<string, unknown>): unknown => ({
      time: Number(time) / 1000,
      route,
      lower,
      upper,
      count: Number(count),
    });
    expect(parquet.map((row) => plain((row['time'] as Date).getTime(), row))).toEqual(rows);
    const arrow = tableFromIPC(readFileSync(file('h.arrow')));
    expect(arrow.numRows).toBe(rows.length);
    expect(Array.from(arrow, (row) => plain(row['time'], row.toJSON()))).toEqual(rows);
  });

  it('of lines say null where nothing is known, in formats that can', async () => {
    const count = `shop.requests ${range(START - 3, START + 2)} step 1s | count`;
    const arrow = tableFromIPC(
      await fetch(`${server.url}/api/v1/query?format=arrow&q=${encodeURIComponent(count)}`).then((r) =>
        r.arrayBuffer(),
      ),
    );
    const first = [...truth.values()].reduce((sum, seconds) => sum + seconds[0]!.length, 0);
    expect(Array.from(arrow, (row) => row['value'] as unknown).slice(0, 4)).toEqual([
      null,
      null,
      null,
      first,
    ]);
    const { stdout } = await cli('export', count);
    expect(stdout.split('\n')[0]).toBe(JSON.stringify({ second: START, value: first }));
    expect(await refused('export', 'shop.requests by rout last 1m', '-o', file('no.csv'))).toMatch(
      /\^\^\^\^/,
    );
    expect(readdirSync(directory).filter((name) => name.startsWith('no.csv'))).toEqual([]);
  });
});
