/** Laws of adding up: of cells, of coverage, of what counts; and canaries that break them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { referenceKernel } from '../../src/kernel/reference.ts';
import { hasBit } from '../../src/model/coverage.ts';
import { keyText } from '../../src/model/key.ts';
import { type Level, levelSpan } from '../../src/model/level.ts';
import { BLOCK_STEPS } from '../../src/model/limits.ts';
import { CellsBuffer } from '../../src/model/series.ts';
import { PlaceCoverage } from '../../src/store/place-coverage.ts';
import { type Added, RollUp, rolledUp } from '../../src/store/roll-up.ts';

const START = levelSpan(3600) * 1735;

/** Cells as [second, key, bucket, count], at steps of a level. */
type Cell = readonly [second: number, key: number, bucket: number, count: number];

const cells = fc.array(
  fc.tuple(
    fc.oneof(fc.nat(levelSpan(60) - 1), fc.nat(300)),
    fc.nat(3),
    fc.nat(5),
    fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(Number.MAX_SAFE_INTEGER)),
  ),
  { maxLength: 60 },
);

/** Blocks of seconds that hold the cells. */
function blocksOf(list: readonly Cell[], level: Level = 1): Added[] {
  const starts = new Map<number, Cell[]>();
  for (const cell of list) {
    const start = START + cell[0] - (cell[0] % levelSpan(level));
    starts.set(start, [...(starts.get(start) ?? []), cell]);
  }
  return [...starts].map(([startSecond, inside]) => {
    const buffer = new CellsBuffer();
    for (const [second, key, bucket, count] of inside) {
      buffer.push(Math.floor((START + second - startSecond) / level), key, bucket, count);
    }
    const keys = ['a', 'b', 'c', 'd'].map((value) => [value]);
    return { startSecond, stepSeconds: level, keys, cells: buffer };
  });
}

/** What parts say: `second key bucket` and the count. */
function said(
  place: { startSecond: number; level: Level },
  parts: ReturnType<typeof rolledUp>,
): Map<string, number> {
  const found = new Map<string, number>();
  for (const { keys, cells: c } of parts) {
    for (let i = 0; i < c.length; i++) {
      const at = `${place.startSecond + c.step[i]! * place.level} ${keyText(keys[c.key[i]!]!)} ${c.bucket[i]!}`;
      expect(found.has(at), `${at} twice`).toBe(false);
      found.set(at, c.count[i]!);
    }
  }
  return found;
}

/** The same, worked out cell by cell; sums stay at the largest exact integer. */
function naive(list: readonly Cell[], level: Level): Map<string, number> {
  const sums = new Map<string, bigint>();
  for (const [second, key, bucket, count] of list) {
    const at = `${START + second - (second % level)} ["${'abcd'[key]!}"] ${bucket}`;
    sums.set(at, (sums.get(at) ?? 0n) + BigInt(count));
  }
  const max = BigInt(Number.MAX_SAFE_INTEGER);
  return new Map([...sums].map(([at, sum]) => [at, Number(sum > max ? max : sum)]));
}

const sorted = (map: ReadonlyMap<string, number>): [string, number][] =>
  [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));

