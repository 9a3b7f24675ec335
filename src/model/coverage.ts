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
   *  where all that were expected were, revised where any was; it stands for all of its seconds, so what a
   *  roll-up says is missing is an upper bound. */
  readonly stepSeconds?: number;
  /** What of it counts; as CellBlock. */
  readonly window?: { readonly fromSecond: number; readonly untilSecond: number };
  /** Each name once. */
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
  /** Names of the sources that miss a second of the range, with the seconds they miss: at most so many, where
   *  roll-ups speak. */
  readonly missing: readonly { readonly name: string; readonly seconds: number }[];
  /** Columns that hold a revised second. */
  readonly revised: readonly number[];
}

export function emptyBits(): SecondBits {
  return new Uint8Array(BLOCK_STEPS / 8);
}

/** All steps: one array for the many blocks that say so, never cleared. */
export const FULL_BITS: SecondBits = emptyBits().fill(0xff);

export function hasBit(bits: SecondBits, step: number): boolean {
  return (bits[step >> 3]! & (1 << (step & 7))) !== 0;
}

export function setBit(bits: SecondBits, step: number): void {
  bits[step >> 3]! |= 1 << (step & 7);
}

export interface ColumnRange {
  readonly fromSecond: number;
  readonly untilSecond: number;
  readonly columnSeconds: number;
}

/** Condenses coverage blocks over [fromSecond, untilSecond) into columns of `columnSeconds`; each step of a
 *  roll-up lies in one column. Costs by the block, not by the second, where sources reported throughout: a month
 *  is 10,000 blocks. */
export function coverageColumns(blocks: Iterable<CoverageBlock>, range: ColumnRange): Coverage {
  return partColumns(coverageParts(blocks, range), range);
}

/** What is said of one place: of its steps [firstStep, untilStep), at least one. Bits beyond them say nothing. */
export interface CoveragePart {
  readonly startSecond: number;
  readonly stepSeconds: number;
  readonly firstStep: number;
  readonly untilStep: number;
  readonly sources: readonly SourceCoverage[];
  readonly revised: SecondBits;
}

/** One part a place, cut to the range and to the blocks' windows. Several blocks may speak of one place (a
 *  revision): a source reported if any of them says so. Blocks of different levels speak of different seconds. */
export function coverageParts(
  blocks: Iterable<CoverageBlock>,
  range: { readonly fromSecond: number; readonly untilSecond: number },
): CoveragePart[] {
  const places = new Map<number, CoveragePart | CoveragePart[]>();
  for (const block of blocks) {
    const part = partOf(block, range);
    if (part.firstStep >= part.untilStep) continue;
    const place = part.startSecond * PLACE_STEPS + part.stepSeconds;
    const before = places.get(place);
    if (before === undefined) places.set(place, part);
    else if (Array.isArray(before)) before.push(part);
    else places.set(place, [before, part]);
  }
  return Array.from(places.values(), (part) => (Array.isArray(part) ? merged(part) : part));
}

/** More than any step's seconds. */
const PLACE_STEPS = 4096;

function partOf(
  { startSecond, stepSeconds = 1, window, sources, revised }: CoverageBlock,
  range: { readonly fromSecond: number; readonly untilSecond: number },
): CoveragePart {
  assert(
    startSecond % (BLOCK_STEPS * stepSeconds) === 0,
    () => `coverage starts at ${startSecond}, no multiple of ${BLOCK_STEPS} steps of ${stepSeconds} s`,
  );
  const from = Math.max(range.fromSecond, window?.fromSecond ?? range.fromSecond);
  const until = Math.min(range.untilSecond, window?.untilSecond ?? range.untilSecond);
  return {
    startSecond,
    stepSeconds,
    firstStep: Math.max(0, Math.ceil((from - startSecond) / stepSeconds)),
    untilStep: Math.min(BLOCK_STEPS, Math.ceil((until - startSecond) / stepSeconds)),
    sources,
    revised,
  };
}

