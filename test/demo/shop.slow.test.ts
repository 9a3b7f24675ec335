/** The shop by inject, over a real database in this thread: what its routes answer, what its counts say. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BROKEN_EVERY, PRODUCTS, word } from '../../demo/catalogue.ts';
import { type Desk, openLocalDesk } from '../../demo/desk.ts';
import { buildShop } from '../../demo/shop.ts';
import { Warehouse } from '../../demo/warehouse.ts';

let directory: string;
let desk: Desk;
let shop: ReturnType<typeof buildShop>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailglow-shop-'));
  desk = openLocalDesk(new Warehouse(join(directory, 'shop.db'), 7));
  shop = buildShop(desk, { housekeeping: false, load: () => ({ scheduled: 3 }) });
});
afterAll(async () => {
  await shop.close();
  await rm(directory, { recursive: true, force: true });
});

async function get(url: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const reply = await shop.inject({ method: 'GET', url });
  return { status: reply.statusCode, body: reply.json() };
}

describe('routes', () => {
  test('a page is the same from the database and from memory', async () => {
    const first = await get('/products/42');
    expect(first.status).toBe(200);
    expect(first.body['id']).toBe(42);
    expect(first.body['similar']).toHaveLength(5);
    expect(await get('/products/42')).toEqual(first);
  });

  test('a page that does not exist is 404, one whose stored data are broken is 500, a wrong id is 400', async () => {
    expect((await get(`/products/${PRODUCTS}`)).status).toBe(404);
    expect((await get(`/products/${BROKEN_EVERY - 1}`)).status).toBe(500);
    expect((await get('/products/x')).status).toBe(400);
  });

  test('search finds titles that hold the word, and descriptions while the index is empty', async () => {
    const wanted = word(3);
    const withIndex = await get(`/search?q=${wanted}`);
    expect(withIndex.body['indexed']).toBe(true);
    expect(JSON.stringify(withIndex.body['hits'])).toContain(wanted);
    await desk.ask('indexClear', undefined);
    const without = await get(`/search?q=${wanted}`);
    expect(without.body['indexed']).toBe(false);
    expect(without.body['hits']).toHaveLength(25);
    while (!(await desk.ask('indexSlice', undefined)).ended);
    expect(await get(`/search?q=${wanted}`)).toEqual(withIndex);
  });

  test('orders are numbered and signed', async () => {
    const order = async (): Promise<{ order: number; receipt: string }> => {
      const reply = await shop.inject({
        method: 'POST',
        url: '/checkout',
        payload: { product: 1, quantity: 2 },
      });
      expect(reply.statusCode).toBe(201);
      return reply.json();
    };
    const [a, b] = [await order(), await order()];
    expect(b.order).toBe(a.order + 1);
    expect(a.receipt).toMatch(/^[0-9a-f]{64}$/);
    expect(a.receipt).not.toBe(b.receipt);
  });

  test('the report takes its turns: others are served while it runs', async () => {
    const report = get('/reports/daily');
    let reported = false;
    void report.then(() => (reported = true));
    expect((await get('/products/77')).status).toBe(200);
    expect(reported).toBe(false);
    expect((await report).body['parts']).toBe(40);
    expect((await get('/reports/daily')).body).toEqual((await report).body);
  });

  test('repricing uses its time and comes to an end', async () => {
    const startMs = performance.now();
    const { products } = await desk.ask('reprice', undefined);
    expect(products).toBeGreaterThan(0);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(349);
  });
});

describe('the shop counts what it serves', () => {
  test('every answer once, by route and second, whatever its status', async () => {
    const before = await served();
    const urls = [
      '/health',
      '/products/1',
      '/products/1',
      `/products/${PRODUCTS}`,
      '/nowhere',
      '/search?q=x',
    ];
    for (const url of urls) await shop.inject({ method: 'GET', url });
    const after = await served();
    const difference = Object.entries(after).map(([route, n]) => [route, n - (before[route] ?? 0)]);
    expect(Object.fromEntries(difference.filter(([, n]) => n !== 0))).toEqual({
      '/health': 1,
      '/products/:id': 3,
      '/search': 1,
      '(none)': 1,
      '/__served': 1,
    });
  });

  test('the range is half-open, and the load tells of itself', async () => {
    const reply = await get('/__served');
    expect(reply.body['load']).toEqual({ scheduled: 3 });
    const seconds = reply.body['seconds'] as { second: number }[];
    const [first, last] = [seconds[0]!.second, seconds.at(-1)!.second];
    const until = await get(`/__served?from=${first}&until=${last}`);
    expect(until.body['seconds']).toEqual(seconds.filter((s) => s.second < last));
  });
});

async function served(): Promise<Record<string, number>> {
  const { body } = await get('/__served');
  const sums: Record<string, number> = {};
  for (const { routes } of body['seconds'] as { routes: Record<string, number> }[]) {
    for (const [route, n] of Object.entries(routes)) sums[route] = (sums[route] ?? 0) + n;
  }
  return sums;
}
