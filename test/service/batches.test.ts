import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBatch, type Report } from '../../src/model/batch.ts';
import { COUNT, LL5 } from '../../src/model/grid.ts';
import { histogramOf } from '../../src/model/histogram.ts';
import { encodeControlEntry, encodeReportEntry } from '../../src/model/report.ts';
import { type House, openHouse, START_SECOND } from './house.ts';

const source = { host: 'import', driver: 'requests', incarnation: '00000000000000ff' };
const TYPE = 'application/vnd.tailglow.report';
let house: House;
beforeAll(async () => {
  house = await openHouse();
  await house.instrument('instrument http.requests by route, latency as requests');
});
afterAll(() => house.close());

const report: Report = {
  instrumentation: 'requests',
  grid: LL5,
  partial: false,
  dropped: 0,
  rows: [{ key: ['/a'], histogram: histogramOf(LL5, [1e6, 2e6, 2e6]) }],
};

function entryOf(batch: { sequence?: number; second?: number; report?: Partial<Report> } = {}): Uint8Array {
  const { sequence = 0, second = START_SECOND, report: changes } = batch;
  return encodeReportEntry([encodeBatch({ source, sequence, second, reports: [{ ...report, ...changes }] })]);
}

async function post(path: string, payload: Uint8Array | object, type = TYPE) {
  const body = payload instanceof Uint8Array ? Buffer.from(payload) : JSON.stringify(payload);
  const headers = { host: 'localhost', 'content-type': type };
  return house.gateway.inject({ method: 'POST', url: path, headers, payload: body });
}

async function count(statement: string): Promise<number> {
  const url = `/api/v1/query?q=${encodeURIComponent(statement)}`;
  const json = (await house.gateway.inject({ url, headers: { host: 'localhost' } })).json();
  return json.series[0].values.reduce((a: number, b: number | null) => a + (b ?? 0), 0);
}
const from = new Date((START_SECOND - 60) * 1000).toISOString();
const all = `http.requests from ${from} to ${new Date((START_SECOND + 60) * 1000).toISOString()} | count`;

describe('batches', () => {
  it('are durable when answered, and counted once however often they are sent', async () => {
    const answers = [
      await post('/api/v1/batches', entryOf()),
      await post('/api/v1/batches', entryOf()),
      await post('/api/v1/batches', entryOf({ sequence: 1, second: START_SECOND - 20 })),
    ];
    expect(answers.map((a) => [a.statusCode, a.json()])).toEqual([
      [200, { batches: 1, reports: 1 }],
      [200, { batches: 1, reports: 1 }],
      [200, { batches: 1, reports: 1 }],
    ]);
    await house.instrument('instrument http.requests by route, latency as requests');
    expect(await count(all)).toBe(6);
  });

  it.each([
    [
      'a flipped bit',
      () => entryOf().map((byte, i) => (i === 20 ? byte ^ 1 : byte)),
      /checksum differs at byte \d+$/,
    ],
    ['a short body', () => entryOf().subarray(0, 30), /at byte 3$/],
    [
      'a control event',
      () => encodeControlEntry({ kind: 'instrumentation-dropped', id: 'requests' }),
      /control event/,
    ],
    ['a broken control event', () => Uint8Array.of(2, 3, 4), /control event/],
    ['no entry', () => Uint8Array.of(9), /entry kind is 9, expected 1 or 2/],
  ])('of %s are 400 with the byte, and nothing is appended', async (_name, payload, detail) => {
    const before = await count(all);
    const answer = await post('/api/v1/batches', payload());
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({ code: 'REPORT_CORRUPT', detail: expect.stringMatching(detail) });
    expect(answer.json().errors[0].byte).toBeTypeOf('number');
    expect(await count(all)).toBe(before);
  });

  it('names the byte of a row that is off the grid', async () => {
    const wide: Partial<Report> = { rows: [{ key: ['/a'], histogram: { buckets: [9000], counts: [1] } }] };
    const entry = entryOf({ sequence: 7, report: wide });
    const answer = await post('/api/v1/batches', entry);
    expect(answer.statusCode).toBe(400);
    const { byte } = answer.json().errors[0];
    expect(answer.json().detail).toContain(
      `a row of "requests": bucket is 9000, expected below 1568 at byte ${byte}`,
    );
    expect(entry[byte - 1]).toBe(9000 >> 7); // the varint of the bucket ends there
  });

  it.each([
    ['of no instrumentation', { report: { instrumentation: 'nobody' } }, /no such instrumentation lives/],
    ['on another grid', { report: { grid: COUNT, rows: [] } }, /count grid, expected log-linear/],
    [
      'with other keys',
      { report: { rows: [{ key: ['a', 'b'], histogram: histogramOf(LL5, [1]) }] } },
      /have 2 fields, expected 1/,
    ],
    ['ahead of time', { second: START_SECOND + 3600 }, /ahead of time/],
    ['past all retention', { second: START_SECOND - 3 * 366 * 86_400 }, /kept longer than/],
  ])('%s are 422 with the reason', async (_name, batch, detail) => {
    const answer = await post('/api/v1/batches', entryOf({ sequence: 9, ...batch }));
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({ code: 'REPORT_UNFIT', detail: expect.stringMatching(detail) });
  });

  it('of another type or too large are refused', async () => {
    expect((await post('/api/v1/batches', entryOf(), 'application/octet-stream')).statusCode).toBe(415);
    expect((await post('/api/v1/batches', new Uint8Array(4 * 1024 * 1024 + 1))).statusCode).toBe(413);
  });

  it('wait for the log: 503 with Retry-After while it is closed', async () => {
    const closed = await openHouse();
    await closed.instrument('instrument http.requests by route, latency as requests');
    await closed.closeLog();
    const headers = { host: 'localhost', 'content-type': TYPE };
    const payload = Buffer.from(entryOf());
    const answer = await closed.gateway.inject({ method: 'POST', url: '/api/v1/batches', headers, payload });
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '1']);
    await closed.close();
  });
});