function merged(parts: readonly CoveragePart[]): CoveragePart {
  const sources = new Map<string, SourceCoverage>();
  const revised = emptyBits();
  for (const part of parts) {
    addBits(revised, cutBits(part.revised, part));
    for (const { name, expected, reported } of part.sources) {
      let target = sources.get(name);
      if (target === undefined)
        sources.set(name, (target = { name, expected: emptyBits(), reported: emptyBits() }));
      addBits(target.expected, cutBits(expected, part));
      addBits(target.reported, cutBits(reported, part));
    }
  }
  return {
    ...parts[0]!,
    firstStep: Math.min(...parts.map((part) => part.firstStep)),
    untilStep: Math.max(...parts.map((part) => part.untilStep)),
    sources: [...sources.values()],
    revised,
  };
}

/** As coverageColumns. */
export function partColumns(parts: readonly CoveragePart[], range: ColumnRange): Coverage {
  const columns = newColumns(range);
  const tally = new SourceTally();
  for (const part of parts) {
    tally.count(part);
    if (tally.uneven) sayEach(columns, part, tally);
    else if (tally.complete > 0) sayAll(columns, part, tally.complete);
    sayRevised(columns, part);
  }
  return {
    expected: tally.missing.size,
    reporting: numbersOf(columns.reporting),
    expecting: numbersOf(columns.expecting),
    missing: [...tally.missing]
      .map(([name, seconds]) => ({ name, seconds }))
      .filter((m) => m.seconds > 0)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    revised: markedColumns(columns.revised),
  };
}

/** A loop: what a language offers for it takes as long as finding them. */
function numbersOf(values: Int32Array): number[] {
  const numbers: number[] = [];
  for (let i = 0; i < values.length; i++) numbers.push(values[i]!);
  return numbers;
}

function markedColumns(marks: Uint8Array): number[] {
  const marked: number[] = [];
  for (let column = marks.indexOf(1); column >= 0; column = marks.indexOf(1, column + 1)) marked.push(column);
  return marked;
}

/** Where the part's steps that lie in this column end. */
export function columnEnd(part: CoveragePart, column: number, range: ColumnRange): number {
  const endSecond = range.fromSecond + (column + 1) * range.columnSeconds;
  return Math.min(part.untilStep, Math.ceil((endSecond - part.startSecond) / part.stepSeconds));
}

export function columnOf({ fromSecond, columnSeconds }: ColumnRange, second: number): number {
  return Math.floor((second - fromSecond) / columnSeconds);
}

/** Sources counted part by part; memory of its own, so that a block costs no allocation. */
class SourceTally {
  /** Per source that was expected: seconds it missed. */
  readonly missing = new Map<string, number>();
  /** Of the last part: sources that reported in every step. */
  complete = 0;
  /** Of the last part: whether `expected` and `reported` hold what the other sources said, by step. */
  uneven = false;
  readonly expected = new Uint32Array(BLOCK_STEPS);
  readonly reported = new Uint32Array(BLOCK_STEPS);
  /** By position, the name seen there last: mostly that of the next block too. */
  readonly #names: string[] = [];

  count(part: CoveragePart): void {
    if (this.uneven) {
      this.expected.fill(0);
      this.reported.fill(0);
    }
    this.uneven = false;
    this.complete = 0;
    for (let i = 0; i < part.sources.length; i++) {
      const source = part.sources[i]!;
      if (isFull(source.reported)) {
        this.complete++;
        if (this.#names[i] !== source.name) this.#note((this.#names[i] = source.name), 0);
      } else {
        this.#countSteps(source, part);
      }
    }
  }

  #countSteps({ name, expected, reported }: SourceCoverage, part: CoveragePart): void {
    let missed = 0;
    let any = false;
    for (let byte = part.firstStep >> 3; byte << 3 < part.untilStep; byte++) {
      const within = stepMask(byte, part.firstStep, part.untilStep);
      const said = reported[byte]! & within;
      for (let left = (expected[byte]! & within) | said; left !== 0; left &= left - 1) {
        const step = (byte << 3) + 31 - Math.clz32(left & -left);
        this.expected[step]!++;
        any = true;
        if ((said & left & -left) === 0) missed++;
        else this.reported[step]!++;
      }
    }
    if (!any) return;
    this.uneven = true;
    this.#note(name, missed * part.stepSeconds);
  }

  #note(name: string, missedSeconds: number): void {
    this.missing.set(name, (this.missing.get(name) ?? 0) + missedSeconds);
  }
}

/** The bits of one byte that are those of [firstStep, untilStep). */
function stepMask(byte: number, firstStep: number, untilStep: number): number {
  const low = Math.max(0, firstStep - (byte << 3));
  const high = Math.min(8, untilStep - (byte << 3));
  return (0xff << low) & (0xff >> (8 - high));
}

