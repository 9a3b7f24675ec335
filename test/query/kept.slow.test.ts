/** Steps respect what is still kept: of every second that a plan reads, something that is kept has an answer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instrumentation } from '../../src/model/instrumentation.ts';
import { keepSecondsOf, LEVELS, type Retention } from '../../src/model/level.ts';
import { LL5 } from '../../src/model/grid.ts';
import type { Pin } from '../../src/model/pin.ts';
import { checkStatement, type CheckedRead } from '../../src/query/check.ts';
import { parseStatement } from '../../src/query/parse.ts';
import { type Plan, type PlanProblem, pinnedSeconds, planRead } from '../../src/query/plan.ts';
import { shop } from '../arbitrary/query.ts';

const NOW = 1_795_316_407;
const DAY = 86_400;

const all: Instrumentation = {
  id: 'all',
  metric: 'http.requests',
  by: ['route'],
  numeric: 'latency',
  grid: LL5,
  scope: 'interval',
  everySeconds: 1,
  keepSeconds: DAY,
  idleSeconds: 0,
  createdSecond: 0,
};

function plan(text: string, kept: Partial<Instrumentation>, pins: readonly Pin[] = []): Plan | PlanProblem {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) throw new Error(parsed.diagnostics[0]!.message);
  const catalogue = { ...shop, instrumentations: [{ ...all, ...kept }], pins };
  const outcome = checkStatement(parsed.statement, catalogue, text);
  if ('diagnostics' in outcome) throw new Error(outcome.diagnostics[0]!.message);
  const read = outcome.checked as CheckedRead;
  const planned = planRead(read, { catalogue, nowSecond: NOW, frontierSecond: () => NOW });
  return 'plan' in planned ? planned.plan : planned.problem;
}

function planned(text: string, kept: Partial<Instrumentation>, pins: readonly Pin[] = []): Plan {
  const result = plan(text, kept, pins);
  if ('code' in result) throw new Error(result.message);
  return result;
}

const arbitraryRetention: fc.Arbitrary<Retention> = fc
  .record({
    keepSeconds: fc.integer({ min: 10, max: 2 * DAY }),
    keepLevels: fc
      .subarray([10, 60, 600, 3600] as const)
      .chain((levels) =>
        fc.tuple(
          ...levels.map((level) =>
            fc.record({ level: fc.constant(level), keepSeconds: fc.constantFrom(0, 3600, DAY, 9 * DAY) }),
          ),
        ),
      ),
  })
  .map(({ keepSeconds, keepLevels }) => ({ keepSeconds, keepLevels }));

const arbitraryPins = fc.array(
  fc
    .record({ backSeconds: fc.integer({ min: 0, max: 4 * DAY }), seconds: fc.integer({ min: 1, max: DAY }) })
    .map(({ backSeconds, seconds }): Pin => ({
      id: `pin-${backSeconds}-${seconds}`,
      instrumentation: 'all',
      fromSecond: NOW - backSeconds - seconds,
      untilSecond: NOW - backSeconds,
      createdSecond: 0,
    })),
  { maxLength: 3 },
);

const arbitraryWindow = fc.record({
  untilBack: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 * DAY })),
  seconds: fc.oneof(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: 1, max: 3 * DAY })),
});

const isoOf = (second: number): string => new Date(second * 1000).toISOString();
const readText = ({ untilBack, seconds }: { untilBack: number; seconds: number }): string =>
  `http.requests by latency from ${isoOf(NOW - untilBack - seconds)} to ${isoOf(NOW - untilBack)}`;

/** Whether a level whose step divides `step` still has the second, in a step that ends at or before `until`. */
function answers(
  kept: Retention,
  pins: readonly Pin[],
  second: number,
  step: number,
  until = Number.POSITIVE_INFINITY,
): boolean {
  const isPinned = pins.some((pin) => second >= pin.fromSecond && second < pin.untilSecond);
  const levels = LEVELS.filter((level) => step % level === 0);
  return (
    isPinned ||
    levels.some(
      (level) => second >= NOW - keepSecondsOf(kept, level) && second - (second % level) + level <= until,
    )
  );
}

/** The seconds of a range that matter: its ends, and where anything begins or ends. */
function* tellingSeconds(fromSecond: number, untilSecond: number, kept: Retention, pins: readonly Pin[]) {
  const edges = [
    fromSecond,
    untilSecond - 1,
    ...LEVELS.map((level) => untilSecond - (untilSecond % level) - 1),
    ...LEVELS.map((level) => untilSecond - (untilSecond % level)),
    ...LEVELS.flatMap((level) => [0, 1].map((back) => NOW - keepSecondsOf(kept, level) - back)),
    ...pins.flatMap((pin) => [pin.fromSecond - 1, pin.fromSecond, pin.untilSecond - 1, pin.untilSecond]),
  ];
  for (const second of edges) if (second >= fromSecond && second < untilSecond) yield second;
}

