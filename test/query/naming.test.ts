/** Names of keys in answers: put beside them, whatever the answer is, and nothing else changes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Key } from '../../src/model/key.ts';
import { type NamesOf, nameKeys } from '../../src/query/naming.ts';
import type { HeatmapResult, LinesResult, QueryResult, TableResult } from '../../src/query/result.ts';
import { linesJson, linesTable } from '../../src/service/result-tables.ts';
import { cellTable, compareTable } from '../../src/service/place-tables.ts';
import { sampleRaster } from '../render/sample-raster.ts';

/** Every value has its name but "?", and "later" is looked up. */
const shout: NamesOf = (way, [value]) =>
  value === 'later'
    ? { names: {}, pending: ['later'] }
    : { names: { [value!]: value === '?' ? null : `${way} ${value}` }, pending: [] };

const naming = [{ field: 'host', by: 'dns' }];
const plan = { naming, fields: ['route', 'host'], draw: { kind: 'count' as const } };

function table(keys: readonly Key[]): TableResult {
  return {
    kind: 'table',
    columns: ['route', 'host', 'count'].map((name) => ({ name })),
    rows: keys.map((key, i) => [...key, i]),
    notes: [],
  };
}

function lines(keys: readonly (Key | undefined)[]): LinesResult {
  const whole = { value: 1, low: 1, high: 1, sampleLow: 1, sampleHigh: 1, count: 1 };
  const series = keys.map((key) => ({
    name: `${key?.join(', ') ?? '(other)'} p99`,
    key,
    values: Float64Array.of(1),
    whole,
  }));
  return {
    kind: 'lines',
    metric: 'http.requests',
    measure: 'percentiles',
    fields: ['route', 'host'],
    unit: 's',
    base: 10,
    power: -9,
    fromSecond: 0,
    untilSecond: 1,
    columnSeconds: 1,
    columns: 1,
    series,
    coverage: { expected: 0, expecting: [], reporting: [], missing: [], revised: [] } as never,
    notes: ['a note'],
  };
}

const arbitraryKey = fc.tuple(
  fc.string({ maxLength: 3 }),
  fc.constantFrom('a', 'b', '?', 'later', '(other)'),
);

describe('names of keys', () => {
  it('stand in a column behind that of their field, and change no other', () => {
    fc.assert(
      fc.property(fc.array(arbitraryKey), (keys) => {
        const named = nameKeys(table(keys), plan, shout) as TableResult;
        expect(named.columns.map((c) => c.name)).toEqual(['route', 'host', 'host name', 'count']);
        expect(named.rows.map((row) => row.toSpliced(2, 1))).toEqual(table(keys).rows);
        expect(named.rows.map((row) => row[2])).toEqual(
          keys.map(([, host]) => (['a', 'b'].includes(host) ? `dns ${host}` : null)),
        );
        expect(named.notes).toHaveLength(keys.some(([, host]) => host === 'later') ? 1 : 0);
      }),
    );
  });

  it('are put beside the hues of a picture, of which no cells are asked for', () => {
    const picture = sampleRaster({
      columns: 3,
      rows: 2,
      keys: [['a'], ['b']],
      fields: ['host'],
      perColumn: 9,
    });
    let asked = 0;
    const raster = {
      ...picture,
      get cells() {
        asked++;
        return picture.cells;
      },
    };
    const result: HeatmapResult = { kind: 'heatmap', raster, options: {}, weight: 'count', notes: [] };
    const named = (nameKeys(result, { ...plan, fields: ['host'] }, shout) as HeatmapResult).raster;
    expect(named.hues.map(({ names }) => names)).toEqual([['dns a'], ['dns b']]);
    expect(asked).toBe(0);
    expect(named.cells).toBe(picture.cells);
    expect(asked).toBe(1);
    const { hues, named: _, ...rest } = named;
    expect(rest).toEqual({ ...picture, hues: undefined });
    expect(hues).toMatchObject(picture.hues);
  });

  it('are asked for once a value, up to 1000 an answer', () => {
    const asked: string[] = [];
    const counting: NamesOf = (_, [value]) => {
      asked.push(value!);
      return { names: { [value!]: 'x' }, pending: [] };
    };
    const keys = Array.from({ length: 2400 }, (_, i): Key => ['/', `h${i % 1200}`]);
    const { notes } = nameKeys(table(keys), plan, counting);
    expect(asked).toHaveLength(1000);
    expect(new Set(asked).size).toBe(1000);
    expect(notes).toEqual(['only the first 1000 values have names']);
  });

  it('say of lines what they are called, with the value', () => {
    const named = nameKeys(lines([['/', 'a'], ['/', '?'], undefined]), plan, shout) as LinesResult;
    expect(named.series.map(({ name }) => name)).toEqual(['/, dns a (a) p99', '/, ? p99', '(other) p99']);
    expect(linesJson(named).series.map(({ key, names }) => ({ key, names }))).toEqual([
      { key: ['/', 'a'], names: [null, 'dns a'] },
      { key: ['/', '?'], names: [null, null] },
      { key: null, names: [null, null] },
    ]);
    const { columns, rows } = linesTable(named);
    expect(columns.map((c) => c.name)).toEqual(['second', 'route', 'host', 'host name', 'series', 'value']);
    expect(rows[0]).toEqual([0, '/', 'a', 'dns a', '/, dns a (a) p99', 1]);
  });

  it('are of all stored fields where the answer is about a place', () => {
    const share = { count: 1, share: 1, outside: 0, outsideShare: null, lift: null };
    const cell = {
      kind: 'cell',
      notes: [],
      rankings: [
        { fields: ['host'], keys: 1, rows: [{ key: ['a'], ...share }] },
        {
          fields: ['route', 'host'],
          keys: 1,
          rows: [
            { key: ['/', 'a'], ...share },
            { key: undefined, ...share },
          ],
        },
      ],
    } as unknown as QueryResult;
    const { columns, rows } = cellTable(nameKeys(cell, plan, shout) as never);
    expect(columns.slice(0, 3).map((c) => c.name)).toEqual(['route', 'host', 'host name']);
    expect(rows.map((row) => row.slice(0, 3))).toEqual([
      [null, 'a', 'dns a'],
      ['/', 'a', 'dns a'],
      ['(other)', '(other)', null],
    ]);
    const compare = {
      kind: 'compare',
      notes: [],
      fields: [{ field: 'host' }, { field: 'route' }],
      rows: [
        { field: 'host', value: 'a', ...share },
        { field: 'route', value: 'a', ...share },
      ],
    } as unknown as QueryResult;
    const compared = compareTable(nameKeys(compare, plan, shout) as never);
    expect(compared.rows.map((row) => row.slice(0, 3))).toEqual([
      ['host', 'a', 'dns a'],
      ['route', 'a', null],
    ]);
  });

  it('leave an answer that asks for none as it is', () => {
    const plain = table([['/', 'a']]);
    expect(nameKeys(plain, { fields: ['route'], draw: { kind: 'count' } }, shout)).toBe(plain);
  });
});
