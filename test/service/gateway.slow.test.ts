import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodePng } from '../render/decode-png.ts';
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
    ['application/vnd.apache.arrow.stream', /^\xff\xff\xff\xff/],
    ['application/vnd.apache.parquet', /^PAR1.*PAR1$/s],
  ])('negotiates %s', async (accept, start) => {
    const answer = await query('http.requests by route, latency last 20s', '', { accept });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toContain(accept);
    expect(answer.headers.vary).toContain('Accept');
    expect(answer.rawPayload.toString('latin1')).toMatch(start);
  });

  it('says a picture in words beside it, as the picture itself and its JSON do', async () => {
    const q = 'http.requests by route, latency from 2027-01-15T08:00:00Z to 2027-01-15T08:00:20Z';
    const png = await query(q, '&format=png');
    const said = String(png.headers['content-description']);
    const json = await query(q);
    expect(said.startsWith("UTF-8''")).toBe(true);
    expect(decodeURIComponent(said.slice(7))).toBe(json.json().alt);
    expect(json.headers).not.toHaveProperty('content-description');
    const held = { 'if-none-match': String(png.headers['etag']) };
    expect((await query(q, '&format=png', held)).headers['content-description']).toBe(said);
    expect((await query(q, '&newest=3&format=png')).headers).not.toHaveProperty('content-description');
  });

  it('gives the newest columns alone: the right end of the plain picture, and their numbers', async () => {
    const q = 'http.requests by route, latency from 2027-01-15T08:00:00Z to 2027-01-15T08:00:20Z';
    const size = '&width=100&height=50&format=png';
    const whole = decodePng((await query(q, `${size}&plain=true`)).rawPayload);
    const end = decodePng((await query(q, `${size}&newest=3`)).rawPayload);
    expect([end.width, end.height]).toEqual([15, 50]);
    for (let y = 0; y < 50; y++) {
      expect(end.pixels.subarray(y * 15, (y + 1) * 15)).toEqual(
        whole.pixels.subarray(y * 100 + 85, (y + 1) * 100),
      );
    }
    const json = (await query(q, '&newest=3')).json();
    expect(json).toMatchObject({ from: START_SECOND + 17, to: START_SECOND + 20, columns: 3, total: 84 });
    const cells = (await query(q)).json().cells.filter(([column]: number[]) => column! >= 17);
    expect(json.cells).toEqual(cells.map(([column, ...rest]: number[]) => [column! - 17, ...rest]));
    expect(await query(q, '&newest=0')).toMatchObject({ statusCode: 400 });
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

  it('takes a statement in its JSON form, and gives it', async () => {
    const post = (url: string, payload: object) =>
      house.gateway.inject({ method: 'POST', url, headers: { host: 'localhost' }, payload });
    const text = 'http.requests where status >= 500 by route last 20s | count';
    const { diagnostics, statement } = (await post('/api/v1/query/check', { q: text })).json();
    expect(diagnostics).toEqual([]);
    const asked = await post('/api/v1/query', { statement });
    expect(asked.json()).toEqual((await query(text)).json());
    expect(await post('/api/v1/query', { statement: { kind: 'read' } })).toMatchObject({ statusCode: 400 });
    const schema = await get('/api/v1/query/schema');
    expect(schema.headers['content-type']).toContain('application/schema+json');
    expect(schema.json()).toEqual(expect.objectContaining({ anyOf: expect.any(Array) }));
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

it.each([
  ['http.requests last', 'SYNTAX'],
  ['http.requests last 5m last 6m', 'REPEATED'],
  ['http.request', 'UNKNOWN_METRIC'],
  ['http.requests by rout', 'UNKNOWN_FIELD'],
  ['drop nobody', 'UNKNOWN_INSTRUMENTATION'],
  ['http.requests where latency > "a"', 'TYPE'],
  ['http.requests where latency > 1KB', 'UNIT'],
  ['http.requests where route =~ "("', 'PATTERN'],
  ['http.requests last 0s', 'LIMIT'],
])('diagnostics have their code, checked or run: %s', async (q, code) => {
  const headers = { host: 'localhost' };
  const checked = await house.gateway.inject({
    method: 'POST',
    url: '/api/v1/query/check',
    headers,
    payload: { q },
  });
  expect(checked.json().diagnostics.map((fault: { code: string }) => fault.code)).toEqual([code]);
  expect((await query(q)).json().errors).toEqual(checked.json().diagnostics);
});

describe('an instrumentation to be', () => {
  const explained = async (statement: string) =>
    Object.fromEntries((await query(`explain ${statement}`)).json().rows);
  const living = async () => (await get('/api/v1/instrumentations')).json().instrumentations.length;

  it('is explained, and nothing is created', async () => {
    const before = await living();
    const asked = 'instrument http.requests by host, latency as other';
    expect(await explained(asked)).toEqual({
      statement: 'instrument http.requests by host, latency every 1s keep 1d idle 1h as other',
      outcome: 'would be created as "other"',
      cost: expect.stringContaining('a request'),
      'an event costs': 'about 4000 ns',
      sources: '1 can measure it, 1 cannot',
      'web1/node:shop[1]': 'can measure it',
      'web1/node:shop[1] cpu': 'at least 0.2 % of a core: 2000 ns an event, at least 1000 a second',
      'web1/node:shop[1] rows': 'unknown every 1s, a row a key',
      'web1/node:shop[1] budget': '1 % of a core is measured there already, budget 20 %',
      'web1/bpf': 'cannot measure it: no root',
      'web1/bpf remedy': 'run as root',
    });
    expect(await living()).toBe(before);
  });

  it('is explained where it would not be created, with the reason', async () => {
    expect(await explained('instrument http.requests by host, latency as requests')).toMatchObject({
      outcome: expect.stringMatching(/^would be refused: Cannot create instrumentation "requests": /),
    });
    const [{ id, statement }] = (await get('/api/v1/instrumentations')).json().instrumentations;
    expect(await explained(statement)).toMatchObject({
      outcome: `nothing new: "${id}" lives and measures the same`,
    });
    expect((await query('explain instrument http.request by host')).json()).toMatchObject({
      code: 'QUERY_INVALID',
      errors: [{ suggestion: 'http.requests', position: { offset: 19, length: 12 } }],
    });
  });

  it('is created with the same estimate in the answer', async () => {
    const q = 'instrument http.requests by host as estimated';
    const answer = await house.gateway.inject({
      method: 'POST',
      url: '/api/v1/instrumentations',
      headers: { host: 'localhost' },
      payload: { q },
    });
    expect(answer.json()).toMatchObject({
      id: 'estimated',
      estimates: [
        { source: 'web1/node:shop[1]', measurable: true, costNs: 2000, cpuShare: 0.002, cpuShareMax: 0.2 },
        { source: 'web1/bpf', measurable: false, reason: 'no root' },
      ],
    });
    await house.gateway.inject({
      method: 'DELETE',
      url: '/api/v1/instrumentations/estimated',
      headers: { host: 'localhost' },
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
      code: 'UNKNOWN_FIELD',
      position: { offset: 17, length: 4, line: 1, column: 18 },
      suggestion: 'route',
    });
  });

  it.each([
    ['http.requests where status = 500', ['SYNTAX']],
    ['http.requests by rout, latency last 20s last 10s', ['REPEATED']],
    ['http.requests where latency > 100', ['UNIT']],
    ['instrument http.requests keep 24h, 7d at 15s every 2h', ['LIMIT', 'LIMIT']],
  ])('has the code of each fault: %s', async (q, expected) => {
    const url = '/api/v1/query/check';
    const reply = await house.gateway.inject({
      method: 'POST',
      url,
      headers: { host: 'localhost' },
      payload: { q },
    });
    const { diagnostics } = reply.json<{ diagnostics: { code: string }[] }>();
    expect(diagnostics.map(({ code }) => code)).toEqual(expected);
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

  it('are cloned with what is given in place of what the original has, checked as a whole', async () => {
    await house.instrument(
      'instrument http.requests where latency > 5ms by route, latency keep 1h as origin',
    );
    const clone = (payload: object) =>
      house.gateway.inject({
        method: 'POST',
        url: '/api/v1/instrumentations/origin/clone',
        headers: { host: 'localhost' },
        payload,
      });
    const narrow = await clone({
      where: 'status >= 500',
      by: ['host', 'latency'],
      idle: 'never',
      as: 'narrow',
    });
    expect([narrow.statusCode, narrow.json().statement]).toEqual([
      201,
      'instrument http.requests where status >= 500 by host, latency every 1s keep 1h idle never as narrow',
    ]);
    const all = await clone({ where: '', as: 'everything' });
    expect(all.json().statement).toBe(
      'instrument http.requests by route, latency every 1s keep 1h idle 1h as everything',
    );
    const wrong = await clone({ by: ['rout'] });
    expect([wrong.statusCode, wrong.json().detail]).toEqual([
      400,
      expect.stringContaining('did you mean "route"'),
    ]);
    expect((await clone({ as: 'narrow' })).statusCode).toBe(409);
    const same = await clone({});
    expect([same.statusCode, same.json().id]).toEqual([200, 'origin']);
    for (const id of ['origin', 'narrow', 'everything']) await post(`drop ${id}`);
  });

  it('are paused and resumed, by statement and as a resource', async () => {
    await house.instrument('instrument node.loop by latency as loop');
    const patch = (paused: boolean) =>
      house.gateway.inject({
        method: 'PATCH',
        url: '/api/v1/instrumentations/loop',
        headers: { host: 'localhost' },
        payload: { paused },
      });
    expect((await post('pause loop')).json().rows[0].slice(0, 2)).toEqual(['loop', 'paused']);
    expect((await post('pause loop')).json().rows[0].slice(0, 2)).toEqual(['loop', 'paused']);
    expect((await query('pause loop')).statusCode).toBe(405);
    const paused = (await get('/api/v1/instrumentations/loop')).json();
    expect(paused).toMatchObject({ state: 'paused', pausedSecond: expect.any(Number) });
    expect((await patch(false)).json()).toMatchObject({ state: 'enabled' });
    expect((await patch(true)).json()).toMatchObject({ state: 'paused' });
    expect((await post('resume loop')).json().rows[0].slice(0, 2)).toEqual(['loop', 'enabled']);
    expect((await post('resume lop')).json().errors[0]).toMatchObject({ suggestion: 'loop' });
    await post('drop loop');
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

const post = (statement: string) =>
  house.gateway.inject({
    method: 'POST',
    url: '/api/v1/query',
    headers: { host: 'localhost', 'content-type': 'text/plain' },
    payload: statement,
  });

describe('what was known', () => {
  it('is told from what is known since late data came', async () => {
    const early = await openHouse();
    try {
      const iso = (second: number): string => new Date(second * 1000).toISOString();
      const ask = async (more: string, stage = '| histograms') => {
        const range = `from ${iso(START_SECOND)} to ${iso(START_SECOND + 10)}`;
        const q = encodeURIComponent(`http.requests by route, latency ${range} ${more} ${stage}`);
        const url = `/api/v1/query?q=${q}`;
        return (await early.gateway.inject({ url, headers: { host: 'localhost' } })).json();
      };
      await early.instrument('instrument http.requests by route, latency as requests');
      for (let s = 0; s < 10; s++) await early.report(START_SECOND + s, 'requests', { '/a': [MS] });
      const before = await ask('');
      const asOf = `as of ${iso(START_SECOND + 30)}`;
      const picture = await ask(asOf, '');
      early.clock.ms = (START_SECOND + 300) * 1000;
      await early.report(START_SECOND + 3, 'requests', { '/late': [5 * MS, 7 * MS] });
      for (let s = 0; s < 5; s++) await early.report(START_SECOND + 300 + s, 'requests', { '/a': [MS] });
      const after = await ask('');
      expect([before.rows.length, after.rows.length]).toEqual([10, 12]);
      const then = await ask(asOf);
      expect(then.rows).toEqual(before.rows);
      expect((await ask(`as of ${iso(START_SECOND + 300)}`)).rows).toEqual(after.rows);
      expect((await ask(asOf, '')).cells).toEqual(picture.cells);
      expect((await ask(`as of ${iso(START_SECOND + 5)}`)).rows).toHaveLength(4);
      expect((await ask('as of 2020-01-01T00:00Z')).rows).toEqual([]);
    } finally {
      await early.close();
    }
  });
});

describe('histograms', () => {
  it('are every bucket, exactly, in every format', async () => {
    const q = `http.requests by route, latency from ${START_SECOND} to ${START_SECOND + 20} step 10s | histograms`;
    const { columns, rows } = (await query(q)).json();
    expect(columns.map((c: { name: string }) => c.name)).toEqual([
      'time',
      'route',
      'lower',
      'upper',
      'count',
    ]);
    const total = rows.reduce((n: number, row: [number, string, number, number, number]) => n + row[4], 0);
    expect(total).toBe(84);
    for (const [, , lower, upper] of rows) expect(upper).toBeGreaterThan(lower);
    const csv = (await query(q, '', { accept: 'text/csv' })).body.split('\r\n');
    expect(csv).toHaveLength(rows.length + 2);
    expect(csv[0]).toBe('time,route,lower,upper,count');
  });
});

describe('pins', () => {
  it('keep a range until they are unpinned, and what holds them from being dropped', async () => {
    await house.instrument('instrument http.requests by status, latency keep 1h, 1d at 10s as held');
    const range = `from ${START_SECOND} to ${START_SECOND + 10}`;
    expect((await query(`pin held ${range}`)).json()).toMatchObject({ status: 405, code: 'POST_NEEDED' });
    const made = await post(`pin held ${range} as incident`);
    expect(made.statusCode).toBe(200);
    const statement = 'pin held from 2027-01-15T08:00:00Z to 2027-01-15T08:00:10Z as incident';
    const listed = [['incident', 'held', '2027-01-15T08:00:00Z', '2027-01-15T08:00:10Z', statement]];
    expect(made.json().rows).toEqual(listed);
    expect((await query('show pins')).json().rows).toEqual(listed);
    expect((await post(statement)).json().rows).toEqual(listed);
    expect((await post('pin held last 5s as incident')).json()).toMatchObject({ code: 'NAME_TAKEN' });
    const wider = await post(`pin held from ${START_SECOND - 60} to ${START_SECOND + 10} as incident`);
    expect(wider.json().rows[0][2]).toBe('2027-01-15T07:59:00Z');
    expect((await post('pin held last 5s')).json().rows[0][0]).toBe('held-pin');
    expect((await post('pin held from 2026-01-01T00:00Z to 2026-01-02T00:00Z')).json()).toMatchObject({
      status: 422,
      code: 'NOT_KEPT',
    });
    const refused = (await post('drop held')).json();
    expect(refused).toMatchObject({ status: 409, code: 'INSTRUMENTATION_PINNED' });
    expect(refused.detail).toContain('"unpin incident"');
    for (const pin of ['incident', 'held-pin'])
      expect((await post(`unpin ${pin}`)).json().rows).toEqual([[pin]]);
    expect((await post('unpin incident')).json()).toMatchObject({ code: 'QUERY_INVALID' });
    expect((await post('drop held')).statusCode).toBe(200);
  });

  it('are told from levels of retention, which a PATCH changes', async () => {
    await house.instrument('instrument http.requests by host, latency keep 1h, 1d at 10s as levels');
    const patch = (payload: object) =>
      house.gateway.inject({
        method: 'PATCH',
        url: '/api/v1/instrumentations/levels',
        headers: { host: 'localhost' },
        payload,
      });
    const level = (seconds: number, keepSeconds: number) => ({ level: seconds, keepSeconds });
    expect((await patch({ idleSeconds: 60 })).json()).toMatchObject({
      keepLevels: [level(10, 86_400)],
      idleSeconds: 60,
    });
    const changed = (await patch({ keepLevels: [level(3600, 0), level(60, 7200)] })).json();
    expect(changed.keepLevels).toEqual([level(60, 7200), level(3600, 0)]);
    expect(changed.statement).toContain('keep 1h, 2h at 1m, 0s at 1h idle 1m');
    expect((await patch({ keepLevels: [] })).json()).not.toHaveProperty('keepLevels');
    expect((await patch({ keepLevels: [level(60, 1), level(60, 2)] })).statusCode).toBe(422);
    expect((await patch({ keepLevels: [level(1, 1)] })).statusCode).toBe(400);
    const before = (START_SECOND - 7200) * 1000;
    const asked = `http.requests by host, latency from ${new Date(before).toISOString()} to now step 1s`;
    expect((await query(asked)).json()).toMatchObject({ status: 422, code: 'NOT_KEPT' });
    await post('drop levels');
  });
});

describe('self-description', () => {
  it('describes itself', async () => {
    const metrics = (await get('/api/v1/metrics')).json();
    expect(metrics.metrics.map((m: { name: string }) => m.name)).toContain('http.requests');
    expect(metrics.types.time).toMatchObject({ unit: 's', base: 10, power: -9 });
    const named = (name: string): unknown => metrics.metrics.find((m: { name: string }) => m.name === name);
    expect(named('http.requests')).toMatchObject({ available: true, offers: [{ driver: 'node' }] });
    expect(named('node.gc')).toMatchObject({
      available: false,
      offers: [{ driver: 'node', available: false, reason: 'no program', remedy: 'start one' }],
    });
    const { rows } = (await query('show metrics')).json() as { rows: (string | number)[][] };
    expect(rows[0]).toEqual(expect.arrayContaining(['http.requests', 4000, 'yes']));
    const gc = rows.find(([name]) => name === 'node.gc');
    expect(gc?.slice(-3)).toEqual(['no', 'node: no program', 'node: start one']);
    const openapi = (await get('/openapi.json')).json();
    expect(openapi.openapi).toBe('3.1.0');
    expect(Object.keys(openapi.paths)).toContain('/api/v1/query');
    expect((await get('/readyz')).json().status).toBe('ok');
    expect((await get('/metrics')).body).toMatch(/tailglow_store\{aggregator="0",counter="batches"\} \d+/);
    expect((await get('/metrics')).body).toContain(
      'tailglow_instrumentation_sources{instrumentation="requests",state="enabled"} 1',
    );
    expect((await get('/api/v1/sources')).json().sources[0]).toMatchObject({ name: 'web1/node:shop[1]' });
  });

  it('serves the page under a policy that allows no foreign script', async () => {
    const page = await get('/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    expect((await get('/../package.json')).statusCode).toBe(404);
  });
});
