/** Laws of repeat detection: exact against a set, in any order, over a save and a restore, at its bounds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RANGES_MAX, Sequences } from '../../src/store/sequences.ts';

const source = { host: 'web1', driver: 'proc', incarnation: '00000000000000aa' };
const other = { ...source, incarnation: '00000000000000bb' };

/** Mostly in order, with jumps back and ahead. */
const numbers = fc.array(fc.oneof(fc.nat(20), fc.nat(200)), { maxLength: 200 });

function rangesOf(set: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const n of [...set].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === n) last[1] = n + 1;
    else ranges.push([n, n + 1]);
  }
  return ranges;
}

describe('Sequences', () => {
  it('knows each number once, whatever the order, as a set would', () => {
    fc.assert(
      fc.property(numbers, fc.nat(200), (list, cut) => {
        let sequences = new Sequences();
        const seen = new Set<number>();
        list.forEach((n, i) => {
          if (i === cut) sequences = new Sequences(sequences.state());
          expect(sequences.take(source, n, 5)).toBe(seen.has(n) ? 'repeat' : 'new');
          seen.add(n);
        });
        const ranges = rangesOf(seen);
        expect(sequences.watermarks()).toEqual(
          list.length === 0 ? [] : [{ source, covered: ranges.slice(-64) }],
        );
        expect(sequences.missing(source)).toBe(Math.max(-1, ...seen) + 1 - seen.size);
      }),
    );
  });

  it('takes a smaller number that it has not seen, and tells incarnations apart', () => {
    const sequences = new Sequences();
    expect(sequences.take(source, 9, 0)).toBe('new');
    expect(sequences.take(source, 3, 0)).toBe('new');
    expect(sequences.take(source, 3, 0)).toBe('repeat');
    expect(sequences.take(other, 3, 0)).toBe('new');
    expect(sequences.take({ ...source, driver: 'node' }, 3, 0)).toBe('new');
  });

  it('gives up the lowest gap when there are too many, and says how much that was', () => {
    const sequences = new Sequences();
    for (let i = 0; i <= RANGES_MAX; i++) sequences.take(source, 10 + 2 * i, 0);
    expect(sequences.givenUp).toBe(10);
    expect(sequences.take(source, 4, 0)).toBe('repeat');
    expect(sequences.take(source, 11, 0)).toBe('new');
  });

  it('forgets the incarnations silent longest, and then refuses what may be a repeat of theirs', () => {
    const named = (i: number): typeof source => ({
      ...source,
      incarnation: i.toString(16).padStart(16, '0'),
    });
    const sequences = new Sequences(undefined, 16);
    for (let i = 0; i < 17; i++) expect(sequences.take(named(i), 0, 100 + i)).toBe('new');
    const again = new Sequences(sequences.state(), 16);
    expect(again.take(named(0), 0, 100)).toBe('forgotten');
    expect(again.take(named(1), 0, 101)).toBe('repeat');
    expect(again.take(named(99), 0, 100)).toBe('forgotten');
    expect(again.take(named(99), 1, 101)).toBe('new');
  });

  it('counts nothing twice however many incarnations there are', () => {
    const take = fc.tuple(fc.nat(40), fc.nat(3), fc.nat(30));
    fc.assert(
      fc.property(fc.array(take, { maxLength: 300 }), (list) => {
        const sequences = new Sequences(undefined, 16);
        const counted = new Set<string>();
        const secondOf = new Map<string, number>();
        for (const [i, n, second] of list) {
          const place = `${i} ${n}`;
          // A batch speaks of one second, however often it is sent.
          if (!secondOf.has(place)) secondOf.set(place, second);
          const of = { ...source, incarnation: i.toString(16).padStart(16, '0') };
          if (sequences.take(of, n, secondOf.get(place)!) !== 'new') continue;
          expect(counted.has(place)).toBe(false);
          counted.add(place);
        }
      }),
    );
  });
});
