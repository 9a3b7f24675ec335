import { channel } from 'node:diagnostics_channel';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { asked } from '../asked.ts';
import { nextSecond, sealed, start } from './measured.ts';
import { PROBES } from '../../../src/ingest/node/probes.ts';
import { NODE_METRICS } from '../../../src/ingest/node/metrics.ts';
import { LL5 } from '../../../src/model/grid.ts';
import { total } from '../../../src/model/histogram.ts';
import { decodeBatch, readBatch } from '../../../src/model/report.ts';
import { CellsBuffer } from '../../../src/model/series.ts';

const CHANNELS = [
  'http.server.request.start',
  'http.server.response.finish',
  'tracing:fastify.request.handler:start',
  'http.client.request.start',
  'http.client.response.finish',
  'http.client.request.error',
  'undici:request:create',
  'undici:request:headers',
  'undici:request:error',
];
const subscribed = (): string[] => CHANNELS.filter((name) => channel(name).hasSubscribers);

async function serving<T>(server: Server, use: (url: string) => Promise<T>): Promise<T> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const request = (url: string, method = 'GET'): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = get(url, { method, agent: false }, (response: IncomingMessage) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode!));
    });
    sent.on('error', reject);
  });

const plainServer = (): Server =>
  createServer((incoming, response) => {
    response.statusCode = incoming.url!.startsWith('/missing') ? 404 : 200;
    response.end('x');
  });

