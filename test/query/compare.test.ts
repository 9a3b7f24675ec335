/** What differs inside a box, against counting the events one by one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../bench/workload.ts';
import { bucketIndex, LL5, ll5Edge } from '../../src/model/grid.ts';
import { REMAINDER } from '../../src/model/key.ts';
import { FALSE_SHARE } from '../../src/query/compare.ts';
import type { Event } from './memory-series.ts';
import { arbitraryEvents, ask, FIELDS, SECONDS, START } from './places.ts';

const iso = (second: number): string => new Date(second * 1000).toISOString().replace('.000Z', 'Z');

function event(second: number, values: Record<(typeof FIELDS)[number], string>, latency: number): Event {
  return {
    second,
    count: 1,
    fields: new Map<string, string | number>([...Object.entries(values), ['latency', latency]]),
  };
}

/** Events of a shop where nothing depends on anything. */
function even(count: number, seed: number, values: number): Event[] {
  const random = seededRandom(seed);
  const one = (n: number): number => Math.floor(random() * n);
  return Array.from({ length: count }, () =>
    event(
      START + one(SECONDS),
      { route: `/${one(values)}`, host: `web${one(4)}`, status: String(200 + one(3)) },
      (1 + one(100)) * 1e6,
    ),
  );
}

const BOX = `compare from ${iso(START + 40)} to ${iso(START + 80)} y 20ms..40ms`;
const isInBox = (e: Event): boolean => {
  const latency = Number(e.fields.get('latency'));
  return e.second >= START + 40 && e.second < START + 80 && latency >= 20e6 && latency < 40e6;
};

describe('a comparison', () => {
  it('counts as the events do, and scores by definition', () => {
    fc.assert(
      fc.property(arbitraryEvents, fc.nat(1400), fc.nat(160), (events, first, wide) => {
        const [low, high] = [ll5Edge(first), ll5Edge(first + 1 + wide)];
        const text = `http.requests by latency last 2m | compare from now-2m to now-1m y ${low}ns..${high}ns`;
        const result = ask('compare', text, events);
        const all = events.filter((e) => e.second >= START && e.second < START + SECONDS);
        const isInside = (e: Event): boolean => {
          const bucket = bucketIndex(LL5, Number(e.fields.get('latency')));
          return e.second < START + 60 && bucket >= first && bucket <= first + wide;
        };
        const sum = (list: readonly Event[]): number => list.reduce((n, e) => n + e.count, 0);
        const [inside, outside] = [all.filter(isInside), all.filter((e) => !isInside(e))];
        expect([result.total, result.outside]).toEqual([sum(inside), sum(outside)]);
        const values = FIELDS.flatMap((field) =>
          [...new Set(all.map((e) => String(e.fields.get(field))))]
            .filter((value) => value !== REMAINDER)
            .map((value) => ({ field, value })),
        );
        expect(result.tests).toBe(values.length);
        expect(result.rows.map(({ field, value }) => `${field} ${value}`).toSorted()).toEqual(
          values.map(({ field, value }) => `${field} ${value}`).toSorted(),
        );
        for (const { field, value, count, outside: elsewhere, score, p, q } of result.rows) {
          const has = (e: Event): boolean => e.fields.get(field) === value;
          expect(count).toBe(sum(inside.filter(has)));
          expect(elsewhere).toBe(sum(outside.filter(has)));
          const [a, b] = [count / sum(inside), elsewhere / sum(outside)];
          if (sum(inside) * sum(outside) > 0) expect(Math.abs(score - shannon(a, b))).toBeLessThan(1e-9);
          expect(p).toBeLessThanOrEqual(q * (1 + 1e-12));
        }
      }),
      { numRuns: 25 },
    );
  });

  it('ranks a planted value first', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(2), fc.integer({ min: 20, max: 60 }), (seed, at, planted) => {
        const field = FIELDS[at]!;
        const plants = even(planted, seed + 1, 10).map((e, i) => ({
          ...e,
          second: START + 40 + (i % 40),
          fields: new Map([...e.fields, [field, 'planted'] as const, ['latency', 25e6] as const]),
        }));
        const text = `http.requests by latency last 2m | ${BOX}`;
        const { rows, fields } = ask('compare', text, [...even(400, seed, 10), ...plants]);
        expect(rows[0]).toMatchObject({ field, value: 'planted', significant: true });
        expect(fields[0]!.field).toBe(field);
      }),
      // The first was once lost among the rare values of its field.
      { numRuns: 12, examples: [[0, 0, 20]] },
    );
  });

  it('calls little significant where nothing differs', () => {
    let [tests, low, middle, discoveries] = [0, 0, 0, 0];
    for (let seed = 0; seed < 6; seed++) {
      const events = even(1500, 100 + seed, 40);
      const { rows, ...result } = ask('compare', `http.requests by latency last 2m | ${BOX}`, events);
      expect(result.total).toBeGreaterThan(50);
      expect(Math.abs(result.total - events.filter(isInBox).length)).toBeLessThan(5);
      tests += rows.length;
      low += rows.filter(({ p }) => p <= 0.05).length;
      middle += rows.filter(({ p }) => p <= 0.5).length;
      discoveries += rows.filter(({ significant }) => significant).length;
    }
    expect(tests).toBeGreaterThan(250);
    expect(low / tests).toBeLessThan(0.08);
    expect(middle / tests).toBeGreaterThan(0.25);
    expect(middle / tests).toBeLessThan(0.6);
    expect(discoveries / tests).toBeLessThan(FALSE_SHARE);
  });
});

/** Jensen-Shannon divergence of two coins. */
function shannon(a: number, b: number): number {
  const entropy = (p: number): number => [p, 1 - p].reduce((h, x) => (x > 0 ? h - x * Math.log2(x) : h), 0);
  return entropy((a + b) / 2) - (entropy(a) + entropy(b)) / 2;
}
