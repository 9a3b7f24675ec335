/** Numbers, values, times and ticks. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TYPES, type TypeName } from '../../src/model/metric.ts';
import {
  formatCount,
  formatRange,
  formatSpan,
  formatTime,
  formatValue,
  timeTicks,
  valueTicks,
} from '../../src/render/format.ts';

test.each([
  [0, '0'],
  [7, '7'],
  [1204, '1,204'],
  [1_234_567_890, '1,234,567,890'],
  [-1204, '-1,204'],
  [0.25, '0.25'],
  [0.001, '0'],
  [12.34, '12.3'],
  [123.4, '123'],
])('count %s reads %s', (count, text) => expect(formatCount(count)).toBe(text));

test.each<[TypeName, number, string]>([
  ['time', 0, '0 s'],
  ['time', 1, '1 ns'],
  ['time', 150_000_000, '150 ms'],
  ['time', 1_500_000, '1.5 ms'],
  ['time', 54_321_000, '54.3 ms'],
  ['time', 999_990_000, '1 s'],
  ['time', 90_000_000_000, '90 s'],
  ['time', 5_400_000_000_000, '5,400 s'],
  ['size', 0, '0 B'],
  ['size', 512, '512 B'],
  ['size', 1_572_864, '1.5 MiB'],
  ['size', 65_536, '64 KiB'],
  ['percent', 45, '45 %'],
  ['number', 1204, '1,204'],
  ['number', 2_500_000, '2.5 M'],
  ['subsecond', 250, '250 ms'],
  ['hundredths', 125, '1.25'],
  ['time', NaN, '-'],
])('%s %s reads %s', (type, value, text) => expect(formatValue(value, TYPES[type])).toBe(text));

test('times are UTC', () => {
  const second = Date.UTC(2026, 10, 22, 3, 0, 7) / 1000;
  expect(formatTime(second)).toBe('2026-11-22 03:00:07');
  expect(formatRange(second, second + 600)).toBe('2026-11-22 03:00:07 – 03:10:07 UTC');
  expect(formatRange(second, second + 86_400)).toBe('2026-11-22 03:00:07 – 2026-11-23 03:00:07 UTC');
});

test.each([
  [1, '1 s'],
  [90, '90 s'],
  [300, '5 min'],
  [7200, '2 h'],
  [172_800, '2 d'],
])('%s s is %s', (seconds, text) => expect(formatSpan(seconds)).toBe(text));

describe('ticks of values', () => {
  const axis = fc
    .record({
      type: fc.constantFrom<TypeName>('time', 'size', 'percent', 'number', 'subsecond', 'hundredths'),
      scale: fc.constantFrom('log' as const, 'linear' as const),
      low: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1e12 }), fc.integer({ min: 0, max: 1000 })),
      span: fc.oneof(fc.integer({ min: 1, max: 1e13 }), fc.integer({ min: 1, max: 1000 })),
    })
    .map(({ type, scale, low, span }) => ({ ...TYPES[type], scale, low, high: low + span }));

  test('lie within the axis, ascend, differ in their labels, and are not too many', () => {
    fc.assert(
      fc.property(axis, fc.integer({ min: 1, max: 15 }), (a, max) => {
        const ticks = valueTicks(a, max);
        expect(ticks.length).toBeLessThanOrEqual(max);
        for (const { value } of ticks) {
          expect(value).toBeGreaterThanOrEqual(a.low);
          expect(value).toBeLessThanOrEqual(a.high);
        }
        ticks.slice(1).forEach((tick, i) => expect(tick.value).toBeGreaterThan(ticks[i]!.value));
        expect(new Set(ticks.map((t) => t.label)).size).toBe(ticks.length);
      }),
      { numRuns: 500 },
    );
  });

  test('an axis with room has some', () => {
    fc.assert(
      fc.property(axis, fc.integer({ min: 4, max: 15 }), (a, max) => {
        expect(valueTicks(a, max).length).toBeGreaterThanOrEqual(1);
      }),
      { numRuns: 300 },
    );
  });

  test('read like this', async () => {
    const cases: [TypeName, 'log' | 'linear', number, number, number][] = [
      ['time', 'log', 1e5, 1e10, 8],
      ['time', 'log', 1e6, 1e9, 9],
      ['time', 'log', 2e7, 9e7, 6],
      ['time', 'log', 1, 1e12, 6],
      ['time', 'linear', 0, 3e8, 8],
      ['time', 'linear', 0, 1.2e9, 8],
      ['time', 'linear', 1_000_100_000, 1_000_200_000, 6],
      ['size', 'log', 1, 2 ** 30, 8],
      ['size', 'linear', 0, 1_000_000, 6],
      ['percent', 'linear', 0, 100, 6],
      ['number', 'linear', 0, 12_345, 6],
      ['number', 'log', 1, 1e8, 9],
      ['subsecond', 'linear', 0, 1000, 8],
    ];
    const lines = cases.map(([type, scale, low, high, max]) => {
      const labels = valueTicks({ ...TYPES[type], scale, low, high }, max).map((t) => t.label);
      return `${type} ${scale} ${low}..${high} at most ${max}: ${labels.join(' | ')}`;
    });
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../golden/render-value-ticks.txt');
  });
});

describe('ticks of times', () => {
  const range = fc
    .record({
      from: fc.integer({ min: 1e9, max: 2e9 }),
      span: fc.oneof(fc.nat(1e4), fc.nat(1e7), fc.nat(1e9)),
    })
    .map(({ from, span }) => ({ from, until: from + span + 1 }));

  test('lie within the range, ascend, differ in their labels, and are not too many', () => {
    fc.assert(
      fc.property(range, fc.integer({ min: 1, max: 15 }), ({ from, until }, max) => {
        const ticks = timeTicks(from, until, max);
        expect(ticks.length).toBeLessThanOrEqual(max);
        for (const { second } of ticks) expect(second >= from && second < until).toBe(true);
        ticks.slice(1).forEach((tick, i) => expect(tick.second).toBeGreaterThan(ticks[i]!.second));
        expect(new Set(ticks.map((t) => t.label)).size).toBe(ticks.length);
      }),
      { numRuns: 500 },
    );
  });

  test('read like this', async () => {
    const from = Date.UTC(2026, 10, 22, 3, 0, 0) / 1000;
    const spans = [5, 60, 600, 3600, 5 * 3600, 86_400, 3 * 86_400, 30 * 86_400, 700 * 86_400];
    const lines = spans.map((span) => {
      const labels = timeTicks(from, from + span, 8).map((t) => t.label);
      return `${formatSpan(span)}: ${labels.join(' | ')}`;
    });
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../golden/render-time-ticks.txt');
  });
});