describe('what batches are of', () => {
  const metric = {
    name: 'shop.requests',
    label: 'imported',
    unit: 'requests',
    scope: 'interval',
    fields: [
      { name: 'route', label: 'route', type: 'string' },
      { name: 'latency', label: 'latency', type: 'time' },
    ],
    cost: 'nothing: it is imported',
  };
  const json = 'application/json';

  it('is made known once, beside what is known already', async () => {
    expect((await post('/api/v1/metrics', metric, json)).statusCode).toBe(201);
    expect((await post('/api/v1/metrics', { ...metric, name: 'shop.stock' }, json)).statusCode).toBe(201);
    expect((await post('/api/v1/metrics', metric, json)).statusCode).toBe(200);
    const known = (
      await house.gateway.inject({ url: '/api/v1/metrics', headers: { host: 'localhost' } })
    ).json();
    expect(known.metrics.map((m: { name: string }) => m.name)).toEqual(
      expect.arrayContaining(['http.requests', 'shop.requests', 'shop.stock']),
    );
    expect(await house.instrument('instrument shop.requests by route, latency as shop')).toBe('shop');
  });

  it('is refused where it differs or has odd names', async () => {
    const other = await post('/api/v1/metrics', { ...metric, fields: [] }, json);
    expect([other.statusCode, other.json().code]).toEqual([409, 'METRIC_DIFFERS']);
    const odd = await post('/api/v1/metrics', { ...metric, name: 'Shop' }, json);
    expect([odd.statusCode, odd.json().code]).toEqual([422, 'METRIC_INVALID']);
    expect((await post('/api/v1/metrics', { name: 'shop.x' }, json)).statusCode).toBe(400);
  });
});

it('expects a source no more that has ended', async () => {
  const second = START_SECOND + 5;
  house.clock.ms = (second + 40) * 1000;
  await post('/api/v1/batches', entryOf({ sequence: 50, second }));
  const missing = async (): Promise<unknown> => {
    await house.instrument('instrument http.requests by route, latency as requests');
    const url = `/api/v1/query?q=${encodeURIComponent('http.requests last 30s step 1s | count')}`;
    const answer = await house.gateway.inject({ url, headers: { host: 'localhost' } });
    return answer.json().coverage.missing;
  };
  expect(await missing()).toEqual([{ name: 'import/requests', seconds: expect.any(Number) }]);
  const end = { host: 'import', driver: 'requests', second: second + 1 };
  expect((await post('/api/v1/sources/end', end, 'application/json')).statusCode).toBe(204);
  expect(await missing()).toEqual([]);
});
