/** The thread of one aggregator: opens its store and its reader of the log, and answers questions that come as
 *  messages. Everything that can go wrong here is said to the parent; the thread ends only when it is told to or
 *  cannot go on. */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../model/assert.ts';
import { systemClock } from '../model/clock.ts';
import { loadKernel } from '../kernel/native.ts';
import { openStore } from '../store/store.ts';
import { Aggregator } from './aggregator.ts';
import type { FromThread, ThreadData, ToThread } from './aggregator-thread.ts';
import type { Answer } from './answer.ts';
import { openReader } from './open-log.ts';
import { ownerIndex } from './ownership.ts';

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
  checkpoints: data.checkpoints,
  onDurable: (watermarks) => send({ kind: 'durable', watermarks }),
  onNotice: (line) => send({ kind: 'notice', line }),
  /** Ends the thread: the parent starts it anew, from what is durable. */
  onFault: (error) => {
    send({ kind: 'fault', reason: text(error) });
    process.exit(1);
  },
});

async function answerTo(message: Extract<ToThread, { id: number }>): Promise<Answer> {
  try {
    return await aggregator.ask(message.question);
  } catch (error) {
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

port.on('message', (message: ToThread) => {
  if ('close' in message) {
    void aggregator.close().then(() => {
      data.address.tail?.close();
      port.close();
    });
    return;
  }
  void answerTo(message).then((answer) => {
    const body = answer.kind === 'answered' ? answer.body : undefined;
    const whole =
      body !== undefined && body.byteLength === body.buffer.byteLength && body.buffer instanceof ArrayBuffer;
    port.postMessage(
      { kind: 'answer', id: message.id, answer } satisfies FromThread,
      whole ? [body.buffer as ArrayBuffer] : [],
    );
  });
});
send({ kind: 'ready' });
