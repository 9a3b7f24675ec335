/** `node dist/demo/main.js [--port N] [--rate N] [--seed N] [--data DIR]`: the shop in this process, its visitors
 *  in another. Prints {"listening":port} when the shop is open, and sends it where there is an IPC channel.
 *  Ends by itself when its parent goes away, and within a second when told to; nothing stays behind. */
import { type ChildProcess, fork } from 'node:child_process';
import { fstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openWorkerDesk } from './desk.ts';
import { onDisconnect } from './parent.ts';
import { buildShop } from './shop.ts';

interface Options {
  readonly port: number;
  /** Visits a second; 0 for none. */
  readonly rate: number;
  readonly seed: number;
  readonly data: string | undefined;
}

const RATE_MAX = 2000;
const PARENT_EVERY_MS = 250;

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      rate: { type: 'string', default: '200' },
      seed: { type: 'string', default: '1' },
      data: { type: 'string' },
    },
  });
  const integer = (name: 'port' | 'rate' | 'seed', max: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw new RangeError(`Cannot read --${name} "${values[name]}": expected an integer from 0 to ${max}`);
  };
  return {
    port: integer('port', 65_535),
    rate: integer('rate', RATE_MAX),
    seed: integer('seed', 2 ** 32 - 1),
    data: values.data,
  };
}

/** The shop is rebuilt at each start: its files are this run's alone, below the given directory or the
 *  system's temporary one. */
function makeDirectory(data: string | undefined): string {
  const parent = data ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'shop-'));
}

function startVisitors(
  port: number,
  { rate, seed }: Options,
  onCounts: (counts: unknown) => void,
): ChildProcess {
  const { NODE_OPTIONS: _, ...env } = process.env;
  // No inherited options: what watches the shop from a preload must not take its visitors for a second one.
  const visitors = fork(
    fileURLToPath(new URL('./visitors.js', import.meta.url)),
    [port, rate, seed].map(String),
    { execArgv: [], env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] },
  );
  visitors.on('message', onCounts);
  return visitors;
}

/** Calls `gone` once when the parent is: its IPC channel or its pipe to stdin closed, or another adopted us. */
function watchParent(gone: () => void): void {
  onDisconnect(gone);
  const stdin = stdinKind();
  if (stdin === 'pipe') process.stdin.once('end', gone).once('error', gone).resume();
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) gone();
  }, PARENT_EVERY_MS).unref();
}

function stdinKind(): 'pipe' | 'other' {
  try {
    const stat = fstatSync(0);
    return stat.isFIFO() || stat.isSocket() ? 'pipe' : 'other';
  } catch {
    return 'other';
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const directory = makeDirectory(options.data);
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  let visitors: ChildProcess | undefined;
  const end = (): void => {
    if (visitors === undefined || visitors.exitCode !== null) process.exit(0);
    // Waited for, so that it is not left as a zombie where process 1 collects none.
    visitors.once('exit', () => process.exit(0)).kill('SIGKILL');
  };
  // Not once: a second signal, sent to the whole group, must not cut the cleaning up short.
  process.on('SIGTERM', end).on('SIGINT', end);
  watchParent(end);
  let counts: unknown;
  const desk = await openWorkerDesk(join(directory, 'shop.db'), options.seed);
  const shop = buildShop(desk, { housekeeping: true, load: () => counts });
  const address = await shop.listen({ host: '127.0.0.1', port: options.port });
  const port = Number(new URL(address).port);
  if (options.rate > 0) visitors = startVisitors(port, options, (told) => (counts = told));
  console.log(JSON.stringify({ listening: port }));
  process.send?.({ listening: port });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exit(1);
});
