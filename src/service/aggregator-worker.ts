/** The thread of one aggregator: opens its store and its reader of the log, and answers questions that come as
 *  messages. Everything that can go wrong here is said to the parent; the thread ends only when it is told to or
 *  cannot go on. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../model/assert.ts';
import { systemClock } from '../model/clock.ts';
import { loadKernel, releaseMemory } from '../kernel/native.ts';
import { openStore } from '../store/store.ts';
import { Aggregator } from './aggregator.ts';
import type { FromThread, ThreadData, ToThread } from './aggregator-thread.ts';
import type { Answer, Question } from './answer.ts';
import { openReader } from './open-log.ts';
import { ownerIndex } from './ownership.ts';
import { namesBy, openTransformations } from './transform/open.ts';
import { GivenUpError } from './turns.ts';

/** Memory that is free goes back to the system so often: seldom against what it costs, often against a person's look
 *  at how much is in use. */
const RELEASE_MS = 10_000;

assert(parentPort !== null, 'this file is started as a worker thread');
const port = parentPort;
const data = workerData as ThreadData;
const send = (message: FromThread): void => port.postMessage(message);

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const kernel = loadKernel(data.kernel);
const reader = await openReader(data.address, systemClock, kernel.crc32c);
const store = openStore({
  directory: data.directory,
  kernel,
  owns: (id) => ownerIndex(id, data.count) === data.index,
  logIdentity: await reader.identity(),
});
const aggregator = new Aggregator({
  index: data.index,
  store,
  reader,
  kernel,
  clock: systemClock,
  names: namesBy(openTransformations(data.naming, systemClock, (line) => send({ kind: 'notice', line }))),
  checkpoints: data.checkpoints,
  onDurable: (watermarks) => send({ kind: 'durable', watermarks }),
  onNotice: (line) => send({ kind: 'notice', line }),
  onStalled: (reason) => send({ kind: 'stalled', ...(reason === undefined ? {} : { reason }) }),
  /** Ends the thread: the parent starts it anew, from what is durable. */
  onFault: (error) => {
    send({ kind: 'fault', reason: text(error) });
    process.exit(1);
  },
});

setInterval(releaseMemory, RELEASE_MS).unref();

/** By number, the questions under way. */
const asked = new Map<number, AbortController>();

/** Undefined where nobody waits for it any more. */
async function answerTo(question: Question, signal: AbortSignal): Promise<Answer | undefined> {
  try {
    return await aggregator.ask(question, signal);
  } catch (error) {
    if (error instanceof GivenUpError) return undefined;
    process.stderr.write(
      `tailglow: aggregator ${data.index}: ${error instanceof Error ? error.stack : String(error)}\n`,
    );
    return {
      kind: 'problem',
      problem: {
        status: 500,
        code: 'INTERNAL',
        title: 'This is our fault',
        detail: `Cannot answer: ${text(error)}`,
      },
    };
  }
}

async function answer(id: number, question: Question): Promise<void> {
  const controller = new AbortController();
  asked.set(id, controller);
  const found = await answerTo(question, controller.signal);
  asked.delete(id);
  if (found === undefined) return;
  const body = found.kind === 'answered' ? found.body : undefined;
  const whole =
    body !== undefined && body.byteLength === body.buffer.byteLength && body.buffer instanceof ArrayBuffer;
  port.postMessage(
    { kind: 'answer', id, answer: found } satisfies FromThread,
    whole ? [body.buffer as ArrayBuffer] : [],
  );
}

async function close(): Promise<void> {
  await aggregator.close();
  data.address.tail?.close();
  port.close();
}

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'ask':
      return void answer(message.id, message.question);
    case 'give-up':
      return asked.get(message.id)?.abort();
    case 'close':
      return void close();
  }
});
send({ kind: 'ready' });
