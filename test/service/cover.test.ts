import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Cover } from '../../src/service/cover.ts';

const SOURCE = { host: 'h', driver: 'd', incarnation: '0011223344556677' };
const numbers = fc.uniqueArray(fc.nat(30), { maxLength: 20 });

/** The ranges of a set of numbers. */
function rangesOf(set: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const n of [...set].toSorted((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === n) last[1] = n + 1;
    else ranges.push([n, n + 1]);
  }
  return ranges;
}

it('covers what every aggregator covers, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(numbers, { minLength: 1, maxLength: 4 }), (sets) => {
      const cover = new Cover(sets.length);
      const marks = sets.map((set) => [{ source: SOURCE, covered: rangesOf(new Set(set)) }]);
      const last = marks.map((mark, aggregator) => cover.advance(aggregator, mark)).at(-1)!;
      const common = new Set(sets[0]!.filter((n) => sets.every((set) => set.includes(n))));
      expect(last[0]!.covered).toEqual(rangesOf(common));
    }),
  );
});

it('covers nothing while an aggregator has not spoken', () => {
  const cover = new Cover(2);
  expect(cover.advance(0, [{ source: SOURCE, covered: [[0, 9]] }])[0]!.covered).toEqual([]);
  expect(cover.advance(1, [{ source: SOURCE, covered: [[2, 12]] }])[0]!.covered).toEqual([[2, 9]]);
});