/** Per column the second that misses the most, the first such. */
interface Columns {
  readonly range: ColumnRange;
  readonly reporting: Int32Array;
  readonly expecting: Int32Array;
  readonly worstSecond: Float64Array;
  readonly revised: Uint8Array;
}

function newColumns(range: ColumnRange): Columns {
  const length = Math.ceil((range.untilSecond - range.fromSecond) / range.columnSeconds);
  return {
    range,
    reporting: new Int32Array(length).fill(-1),
    expecting: new Int32Array(length),
    worstSecond: new Float64Array(length),
    revised: new Uint8Array(length),
  };
}

function say(columns: Columns, second: number, expected: number, reported: number): void {
  const column = columnOf(columns.range, second);
  const worst = columns.reporting[column]! < 0 ? -1 : columns.expecting[column]! - columns.reporting[column]!;
  const missed = expected - reported;
  if (missed < worst || (missed === worst && second >= columns.worstSecond[column]!)) return;
  columns.reporting[column] = reported;
  columns.expecting[column] = expected;
  columns.worstSecond[column] = second;
}

/** All sources of the part reported in each of its steps. */
function sayAll(columns: Columns, part: CoveragePart, complete: number): void {
  for (let step = part.firstStep; step < part.untilStep;) {
    const second = part.startSecond + step * part.stepSeconds;
    say(columns, second, complete, complete);
    step = columnEnd(part, columnOf(columns.range, second), columns.range);
  }
}

function sayEach(columns: Columns, part: CoveragePart, { complete, expected, reported }: SourceTally): void {
  for (let step = part.firstStep; step < part.untilStep;) {
    const second = part.startSecond + step * part.stepSeconds;
    const end = columnEnd(part, columnOf(columns.range, second), columns.range);
    let worst = -1;
    let at = step;
    for (let s = step; s < end; s++) {
      if (complete + expected[s]! === 0 || expected[s]! - reported[s]! <= worst) continue;
      worst = expected[s]! - reported[s]!;
      at = s;
    }
    if (worst >= 0) {
      const worstSecond = part.startSecond + at * part.stepSeconds;
      say(columns, worstSecond, complete + expected[at]!, complete + reported[at]!);
    }
    step = end;
  }
}

function sayRevised(columns: Columns, { revised, firstStep, untilStep, ...part }: CoveragePart): void {
  if (isEmpty(revised)) return;
  for (let step = firstStep; step < untilStep; step++) {
    if (!hasBit(revised, step)) continue;
    columns.revised[columnOf(columns.range, part.startSecond + step * part.stepSeconds)] = 1;
  }
}

/** How many of the bits [fromStep, untilStep) are set. */
export function setBits(bits: SecondBits, fromStep: number, untilStep: number): number {
  let set = 0;
  for (let byte = fromStep >> 3; byte << 3 < untilStep; byte++) {
    const within = bits[byte]! & stepMask(byte, fromStep, untilStep);
    const pairs = within - ((within >> 1) & 0x55);
    const fours = (pairs & 0x33) + ((pairs >> 2) & 0x33);
    set += (fours + (fours >> 4)) & 0xf;
  }
  return set;
}

/** Whether every step's bit is set. */
export function isFull(bits: SecondBits): boolean {
  if (bits === FULL_BITS) return true;
  for (let i = 0; i < bits.length; i++) if (bits[i]! !== 0xff) return false;
  return true;
}

/** Whether no step's bit is set. */
export function isEmpty(bits: SecondBits): boolean {
  for (let i = 0; i < bits.length; i++) if (bits[i]! !== 0) return false;
  return true;
}

function addBits(target: SecondBits, source: SecondBits): void {
  for (let i = 0; i < target.length; i++) target[i]! |= source[i]!;
}

/** The bits of the part's steps; the same array where that is all of them. */
function cutBits(bits: SecondBits, { firstStep, untilStep }: CoveragePart): SecondBits {
  if (firstStep === 0 && untilStep === BLOCK_STEPS) return bits;
  const cut = emptyBits();
  for (let step = firstStep; step < untilStep; step++) if (hasBit(bits, step)) setBit(cut, step);
  return cut;
}
