/** Who made a cell and what differs inside a box, over HTTP: the picture's own geometry goes out with a picture and comes back in a question. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type House, openHouse, START_SECOND } from './house.ts';

const MS = 1_000_000;
let house: House;
beforeAll(async () => {
  house = await openHouse();
  await house.instrument('instrument http.requests by route, status, latency as requests');
  for (let s = 0; s < 20; s++) {
    await house.report(START_SECOND + s, 'requests', {
      '/a 200': [1 * MS, 2 * MS, 2 * MS],
      '/b 200': [30 * MS],
      ...(s >= 15 ? { '/b 500': [30 * MS, 31 * MS, 900 * MS] } : {}),
    });
  }
});
afterAll(() => house.close());

async function query(q: string, format = 'json', more = '') {
  const url = `/api/v1/query?q=${encodeURIComponent(q)}&format=${format}${more}`;
  return house.gateway.inject({ url, headers: { host: 'localhost' } });
}

describe('a cell', () => {
  it('of a picture is asked for by its edges, and adds up to what is drawn', async () => {
    const read = 'http.requests by latency last 20s';
    const picture = (await query(read)).json();
    const drawn = new Map<string, number>();
    for (const [column, row, , count] of picture.cells as [number, number, number, number][])
      drawn.set(`${column} ${row}`, count);
    const [column, row] = [16, picture.y.edges.findLastIndex((edge: number) => edge <= 30.5 * MS)];
    const [low, high] = [picture.y.edges[row], picture.y.edges[row + 1]];
    const at = new Date((picture.from + column * picture.step) * 1000).toISOString();
    const answer = await query(`${read} | cell at ${at}, ${low}ns..${high}ns step ${picture.step}s`);
    expect(answer.statusCode).toBe(200);
    const cell = answer.json();
    expect(cell).toMatchObject({
      kind: 'cell',
      metric: 'http.requests',
      from: START_SECOND + 16,
      to: START_SECOND + 17,
      total: drawn.get(`${column} ${row}`),
      values: { low, high },
      unit: 's',
      power: -9,
      instrumentation: 'requests',
      column: { total: 7, coverage: { expected: 1, missing: [] } },
    });
    expect(cell.rankings.map((r: { fields: string[] }) => r.fields)).toEqual([
      ['route'],
      ['status'],
      ['route', 'status'],
    ]);
    for (const { rows } of cell.rankings) {
      const sum = rows.reduce((n: number, { count }: { count: number }) => n + count, 0);
      expect(sum).toBeCloseTo(cell.total, 9);
    }
    expect(cell.column.p50.low).toBeLessThanOrEqual(cell.column.p50.value);
  });

  it('is a table with a row a key, others empty', async () => {
    const csv = await query('http.requests by latency last 20s | cell at now-1s, 900ms', 'csv');
    const lines = csv.payload.split('\r\n').map((line) => line.split(',').slice(0, 5).join(','));
    expect(lines).toEqual([
      'route,status,count,share,outside',
      '/b,,1,1,34',
      '(other),,0,0,60',
      ',500,1,1,14',
      ',(other),0,0,80',
      '/b,500,1,1,14',
      '(other),(other),0,0,80',
      '',
    ]);
  });

  it('reads well in a terminal, with the column and who is missing', async () => {
    const text = await query(
      'http.requests by latency last 20s | cell at now-1s, 900ms',
      'text',
      '&columns=110',
    );
    await expect(text.payload).toMatchFileSnapshot('../golden/cell-text.txt');
  });

  it('names nobody where nothing was counted', async () => {
    const empty = 'http.requests by latency last 20s | cell at now-1s, 2s';
    const { payload } = await query(empty, 'text', '&columns=110');
    expect(payload).toContain('0 counted, 0 % of 7 in the column');
    expect(payload).not.toContain('----');
  });

  it('has no picture', async () => {
    const png = await query('http.requests by latency last 20s | cell at now-1s', 'png');
    expect(png.statusCode).toBe(406);
    expect(png.json()).toMatchObject({ code: 'NO_PICTURE' });
  });

  it('outside of the range is refused', async () => {
    const answer = await query('http.requests by latency last 20s | cell at now-5m');
    expect(answer.statusCode).toBe(422);
    expect(answer.json()).toMatchObject({ code: 'OUTSIDE_RANGE' });
  });
});

describe('a comparison', () => {
  const text = 'http.requests by latency last 20s | compare from now-5s to now y 25ms..35ms';

  it('ranks what is more common inside, and says how sure that is', async () => {
    const json = (await query(text)).json();
    expect(json).toMatchObject({
      kind: 'compare',
      from: START_SECOND + 15,
      to: START_SECOND + 20,
      total: 15,
      outside: 80,
      tests: 4,
      falseShare: 0.05,
      instrumentation: 'requests',
      unstored: { fields: expect.arrayContaining(['host']) },
    });
    expect(json.fields.map((f: { field: string }) => f.field)).toEqual(['route', 'status']);
    expect(json.rows[0]).toMatchObject({
      field: 'route',
      value: '/b',
      count: 15,
      share: 1,
      significant: true,
    });
    expect(json.rows[0].q).toBeLessThan(1e-6);
  });

  it('is a table, and reads well in a terminal', async () => {
    const csv = (await query(text, 'csv')).payload.split('\r\n');
    expect(csv[0]).toBe('field,value,count,share,outside,share outside,lift,score,p,q');
    expect(csv.length).toBe(6);
    const { payload } = await query(text, 'text', '&columns=120');
    await expect(payload).toMatchFileSnapshot('../golden/compare-text.txt');
    expect((await query(text, 'png')).statusCode).toBe(406);
  });
});

describe('a diff', () => {
  const text = 'http.requests by latency last 5s | diff offset 10s';

  it('has both counts, their score and what is significant, and the coverage of both', async () => {
    const json = (await query(text)).json();
    expect(json).toMatchObject({
      kind: 'diff',
      from: START_SECOND + 15,
      to: START_SECOND + 20,
      a: { label: 'from 2027-01-15T08:00:15Z', total: 35, coverage: { expected: 1, missing: [] } },
      b: { label: '10s earlier', total: 20, from: START_SECOND + 5, coverage: { expected: 1, missing: [] } },
      falseShare: 0.05,
    });
    expect(json.y.edges.length).toBe(json.rows + 1);
    const sum = (member: number): number =>
      json.cells.reduce((n: number, cell: number[]) => n + cell[member]!, 0);
    expect(sum(2)).toBeCloseTo(35, 9);
    expect(sum(3)).toBeCloseTo(20, 9);
    for (const [, , a, b, score] of json.cells)
      expect(score).toBeCloseTo((a / 35 - b / 20) / (a / 35 + b / 20), 12);
    expect((await query(text, 'json', '&cells=0')).json().cells).toBeUndefined();
  });

  it('of two keys needs no field but those that are stored', async () => {
    const json = (await query('http.requests by latency last 20s step 10s | diff route "/a", "/b"')).json();
    expect(json).toMatchObject({ a: { label: '/a', total: 60 }, b: { label: '/b', total: 35 } });
    expect(json.cells.some((cell: number[]) => cell[5] === 1)).toBe(true);
  });

  it('is a table, and reads well in a terminal', async () => {
    const csv = (await query(text, 'csv')).payload.split('\r\n');
    expect(csv[0]).toBe('second,low,high,a,b,share a,share b,score,significant');
    const answer = await query(
      'http.requests by latency last 20s step 10s | diff route "/a", "/b"',
      'text',
      '&columns=90&rows=20',
    );
    await expect(answer.payload).toMatchFileSnapshot('../golden/diff-text.txt');
  });

  it('is explained over both ranges', async () => {
    const json = (await query(`explain ${text}`)).json();
    expect(json.rows).toEqual(expect.arrayContaining([['shown as', 'diff']]));
    expect(json.rows.filter(([what]: [string]) => what.startsWith('read in steps')).length).toBeGreaterThan(
      0,
    );
  });
});
