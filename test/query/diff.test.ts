/** Two layers against each other: the counts are those of two heatmaps, the differences are rarely luck. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/workload.ts';
import type { DiffRaster } from '../../src/model/raster.ts';
import { FALSE_SHARE } from '../../src/query/diff.ts';
import { splitChance } from '../../src/query/significance.ts';
import type { Event } from './memory-series.ts';
import { arbitraryEvents, ask, SECONDS, START } from './places.ts';

const iso = (second: number): string => new Date(second * 1000).toISOString().replace('.000Z', 'Z');
const range = (from: number, until: number): string => `from ${iso(START + from)} to ${iso(START + until)}`;

const near = (found: number, expected: number): void => {
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
};

/** Scores and marks by their definition, cell by cell. */
function checkScores(raster: DiffRaster): void {
  const { a, b, countsA, countsB, score, significant, tested } = raster;
  let occupied = 0;
  const chances: number[] = [];
  countsA.forEach((inA, i) => {
    const inB = countsB[i]!;
    if (inA + inB > 0 && a.total > 0 && b.total > 0) {
      occupied++;
      chances.push(splitChance(inA, inB, a.total / (a.total + b.total)));
      const [shareA, shareB] = [inA / a.total, inB / b.total];
      near(score[i]!, (shareA - shareB) / (shareA + shareB));
    } else {
      expect([score[i], significant[i]]).toEqual([0, 0]);
    }
  });
  expect(tested).toBe(occupied);
  const ascending = chances.toSorted((x, y) => x - y);
  const found = ascending.findLastIndex((p, i) => p <= (FALSE_SHARE * (i + 1)) / occupied) + 1;
  expect(significant.reduce((sum, one) => sum + one, 0)).toBe(found);
}

describe('a diff', () => {
  it('of two times counts what a heatmap of each does', () => {
    fc.assert(
      fc.property(
        arbitraryEvents,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 60 }),
        (events, offset, length) => {
          const axis = 'y log 1us..10s buckets 20';
          const head = `http.requests by latency ${range(60, 60 + length)} step 1s`;
          const { raster } = ask('diff', `${head} | diff offset ${offset}s ${axis}`, events);
          const now = ask('heatmap', `${head} | heatmap ${axis}`, events).raster;
          const earlier = ask('heatmap', `${head} offset ${offset}s | heatmap ${axis}`, events).raster;
          expect(raster.y.edges).toEqual(now.y.edges);
          expect(raster.countsA).toEqual(now.cells);
          expect(raster.countsB).toEqual(earlier.cells);
          expect([raster.a.total, raster.b.total]).toEqual([now.total, earlier.total]);
          expect([raster.a.under, raster.b.over]).toEqual([now.under, earlier.over]);
          expect([raster.b.fromSecond, raster.b.untilSecond]).toEqual([
            earlier.fromSecond,
            earlier.untilSecond,
          ]);
          expect(raster.b.coverage).toEqual(earlier.coverage);
          checkScores(raster);
        },
      ),
      { numRuns: 5 },
    );
  });

  it('of two keys counts what a heatmap of each does', () => {
    fc.assert(
      fc.property(arbitraryEvents, (events) => {
        const axis = 'y linear 0ms..5s buckets 20';
        const head = `http.requests by latency ${range(0, SECONDS)} step 4s`;
        const { raster } = ask(
          'diff',
          `${head} | diff route, host ("/a", "web1"), ("/b", "web2") ${axis}`,
          events,
        );
        const layer = (route: string, host: string) =>
          ask(
            'heatmap',
            `${head.replace('by', `where route == "${route}" and host == "${host}" by`)} | heatmap ${axis}`,
            events,
          ).raster;
        const [a, b] = [layer('/a', 'web1'), layer('/b', 'web2')];
        expect([raster.countsA, raster.countsB]).toEqual([a.cells, b.cells]);
        expect([raster.a.total, raster.b.total]).toEqual([a.total, b.total]);
        expect([raster.a.label, raster.b.label]).toEqual(['/a, web1', '/b, web2']);
        checkScores(raster);
      }),
      { numRuns: 8 },
    );
  });

  it('has an axis around both', () => {
    const at = (second: number, latency: number): Event => ({
      second: START + second,
      count: 5,
      fields: new Map<string, string | number>([
        ['route', '/a'],
        ['host', 'web1'],
        ['status', '200'],
        ['latency', latency],
      ]),
    });
    const text = `http.requests by latency ${range(60, 70)} | diff offset 10s`;
    for (const events of [
      [at(55, 1e3), at(65, 1e9)],
      [at(55, 1e9), at(65, 1e3)],
    ]) {
      const { raster } = ask('diff', text, events);
      expect(raster.y.edges[0]).toBeLessThanOrEqual(1e3);
      expect(raster.y.edges.at(-1)).toBeGreaterThan(1e9);
      const drawn = (cells: Float64Array): number => cells.reduce((sum, count) => sum + count, 0);
      near(drawn(raster.countsA), 5);
      near(drawn(raster.countsB), 5);
    }
  });

  it('finds what was planted, and little where nothing differs', () => {
    const random = seededRandom(11);
    const events = Array.from({ length: 3000 }, (): Event => {
      const second = Math.floor(random() * SECONDS);
      const planted = second >= 60 && random() < 0.2;
      return {
        second: START + second,
        count: 1,
        fields: new Map<string, string | number>([
          ['route', random() < 0.5 ? '/a' : '/b'],
          ['host', 'web1'],
          ['status', '200'],
          ['latency', planted ? 1.5e9 : (1 + Math.floor(random() * 9)) * 1e6],
        ]),
      };
    });
    const axis = 'y log 1ms..10s buckets 12';
    const { raster } = ask(
      'diff',
      `http.requests by latency ${range(60, 120)} step 20s | diff offset 1m ${axis}`,
      events,
    );
    const marked = [...raster.significant.keys()].filter((i) => raster.significant[i] === 1);
    const slow = raster.y.edges.findLastIndex((edge) => edge <= 1.5e9);
    expect(marked.filter((i) => i % raster.rows === slow).length).toBe(raster.columns);
    for (const i of marked.filter((m) => m % raster.rows === slow)) expect(raster.score[i]).toBe(1);
    const keys = ask(
      'diff',
      `http.requests by latency ${range(0, 120)} step 10s | diff route "/a", "/b" ${axis}`,
      events,
    ).raster;
    expect(keys.tested).toBeGreaterThan(30);
    expect(keys.significant.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(2);
  });
});
