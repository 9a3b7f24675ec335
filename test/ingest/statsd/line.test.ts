import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLine, type StatsdLine } from '../../../src/ingest/statsd/line.ts';

const line = (text: string): StatsdLine => {
  const parsed = parseLine(text);
  expect(parsed.kind, text).toBe('line');
  return parsed as StatsdLine;
};

describe('a line of StatsD', () => {
  it('is read as clients write it', () => {
    expect(line('api.time:48.5|ms')).toEqual({
      kind: 'line',
      name: 'api.time',
      type: 'ms',
      values: [48.5],
      isStep: false,
      weight: 1,
      tags: '',
    });
    expect(line('api.time:1:2.5:3|d|@0.1|#route:/pay,env:prod')).toMatchObject({
      type: 'd',
      values: [1, 2.5, 3],
      weight: 10,
      tags: 'route:/pay,env:prod',
    });
    expect(line('a:1|c|#x:y|c:83c0a99c0a54|T1656581400')).toMatchObject({
      type: 'c',
      values: [1],
      tags: 'x:y',
    });
    expect(line('a:+3|g')).toMatchObject({ values: [3], isStep: true });
    expect(line('a:-3|g')).toMatchObject({ values: [-3], isStep: true });
    expect(line('a:3|g').isStep).toBe(false);
    expect(line('a,route=/x,env=p:7|ms').tags).toBe('route:/x,env:p');
    expect(line('a;route=/x:7|ms|#env:p')).toMatchObject({ name: 'a', tags: 'route:/x,env:p' });
    expect(line('users:anna|s').values).toEqual([]);
    expect(parseLine('_e{5,4}:title|text').kind).toBe('event');
    expect(parseLine('_sc|disk|0').kind).toBe('event');
  });

  it.each([
    ['', 'it has no "name:value"'],
    [':1|c', 'it has no "name:value"'],
    ['a:1', 'it has no type'],
    ['a:1|x', 'type is "x"'],
    ['a:one|ms', 'value is "one", expected a number'],
    ['a:1:|ms', 'value is "", expected a number'],
    ['a:0x10|c', 'value is "0x10"'],
    ['a:1|ms|@0', 'rate is "0", expected above 0 up to 1'],
    ['a:1|ms|@2', 'rate is "2"'],
    ['a:Infinity|g', 'value is "Infinity"'],
  ])('%j is refused with the reason', (text, why) => {
    const parsed = parseLine(text);
    expect(parsed.kind).toBe('fault');
    expect((parsed as { why: string }).why).toContain(why);
  });

  it('of any text is read or refused, and its values are numbers', () => {
    const part = fc.constantFrom(
      'a',
      ':',
      '|',
      'ms',
      'c',
      'g',
      '@',
      '0.5',
      '#',
      'x:y',
      ',',
      '1',
      '-',
      '_e{',
      '\u0000',
      'é',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part).map((parts) => parts.join('')),
        ),
        (text) => {
          const parsed = parseLine(text);
          if (parsed.kind !== 'line') return;
          expect(parsed.weight).toBeGreaterThanOrEqual(1);
          for (const value of parsed.values) expect(Number.isFinite(value)).toBe(true);
        },
      ),
    );
  });
});
