/** Literals, times and value sets: the small laws below the language. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketCount, bucketEdge, bucketIndex, type Grid, LL5, VALUE_MAX } from '../../src/model/grid.ts';
import { TYPES, type ValueType } from '../../src/model/metric.ts';
import { compilePredicate, type Predicate } from '../../src/model/predicate.ts';
import { nearest } from '../../src/query/diagnostic.ts';
import {
  clockText,
  instantText,
  readClock,
  readInstant,
  resolveMoment,
  SECOND_MAX,
} from '../../src/query/moment.ts';
import { baseText, durationSeconds, exactText, isUnit, secondsText, toBase } from '../../src/query/unit.ts';
import { bucketsInside, valueSet, valuesOf } from '../../src/query/value-set.ts';

const numericTypes = Object.values(TYPES).filter((type) => type.arity === 'numeric');

function read(text: string, type: ValueType): number | string {
  const [, number, unit] = /^([\d.e+]+)(.*)$/.exec(text)!;
  if (unit !== '' && !isUnit(unit!)) throw new Error(unit);
  const converted = toBase(Number(number), (unit ?? '') as '', type);
  return 'value' in converted ? converted.value : converted.fault;
}

describe('units', () => {
  it('an exact literal reads back as the same integer', () => {
    fc.assert(
      fc.property(fc.constantFrom(...numericTypes), fc.maxSafeNat(), (type, value) => {
        fc.pre(type.name !== 'hundredths' || value < 1e14);
        expect(read(exactText(value, type), type)).toBe(value);
      }),
    );
  });

  it('a readable one is within its four digits', () => {
    fc.assert(
      fc.property(fc.constantFrom(...numericTypes), fc.nat(1e12), (type, value) => {
        const text = baseText(value, type);
        expect(
          Math.abs(Number(/^[\d.e+]+/.exec(text)![0]) - value / scaleOf(text, type)),
        ).toBeLessThanOrEqual((value / scaleOf(text, type)) * 5e-4);
      }),
    );
  });

  it('converts what a person writes to base integers', () => {
    expect(read('100ms', TYPES.time)).toBe(1e8);
    expect(read('1.1us', TYPES.time)).toBe(1100);
    expect(read('0', TYPES.time)).toBe(0);
    expect(read('64KiB', TYPES.size)).toBe(65_536);
    expect(read('0.29KB', TYPES.size)).toBe(290);
    expect(read('80%', TYPES.percent)).toBe(80);
    expect(read('80', TYPES.percent)).toBe(80);
    expect(read('250ms', TYPES.subsecond)).toBe(250);
    expect(read('1.29', TYPES.hundredths)).toBe(129);
    expect(read('1000000w', TYPES.time)).toMatch(/2\^53/);
  });

  it('durations in words are the same durations', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (seconds) => {
        const [, value, unit] = /^(\d+)(\w)$/.exec(secondsText(seconds))!;
        expect(durationSeconds(Number(value), unit!)).toBe(seconds);
      }),
    );
  });
});

/** Base units in one of the text's unit. */
function scaleOf(text: string, type: ValueType): number {
  const unit = text.replace(/^[\d.e+]+/, '');
  const one = toBase(1, unit as '', type);
  if ('value' in one) return one.value;
  return type.power < 0 ? type.base ** -type.power : 1;
}

describe('times', () => {
  it('an instant prints and reads as itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SECOND_MAX }), (second) => {
        expect(readInstant(instantText(second))).toEqual({ value: second });
        expect(readClock(clockText(second % 86_400))).toEqual({ value: second % 86_400 });
      }),
    );
  });

  it('a time of day is the latest past one, or the first after a start', () => {
    const second = fc.integer({ min: 86_400, max: 4_000_000_000 });
    fc.assert(
      fc.property(second, fc.nat(86_399), second, (now, secondOfDay, after) => {
        const moment = { kind: 'clock' as const, secondOfDay, span: { offset: 0, length: 0 } };
        const past = resolveMoment(moment, now);
        expect(past % 86_400).toBe(secondOfDay);
        expect(now - past).toBeGreaterThanOrEqual(0);
        expect(now - past).toBeLessThan(86_400);
        const next = resolveMoment(moment, now, after);
        expect(next % 86_400).toBe(secondOfDay);
        expect(next - after).toBeGreaterThan(0);
        expect(next - after).toBeLessThanOrEqual(86_400);
      }),
    );
  });

  it('refuses times that do not exist', () => {
    for (const text of [
      '2026-02-30T00:00Z',
      '2026-13-01',
      '2026-01-01T24:00Z',
      '2026-01-01T00:60Z',
      '1969-12-31T23:59Z',
      '2026-1-1',
    ]) {
      expect(readInstant(text)).toHaveProperty('fault');
    }
    for (const text of ['24:00Z', '12:60Z', '12:00', '12:00+01:00'])
      expect(readClock(text)).toHaveProperty('fault');
  });
});

const edge = fc.oneof(
  fc.nat(40),
  fc.nat(1567).map((i) => bucketEdge(LL5, i)),
  fc.maxSafeNat(),
);
const { test: arbitraryTest } = fc.letrec<{ test: Predicate }>((tie) => ({
  test: fc.oneof(
    { maxDepth: 3 },
    fc.record({
      op: fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge'),
      field: fc.constant('x'),
      value: edge,
    }),
    fc.record({
      op: fc.constantFrom('and', 'or'),
      terms: fc.array(tie('test'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ op: fc.constant('not'), term: tie('test') }),
    fc.record({ op: fc.constant('in'), field: fc.constant('x'), values: fc.array(edge, { maxLength: 3 }) }),
  ),
}));

describe('sets of values', () => {
  it('hold exactly the values of which the predicate is true', () => {
    fc.assert(
      fc.property(arbitraryTest, edge, (predicate, value) => {
        const isIn = valueSet(predicate).some(([from, until]) => value >= from && value < until);
        expect(isIn).toBe(compilePredicate(predicate)(() => value));
      }),
    );
  });

  it('buckets inside a set hold only its values, and all that fit', () => {
    const grids: Grid[] = [LL5, { kind: 'linear', width: 7 }];
    fc.assert(
      fc.property(arbitraryTest, fc.constantFrom(...grids), edge, (predicate, grid, value) => {
        const set = valueSet(predicate);
        const buckets = bucketsInside(set, grid);
        const bucket = bucketIndex(grid, value);
        const last = bucket === bucketCount(grid) - 1 ? VALUE_MAX : bucketEdge(grid, bucket + 1) - 1;
        const isWhole = set.some(([from, until]) => bucketEdge(grid, bucket) >= from && last < until);
        expect(buckets.some(([first, until]) => bucket >= first && bucket < until)).toBe(isWhole);
        for (const [from, until] of valuesOf(buckets, grid)) {
          expect(set.some(([f, u]) => from >= f && until <= u)).toBe(true);
        }
      }),
    );
  });
});

describe('the nearest word', () => {
  it('is the one that a person meant', () => {
    expect(nearest('heatmpa', ['heatmap', 'top'])).toBe('heatmap');
    expect(nearest('ROUTE', ['route', 'router'])).toBe('route');
    expect(nearest('latncy', ['latency', 'size'])).toBe('latency');
    expect(nearest('op', ['operation', 'open', 'pid'])).toBeUndefined();
    expect(nearest('opera', ['operation', 'open', 'pid'])).toBe('operation');
    expect(nearest('o', ['operation', 'pid'])).toBeUndefined();
    expect(nearest('xyz', ['latency', 'size'])).toBeUndefined();
    expect(nearest('', ['a'])).toBeUndefined();
  });
});