describe('a program that measures', () => {
  it('offers what its driver describes', () => {
    expect([...PROBES.keys()]).toEqual(NODE_METRICS.map((metric) => metric.name));
  });

  it('is subscribed to what is wanted, while it is, and to nothing else', async () => {
    const { measuring } = start();
    expect(subscribed()).toEqual([]);
    await measuring.want([asked('http.requests'), asked('http.requests', { id: 'second' })]);
    expect(subscribed()).toEqual(CHANNELS.slice(0, 3));
    await measuring.want([asked('http.requests'), asked('http.client')]);
    expect(subscribed()).toEqual(CHANNELS);
    await measuring.want([asked('http.client')]);
    expect(subscribed()).toEqual(CHANNELS.slice(3));
    await measuring.want([]);
    expect(subscribed()).toEqual([]);
    expect(measuring.active).toBe(false);
  });

  it('goes on with what a list that is not whole leaves out', async () => {
    const { measuring, states } = start();
    await measuring.want([asked('http.requests')]);
    await measuring.want([asked('node.gc')], false);
    await measuring.want([asked('http.requests')], false);
    expect([...measuring.states().keys()].toSorted()).toEqual(['http_requests', 'node_gc']);
    expect(states.length).toBe(2);
    await measuring.want([asked('node.gc')], true);
    expect([...measuring.states().keys()]).toEqual(['node_gc']);
  });

  it('enables what is wanted again while it is being enabled, once', async () => {
    const { measuring, states } = start();
    const where = { op: 'eq', field: 'status', value: 200 } as const;
    const wants = [1, 2, 3].map(() => measuring.want([asked('http.requests', { where })]));
    await Promise.all(wants);
    expect(states.map(([id, { state }]) => [id, state])).toEqual([['http_requests', 'enabled']]);
    await Promise.all([
      measuring.want([asked('http.requests', { where, by: ['route'] })]),
      measuring.want([]),
    ]);
    expect(measuring.states().size).toBe(0);
    expect(subscribed()).toEqual([]);
  });

  it('counts every request once, by route, method and status', async () => {
    const { measuring, states } = start();
    await measuring.want([
      asked('http.requests', { by: ['route', 'method', 'status'], numeric: 'latency', grid: LL5 }),
      asked('http.requests', {
        id: 'bad',
        by: ['host', 'app', 'pid'],
        where: { op: 'ge', field: 'status', value: 400 },
      }),
    ]);
    expect(states.map(([id, { state }]) => [id, state])).toEqual([
      ['http_requests', 'enabled'],
      ['bad', 'enabled'],
    ]);
    await nextSecond(measuring);
    await serving(plainServer(), async (url) => {
      const all = Array.from({ length: 30 }, (_, i) =>
        request(`${url}/items/${i}?x=${i}`, i % 3 === 0 ? 'PUT' : 'GET'),
      );
      await Promise.all([...all, request(`${url}/missing`), request(`${url}/`)]);
    });
    measuring.seal(true);
    const batches = measuring.outbox.unwritten().map(({ bytes }) => bytes);
    expect(sealed(measuring, 'http_requests')).toEqual({
      counts: { '/items/:id GET 200': 20, '/items/:id PUT 200': 10, '/missing GET 404': 1, '/ GET 200': 1 },
      dropped: 0,
    });
    const bad = batches.flatMap((bytes) => readBatch(decodeBatch(bytes), () => new CellsBuffer()).reports);
    const rows = bad.filter((report) => report.instrumentation === 'bad').flatMap((report) => report.rows);
    expect(rows).toEqual([{ key: ['h', 'shop', '7'], histogram: { buckets: [0], counts: [1] } }]);
  });

  it('counts a request that its client cuts off, with status 0', async () => {
    const { measuring } = start();
    await measuring.want([asked('http.requests', { by: ['route', 'status'] })]);
    await nextSecond(measuring);
    const cutting = createServer((incoming, response) => {
      if (incoming.url === '/whole') return void response.end('x');
      return incoming.socket.destroy();
    });
    await serving(cutting, async (url) => {
      await request(`${url}/whole`);
      for (let i = 0; i < 2; i++) await expect(request(`${url}/cut`)).rejects.toThrow('hang up');
    });
    expect(sealed(measuring, 'http_requests').counts).toEqual({ '/whole 200': 1, '/cut 0': 2 });
  });

  it('takes the route that a framework names', async () => {
    const { measuring } = start();
    await measuring.want([asked('http.requests', { by: ['route', 'status'] })]);
    await nextSecond(measuring);
    const app = fastify();
    app.get('/people/:name', async () => 'x');
    await app.register(async (inner) => void inner.get('/deep/*', async () => 'x'), { prefix: '/api' });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    for (const path of ['/people/ann', '/people/bob', '/api/deep/a/b', '/nowhere']) await request(url + path);
    await app.close();
    const express = createServer((incoming, response) => {
      Object.assign(incoming, { baseUrl: '/shop', route: { path: '/carts/:cart' } });
      response.end();
    });
    await serving(express, (at) => request(`${at}/shop/carts/abc`));
    expect(sealed(measuring, 'http_requests').counts).toEqual({
      '/people/:name 200': 2,
      '/api/deep/* 200': 1,
      '/nowhere 404': 1,
      '/shop/carts/:cart 200': 1,
    });
  });

  it('counts requests made, by peer and status, failed ones too', async () => {
    const { measuring } = start();
    await measuring.want([asked('http.client', { by: ['peer', 'method', 'status'] })]);
    await nextSecond(measuring);
    let peer = '';
    await serving(plainServer(), async (url) => {
      peer = url.slice('http://'.length);
      for (let i = 0; i < 3; i++) await request(`${url}/x`);
      for (let i = 0; i < 4; i++) await (await fetch(`${url}/missing`, { method: 'POST', body: 'b' })).text();
    });
    await expect(request(`http://${peer}/gone`)).rejects.toThrow('ECONNREFUSED');
    await expect(fetch(`http://${peer}/gone`)).rejects.toThrow('fetch failed');
    expect(sealed(measuring, 'http_client').counts).toEqual({
      [`${peer} GET 200`]: 3,
      [`${peer} POST 404`]: 4,
      [`${peer} GET 0`]: 2,
    });
  });

  it('sees how long the loop was held', async () => {
    const { measuring } = start();
    await measuring.want([
      asked('node.loop', { id: 'long', where: { op: 'ge', field: 'latency', value: 150e6 } }),
      asked('node.loop', { id: 'all' }),
    ]);
    await nextSecond(measuring);
    const untilMs = performance.now() + 200;
    while (performance.now() < untilMs);
    await new Promise((resolve) => setTimeout(resolve, 100));
    measuring.seal(true);
    const reports = measuring.outbox
      .unwritten()
      .flatMap(({ bytes }) => readBatch(decodeBatch(bytes), () => new CellsBuffer()).reports);
    const count = (id: string): number =>
      reports
        .filter((r) => r.instrumentation === id)
        .reduce((n, r) => n + (r.rows[0] === undefined ? 0 : total(r.rows[0].histogram)), 0);
    expect(count('long')).toBeGreaterThanOrEqual(1);
    expect(count('all')).toBeGreaterThan(count('long'));
  });

  it('says why it cannot, and goes on with the rest', async () => {
    const { measuring } = start();
    await measuring.want([
      asked('http.telepathy'),
      asked('http.requests', { id: 'pattern', where: { op: 'match', field: 'route', value: '(' } }),
      asked('http.requests'),
    ]);
    const states = Object.fromEntries(measuring.states());
    expect(states['http_telepathy']).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('does not know it'),
    });
    expect(states['pattern']).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('missing closing'),
    });
    expect(states['http_requests']).toMatchObject({ state: 'enabled' });
  });

  it('ends for good when its probes fail, and the program notices nothing', async () => {
    const { measuring } = start();
    await measuring.want([asked('http.requests', { by: ['route'] })]);
    await nextSecond(measuring);
    const server = createServer((incoming, response) => {
      Object.defineProperty(incoming, 'url', {
        get: () => {
          throw new Error('not yours');
        },
      });
      response.end('x');
    });
    await serving(server, async (url) => {
      for (let i = 0; i < 12; i++) expect(await request(`${url}/x`)).toBe(200);
    });
    expect(subscribed()).toEqual([]);
    expect(measuring.states().get('http_requests')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('failed 10 times, last: not yours'),
    });
  });

  it('measures anew what was changed under the same name', async () => {
    const { measuring } = start();
    await measuring.want([asked('http.requests', { by: ['route'] })]);
    await measuring.want([asked('http.requests', { by: ['status'], createdSecond: 5 })]);
    await nextSecond(measuring);
    await serving(plainServer(), (url) => request(`${url}/x`));
    expect(sealed(measuring, 'http_requests').counts).toEqual({ '200': 1 });
  });
});
