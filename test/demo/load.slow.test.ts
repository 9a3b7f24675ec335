/** The load: its seeded mix, and its open loop against a server that stalls. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { catalogue, isBroken, PRODUCTS, word } from '../../demo/catalogue.ts';
import { type LoadCounts, startLoad, visits } from '../../demo/load.ts';
import { seededRandom } from '../../demo/random.ts';

test('the same seed visits the same pages, another seed others', () => {
  const paths = (seed: number): string[] => {
    const next = visits(seededRandom(seed));
    return Array.from({ length: 200 }, () => next().path);
  };
  expect(paths(5)).toEqual(paths(5));
  expect(paths(5)).not.toEqual(paths(6));
});

test('about one visit in a hundred ends badly, and each route is visited', () => {
  const next = visits(seededRandom(1));
  const routes = new Map<string, number>();
  let bad = 0;
  for (let i = 0; i < 50_000; i++) {
    const { method, path } = next();
    const [route, id] = path.startsWith('/products/')
      ? ['/products', Number(path.slice(10))]
      : [path.split('?')[0]!, 0];
    if (id >= PRODUCTS || isBroken(id)) bad++;
    routes.set(`${method} ${route}`, (routes.get(`${method} ${route}`) ?? 0) + 1);
  }
  expect(bad / 50_000).toBeGreaterThan(0.008);
  expect(bad / 50_000).toBeLessThan(0.013);
  expect([...routes.keys()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    'GET /health',
    'GET /products',
    'GET /reports/daily',
    'GET /search',
    'POST /checkout',
  ]);
});

test('no word is a part of another, so a search finds what it names', () => {
  const words = Array.from({ length: 1200 }, (_, rank) => word(rank));
  expect(new Set(words).size).toBe(words.length);
  expect(words.every((w) => w.length === words[0]!.length)).toBe(true);
});

test('the catalogue is a function of its seed', () => {
  const first = catalogue(3).next().value;
  expect(catalogue(3).next().value).toEqual(first);
  expect(catalogue(4).next().value).not.toEqual(first);
});

test('visitors come at their rate whether or not they are answered, and none is sent late', async () => {
  let seen = 0;
  const server = createServer(() => seen++); // answers nobody
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const counts: LoadCounts = { scheduled: 0, answered: 0, failed: 0, refused: 0 };
  const stop = startLoad({ port: (server.address() as AddressInfo).port, perSecond: 1000, seed: 1 }, counts);
  await new Promise((resolve) => setTimeout(resolve, 700));
  stop();
  expect(counts.scheduled).toBeGreaterThan(300);
  expect(counts.answered).toBe(0);
  expect(seen).toBeLessThanOrEqual(256);
  expect(counts.scheduled - counts.refused).toBe(256);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
