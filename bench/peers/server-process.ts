/** A server under measurement: one process, on 127.0.0.1 and a free port, that ends with the bench, however that
 *  ends: by process id here, and by the kernel where this process is killed (setpriv --pdeathsig). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { assert } from '../../src/model/assert.ts';
import { cpuSeconds } from './machine.ts';
import { CannotError } from './peer.ts';

const START_MS_MAX = 30_000;
const STOP_MS_MAX = 10_000;
const QUIET_MS_MAX = 60_000;
const QUIET_LOOK_MS = 2000;
/** Of one core. */
const QUIET_SHARE_MAX = 0.05;
/** Of what it printed, what an error quotes. */
const QUOTED_CHARACTERS = 300;

export interface ServerProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  /** Its working directory, and where its output goes. */
  readonly directory: string;
  /** Whether it answers; asked until it does. Throws while it does not. */
  readonly ready: (printed: string) => Promise<unknown>;
}

/** Resolves when the server is ready. Throws CannotError when it does not get so far. */
export async function startServer({
  program,
  args,
  directory,
  ready,
}: ServerCommand): Promise<ServerProcess> {
  const path = join(directory, 'printed.txt');
  const output = openSync(path, 'w');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
    cwd: directory,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const failed = new Promise<Error>((resolve) => child.once('error', resolve));
  const printed = (): string => readFileSync(path, 'utf8');
  const untilMs = performance.now() + START_MS_MAX;
  for (;;) {
    const error = await Promise.race([failed, sleep(50)]);
    if (error !== undefined) throw new CannotError(`not to be had: ${error.message}`);
    const why = await ready(printed()).then(
      () => undefined,
      (cause: unknown) => String(cause),
    );
    if (why === undefined) break;
    if (child.exitCode === null && child.signalCode === null && performance.now() < untilMs) continue;
    child.kill('SIGKILL');
    throw new CannotError(`does not start: ${why}; ${printed().slice(-QUOTED_CHARACTERS)}`);
  }
  assert(child.pid !== undefined, 'a process that started has an id');
  return { pid: child.pid, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  child.kill('SIGTERM');
  await once(child, 'exit');
  clearTimeout(timer);
}

/** Resolves when the process is idle: what it does in quiet moments is done; at the latest after a minute. */
export async function quiet(pid: number): Promise<void> {
  const untilMs = performance.now() + QUIET_MS_MAX;
  for (let before = cpuSeconds(pid); performance.now() < untilMs;) {
    await sleep(QUIET_LOOK_MS);
    const now = cpuSeconds(pid);
    if (now - before < QUIET_SHARE_MAX * (QUIET_LOOK_MS / 1000)) return;
    before = now;
  }
}

/** A TCP port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function sleep(ms: number): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return undefined;
}
