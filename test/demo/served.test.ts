import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EDGE_MS, Served, SERVED_SECONDS_MAX } from '../../demo/served.ts';

const finish = fc.record({
  route: fc.constantFrom('/a', '/b', '/c'),
  ms: fc.integer({ min: 0, max: 20_000 }).map((ms) => 1_700_000_000_000 + ms),
});

test('each answer is in one second and one route', () => {
  fc.assert(
    fc.property(fc.array(finish, { maxLength: 200 }), (answers) => {
      const served = new Served();
      for (const { route, ms } of answers) served.add(route, ms);
      const seconds = served.between(0, Number.MAX_SAFE_INTEGER);
      for (const { second, total, routes, edge } of seconds) {
        const mine = answers.filter(({ ms }) => ms >= second * 1000 && ms < (second + 1) * 1000);
        expect(total).toBe(mine.length);
        expect(Object.values(routes).reduce((a, b) => a + b, 0)).toBe(total);
        expect(edge).toBe(mine.filter(({ ms }) => ms % 1000 < EDGE_MS || ms % 1000 >= 1000 - EDGE_MS).length);
      }
      expect(seconds.reduce((sum, { total }) => sum + total, 0)).toBe(answers.length);
      expect(seconds.map((s) => s.second)).toEqual(seconds.map((s) => s.second).toSorted((a, b) => a - b));
    }),
  );
});

test('an observer whose clock is up to the edge apart differs by no more than the edges', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(finish, fc.double({ min: -EDGE_MS, max: 0, maxExcluded: true, noNaN: true })), {
        maxLength: 100,
      }),
      (answers) => {
        const [mine, theirs] = [new Served(), new Served()];
        for (const [{ route, ms }, apartMs] of answers) {
          mine.add(route, ms);
          theirs.add(route, ms + apartMs);
        }
        const observed = new Map(theirs.between(0, Number.MAX_SAFE_INTEGER).map((s) => [s.second, s.total]));
        const counted = mine.between(0, Number.MAX_SAFE_INTEGER);
        for (const { second, total, edge } of counted) {
          const next = counted.find((s) => s.second === second + 1)?.edge ?? 0;
          expect(Math.abs((observed.get(second) ?? 0) - total)).toBeLessThanOrEqual(edge + next);
        }
      },
    ),
  );
});

test('old seconds are forgotten', () => {
  const served = new Served();
  for (let second = 0; second < SERVED_SECONDS_MAX + 10; second++) served.add('/', second * 1000);
  const kept = served.between(0, Number.MAX_SAFE_INTEGER);
  expect(kept).toHaveLength(SERVED_SECONDS_MAX);
  expect(kept[0]!.second).toBe(10);
});
