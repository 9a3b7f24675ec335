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
  setBits,
  type SourceCoverage,
} from '../../src/model/coverage.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';

/** Seconds of a roll-up's step. */
const STEP = 10;

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

const arbitraryWords = {
  sources: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('web1/node', 'web2/node', 'db/bpf'),
      expected: arbitraryBits,
      reported: arbitraryBits,
    }),
    { maxLength: 4, selector: (source) => source.name },
  ),
  revised: arbitraryBits,
};

const FROM = 10 * BLOCK_STEPS * STEP;

/** Blocks over [FROM, ..): roll-ups up to some second, whole seconds from there, each with its window. */
const arbitraryBlocks: fc.Arbitrary<CoverageBlock[]> = fc
  .record({
    border: fc.nat(200).map((n) => FROM + n * STEP),
    fine: fc.array(
      fc.record({
        startSecond: fc.nat(7).map((n) => FROM + n * BLOCK_STEPS),
        ...arbitraryWords,
        cut: fc.option(fc.nat(1500), { nil: undefined }),
      }),
      { maxLength: 6 },
    ),
    coarse: fc.array(
      fc.record({
        startSecond: fc.nat(1).map((n) => FROM + (n - 1) * BLOCK_STEPS * STEP),
        ...arbitraryWords,
        cut: fc.nat(200),
      }),
      { maxLength: 3 },
    ),
  })
  .map(({ border, fine, coarse }) => [
    ...fine.map(({ cut, ...block }): CoverageBlock => {
      const untilSecond = cut === undefined ? Number.MAX_SAFE_INTEGER : border + cut;
      return { ...block, window: { fromSecond: border, untilSecond } };
    }),
    ...coarse.map(({ cut, ...block }): CoverageBlock => ({
      ...block,
      stepSeconds: STEP,
      window: { fromSecond: FROM + Math.min(cut, 50) * STEP, untilSecond: border },
    })),
  ]);

/** Its columns are made of whole steps of a roll-up; the last may be cut short. */
const arbitraryRange = fc
  .record({
    from: fc.nat(150),
    seconds: fc.integer({ min: 1, max: 2500 }),
    columnSteps: fc.integer({ min: 1, max: 40 }),
  })
  .map(({ from, seconds, columnSteps }) => ({
    fromSecond: FROM + from * STEP,
    untilSecond: FROM + from * STEP + seconds,
    columnSeconds: columnSteps * STEP,
  }));

type Range = typeof arbitraryRange extends fc.Arbitrary<infer T> ? T : never;

/** A reader gives no step that reaches beyond the range. */
function within(blocks: readonly CoverageBlock[], { untilSecond }: Range): CoverageBlock[] {
  return blocks.map((block) => {
    const { stepSeconds = 1, window } = block;
    const end = untilSecond - (untilSecond % stepSeconds);
    if (window === undefined) return block;
    return { ...block, window: { ...window, untilSecond: Math.min(window.untilSecond, end) } };
  });
}

/** The steps of each block that speak of a second. */
function said(
  blocks: readonly CoverageBlock[],
  second: number,
  read: (block: CoverageBlock, step: number) => readonly string[],
): Set<string> {
  return new Set(
    blocks.flatMap((block) => {
      const { startSecond, stepSeconds = 1, window } = block;
      const step = Math.floor((second - startSecond) / stepSeconds);
      if (step < 0 || step >= BLOCK_STEPS) return [];
      const stepStart = startSecond + step * stepSeconds;
      const counts =
        window === undefined || (window.fromSecond <= stepStart && stepStart < window.untilSecond);
      return counts ? read(block, step) : [];
    }),
  );
}

