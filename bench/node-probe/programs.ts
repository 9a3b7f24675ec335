/** The programs that are compared, each a process of its own under the same load: who can measure them, and how that
 *  is switched on and off. Bounds: a program ends with this process, or when its channel closes. */
import { type ChildProcess, fork } from 'node:child_process';
import { Agent, get } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../../src/model/assert.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { NodeDriver } from '../../src/ingest/node/driver.ts';

const CONNECTIONS = 8;
const PATHS = ['/', '/cart', '/items/17?page=2', '/missing'];
const here = dirname(fileURLToPath(import.meta.url));
const PRELOAD = join(here, '../../src/ingest/node/preload.js');

/** What may be said of a program: CPU time a request, in one window. */
export interface Program {
  readonly child: ChildProcess;
  readonly port: number;
  readonly agent: Agent;
}

async function answer(child: ChildProcess): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as Record<string, unknown>));
    child.once('exit', (code) => reject(new Error(`a program ended with ${code}`)));
  });
}

export async function startProgram(
  execArgv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const child = fork(join(here, 'served.js'), [], {
    execArgv: [...execArgv],
    env: { ...process.env, ...env },
  });
  child.setMaxListeners(0);
  const { port } = await answer(child);
  assert(typeof port === 'number', 'a program says its port');
  return { child, port, agent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }) };
}

export async function stopProgram({ child, agent }: Program): Promise<void> {
  agent.destroy();
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

export async function tell({ child }: Program, command: 'on' | 'off'): Promise<void> {
  child.send(command);
  await answer(child);
}

/** Microseconds of CPU a request, under as much load as CONNECTIONS that wait for their answers make. */
export async function cpuOfRequest(program: Program, windowMs: number): Promise<number> {
  const before = await cpuUs(program);
  const untilMs = performance.now() + windowMs;
  let requests = 0;
  const connection = async (): Promise<void> => {
    while (performance.now() < untilMs) await request(program, PATHS[requests++ % PATHS.length]!);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return ((await cpuUs(program)) - before) / requests;
}

async function cpuUs({ child }: Program): Promise<number> {
  child.send('cpu');
  const { cpuUs: found } = await answer(child);
  assert(typeof found === 'number', 'a program says its CPU time');
  return found;
}

function request({ port, agent }: Program, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = get({ host: '127.0.0.1', port, path, agent }, (response) => {
      response.resume();
      response.on('end', resolve);
    });
    sent.on('error', reject);
  });
}

/** The real instrumenter's side, for programs that are started with `execArgv` and `env`. */
export class Instrumenting {
  readonly execArgv = ['--import', PRELOAD];
  readonly #driver: NodeDriver;
  readonly #timer: NodeJS.Timeout;

  constructor(options: { readonly socketPath: string; readonly clock: Clock }) {
    this.#driver = new NodeDriver({ host: 'bench', ...options });
    this.#timer = setInterval(() => void this.#collect(), 1000);
  }

  start(): Promise<void> {
    return this.#driver.start({
      late: (batches) => batches.forEach((batch) => batch.onSafe?.()),
      offline: () => {},
      note: (text) => console.error(text),
    });
  }

  /** Resolves when every program counts. */
  async on(instrumentation: Instrumentation, programs: number): Promise<void> {
    await this.#driver.enable(instrumentation);
    const states = this.#driver.states(instrumentation.id);
    assert(
      states.length === programs && states.every(({ state }) => state.state === 'enabled'),
      () => `${programs} programs measure: ${JSON.stringify(states)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 1050 - (Date.now() % 1000)));
  }

  async off(id: string): Promise<void> {
    await this.#driver.disable(id);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#driver.close();
  }

  async #collect(): Promise<void> {
    const { batches } = await this.#driver.collect(Math.floor(Date.now() / 1000) - 1);
    for (const batch of batches) batch.onSafe?.();
  }
}
