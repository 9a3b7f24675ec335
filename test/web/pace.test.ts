import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextTurn, type Pace, START, type Turn } from '../../web/pace.ts';

/** Plays the page against a server whose second n is complete at n s + lateMs, and counts. */
function play(lateMs: number, tookMs: number, seconds: number) {
  let pace: Pace = START;
  let shown = -1;
  let askedMs = 330;
  let turns = 0;
  const ages: number[] = [];
  while (askedMs < seconds * 1000) {
    turns++;
    const nowMs = askedMs + tookMs;
    const newest = Math.floor((askedMs - lateMs) / 1000);
    const turn: Turn = { kind: newest === shown ? 'same' : 'fresh' };
    if (turn.kind === 'fresh') ages.push(nowMs - newest * 1000);
    shown = newest;
    const next = nextTurn(pace, turn, { askedMs, nowMs });
    pace = next.pace;
    askedMs = next.dueMs!;
  }
  return { turns, ages };
}

test('every second is shown once, young, for little more than a question a second', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 1, max: 80 }), (lateMs, tookMs) => {
      const { turns, ages } = play(lateMs, tookMs, 120);
      expect(ages.length).toBeGreaterThanOrEqual(118);
      expect(turns).toBeLessThanOrEqual(120 * 1.3);
      // After a few seconds of getting into step: the delay of the data, of the answer, and of one retry.
      expect(Math.max(...ages.slice(60))).toBeLessThanOrEqual(lateMs + 2 * tookMs + 320);
    }),
  );
});

test('what never changes is asked for once a second', () => {
  let pace: Pace = START;
  let nowMs = 0;
  let turns = 0;
  for (; nowMs < 60_000; turns++) {
    const next = nextTurn(pace, { kind: 'same' }, { askedMs: nowMs, nowMs: nowMs + 5 });
    pace = next.pace;
    nowMs = next.dueMs!;
  }
  expect(turns).toBeLessThan(66);
});

test('a server in trouble is asked less and less, never before it said, and not given up', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.record({ kind: fc.constant('away' as const) }),
          fc.record({
            kind: fc.constant('busy' as const),
            retryAfterMs: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined }),
          }),
        ),
        { minLength: 1, maxLength: 30 },
      ),
      (troubles) => {
        let pace: Pace = START;
        for (const trouble of troubles) {
          const next = nextTurn(pace, trouble, { askedMs: 0, nowMs: 10 });
          const waitMs = next.dueMs! - 10;
          expect(waitMs).toBeGreaterThanOrEqual(1000);
          expect(waitMs).toBeLessThanOrEqual(30_000);
          if (trouble.kind === 'busy') expect(waitMs).toBeGreaterThanOrEqual(trouble.retryAfterMs ?? 0);
          pace = next.pace;
        }
        const back = nextTurn(pace, { kind: 'fresh' }, { askedMs: 0, nowMs: 10 });
        expect(back.dueMs).toBeLessThan(1000);
      },
    ),
  );
});

test('a wrong text is not asked again', () => {
  expect(nextTurn(START, { kind: 'wrong' }, { askedMs: 0, nowMs: 10 }).dueMs).toBe(undefined);
});
