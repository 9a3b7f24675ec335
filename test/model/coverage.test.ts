/** Coverage in columns, against the plainest way to count it: second by second, source by source. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  type Coverage,
  type CoverageBlock,
  coverageColumns,
  emptyBits,
  hasBit,
  type SecondBits,
  setBit,
} from '../../src/model/coverage.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';

/** Bits as sources have them: none, all, one run, or scattered. */
const arbitraryBits: fc.Arbitrary<SecondBits> = fc.oneof(
  fc.constant(emptyBits()),
  fc.constant(emptyBits().fill(0xff)),
  fc.tuple(fc.nat(255), fc.nat(256)).map(([from, length]) => {
    const bits = emptyBits();
    for (let step = from; step < Math.min(from + length, BLOCK_STEPS); step++) setBit(bits, step);
    return bits;
  }),
  fc.uint8Array({ minLength: 32, maxLength: 32 }),
);

const arbitraryBlock: fc.Arbitrary<CoverageBlock> = fc.record({
  startSecond: fc.nat(3).map((n) => (n + 10) * BLOCK_STEPS),
  sources: fc.array(
    fc.record({
      name: fc.constantFrom('web1/node', 'web2/node', 'db/bpf'),
      expected: arbitraryBits,
      reported: arbitraryBits,
    }),
    { maxLength: 4 },
  ),
  revised: arbitraryBits,
});

const arbitraryRange = fc
  .record({
    from: fc.nat(1500),
    seconds: fc.integer({ min: 1, max: 1500 }),
    columnSeconds: fc.integer({ min: 1, max: 400 }),
  })
  .map(({ from, seconds, columnSeconds }) => ({
    fromSecond: 9 * BLOCK_STEPS + from,
    untilSecond: 9 * BLOCK_STEPS + from + seconds,
    columnSeconds,
  }));

type Range = typeof arbitraryRange extends fc.Arbitrary<infer T> ? T : never;

function plainCoverage(
  blocks: readonly CoverageBlock[],
  { fromSecond, untilSecond, columnSeconds }: Range,
): Coverage {
  const said = (
    second: number,
    read: (block: CoverageBlock, step: number) => readonly string[],
  ): Set<string> =>
    new Set(
      blocks
        .filter(({ startSecond }) => startSecond <= second && second < startSecond + BLOCK_STEPS)
        .flatMap((block) => read(block, second - block.startSecond)),
    );
  const reporting: number[] = [];
  const expecting: number[] = [];
  const revised = new Set<number>();
  const missing = new Map<string, number>();
  for (let second = fromSecond; second < untilSecond; second++) {
    const column = Math.floor((second - fromSecond) / columnSeconds);
    reporting[column] ??= -1;
    expecting[column] ??= 0;
    const reported = said(second, (b, step) =>
      b.sources.filter((s) => hasBit(s.reported, step)).map((s) => s.name),
    );
    const expected = said(second, (b, step) =>
      b.sources.filter((s) => hasBit(s.expected, step) || hasBit(s.reported, step)).map((s) => s.name),
    );
    for (const name of expected) missing.set(name, (missing.get(name) ?? 0) + (reported.has(name) ? 0 : 1));
    if (said(second, (b, step) => (hasBit(b.revised, step) ? ['yes'] : [])).size > 0) revised.add(column);
    const first = reporting[column] === -1;
    if (
      expected.size > 0 &&
      (first || expected.size - reported.size > expecting[column]! - reporting[column]!)
    ) {
      reporting[column] = reported.size;
      expecting[column] = expected.size;
    }
  }
  return {
    expected: missing.size,
    reporting,
    expecting,
    missing: [...missing]
      .filter(([, seconds]) => seconds > 0)
      .map(([name, seconds]) => ({ name, seconds }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    revised: [...revised],
  };
}

it('columns say of each second what the blocks say of it', () => {
  fc.assert(
    fc.property(fc.array(arbitraryBlock, { maxLength: 5 }), arbitraryRange, (blocks, range) => {
      expect(coverageColumns(blocks, range)).toEqual(plainCoverage(blocks, range));
    }),
  );
});

it('the order of the blocks does not matter, and they are not changed', () => {
  fc.assert(
    fc.property(fc.array(arbitraryBlock, { maxLength: 5 }), arbitraryRange, (blocks, range) => {
      const before = structuredClone(blocks);
      expect(coverageColumns(blocks.toReversed(), range)).toEqual(coverageColumns(blocks, range));
      expect(blocks).toEqual(before);
    }),
  );
});

it('nothing said is unknown, not empty', () => {
  const coverage = coverageColumns([], { fromSecond: 0, untilSecond: 3, columnSeconds: 1 });
  expect(coverage).toEqual({
    expected: 0,
    reporting: [-1, -1, -1],
    expecting: [0, 0, 0],
    missing: [],
    revised: [],
  });
});

it('setting a bit sets that bit', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(255)), (steps) => {
      const bits = emptyBits();
      for (const step of steps) setBit(bits, step);
      const set = Array.from({ length: BLOCK_STEPS }, (_, step) => step).filter((step) => hasBit(bits, step));
      expect(set).toEqual([...new Set(steps)].toSorted((a, b) => a - b));
    }),
  );
});