function plainCoverage(blocks: readonly CoverageBlock[], range: Range): Coverage {
  const { fromSecond, untilSecond, columnSeconds } = range;
  const reporting: number[] = [];
  const expecting: number[] = [];
  const revised = new Set<number>();
  const missing = new Map<string, number>();
  for (let second = fromSecond; second < untilSecond; second++) {
    const column = Math.floor((second - fromSecond) / columnSeconds);
    reporting[column] ??= -1;
    expecting[column] ??= 0;
    const reported = said(blocks, second, (b, step) =>
      b.sources.filter((s) => hasBit(s.reported, step)).map((s) => s.name),
    );
    const expected = said(blocks, second, (b, step) =>
      b.sources.filter((s) => hasBit(s.expected, step) || hasBit(s.reported, step)).map((s) => s.name),
    );
    for (const name of expected) missing.set(name, (missing.get(name) ?? 0) + (reported.has(name) ? 0 : 1));
    if (said(blocks, second, (b, step) => (hasBit(b.revised, step) ? ['yes'] : [])).size > 0)
      revised.add(column);
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

it('columns say of each second what the blocks say of it, a step of a roll-up of all its seconds', () => {
  fc.assert(
    fc.property(arbitraryBlocks, arbitraryRange, (blocks, range) => {
      const cut = within(blocks, range);
      expect(coverageColumns(cut, range)).toEqual(plainCoverage(cut, range));
    }),
    { numRuns: 200 },
  );
});

it('the order of the blocks does not matter, and they are not changed', () => {
  fc.assert(
    fc.property(arbitraryBlocks, arbitraryRange, (blocks, range) => {
      const cut = within(blocks, range);
      const before = structuredClone(cut);
      expect(coverageColumns(cut.toReversed(), range)).toEqual(coverageColumns(cut, range));
      expect(cut).toEqual(before);
    }),
  );
});

/** The roll-up of whole seconds: expected where any was, reported where all that were expected were. */
function rolledUp(blocks: readonly CoverageBlock[]): CoverageBlock {
  const block = {
    startSecond: FROM,
    stepSeconds: STEP,
    revised: emptyBits(),
    sources: new Map<string, SourceCoverage>(),
  };
  for (const name of new Set(blocks.flatMap(({ sources }) => sources.map((s) => s.name)))) {
    const bits = { name, expected: emptyBits(), reported: emptyBits() };
    for (let step = 0; step < BLOCK_STEPS; step++) {
      const seconds = Array.from({ length: STEP }, (_, i) => FROM + step * STEP + i);
      const has = (second: number, which: 'expected' | 'reported'): boolean =>
        said(blocks, second, (b, s) => b.sources.filter((x) => hasBit(x[which], s)).map((x) => x.name)).has(
          name,
        );
      const expected = seconds.filter((s) => has(s, 'expected') || has(s, 'reported'));
      if (expected.length > 0) setBit(bits.expected, step);
      if (expected.length > 0 && expected.every((s) => has(s, 'reported'))) setBit(bits.reported, step);
    }
    block.sources.set(name, bits);
  }
  for (let step = 0; step < BLOCK_STEPS * STEP; step++) {
    if (said(blocks, FROM + step, (b, s) => (hasBit(b.revised, s) ? ['yes'] : [])).size > 0)
      setBit(block.revised, Math.floor(step / STEP));
  }
  return { ...block, sources: [...block.sources.values()] };
}

it('what a roll-up says is missing is an upper bound', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ startSecond: fc.nat(3).map((n) => FROM + n * BLOCK_STEPS), ...arbitraryWords }), {
        maxLength: 3,
      }),
      arbitraryRange,
      (blocks, range) => {
        const whole = { ...range, untilSecond: range.untilSecond - (range.untilSecond % STEP) };
        if (whole.untilSecond <= whole.fromSecond) return;
        const fine = coverageColumns(blocks, whole);
        const coarse = coverageColumns([rolledUp(blocks)], whole);
        expect(coarse.expected).toBe(fine.expected);
        expect(coarse.revised).toEqual(fine.revised);
        expect(coarse.reporting.map((n) => n < 0)).toEqual(fine.reporting.map((n) => n < 0));
        fine.reporting.forEach((reporting, column) => {
          const missed = coarse.expecting[column]! - coarse.reporting[column]!;
          expect(missed).toBeGreaterThanOrEqual(fine.expecting[column]! - reporting);
        });
        const seconds = new Map(coarse.missing.map((m) => [m.name, m.seconds]));
        for (const m of fine.missing) {
          expect(seconds.get(m.name)).toBeGreaterThanOrEqual(m.seconds);
          expect(seconds.get(m.name)).toBeLessThanOrEqual(m.seconds * STEP);
        }
        expect(coarse.missing.map((m) => m.name)).toEqual(fine.missing.map((m) => m.name));
      },
    ),
    { numRuns: 50 },
  );
});

it('counts the bits of a stretch', () => {
  fc.assert(
    fc.property(arbitraryBits, fc.nat(256), fc.nat(256), (bits, a, b) => {
      const [from, until] = [Math.min(a, b), Math.max(a, b)];
      let set = 0;
      for (let step = from; step < until; step++) if (hasBit(bits, step)) set++;
      expect(setBits(bits, from, until)).toBe(set);
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
