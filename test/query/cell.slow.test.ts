/** Who made a cell: the keys add up to the picture, and are those of the events. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadKernel } from '../../src/kernel/native.ts';
import { bucketIndex, ll5Edge, LL5 } from '../../src/model/grid.ts';
import { keyText, REMAINDER } from '../../src/model/key.ts';
import type { CellResult } from '../../src/query/result.ts';
import { RANKED_MAX } from '../../src/query/ranking.ts';
import { shop } from '../arbitrary/query.ts';
import type { Event } from './memory-series.ts';
import { arbitraryEvents, ask, everything, FIELDS, plan, SECONDS, START } from './places.ts';

const near = (found: number, expected: number): void => {
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
};

const iso = (second: number): string => new Date(second * 1000).toISOString().replace('.000Z', 'Z');

const arbitraryRead = fc.record({
  from: fc.nat(SECONDS - 2),
  length: fc.integer({ min: 1, max: SECONDS }),
  step: fc.constantFrom(1, 2, 7, 30),
  rows: fc.constantFrom(
    '',
    'y log',
    'y linear',
    'y log 1ms..1s buckets 7',
    'y linear 100us..2s buckets 3',
    'buckets 5',
  ),
  pick: fc.nat(),
});

const rangeOf = ({ from, length }: { from: number; length: number }): string =>
  `from ${iso(START + from)} to ${iso(START + from + length)}`;

/** Of two keys in one bucket, of which a row has a part: the parts of each add up to a little less than that of both. */
const SHARED: readonly Event[] = [
  ['/a', 1, 1],
  [REMAINDER, 21, 1],
  ['/a', 1, 200],
].map(([route, count, latency]) => ({
  second: START,
  count: Number(count),
  fields: new Map<string, string | number>([
    ['route', String(route)],
    ['host', 'web1'],
    ['status', '200'],
    ['latency', Number(latency)],
  ]),
}));

