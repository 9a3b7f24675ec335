import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openHouse, START_SECOND, type House } from './house.ts';

const MS = 1_000_000;
let house: House;
beforeAll(async () => {
  house = await openHouse();
  const id = await house.instrument('instrument http.requests by route, status, latency as requests');
  expect(id).toBe('requests');
  for (let s = 0; s < 20; s++) {
    await house.report(START_SECOND + s, 'requests', {
      '/a 200': [1 * MS, 2 * MS, 2 * MS],
      '/b 200': [30 * MS],
      ...(s % 5 === 0 ? { '/b 500': [900 * MS] } : {}),
    });
  }
});
afterAll(() => house.close());

async function get(path: string, headers: Record<string, string> = {}) {
  return house.gateway.inject({ url: path, headers: { host: 'localhost', ...headers } });
}
const query = (q: string, more = '', headers: Record<string, string> = {}) =>
  get(`/api/v1/query?q=${encodeURIComponent(q)}${more}`, headers);

describe('reading', () => {
  it('answers a heatmap whose cells add up to what was reported', async () => {
    const answer = await query('http.requests by route, latency last 20s');
    expect(answer.statusCode).toBe(200);
    const json = answer.json();
    expect(json).toMatchObject({
      kind: 'heatmap',
      from: START_SECOND,
      to: START_SECOND + 20,
      step: 1,
      total: 84,
    });
    const sum = json.cells.reduce((n: number, c: number[]) => n + c[3]!, 0);
    expect(sum).toBeCloseTo(84, 9);
    expect(json.hues.map((h: { key: string[]; count: number }) => [h.key[0], h.count])).toEqual([
      ['/a', 60],
      ['/b', 24],
    ]);
    expect(json.coverage).toMatchObject({ expected: 1, missing: [] });
    expect(json.coverage.reporting).toEqual(Array.from({ length: 20 }, () => 1));
  });

  it('filters by a stored field and counts by it', async () => {
    const json = (await query('http.requests where status >= 500 by route last 20s | count')).json();
    expect(json.kind).toBe('lines');
    const total = json.series
      .flatMap((s: { values: number[] }) => s.values)
      .reduce((a: number, b: number) => a + b, 0);
    expect(total).toBe(4);
  });

  it('gives percentiles with their bounds', async () => {
    const json = (
      await query('http.requests where route == "/a" by latency last 20s | percentiles 50, 99')
    ).json();
    for (const { values, low, high } of json.series) {
      values.forEach((v: number, i: number) => {
        expect(low[i]).toBeLessThanOrEqual(v);
        expect(high[i]).toBeGreaterThanOrEqual(v);
        expect(high[i] / low[i]).toBeLessThan(1.04);
      });
    }
  });

  it.each([
    ['image/png', /^\x89PNG/],
    ['text/csv', /^second,low,high,route,count\r\n/],
    ['application/jsonl', /^\{"second":1800000000,/],
    ['text/plain', /http\.requests/],
  ])('negotiates %s', async (accept, start) => {
    const answer = await query('http.requests by route, latency last 20s', '', { accept });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toContain(accept);
    expect(answer.headers.vary).toContain('Accept');
    expect(answer.rawPayload.toString('latin1')).toMatch(start);
  });

  it('answers 304 to who holds the newest already, and a new tag once more came', async () => {
    const q = 'http.requests by latency last 10s';
    const first = await query(q);
    const tag = String(first.headers['etag']);
    expect((await query(q, '', { 'if-none-match': tag })).statusCode).toBe(304);
    await house.report(START_SECOND + 20, 'requests', { '/a 200': [MS] });
    const later = await query(q, '', { 'if-none-match': tag });
    expect(later.statusCode).toBe(200);
    expect(later.headers['etag']).not.toBe(tag);
  });

  it('completes names from the catalogue and values from what was seen', async () => {
    const texts = async (q: string): Promise<string[]> =>
      (await get(`/api/v1/complete?q=${encodeURIComponent(q)}`))
        .json()
        .completions.map((c: { text: string }) => c.text);
    expect(await texts('http.re')).toContain('http.requests');
    expect(await texts('http.requests by ')).toContain('route');
    expect(await texts('http.requests where route == ')).toEqual(expect.arrayContaining(['"/a"', '"/b"']));
  });

  it('explains', async () => {
    const json = (await query('explain http.requests by latency last 10s')).json();
    expect(Object.fromEntries(json.rows)).toMatchObject({
      instrumentation: 'requests',
      columns: 10,
      step: '1s',
      'sources missing': 'none',
    });
  });
});

describe('refusing', () => {
  it('names the place of a mistake and the word that was meant', async () => {
    const answer = await query('http.requests by rout, latency last 20s');
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    const json = answer.json();
    expect(json).toMatchObject({ status: 400, code: 'QUERY_INVALID' });
    expect(json.errors[0]).toMatchObject({
      position: { offset: 17, length: 4, line: 1, column: 18 },
      suggestion: 'route',
    });
  });

  it('offers the instrumentation that would answer', async () => {
    const json = (await query('http.requests by method, latency last 20s')).json();
    expect(json).toMatchObject({ status: 422, code: 'NOT_INSTRUMENTED' });
    expect(json.offer).toBe('instrument http.requests by method, latency');
  });

  it.each([
    ['/api/v1/query', 400],
    ['/api/v1/query?q=show%20metrics&format=gif', 400],
    ['/api/v1/query?q=show%20metrics&format=png', 406],
    ['/api/v1/query?q=drop%20requests', 405],
    ['/api/v1/nothing', 404],
    ['/api/v1/instrumentations/nothing', 404],
  ])('%s is %i, as problem+json', async (path, status) => {
    const answer = await get(path);
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ status, type: expect.stringMatching(/^urn:tailglow:problem:/) });
  });

  it('shows no page of a foreign origin or host anything', async () => {
    expect((await get('/api/v1/metrics', { origin: 'http://evil.example' })).statusCode).toBe(403);
    expect((await get('/api/v1/metrics', { host: 'evil.example' })).statusCode).toBe(403);
    expect(
      (await get('/api/v1/metrics', { host: 'localhost:8124', origin: 'http://localhost:8124' })).statusCode,
    ).toBe(200);
  });

  it('demands the token where one is set', async () => {
    const guarded = await openHouse({ token: 'secret' });
    try {
      const ask = (authorization?: string) =>
        guarded.gateway.inject({
          url: '/api/v1/metrics',
          headers: { host: 'localhost', ...(authorization === undefined ? {} : { authorization }) },
        });
      expect((await ask()).statusCode).toBe(401);
      expect((await ask('Bearer wrong!')).statusCode).toBe(401);
      expect((await ask('Bearer secret')).statusCode).toBe(200);
      expect(
        (await guarded.gateway.inject({ url: '/livez', headers: { host: 'localhost' } })).statusCode,
      ).toBe(200);
    } finally {
      await guarded.close();
    }
  });
});

