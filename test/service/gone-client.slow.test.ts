/** Over a real connection: a client that goes away takes its question back, one that waits does not. */
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NODE_METRICS } from '../../src/ingest/node/metrics.ts';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { AggregatorClient, Answer } from '../../src/service/answer.ts';
import { type Core, openCore } from '../../src/service/core.ts';
import { buildGateway, type Gateway } from '../../src/service/gateway.ts';
import { draftOf } from '../../src/service/statements.ts';

/** Answers when it is told to; says who gave up. */
class Waiting implements AggregatorClient {
  readonly questions: { readonly signal: AbortSignal; readonly answer: (answer: Answer) => void }[] = [];

  ask(_question: unknown, signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve) => {
      if (signal !== undefined) this.questions.push({ signal, answer: resolve });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const QUERY = 'http.requests by latency last 1m | percentiles 50';
const aggregator = new Waiting();
let core: Core;
let gateway: Gateway;
let url: string;
beforeAll(async () => {
  core = await openCore({
    kernel: referenceKernel,
    clock: systemClock,
    onFault: (error) => {
      throw error;
    },
  });
  const { configuration } = core;
  await configuration.announce('web1', NODE_METRICS);
  await configuration.create(
    draftOf('instrument http.requests by route, latency as requests', configuration),
  );
  gateway = await buildGateway({
    version: '0.0.0-test',
    configuration,
    log: core.log,
    checksum: referenceKernel.crc32c,
    aggregators: [aggregator],
    owner: () => aggregator,
    states: () => [],
    checks: () => [],
    clock: systemClock,
    hostNames: [],
  });
  await gateway.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(gateway.server.address() as AddressInfo).port}/api/v1/query`;
});
afterAll(async () => {
  await gateway.close();
  await core.close();
});

const answered: Answer = {
  kind: 'answered',
  contentType: 'application/json',
  body: Buffer.from('{}'),
  etag: '"1"',
  notModified: false,
  immutable: false,
};

async function asked(count: number): Promise<Waiting['questions'][number]> {
  while (aggregator.questions.length < count) await systemClock.sleep(1);
  return aggregator.questions[count - 1]!;
}

it.each(['GET', 'POST'])(
  'a %s is waited with until it is answered, and taken back when its client goes',
  async (method) => {
    const request = (signal?: AbortSignal): Promise<Response> =>
      method === 'GET'
        ? fetch(`${url}?q=${encodeURIComponent(QUERY)}`, { signal: signal ?? null })
        : fetch(url, {
            method: 'POST',
            body: QUERY,
            headers: { 'content-type': 'text/plain' },
            signal: signal ?? null,
          });
    const before = aggregator.questions.length;
    const patient = request();
    const first = await asked(before + 1);
    await systemClock.sleep(50);
    expect(first.signal.aborted).toBe(false);
    first.answer(answered);
    expect((await patient).status).toBe(200);

    const gone = new AbortController();
    const impatient = request(gone.signal).catch(() => 'gone');
    const second = await asked(before + 2);
    expect(second.signal.aborted).toBe(false);
    gone.abort();
    expect(await impatient).toBe('gone');
    while (!second.signal.aborted) await systemClock.sleep(1);
    second.answer(answered);
  },
);
