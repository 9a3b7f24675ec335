import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketEdge, bucketIndex, COUNT, LL5 } from '../../../src/model/grid.ts';
import { TYPES } from '../../../src/model/metric.ts';
import { type Mapping, type RowRecord, rowReader, type RowShape } from '../../../src/ingest/backfill/row.ts';
import { readTime, TIME_SCALES, type TimeScale } from '../../../src/ingest/backfill/time.ts';
import { guessMetric } from '../../../src/ingest/backfill/survey.ts';
import { arbitraryHistogram } from '../../arbitrary/histogram.ts';

const requests: RowShape = {
  by: ['route', 'status'],
  numeric: { field: 'latency', type: TYPES.time },
  grid: LL5,
  everySeconds: 1,
};
const plain: Mapping = { columns: {} };

function read(record: RowRecord, mapping = plain, shape = requests) {
  return rowReader(shape, mapping, new Set())(record);
}

describe('time', () => {
  it('is told apart by its size, in the ranges that are stated', () => {
    const scale = fc.constantFrom(...(Object.keys(TIME_SCALES) as TimeScale[]));
    // From 1973 to 2115: a double holds whole seconds in nanoseconds as far as that.
    const second = fc.double({ min: 1.2e8, max: 4.6e9, noNaN: true });
    fc.assert(
      fc.property(second, scale, (at, unit) => {
        const number = Math.floor(at) * TIME_SCALES[unit];
        expect(readTime(number, undefined)).toBe(Math.floor(at));
        expect(readTime(String(number), unit)).toBe(Math.floor(at));
      }),
    );
  });

  it('is RFC 3339, with its zone, to the second that it lies in', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), (date) => {
        const second = Math.floor(date.getTime() / 1000);
        expect(readTime(date.toISOString(), undefined)).toBe(second);
        expect(readTime(date.toISOString().replace('T', ' '), undefined)).toBe(second);
      }),
    );
    expect(readTime('2026-11-22T03:00:00.999+02:00', undefined)).toBe(
      Date.parse('2026-11-22T01:00:00Z') / 1000,
    );
  });

  it.each([[undefined], [''], ['yesterday'], ['2026-11-22T03:00:00'], [-1], [1e30], [{}]])(
    'is not %j',
    (value) => expect(readTime(value, undefined)).toHaveProperty('fault'),
  );
});

describe('an event', () => {
  it('is a count at its second, key and bucket', () => {
    const row = read({ time: 1_800_000_000.7, route: '/a', status: 200, latency: '12.5ms' });
    expect(row).toEqual({
      kind: 'counts',
      second: 1_800_000_000,
      key: ['/a', '200'],
      histogram: { buckets: [bucketIndex(LL5, 12.5e6)], counts: [1] },
    });
  });

  it('has values in any unit of the type, or in the one that is told', () => {
    const ns = (latency: unknown, unit?: Mapping['unit']): number | undefined => {
      const row = read({ time: 1, latency }, { columns: {}, ...(unit === undefined ? {} : { unit }) });
      return row.kind === 'counts' ? row.histogram.buckets[0] : undefined;
    };
    for (const [value, base] of [
      ['1.5s', 1.5e9],
      ['800us', 8e5],
      ['800 µs', 8e5],
      ['0', 0],
    ] as const)
      expect(ns(value)).toBe(bucketIndex(LL5, base));
    expect(ns(0.0123456789123, 's')).toBe(bucketIndex(LL5, 12_345_679));
    expect(ns('2e-3', 's')).toBe(bucketIndex(LL5, 2e6));
    expect(ns('7ms', 's')).toBe(bucketIndex(LL5, 7e6));
  });

  it('finds columns by the mapping, by their path, and by usual names of the time', () => {
    const mapping: Mapping = { columns: { time: '@t', route: 'req.url', latency: 'req.ms' }, unit: 'ms' };
    const row = read({ '@t': 1_800_000_000, req: { url: '/x', ms: 3 }, status: 500 }, mapping);
    expect(row).toMatchObject({ kind: 'counts', second: 1_800_000_000, key: ['/x', '500'] });
    expect(read({ '@timestamp': '2027-01-15T08:00:00Z', latency: 0 })).toMatchObject({
      second: 1_800_000_000,
    });
  });

  it('lacks a field as live events do, counts by `count`, and is left out by a condition', () => {
    expect(read({ time: 1, latency: '1ms', count: 5 })).toMatchObject({
      key: ['', ''],
      histogram: { counts: [5] },
    });
    expect(read({ time: 1, latency: '1ms', count: 5 }, { columns: { count: '' } })).toMatchObject({
      histogram: { counts: [1] },
    });
    const where = { op: 'ge', field: 'status', value: 500 } as const;
    expect(read({ time: 1, latency: '1ms', status: '200' }, plain, { ...requests, where }).kind).toBe(
      'left-out',
    );
    expect(read({ time: 1, latency: '1ms', status: 503 }, plain, { ...requests, where }).kind).toBe('counts');
    const slow = { op: 'gt', field: 'latency', value: 1e9 } as const;
    expect(read({ time: 1, latency: '1ms' }, plain, { ...requests, where: slow }).kind).toBe('left-out');
  });

  it.each<[RowRecord, RegExp]>([
    [{ latency: '1ms' }, /it has no time/],
    [{ time: 'x', latency: '1ms' }, /time is "x"/],
    [{ time: 1 }, /it has no latency/],
    [{ time: 1, latency: 12 }, /latency is 12: found a bare number, expected one with a unit/],
    [{ time: 1, latency: 'fast' }, /latency is "fast", expected a number/],
    [{ time: 1, latency: '3KiB' }, /found the unit "KiB"/],
    [{ time: 1, latency: '3lightyears' }, /"lightyears" is no unit/],
    [{ time: 1, latency: '-3ms' }, /below 0/],
    [{ time: 1, latency: '1ms', route: ['a'] }, /route is \["a"\], expected one value/],
    [{ time: 1, latency: '1ms', count: 1.5 }, /count is 1.5, expected a whole number/],
  ])('%j is none, and says why', (record, why) => {
    expect(read(record)).toEqual({ kind: 'fault', why: expect.stringMatching(why) });
  });
});