describe('instrumentations', () => {
  it('lives from creation to drop', async () => {
    const create = (q: string) =>
      house.gateway.inject({
        method: 'POST',
        url: '/api/v1/instrumentations',
        headers: { host: 'localhost' },
        payload: { q },
      });
    const made = await create('instrument http.requests where status >= 500 by host, latency as errors');
    expect(made.statusCode).toBe(201);
    expect(made.headers.location).toBe('/api/v1/instrumentations/errors');
    expect(made.json()).toMatchObject({ id: 'errors', state: 'enabled', keepSeconds: expect.any(Number) });
    const again = await create('instrument http.requests where status >= 500 by host, latency');
    expect([again.statusCode, again.json().id]).toEqual([200, 'errors']);
    expect((await create('instrument http.requests by latency as errors')).statusCode).toBe(409);
    const patch = await house.gateway.inject({
      method: 'PATCH',
      url: '/api/v1/instrumentations/errors',
      headers: { host: 'localhost' },
      payload: { keepSeconds: 7200 },
    });
    expect(patch.json()).toMatchObject({ keepSeconds: 7200 });
    const clone = await house.gateway.inject({
      method: 'POST',
      url: '/api/v1/instrumentations/errors/clone',
      headers: { host: 'localhost' },
      payload: { as: 'errors2' },
    });
    expect(clone.statusCode).toBe(201);
    for (const id of ['errors', 'errors2']) {
      const gone = await house.gateway.inject({
        method: 'DELETE',
        url: `/api/v1/instrumentations/${id}`,
        headers: { host: 'localhost' },
      });
      expect(gone.statusCode).toBe(204);
    }
    const left = (await get('/api/v1/instrumentations'))
      .json()
      .instrumentations.map((i: { id: string }) => i.id);
    expect(left).toEqual(['requests']);
  });

  it('runs a statement that changes something by POST of plain text', async () => {
    const answer = await house.gateway.inject({
      method: 'POST',
      url: '/api/v1/query',
      headers: { host: 'localhost', 'content-type': 'text/plain' },
      payload: 'instrument node.gc by kind, latency as gc',
    });
    expect(answer.statusCode).toBe(200);
    expect(answer.json().rows[0][0]).toBe('gc');
  });
});

describe('self-description', () => {
  it('describes itself', async () => {
    const metrics = (await get('/api/v1/metrics')).json();
    expect(metrics.metrics.map((m: { name: string }) => m.name)).toContain('http.requests');
    expect(metrics.types.time).toMatchObject({ unit: 's', base: 10, power: -9 });
    const openapi = (await get('/openapi.json')).json();
    expect(openapi.openapi).toBe('3.1.0');
    expect(Object.keys(openapi.paths)).toContain('/api/v1/query');
    expect((await get('/readyz')).json().status).toBe('ok');
    expect((await get('/metrics')).body).toMatch(/tailglow_store\{aggregator="0",counter="batches"\} \d+/);
    expect((await get('/api/v1/sources')).json().sources[0]).toMatchObject({ name: 'web1/node:shop[1]' });
  });

  it('serves the page under a policy that allows no foreign script', async () => {
    const page = await get('/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect((await get('/../package.json')).statusCode).toBe(404);
  });
});