describe('cells', () => {
  it('of a column add up to it, each to what the picture draws', () => {
    fc.assert(
      fc.property(arbitraryEvents, arbitraryRead, (events, read) => {
        const { step, rows, pick } = read;
        const head = `http.requests by latency ${rangeOf(read)}`;
        const { raster } = ask('heatmap', `${head} step ${step}s | heatmap ${rows}`, events);
        const column = pick % raster.columns;
        const at = iso(raster.fromSecond + column * step);
        let sum = 0;
        for (let row = 0; row < raster.rows; row++) {
          const [low, high] = [raster.y.edges[row]!, raster.y.edges[row + 1]!];
          const drawn = raster.cells[column * raster.rows + row]!;
          if (drawn === 0 && row % 40 > 0) continue;
          const byEdges = ask('cell', `${head} | cell at ${at}, ${low}ns..${high}ns step ${step}s`, events);
          expect(byEdges.total).toBe(drawn);
          expect(byEdges.values).toEqual({ low, high });
          const byValue = ask('cell', `${head} | cell at ${at}, ${low}ns step ${step}s ${rows}`, events);
          expect(byValue.values).toEqual({ low, high, row });
          expect(byValue.total).toBe(drawn);
          sum += drawn;
        }
        const whole = ask('cell', `${head} step ${step}s | cell at ${at}`, events);
        const outside = raster.under[column]! + raster.over[column]!;
        near(sum + outside, whole.total);
        expect(whole.column.total).toBe(whole.total);
      }),
      { numRuns: 12, examples: [[SHARED, { from: 0, length: 1, step: 7, rows: '', pick: 0 }]] },
    );
  });

  it('beyond the rows are what is drawn as under and over', () => {
    fc.assert(
      fc.property(arbitraryEvents, fc.nat(SECONDS - 1), (events, second) => {
        const head = `http.requests by latency ${rangeOf({ from: 0, length: SECONDS })}`;
        const { raster } = ask('heatmap', `${head} | heatmap y log 1ms..1s buckets 9`, events);
        const at = iso(START + second);
        const under = ask('cell', `${head} | cell at ${at}, 1us y log 1ms..1s buckets 9`, events);
        const over = ask('cell', `${head} | cell at ${at}, 1s y log 1ms..1s buckets 9`, events);
        near(under.total, raster.under[second]!);
        near(over.total, raster.over[second]!);
        expect([under.values?.row, over.values?.row]).toEqual(['under', 'over']);
      }),
      { numRuns: 15 },
    );
  });

  it('tell keys as counting the events does, inside and outside', () => {
    fc.assert(
      fc.property(arbitraryEvents, arbitraryRead, fc.nat(1400), fc.nat(160), (events, read, first, wide) => {
        const [low, high] = [ll5Edge(first), ll5Edge(first + 1 + wide)];
        const end = read.from + read.length;
        const [from, until] = [read.from + (read.pick % read.length), end];
        const box = `cell from ${iso(START + from)} to ${iso(START + until)} y ${low}ns..${high}ns`;
        const result = ask('cell', `http.requests by latency ${rangeOf(read)} | ${box}`, events);
        const all = events.filter((e) => e.second >= START + read.from && e.second < START + end);
        const isInside = (e: Event): boolean => {
          const bucket = bucketIndex(LL5, Number(e.fields.get('latency')));
          return e.second >= START + from && bucket >= first && bucket <= first + wide;
        };
        const count = (list: readonly Event[]): number => list.reduce((sum, e) => sum + e.count, 0);
        expect(result.total).toBe(count(all.filter(isInside)));
        expect(result.outside).toBe(count(all) - result.total);
        expect(result.rankings.map((r) => r.fields)).toEqual([['route'], ['host'], ['status'], FIELDS]);
        for (const { fields, rows } of result.rankings) {
          const named = new Set(rows.flatMap(({ key }) => (key === undefined ? [] : [keyText(key)])));
          for (const { key, ...row } of rows) {
            const own = all.filter((e) => {
              const text = keyText(fields.map((f) => String(e.fields.get(f))));
              return key === undefined ? !named.has(text) : text === keyText(key);
            });
            expect(row.count).toBe(count(own.filter(isInside)));
            expect(row.outside).toBe(count(own) - row.count);
            if (result.total > 0) near(row.share, row.count / result.total);
            if (row.outsideShare !== null) near(row.outsideShare, row.outside / result.outside);
          }
          const sums = rows.reduce((sum, row) => sum + row.count, 0);
          expect(sums).toBe(result.total);
          expect(rows.some((row) => row.key?.every((value) => value === REMAINDER))).toBe(false);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('are the same to the bit by both kernels, and from roll-ups', () => {
    fc.assert(
      fc.property(arbitraryEvents, (events) => {
        const text =
          'http.requests by latency last 2m step 10s | cell from now-1m to now-20s y 1.5ms..70.25ms';
        expect(ask('cell', text, events, loadKernel('native'))).toEqual(ask('cell', text, events));
      }),
      { numRuns: 10 },
    );
  });

  it('name at most so many keys, and count the rest', () => {
    const events = Array.from({ length: 200 }, (_, i) => ({
      second: START,
      count: 1 + (i % 7),
      fields: new Map<string, string | number>([
        ['route', `/${i}`],
        ['host', 'web1'],
        ['status', '200'],
        ['latency', 5e6],
      ]),
    }));
    const { rankings, total } = ask('cell', 'http.requests by latency last 2m | cell at now-2m, 5ms', events);
    expect(rankings[0]).toMatchObject({ fields: ['route'], keys: 200 });
    expect(rankings[0]!.rows.length).toBe(RANKED_MAX + 1);
    expect(rankings[0]!.rows.at(-1)).toMatchObject({ key: undefined });
    near(
      rankings[0]!.rows.reduce((sum, row) => sum + row.count, 0),
      total,
    );
  });
});

describe('the instrumentation that tells', () => {
  const bare = { ...everything, id: 'bare', by: [] };
  const id = (text: string, list: (typeof everything)[]): string => {
    const planned = plan(text, list);
    return 'plan' in planned ? planned.plan.instrumentation.id : planned.problem.code;
  };

  it('is the one that stores the most fields of those that measured when the range begins', () => {
    const cell = 'http.requests by latency last 2m | cell at now-90s';
    expect(id('http.requests by latency last 2m', [bare, everything])).toBe('bare');
    expect(id(cell, [bare, everything])).toBe('everything');
    const late = { ...everything, createdSecond: START + 60 };
    expect(id(cell, [bare, late])).toBe('bare');
    expect(id('http.requests by latency last 50s | cell at now-40s', [bare, late])).toBe('everything');
  });

  it('says what it does not store, and what would', () => {
    const result: CellResult = ask('cell', 'http.requests by latency last 2m | cell at now-90s', []);
    expect(result.unstored?.fields).toEqual(['method']);
    expect(result.unstored?.offer).toBe('instrument http.requests by route, host, status, method, latency');
    expect(shop.metrics[0]!.fields.map((f) => f.name)).toContain('method');
  });
});
