/** What is measured in a process of its own: memory, and coming back after it was killed. A smoke run does the same
 *  in this process, and takes a copy of the open store's files for what a killed one leaves. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { loadKernel } from '../../src/kernel/native.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { assert } from '../../src/model/assert.ts';
import type { BenchRow } from '../bench.ts';
import { elapsedMs, fill, instrumentationOf, openAt } from './built.ts';
import { traffic, type TrafficShape } from './traffic.ts';

export interface Task {
  readonly directory: string;
  readonly shape: TrafficShape;
}

interface Held {
  readonly beforeBytes: number;
  readonly afterBytes: number;
}

export function foldAndHold({ directory, shape }: Task): Held {
  const kernel = loadKernel('native');
  let beforeBytes = 0;
  fill(openAt(directory, kernel), shape, kernel, () => (beforeBytes = process.memoryUsage.rss()));
  return { beforeBytes, afterBytes: process.memoryUsage.rss() };
}

/** Folds in a child and kills it; in this process where `apart` is false. The directory is then as after a crash. */
async function killed({ directory, shape }: Task, apart: boolean): Promise<Held> {
  if (!apart) {
    const kernel = loadKernel('native');
    const store = openAt(`${directory} open`, kernel);
    let beforeBytes = 0;
    fill(store, shape, kernel, () => (beforeBytes = process.memoryUsage.rss()));
    cpSync(`${directory} open`, directory, { recursive: true });
    store.close();
    return { beforeBytes, afterBytes: process.memoryUsage.rss() };
  }
  const child = fork(new URL('./child.js', import.meta.url));
  child.send({ directory, shape } satisfies Task);
  const first = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => assert(false, () => `the child ended with ${String(code)}`)),
  ]);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  const held: unknown = first?.[0];
  assert(isHeld(held), 'the child tells its memory');
  return held;
}

function isHeld(value: unknown): value is Held {
  return typeof value === 'object' && value !== null && 'beforeBytes' in value && 'afterBytes' in value;
}

export async function memoryRow(task: Task, apart: boolean): Promise<BenchRow> {
  const { beforeBytes, afterBytes } = await killed(task, apart);
  const versus = { name: 'before the first report', ratio: afterBytes / beforeBytes, what: 'x' };
  const name = `memory after ${task.shape.seconds} s of ${task.shape.sources * task.shape.keys} series`;
  return { name, value: afterBytes / 1e6, unit: 'MB', versus };
}

/** Until all is as it was: opened, and folded what no commit held. */
export async function restartRow(task: Task, kernel: Kernel, apart: boolean): Promise<BenchRow> {
  await killed(task, apart);
  let store = openAt(task.directory, kernel);
  const resume = store.resumeOffset;
  store.close();
  const rest = [...traffic(instrumentationOf(task.shape), task.shape, kernel)]
    .flat()
    .filter(({ offset }) => offset >= resume);
  const crashMs = elapsedMs(() => {
    store = openAt(task.directory, kernel);
    store.fold(rest);
  });
  store.checkpoint();
  store.close();
  const cleanMs = elapsedMs(() => openAt(task.directory, kernel).close());
  const versus = { name: 'after a clean stop', ratio: crashMs / cleanMs, what: 'x the time of' };
  const name = `open again after kill -9, with ${task.shape.seconds} s stored`;
  return { name, value: crashMs, unit: 'ms', versus };
}
