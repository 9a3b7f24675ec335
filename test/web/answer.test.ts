import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { formatValue } from '../../src/render/format.ts';
import { encodePng } from '../../src/render/png.ts';
import { TYPES } from '../../src/model/metric.ts';
import {
  readAnswer,
  readInstrumentations,
  readIntegerFields,
  readProblem,
  ROWS_MAX,
} from '../../web/answer.ts';
import { pictureMap } from '../../web/png-map.ts';
import { valueText } from '../../web/value-text.ts';

describe('any JSON is read without a throw', () => {
  test.each([
    ['answer', readAnswer],
    ['problem', (value: unknown) => readProblem(value, 500)],
    ['instrumentations', readInstrumentations],
    ['integer fields', readIntegerFields],
  ])('%s', (_name, read) => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void read(value)));
  });

  test('an answer whose members are anything', () => {
    const names = [
      'hues',
      'coverage',
      'series',
      'rows',
      'columns',
      'from',
      'step',
      'unit',
      'frontier',
      'notes',
    ];
    const members = fc.dictionary(fc.constantFrom(...names), fc.jsonValue());
    fc.assert(
      fc.property(fc.constantFrom('heatmap', 'lines', 'table'), members, (kind, json) => {
        expect(readAnswer({ ...json, kind })).toBeDefined();
      }),
    );
  });
});

test('a heatmap: hues with colours that are colours, and the newest second that was expected', () => {
  const answer = readAnswer({
    kind: 'heatmap',
    metric: 'http.requests',
    hueFields: ['route'],
    hues: [
      { key: ['/a'], color: '#6991ff', count: 7 },
      { key: null, color: 'url(//evil)', count: 1 },
    ],
    total: 8,
    frontier: 1_700_000_000,
    coverage: {
      expected: 3,
      reporting: [3, 2, -1],
      expecting: [3, 3, 0],
      missing: [{ name: 'web3', seconds: 1 }],
    },
  });
  expect(answer).toMatchObject({
    hues: [
      { key: ['/a'], color: '#6991ff', count: 7 },
      { key: null, color: '#888888', count: 1 },
    ],
    coverage: { reporting: 2, expecting: 3, missing: [{ name: 'web3', seconds: 1 }] },
  });
});

test('lines become a table, newest first, bounded', () => {
  const values = Array.from({ length: ROWS_MAX + 5 }, (_, i) => (i === ROWS_MAX + 4 ? null : i * 1_000_000));
  const answer = readAnswer({
    kind: 'lines',
    unit: 's',
    base: 10,
    power: -9,
    from: 1_700_000_000,
    step: 10,
    series: [{ name: '/a p99', key: ['/a'], values }],
  });
  expect(answer).toMatchObject({
    kind: 'table',
    columns: [{ name: 'time, UTC' }, { name: '/a p99', numeric: true }],
  });
  if (answer?.kind !== 'table') throw new Error('expected a table');
  expect(answer.rows).toHaveLength(ROWS_MAX);
  expect(answer.rowsLeft).toBe(5);
  expect(answer.rows[0]![1]).toBe('–');
  expect(answer.rows[1]![1]).toBe('203 ms');
});

test('lines say what they are over the whole range, and how sure the number of events makes that', () => {
  const line = (name: string, whole: object) => ({ name, key: [name], values: [1e6], whole });
  const answer = readAnswer({
    kind: 'lines',
    unit: 's',
    base: 10,
    power: -9,
    from: 1_700_000_000,
    step: 10,
    series: [
      line('a', { value: 2e6, sampleLow: 1e6, sampleHigh: 4e6 }),
      line('b', { value: 2e6, sampleLow: 1e6, sampleHigh: null }),
      line('c', { value: 2e6, sampleLow: null, sampleHigh: 4e6 }),
      line('d', { value: null, sampleLow: null, sampleHigh: null }),
    ],
  });
  expect(answer).toMatchObject({
    rows: [
      ['whole range', '2 ms (1 ms to 4 ms)', '2 ms (1 ms or more)', '2 ms (up to 4 ms)', '–'],
      ['22:13:20', '1 ms', '1 ms', '1 ms', '1 ms'],
    ],
  });
});

test('values read as in the pictures', () => {
  const type = fc.constantFrom(
    { unit: 's', base: 10 as const, power: -9 },
    { unit: 'B', base: 2 as const, power: 0 },
    { unit: '%', base: 10 as const, power: 0 },
    { unit: '', base: 10 as const, power: 0 },
    { unit: 'B/s', base: 2 as const, power: 0 },
  );
  const value = fc.oneof(fc.maxSafeNat(), fc.double({ min: 0, max: 1e12, noNaN: true }), fc.nat(5000));
  fc.assert(
    fc.property(value, type, (v, t) => {
      expect(valueText(v, t)).toBe(formatValue(v, t));
    }),
  );
});

test('things are counted, not measured', () => {
  const columns = [{ name: 'route' }, { name: 'count', unit: 'requests', base: 10, power: 0 }];
  expect(readAnswer({ kind: 'table', columns, rows: [['/a', 1500]] })).toMatchObject({
    columns: [
      { name: 'route', numeric: false },
      { name: 'count, requests', numeric: true },
    ],
    rows: [['/a', '1,500']],
  });
});

test('problems say where, and what would be right', () => {
  const problem = readProblem(
    {
      title: 'The query cannot be read',
      code: 'QUERY_INVALID',
      errors: [
        { message: 'no field', position: { offset: 4, length: 2 }, suggestion: 'route' },
        { message: 'and' },
      ],
    },
    400,
  );
  expect(problem.errors).toEqual([
    { message: 'no field', position: { offset: 4, length: 2 }, suggestion: 'route' },
    { message: 'and', position: undefined, suggestion: undefined },
  ]);
  expect(readProblem('<html>', 502)).toMatchObject({ status: 502, code: 'HTTP_502', errors: [] });
});

test('integer fields come from the description of the metrics', () => {
  const metrics = [
    {
      name: 'http.requests',
      fields: [
        { name: 'status', type: 'integer' },
        { name: 'route', type: 'string' },
      ],
    },
  ];
  expect(readIntegerFields({ metrics, types: TYPES })).toEqual(new Set(['http.requests status']));
});

describe('what a picture says of itself', () => {
  const png = (texts: readonly [string, string][]): Uint8Array =>
    encodePng(
      { width: 2, height: 1, pixels: new Uint8Array(2), palette: new Uint8Array(6), texts },
      referenceKernel,
    );
  const map = { scale: 2, plot: { x: 10, y: 20, width: 300, height: 100 } };

  test('is found behind other texts', () => {
    expect(
      pictureMap(
        png([
          ['Software', 'x'],
          ['tailglow', JSON.stringify({ ...map, more: 1 })],
        ]),
      ),
    ).toMatchObject(map);
  });

  test('is absent from a picture without it, from a broken one, from no picture', () => {
    expect(pictureMap(png([]))).toBe(undefined);
    expect(pictureMap(png([['tailglow', '{"scale":1}']]))).toBe(undefined);
    expect(pictureMap(png([['tailglow', 'no json']]))).toBe(undefined);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => pictureMap(bytes) === undefined));
  });
});
