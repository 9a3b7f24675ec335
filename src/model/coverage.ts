/** Coverage: for each second, which sources were expected, which reported, and which seconds were revised after
 *  they were shown. None differs from zero: a second without reports is unknown, not empty. */
import { assert } from './assert.ts';
import { BLOCK_STEPS } from './limits.ts';

/** One bit per step of a block; bit i is the step from startSecond + i * stepSeconds. */
export type SecondBits = Uint8Array;

export interface SourceCoverage {
  /** host/driver, as a person reads it. */
  readonly name: string;
  readonly expected: SecondBits;
  /** Reported in full. A source that said "partial" has not, until it completes. */
  readonly reported: SecondBits;
}

export interface CoverageBlock {
  /** A multiple of BLOCK_STEPS steps. */
  readonly startSecond: number;
  /** Seconds of a step, 1 where absent. Of a roll-up a step is expected where any of its seconds was, reported
   *  where all that were expected were, revised where any was. */
  readonly stepSeconds?: number;
  /** What of it counts; as CellBlock. */
  readonly window?: { readonly fromSecond: number; readonly untilSecond: number };
  readonly sources: readonly SourceCoverage[];
  /** Seconds whose cells changed after their block was sealed. */
  readonly revised: SecondBits;
}

/** The answer's form: per column the worst of its seconds. */
export interface Coverage {
  /** Sources expected in any second of the range. */
  readonly expected: number;
  /** Per column: sources that reported in the second of it that misses the most, the first such; -1 where nothing was expected. */
  readonly reporting: readonly number[];
  /** Per column: sources expected in that second. */
  readonly expecting: readonly number[];
  /** Names of the sources that miss a second of the range, with the seconds they miss. */
  readonly missing: readonly { readonly name: string; readonly seconds: number }[];
  /** Columns that hold a revised second. */
  readonly revised: readonly number[];
}

export function emptyBits(): SecondBits {
  return new Uint8Array(BLOCK_STEPS / 8);
}

export function hasBit(bits: SecondBits, step: number): boolean {
  return (bits[step >> 3]! & (1 << (step & 7))) !== 0;
}

export function setBit(bits: SecondBits, step: number): void {
  bits[step >> 3]! |= 1 << (step & 7);
}

/** Condenses coverage blocks over [fromSecond, untilSecond) into columns of `columnSeconds`.
 *  Several blocks may speak of one second (a revision): a source reported if any of them says so.
 *  Costs by the block, not by the second, where sources reported throughout: a month is 10,000 blocks. */
export function coverageColumns(
  blocks: Iterable<CoverageBlock>,
  range: { fromSecond: number; untilSecond: number; columnSeconds: number },
): Coverage {
  const { fromSecond, untilSecond, columnSeconds } = range;
  const columns = Math.ceil((untilSecond - fromSecond) / columnSeconds);
  const reporting = Array.from({ length: columns }, () => -1);
  const expecting = Array.from({ length: columns }, () => 0);
  const missing = new Map<string, number>();
  const revised = new Set<number>();
  for (const [startSecond, block] of mergedBlocks(blocks, fromSecond, untilSecond)) {
    for (const [name, bits] of block.sources)
      missing.set(name, (missing.get(name) ?? 0) + missingSeconds(bits));
    const { expected, reported } = sourceCounts(block);
    for (let step = 0; step < BLOCK_STEPS; step++) {
      const column = Math.floor((startSecond + step - fromSecond) / columnSeconds);
      if (hasBit(block.revised, step)) revised.add(column);
      if (expected[step]! === 0) continue;
      const worst = reporting[column]! < 0 ? -1 : expecting[column]! - reporting[column]!;
      if (expected[step]! - reported[step]! <= worst) continue;
      reporting[column] = reported[step]!;
      expecting[column] = expected[step]!;
    }
  }
  return {
    expected: missing.size,
    reporting,
    expecting,
    missing: [...missing]
      .map(([name, seconds]) => ({ name, seconds }))
      .filter((m) => m.seconds > 0)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    revised: [...revised].toSorted((a, b) => a - b),
  };
}

interface SourceBits {
  readonly expected: SecondBits;
  readonly reported: SecondBits;
}

interface MergedBlock {
  readonly sources: Map<string, SourceBits>;
  readonly revised: SecondBits;
}

/** What all blocks of one start say together, cut to the range, in ascending order. Sources that say nothing are left out. */
function mergedBlocks(
  blocks: Iterable<CoverageBlock>,
  fromSecond: number,
  untilSecond: number,
): Map<number, MergedBlock> {
  const merged = new Map<number, MergedBlock>();
  for (const block of blocks) {
    const { startSecond } = block;
    assert(
      startSecond % BLOCK_STEPS === 0,
      () => `coverage starts at ${startSecond}, no multiple of ${BLOCK_STEPS}`,
    );
    const first = Math.max(0, fromSecond - startSecond);
    const until = Math.min(BLOCK_STEPS, untilSecond - startSecond);
    if (first >= until) continue;
    let target = merged.get(startSecond);
    if (target === undefined)
      merged.set(startSecond, (target = { sources: new Map(), revised: emptyBits() }));
    addBits(target.revised, cutBits(block.revised, first, until));
    for (const source of block.sources) {
      const reported = cutBits(source.reported, first, until);
      const expected = cutBits(source.expected, first, until).slice();
      addBits(expected, reported);
      if (expected.every((byte) => byte === 0)) continue;
      const before = target.sources.get(source.name);
      if (before === undefined) {
        target.sources.set(source.name, { expected, reported: reported.slice() });
      } else {
        addBits(before.expected, expected);
        addBits(before.reported, reported);
      }
    }
  }
  return new Map([...merged].toSorted(([a], [b]) => a - b));
}

/** Per step: sources expected and sources that reported. */
function sourceCounts(block: MergedBlock): { expected: Uint32Array; reported: Uint32Array } {
  const expected = new Uint32Array(BLOCK_STEPS);
  const reported = new Uint32Array(BLOCK_STEPS);
  let complete = 0;
  for (const bits of block.sources.values()) {
    if (bits.reported.every((byte) => byte === 0xff)) {
      complete++;
      continue;
    }
    for (let step = 0; step < BLOCK_STEPS; step++) {
      if (hasBit(bits.expected, step)) expected[step]!++;
      if (hasBit(bits.reported, step)) reported[step]!++;
    }
  }
  for (let step = 0; step < BLOCK_STEPS; step++) {
    expected[step]! += complete;
    reported[step]! += complete;
  }
  return { expected, reported };
}

function missingSeconds({ expected, reported }: SourceBits): number {
  let seconds = 0;
  for (let i = 0; i < expected.length; i++) {
    for (let left = expected[i]! & ~reported[i]!; left !== 0; left &= left - 1) seconds++;
  }
  return seconds;
}

function addBits(target: SecondBits, source: SecondBits): void {
  for (let i = 0; i < target.length; i++) target[i]! |= source[i]!;
}

/** The bits of [first, until); the same array where that is all of them. */
function cutBits(bits: SecondBits, first: number, until: number): SecondBits {
  if (first === 0 && until === BLOCK_STEPS) return bits;
  const cut = emptyBits();
  for (let step = first; step < until; step++) if (hasBit(bits, step)) setBit(cut, step);
  return cut;
}
