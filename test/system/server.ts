/** Starts the real server from dist/ as a person would, for system tests: its own data directory, a free port,
 *  ended by process id whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export const MAIN = 'bin/tailglow';
/** A start takes under 2 s; on a machine that other tests keep busy, many times that. */
const START_MS_MAX = 90_000;

export interface RunningServer {
  readonly url: string;
  readonly lines: readonly string[];
  /** What it wrote to stderr. */
  readonly notices: readonly string[];
  readonly child: ChildProcess;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  kill9(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Resolves when the server says where it is. */
export async function startServer(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  /** The command that runs it somewhere else. */
  within: (command: readonly string[]) => readonly string[] = (command) => command,
): Promise<RunningServer> {
  const [program = '', ...rest] = within([process.execPath, MAIN, 'serve', '--port', '0', ...args]);
  const child = spawn(program, rest, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => errors.push(line));
  const url = await new Promise<string>((resolve, reject) => {
    const gaveUp = setTimeout(
      () => reject(new Error(`no address within ${START_MS_MAX / 1000} s\n${errors.join('\n')}`)),
      START_MS_MAX,
    );
    createInterface({ input: child.stdout! }).on('line', (line) => {
      lines.push(line);
      const found = /^tailglow is at (\S+)/.exec(line)?.[1];
      if (found === undefined) return;
      clearTimeout(gaveUp);
      resolve(found);
    });
    child.once('exit', (code) =>
      reject(new Error(`ended with ${code} before it was up\n${errors.join('\n')}`)),
    );
  });
  const ended = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    await once(child, 'exit');
    return child.exitCode;
  };
  return {
    url,
    lines,
    notices: errors,
    child,
    stop: () => ended('SIGTERM'),
    kill9: async () => void (await ended('SIGKILL')),
  };
}

export async function queryJson(
  url: string,
  statement: string,
  parameters = '',
): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/api/v1/query?q=${encodeURIComponent(statement)}${parameters}`);
  const body = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`${statement}: ${response.status} ${JSON.stringify(body)}`);
  return body;
}

/** Asks again until `probe` gives something, at most `limitMs`. */
export async function eventually<T>(limitMs: number, probe: () => Promise<T | undefined>): Promise<T> {
  const start = Date.now();
  let last: unknown;
  while (Date.now() - start < limitMs) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not within ${limitMs} ms`, { cause: last });
}

export interface ServedSecond {
  readonly second: number;
  readonly total: number;
  readonly edge: number;
}

/** Whether what was counted is what the shop says it served: no second differs by more than the responses that
 *  finished at its edges or at those of the next (the shop reads its clock last: demo/served.ts), most do not differ at
 *  all, and the sum only by the edges at both ends. Gives the faults, none when they agree. */
export function disagreements(
  counted: readonly (number | null)[],
  served: readonly ServedSecond[],
  from: number,
): string[] {
  const faults: string[] = [];
  let exact = 0;
  let difference = 0;
  if (served.length !== counted.length)
    faults.push(`${served.length} seconds served, ${counted.length} counted`);
  for (const [i, { second, total, edge: own }] of served.entries()) {
    const edge = own + (served[i + 1]?.edge ?? 0);
    const count = counted[second - from] ?? Number.NaN;
    if (!(Math.abs(count - total) <= edge))
      faults.push(`second ${second - from}: ${count} counted, ${total} served, ${edge} at its edges`);
    if (count === total) exact++;
    difference += count - total;
  }
  const ends = (served[0]?.edge ?? 0) + (served.at(-1)?.edge ?? 0);
  if (!(Math.abs(difference) <= ends))
    faults.push(`in all ${difference} more counted than served, ${ends} at the ends`);
  const busy = served.filter(({ total }) => total > 0).length;
  if (busy < served.length / 2) faults.push(`the shop served in ${busy} of ${served.length} seconds only`);
  if (exact < served.length * 0.7) faults.push(`only ${exact} of ${served.length} seconds agree exactly`);
  return faults;
}

/** Of each second of [from, until). */
export async function servedBy(shopUrl: string, from: number, until: number): Promise<ServedSecond[]> {
  const response = await fetch(`${shopUrl}/__served?from=${from}&until=${until}`);
  const { seconds } = (await response.json()) as { seconds: ServedSecond[] };
  const known = new Map(seconds.map((s) => [s.second, s]));
  // A second in which the shop finished nothing, as on a busy machine, is none of its seconds.
  return Array.from(
    { length: until - from },
    (_, i): ServedSecond => known.get(from + i) ?? { second: from + i, total: 0, edge: 0 },
  );
}

/** Requests that the store has, per second of [from, until); null where nothing is known. */
export async function countedBy(url: string, from: number, until: number): Promise<(number | null)[]> {
  const iso = (second: number): string => new Date(second * 1000).toISOString();
  const json = await queryJson(url, `http.requests from ${iso(from)} to ${iso(until)} step 1s | count`);
  return (json['series'] as { values: (number | null)[] }[])[0]?.values ?? [];
}

export function demoShopOf(server: RunningServer): string {
  return /at (http:\S+)/.exec(server.lines.find((line) => line.startsWith('the demo shop')) ?? '')![1]!;
}