describe('cells', () => {
  const place = { startSecond: START, level: 60 as const };
  const up = (blocks: readonly Added[]): ReturnType<typeof rolledUp> =>
    rolledUp(place, blocks, referenceKernel);

  it('add up to what they are, one by one', () => {
    fc.assert(
      fc.property(cells, (list) => {
        expect(sorted(said(place, up(blocksOf(list))))).toEqual(sorted(naive(list, 60)));
      }),
    );
  });

  it('add up to the same by way of a finer level', () => {
    fc.assert(
      fc.property(cells, (list) => {
        const starts = new Set(list.map(([second]) => second - (second % levelSpan(10))));
        const tens = [...starts].flatMap((offset): Added[] => {
          const inner = { startSecond: START + offset, level: 10 as const };
          const inside = list.filter(([second]) => second - (second % levelSpan(10)) === offset);
          const parts = rolledUp(inner, blocksOf(inside), referenceKernel);
          return parts.map((part) => ({ startSecond: inner.startSecond, stepSeconds: 10, ...part }));
        });
        expect(sorted(said(place, up(tens)))).toEqual(sorted(naive(list, 60)));
      }),
    );
  });

  it('add up to the same merged first, and in any order', () => {
    const two = fc
      .tuple(cells, cells)
      .chain(([a, b]) =>
        fc.tuple(
          fc.constant(a),
          fc.constant(b),
          fc.shuffledSubarray([...a, ...b], { minLength: a.length + b.length }),
        ),
      );
    fc.assert(
      fc.property(two, ([a, b, mixed]) => {
        const merged = up(blocksOf([...a, ...b]));
        const apart = [a, b].flatMap((list) =>
          up(blocksOf(list)).map((part): Added => ({ startSecond: START, stepSeconds: 60, ...part })),
        );
        expect(sorted(said(place, up(apart)))).toEqual(sorted(said(place, merged)));
        expect(sorted(said(place, up(blocksOf(mixed))))).toEqual(sorted(said(place, merged)));
      }),
    );
  });

  it('lie in parts of bounded size where they are too many, which say the same', () => {
    fc.assert(
      fc.property(cells, fc.integer({ min: 1, max: 12 }), (list, cellsMax) => {
        const blocks = blocksOf(list);
        const parts: ReturnType<typeof rolledUp> = [];
        for (let from = 0; from < BLOCK_STEPS; from = parts.at(-1)!.untilStep) {
          const sum = new RollUp(place, from, cellsMax);
          for (const block of blocks) if (sum.overlaps(block)) sum.add(block, referenceKernel);
          const { fromStep, untilStep } = sum;
          parts.push({ fromStep, untilStep, ...sum.take(referenceKernel) });
        }
        expect(sorted(said(place, parts))).toEqual(sorted(naive(list, 60)));
        for (const { fromStep, untilStep, cells: c } of parts) {
          expect(untilStep).toBeGreaterThan(fromStep);
          if (untilStep > fromStep + 1) expect(c.length).toBeLessThanOrEqual(cellsMax);
        }
      }),
    );
  });

  it('are missed where a roll-up loses a step, and told twice where it adds a block twice', () => {
    const list: Cell[] = [
      [0, 0, 1, 5],
      [70, 0, 1, 7],
    ];
    const whole = sorted(naive(list, 60));
    const [first, ...rest] = up(blocksOf(list));
    const { length, step, key, bucket, count } = first!.cells;
    const lossy = { ...first!, cells: { length: length - 1, step, key, bucket, count } };
    expect(sorted(said(place, [lossy, ...rest]))).not.toEqual(whole);
    expect(sorted(said(place, up([...blocksOf(list), blocksOf(list)[0]!])))).not.toEqual(whole);
  });
});

describe('coverage', () => {
  /** What is said of seconds: source, second, whether in full. */
  const heard = fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(levelSpan(60) - 1), fc.boolean()), {
    maxLength: 80,
  });

  function placeOf(
    list: readonly (readonly [string, number, boolean])[],
    level: Level,
    offset: number,
  ): PlaceCoverage {
    const place = new PlaceCoverage({ startSecond: START + offset, level });
    for (const [name, second, full] of list) {
      const step = Math.floor((second - offset) / level);
      if (step < 0 || step >= BLOCK_STEPS) continue;
      const expected = new Uint8Array(BLOCK_STEPS / 8);
      expected[step >> 3]! |= 1 << (step & 7);
      const reported = full ? expected : new Uint8Array(BLOCK_STEPS / 8);
      place.add({ startSecond: START + offset, sources: [{ name, expected, reported }], revised: reported });
    }
    return place;
  }

  function coarser(list: readonly (readonly [string, number, boolean])[], by: Level): PlaceCoverage {
    const place = new PlaceCoverage({ startSecond: START, level: 60 });
    for (let offset = 0; offset < levelSpan(60); offset += levelSpan(by)) {
      if (by === 1) place.addFiner(placeOf(list, 1, offset));
      else {
        const ten = new PlaceCoverage({ startSecond: START + offset, level: 10 });
        for (let inner = 0; inner < levelSpan(10); inner += BLOCK_STEPS) {
          ten.addFiner(placeOf(list, 1, offset + inner));
        }
        place.addFiner(ten);
      }
    }
    return place;
  }

  it('of a step is that of all its seconds, whichever way they are added up', () => {
    fc.assert(
      fc.property(heard, (list) => {
        const direct = coarser(list, 1);
        expect(coarser(list, 10).block()).toEqual(direct.block());
        const full = new Set(list.filter(([, , f]) => f).map(([name, second]) => `${name} ${second}`));
        for (const [name, second] of list) {
          const step = Math.floor(second / 60);
          const inStep = list.filter(([n, s]) => n === name && Math.floor(s / 60) === step);
          const misses = inStep.some(([n, s]) => !full.has(`${n} ${s}`));
          expect(direct.expects(name, step)).toBe(true);
          expect(direct.misses(name, step)).toBe(misses);
          const source = direct.block().sources.find((each) => each.name === name)!;
          expect(hasBit(source.reported, step)).toBe(!misses);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('of a coarse step is what the latest row says that speaks of it', () => {
    const place = new PlaceCoverage({ startSecond: START, level: 60 });
    const bits = (byte: number): Uint8Array => Uint8Array.of(byte, ...new Uint8Array(BLOCK_STEPS / 8 - 1));
    const say = (expected: number, reported: number): void =>
      place.add({
        startSecond: START,
        sources: [{ name: 'a', expected: bits(expected), reported: bits(reported) }],
        revised: bits(0),
      });
    say(0b0111, 0b0001);
    say(0b1011, 0b1010);
    expect([0, 1, 2, 3].map((step) => place.misses('a', step))).toEqual([true, false, true, false]);
  });
});
