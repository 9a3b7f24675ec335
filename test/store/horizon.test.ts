/** What counts of a history: by level, by floor, by pin; beside a model that remembers every moment. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepSecondsOf, type Level, LEVELS, levelSpan, type Retention } from '../../src/model/level.ts';
import { Horizon } from '../../src/store/horizon.ts';

const SPAN = 256;
const level = fc.constantFrom(...LEVELS);
const retention: fc.Arbitrary<Retention> = fc.record(
  {
    keepSeconds: fc.constantFrom(1, 300, 5000),
    keepLevels: fc.array(fc.record({ level, keepSeconds: fc.constantFrom(0, 4000, 100_000) }), {
      maxLength: 3,
    }),
  },
  { requiredKeys: ['keepSeconds'] },
);
type Change =
  | { readonly kind: 'pass'; readonly seconds: number }
  | { readonly kind: 'keep'; readonly retention: Retention }
  | { readonly kind: 'raise'; readonly level: Level; readonly second: number }
  | { readonly kind: 'pin'; readonly id: string; readonly from: number; readonly length: number }
  | { readonly kind: 'unpin'; readonly id: string };
const id = fc.constantFrom('a', 'b');
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), seconds: fc.constantFrom(100, 700, 20_000) }),
  fc.record({ kind: fc.constant('keep' as const), retention }),
  fc.record({ kind: fc.constant('raise' as const), level, second: fc.nat(30_000) }),
  fc.record({
    kind: fc.constant('pin' as const),
    id,
    from: fc.nat(30_000),
    length: fc.constantFrom(1, 256, 900, 9000),
  }),
  fc.record({ kind: fc.constant('unpin' as const), id }),
);

const startsOf = (of: Level): number[] =>
  Array.from({ length: Math.ceil(60_000 / levelSpan(of)) }, (_, i) => i * levelSpan(of));

describe('a horizon', () => {
  it('keeps what counts at every moment, and gives back nothing', () => {
    fc.assert(
      fc.property(retention, fc.array(change, { maxLength: 12 }), (first, changes) => {
        let now = 0;
        let kept = first;
        let horizon = new Horizon(first);
        const floors = new Map<Level, number>();
        const pins = new Map<string, readonly [number, number]>();
        const gone = new Set<string>();
        const note = (): void => {
          for (const of of LEVELS) {
            const second = Math.max(floors.get(of) ?? 0, now - keepSecondsOf(kept, of));
            for (const start of startsOf(of)) {
              const end = start + levelSpan(of);
              const pinned = [...pins.values()].some(([from, until]) => from < end && until > start);
              if (end <= second && !(of === 1 && pinned)) gone.add(`${of} ${start}`);
            }
          }
        };
        note();
        for (const each of changes) {
          switch (each.kind) {
            case 'pass':
              now += each.seconds;
              break;
            case 'keep':
              for (const of of LEVELS) {
                floors.set(of, Math.max(floors.get(of) ?? 0, now - keepSecondsOf(kept, of)));
              }
              kept = each.retention;
              horizon.redefine(kept, now);
              break;
            case 'raise':
              floors.set(each.level, Math.max(each.second, floors.get(each.level) ?? 0));
              horizon.raise(each.level, each.second);
              break;
            case 'pin':
              pins.set(each.id, [each.from, each.from + each.length]);
              horizon.pin(each.id, each.from, each.from + each.length, now);
              break;
            case 'unpin':
              pins.delete(each.id);
              horizon.unpin(each.id);
          }
          note();
          horizon = new Horizon(kept, horizon.state());
          const expired = LEVELS.flatMap((of) =>
            startsOf(of)
              .filter((start) => horizon.isExpired(of, start, now))
              .map((start) => `${of} ${start}`),
          );
          expect(expired.toSorted()).toEqual([...gone].toSorted());
          for (const of of LEVELS.slice(1)) {
            const first = startsOf(of).find((start) => !horizon.isExpired(of, start, now));
            if (first !== undefined) expect(horizon.firstStart(of, now)).toBe(first);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('pins whole blocks, also of what is still to come', () => {
    const horizon = new Horizon({ keepSeconds: 10 });
    horizon.pin('a', 3 * SPAN + 1, 5 * SPAN + 1, 0);
    expect(horizon.pinned()).toEqual([[3 * SPAN, 6 * SPAN]]);
    expect([2, 3, 5, 6].map((block) => horizon.isExpired(1, block * SPAN, 99 * SPAN))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});
