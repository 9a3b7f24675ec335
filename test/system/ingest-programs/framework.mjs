/** An ES module: a fastify server asked by fetch. Answers how often it was asked, by route. */
import { Worker } from 'node:worker_threads';
import fastify from 'fastify';

const app = fastify();
app.get('/people/:name', async () => 'x');
app.get('/slow/*', async () => new Promise((resolve) => setTimeout(() => resolve('x'), 30)));
const url = await app.listen({ port: 0, host: '127.0.0.1' });
const thread = new Worker(new URL('./idle-thread.mjs', import.meta.url));
thread.unref();

const commands = {
  ask: async (count) => {
    for (let i = 0; i < count; i++) await (await fetch(`${url}/people/p${i}`)).text();
    for (let i = 0; i < count; i++) await (await fetch(`${url}/slow/a/${i}`)).text();
  },
  collect: (count) => {
    for (let i = 0; i < count; i++) globalThis.gc();
  },
  hold: (ms) => {
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs);
  },
  endThread: async () => {
    await thread.terminate();
  },
  peer: () => url.slice('http://'.length),
  end: async () => {
    await app.close();
    setImmediate(() => process.disconnect());
  },
};
async function obey([command, argument]) {
  process.send({ done: (await commands[command](argument)) ?? null });
}
process.on('message', (message) => void obey(message));
process.send({ ready: true });
