/** Coverage: for each second, which sources were expected, which reported, and which seconds were revised after
 *  they were shown. None differs from zero: a second without reports is unknown, not empty. */
import { BLOCK_STEPS } from './limits.ts';

/** One bit per second of a block; bit i is second startSecond + i. */
export type SecondBits = Uint8Array;

export interface SourceCoverage {
  /** host/driver, as a person reads it. */
  readonly name: string;
  readonly expected: SecondBits;
  /** Reported in full. A source that said "partial" has not, until it completes. */
  readonly reported: SecondBits;
}

export interface CoverageBlock {
  readonly startSecond: number;
  readonly sources: readonly SourceCoverage[];
  /** Seconds whose cells changed after their block was sealed. */
  readonly revised: SecondBits;
}

/** The answer's form: per column the worst of its seconds. */
export interface Coverage {
  /** Sources expected in any second of the range. */
  readonly expected: number;
  /** Per column: the least number of sources that reported in a second of it; -1 where nothing was expected. */
  readonly reporting: readonly number[];
  /** Per column: sources expected, the number of the same second. */
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
 *  Several blocks may speak of one second (a revision): a source reported if any of them says so. */
export function coverageColumns(
  blocks: Iterable<CoverageBlock>,
  range: { fromSecond: number; untilSecond: number; columnSeconds: number },
): Coverage {
  const { fromSecond, untilSecond, columnSeconds } = range;
  const seconds = untilSecond - fromSecond;
  const merged = mergeSources(blocks, fromSecond, seconds);
  const columns = Math.ceil(seconds / columnSeconds);
  const reporting = Array.from({ length: columns }, () => -1);
  const expecting = Array.from({ length: columns }, () => 0);
  for (let s = 0; s < seconds; s++) {
    const column = Math.floor(s / columnSeconds);
    const missing = merged.expectedCount[s]! - merged.reportedCount[s]!;
    const worst = reporting[column]! < 0 ? -1 : expecting[column]! - reporting[column]!;
    if (merged.expectedCount[s]! > 0 && missing > worst) {
      reporting[column] = merged.reportedCount[s]!;
      expecting[column] = merged.expectedCount[s]!;
    }
  }
  const missing = [...merged.sources]
    .map(([name, { expected, reported }]) => ({
      name,
      seconds: expected.reduce((n, e, s) => n + (e === 1 && reported[s] === 0 ? 1 : 0), 0),
    }))
    .filter((m) => m.seconds > 0)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const revised = [...new Set(merged.revised.map((s) => Math.floor(s / columnSeconds)))];
  return { expected: merged.sources.size, reporting, expecting, missing, revised };
}

function mergeSources(blocks: Iterable<CoverageBlock>, fromSecond: number, seconds: number) {
  const sources = new Map<string, { expected: Uint8Array; reported: Uint8Array }>();
  const revised = new Set<number>();
  for (const block of blocks) {
    const first = Math.max(0, fromSecond - block.startSecond);
    const until = Math.min(BLOCK_STEPS, fromSecond + seconds - block.startSecond);
    for (const source of block.sources) {
      for (let step = first; step < until; step++) {
        if (!hasBit(source.expected, step) && !hasBit(source.reported, step)) continue;
        let rows = sources.get(source.name);
        if (rows === undefined) {
          rows = { expected: new Uint8Array(seconds), reported: new Uint8Array(seconds) };
          sources.set(source.name, rows);
        }
        const s = block.startSecond + step - fromSecond;
        rows.expected[s] = 1;
        if (hasBit(source.reported, step)) rows.reported[s] = 1;
      }
    }
    for (let step = first; step < until; step++) {
      if (hasBit(block.revised, step)) revised.add(block.startSecond + step - fromSecond);
    }
  }
  const expectedCount = new Uint32Array(seconds);
  const reportedCount = new Uint32Array(seconds);
  for (const { expected, reported } of sources.values()) {
    for (let s = 0; s < seconds; s++) {
      expectedCount[s]! += expected[s]!;
      reportedCount[s]! += reported[s]!;
    }
  }
  return { sources, expectedCount, reportedCount, revised: [...revised].toSorted((a, b) => a - b) };
}
