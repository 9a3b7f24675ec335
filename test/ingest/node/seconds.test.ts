import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OPEN_SECONDS_MAX, OpenSeconds, type SealedSecond } from '../../../src/ingest/node/seconds.ts';
import { COUNT } from '../../../src/model/grid.ts';
import { total } from '../../../src/model/histogram.ts';
import type { Instrumentation } from '../../../src/model/instrumentation.ts';

const one = (id: string, metric = 'http.requests'): Instrumentation => ({
  id,
  metric,
  by: ['route'],
  grid: COUNT,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: 60,
  idleSeconds: 0,
  createdSecond: 0,
});

const countsOf = (sealed: readonly SealedSecond[], id: string): [number, number, number][] =>
  sealed.flatMap(({ second, reports }) =>
    reports
      .filter((report) => report.instrumentation === id)
      .map((r): [number, number, number] => [
        second,
        r.rows.reduce((n, row) => n + total(row.histogram), 0),
        r.dropped,
      ]),
  );

const read = (): string => '/';

describe('open seconds', () => {
  it('say of each whole second what ended in it, zero too', () => {
    const seconds = new OpenSeconds(100);
    seconds.enable(one('a'), undefined, 101);
    seconds.count('http.requests', 100, read); // before it measures
    for (const second of [101, 103, 101, 103, 103]) seconds.count('http.requests', second, read);
    expect(countsOf(seconds.seal(104), 'a')).toEqual([
      [101, 2, 0],
      [102, 0, 0],
      [103, 3, 0],
    ]);
    expect(seconds.seal(104)).toEqual([]);
  });

  it('never lose or repeat an event, and seal in ascending order', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('count' as const),
        ahead: fc.integer({ min: -4, max: 3 }),
        times: fc.nat(3),
      }),
      fc.record({ kind: fc.constant('seal' as const), ahead: fc.integer({ min: -3, max: 25 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const seconds = new OpenSeconds(1000);
        seconds.enable(one('a'), undefined, 1000);
        let now = 1000;
        let counted = 0;
        const sealed: SealedSecond[] = [];
        for (const s of steps) {
          if (s.kind === 'seal') {
            now = Math.max(now, now + s.ahead);
            sealed.push(...seconds.seal(now));
          } else {
            for (let i = 0; i < s.times; i++) seconds.count('http.requests', now + s.ahead, read);
            // What ended before the measuring began is nobody's.
            if (now + s.ahead >= 1000 || now + s.ahead === seconds.sealedUntil - 1) counted += s.times;
          }
        }
        sealed.push(...seconds.seal(now + OPEN_SECONDS_MAX));
        const said = countsOf(sealed, 'a');
        expect(said.reduce((sum, [, events, dropped]) => sum + events + dropped, 0)).toBe(counted);
        const order = sealed.map(({ second }) => second);
        expect(order).toEqual([...new Set(order)].toSorted((a, b) => a - b));
      }),
    );
  });

  it('count in the next second what comes just after its own was sealed, and drop what is older', () => {
    const seconds = new OpenSeconds(100);
    seconds.enable(one('a'), undefined, 100);
    seconds.seal(102);
    seconds.count('http.requests', 101, read);
    seconds.count('http.requests', 100, read);
    expect(countsOf(seconds.seal(103), 'a')).toEqual([[102, 1, 1]]);
  });

  it('leave out the seconds that nobody was awake for, and say what was counted in them', () => {
    const seconds = new OpenSeconds(100);
    seconds.enable(one('a'), undefined, 100);
    seconds.count('http.requests', 100, read);
    const said = countsOf(seconds.seal(200), 'a');
    expect(said.map(([second]) => second)).toEqual(
      Array.from({ length: OPEN_SECONDS_MAX }, (_, i) => 190 + i),
    );
    expect(said.reduce((sum, [, events, dropped]) => sum + events + dropped, 0)).toBe(1);
  });

  it('report an instrumentation from its first whole second until it is disabled', () => {
    const seconds = new OpenSeconds(100);
    seconds.enable(one('a'), undefined, 101);
    seconds.enable(one('b', 'node.gc'), (event) => event('route') === '/', 102);
    seconds.count('node.gc', 102, read);
    seconds.count('node.gc', 102, () => '/other');
    expect(
      seconds.seal(103).map(({ second, reports }) => [second, reports.map((r) => r.instrumentation)]),
    ).toEqual([
      [101, ['a']],
      [102, ['a', 'b']],
    ]);
    seconds.disable('a');
    expect(seconds.measures('http.requests')).toBe(false);
    expect(seconds.seal(104).map(({ reports }) => reports.map((r) => r.instrumentation))).toEqual([['b']]);
    seconds.disable('b');
    expect(seconds.seal(105)).toEqual([]);
  });

  it('say what was lost elsewhere with the next second', () => {
    const seconds = new OpenSeconds(100);
    seconds.enable(one('a'), undefined, 100);
    seconds.drop('a', 5);
    seconds.drop('gone', 5);
    expect(countsOf(seconds.seal(102), 'a')).toEqual([
      [100, 0, 5],
      [101, 0, 0],
    ]);
  });
});