describe('a plan', () => {
  it('reads by itself only steps that something kept answers, up to its very end', () => {
    fc.assert(
      fc.property(arbitraryWindow, arbitraryRetention, arbitraryPins, (window, kept, pins) => {
        const { fromSecond, untilSecond, columnSeconds } = planned(readText(window), kept, pins);
        const asked = NOW - window.untilBack - window.seconds;
        for (const second of tellingSeconds(asked, untilSecond, kept, pins)) {
          if (!LEVELS.some((level) => answers(kept, pins, second, level))) continue;
          const isOpen = untilSecond + 3600 > NOW && second + 3600 > untilSecond;
          const ok = answers(kept, pins, second, columnSeconds, isOpen ? undefined : untilSecond);
          expect({ second, ok }).toEqual({ second, ok: true });
        }
        expect(fromSecond).toBeLessThanOrEqual(asked);
        const over = untilSecond - (asked + window.seconds);
        expect(over).toBeGreaterThanOrEqual(0);
        expect(over).toBeLessThan(3600);
        if (window.untilBack + 3600 <= kept.keepSeconds) expect(over).toBe(0);
        expect(untilSecond).toBeLessThanOrEqual(NOW);
        if (window.seconds >= 3600) expect(columnSeconds % 10).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses a step that nothing kept answers, and names one that works', () => {
    let refused = 0;
    fc.assert(
      fc.property(
        arbitraryWindow,
        fc.constantFrom(1, 2, 10, 30, 60, 90, 600, 3600),
        arbitraryRetention,
        arbitraryPins,
        (window, step, kept, pins) => {
          const text = readText({ ...window, seconds: Math.min(window.seconds, 4000 * step) });
          const result = plan(`${text} step ${step}s`, kept, pins);
          if (!('code' in result)) {
            expect(result.columnSeconds).toBe(step);
            for (const second of tellingSeconds(result.fromSecond, result.untilSecond, kept, pins)) {
              if (second < NOW - window.untilBack - window.seconds) continue;
              if (!LEVELS.some((level) => answers(kept, pins, second, level))) continue;
              expect({ second, ok: answers(kept, pins, second, step) }).toEqual({ second, ok: true });
            }
            return;
          }
          refused++;
          expect(result.code).toBe('NOT_KEPT');
          const works = /"step (\w+)" answers/.exec(result.message)![1]!;
          expect(plan(`${text} step ${works}`, kept, pins)).not.toHaveProperty('code');
        },
      ),
      { numRuns: 1000 },
    );
    expect(refused).toBeGreaterThan(50);
  });

  it('answers the whole of what is kept, up to its first second', () => {
    const plain = planned('http.requests last 1h step 1s', { keepSeconds: 3600 });
    expect(plain).toMatchObject({ columnSeconds: 1, fromSecond: NOW - 3600, notes: [] });
    expect(plan('http.requests last 3601s step 1s', { keepSeconds: 3600 })).toMatchObject({
      code: 'NOT_KEPT',
    });
  });

  it('makes steps a multiple of the granularity and of a kept level alike', () => {
    const odd = planned('http.requests by latency last 2d', { everySeconds: 7, keepSeconds: 3600 });
    expect(odd.columnSeconds % 420).toBe(0);
    expect(odd.notes).toEqual([expect.stringContaining('finer ones are no longer kept by all')]);
    expect(planned('http.requests last 1h', { everySeconds: 7 }).columnSeconds).toBe(70);
    expect(planned('http.requests last 1h', { everySeconds: 3599 }).columnSeconds).toBe(3599);
  });

  it('says before what nothing is kept', () => {
    const { notes } = planned('http.requests last 300d', {
      keepSeconds: 3600,
      keepLevels: [{ level: 3600, keepSeconds: 90 * DAY }],
    });
    expect(notes).toEqual(['all keeps nothing of before 2026-08-24T03:00:07Z']);
  });
});

describe('a pin to be', () => {
  it('means its range at the time it is made', () => {
    expect(pinnedSeconds({ kind: 'last', seconds: 600 }, NOW)).toEqual({
      fromSecond: NOW - 600,
      untilSecond: NOW,
    });
    const span = { offset: 0, length: 0 };
    const clock = (hour: number) => ({ kind: 'clock', secondOfDay: hour * 3600, span }) as const;
    const midnight = NOW - (NOW % DAY);
    expect(pinnedSeconds({ kind: 'between', from: clock(23), to: clock(1) }, NOW)).toEqual({
      fromSecond: midnight - 3600,
      untilSecond: midnight + 3600,
    });
    const now = { kind: 'now', span } as const;
    expect(pinnedSeconds({ kind: 'between', from: now, to: now }, NOW)).toMatchObject({
      code: 'EMPTY_RANGE',
    });
  });
});