describe('a histogram', () => {
  const histogram = arbitraryHistogram(LL5, { countMax: 2 ** 40 });
  const edges = (index: number): [number, number] => [bucketEdge(LL5, index), bucketEdge(LL5, index + 1)];

  it('of our own buckets is read as it was, in one row or in a row a bucket', () => {
    fc.assert(
      fc.property(histogram, (h) => {
        const buckets = h.buckets.map((index, i) => [...edges(index), h.counts[i]!]);
        const mapping: Mapping = { columns: {}, unit: 'ns' };
        const row = read({ time: 5, route: '/a', status: 1, buckets }, mapping);
        expect(row).toEqual({ kind: 'counts', second: 5, key: ['/a', '1'], histogram: h });
        buckets.forEach(([lower, upper, count], i) => {
          const one = read({ time: 5, lower, upper, count: String(count) }, mapping);
          expect(one).toMatchObject({ histogram: { buckets: [h.buckets[i]], counts: [h.counts[i]] } });
        });
      }),
    );
  });

  it('may be open, and is counted whole where nothing asks for its values', () => {
    const mapping: Mapping = { columns: {}, unit: 's' };
    expect(read({ time: 1, lower: 1, upper: '+Inf', count: 3 }, mapping)).toMatchObject({
      histogram: { buckets: [bucketIndex(LL5, 1e9)], counts: [3] },
    });
    expect(read({ time: 1, lower: 2, upper: 1, count: 3 }, mapping)).toMatchObject({ kind: 'fault' });
    const counted: RowShape = { by: ['route'], grid: COUNT, everySeconds: 10 };
    expect(read({ time: 19, route: '/a', lower: 1, upper: 2, count: 3 }, plain, counted)).toEqual({
      kind: 'counts',
      second: 10,
      key: ['/a'],
      histogram: { buckets: [0], counts: [3] },
    });
  });
});

describe('a metric that nobody knows', () => {
  const types = (sample: RowRecord[], mapping = plain): unknown => {
    const metric = guessMetric('shop.requests', ['route', 'status', 'latency'], sample, mapping);
    return 'fault' in metric ? metric.fault : metric.fields.map((f) => f.type);
  };
  it('is told by its values', () => {
    const row = { route: '/a', status: 200 };
    expect(types([{ ...row, latency: '12ms' }])).toEqual(['string', 'integer', 'time']);
    expect(types([{ ...row, latency: '12KiB' }])).toEqual(['string', 'integer', 'size']);
    expect(types([{ ...row, latency: 12.5 }], { columns: {}, unit: 'ms' })).toEqual([
      'string',
      'integer',
      'time',
    ]);
    expect(types([{ ...row, latency: 3 }], { columns: {}, unit: '' })).toEqual([
      'string',
      'integer',
      'number',
    ]);
    expect(types([{ ...row, lower: '1ms', upper: '2ms' }])).toEqual(['string', 'integer', 'time']);
    expect(types([{ ...row, latency: 'GET' }])).toEqual(['string', 'integer', 'string']);
    expect(types([{ ...row, latency: 12.5 }])).toMatch(/latency looks measured \(12.5 ...\)/);
  });
});
