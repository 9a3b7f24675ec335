/** The head of one instrumentation: its open blocks, and what coverage needs to know of its sources.
 *  Owns: which second goes to which block, what a seal takes out and leaves, the live half of reading.
 *  Does not: accept or refuse, encode, persist.
 *  A block is *late* when it starts below `openSecond`: that range was sealed before, what it holds is a revision.
 *  Times: whole Unix seconds. */
import type { CoverageBlock, SourceCoverage } from '../model/coverage.ts';
import { emptyBits, hasBit, isEmpty } from '../model/coverage.ts';
import type { Grid } from '../model/grid.ts';
import { type Instrumentation, windowStart } from '../model/instrumentation.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Key } from '../model/key.ts';
import { BLOCK_STEPS, SOURCE_FORGET_SECONDS, SOURCES_MAX } from '../model/limits.ts';
import { blockStart, type Cells } from '../model/series.ts';
import { OpenBlock } from './block.ts';
import { awaitedAt, type Expectation, expectedBits } from './expected.ts';
import { Horizon, type HorizonState } from './horizon.ts';

/** A source that reported within so many seconds is awaited before a second counts as answered. */
const AWAIT_SECONDS = 5;
/** So long after its end a second is answered whoever is missing. */
const ANSWER_MS = 1000;

/** What a seal writes. */
export interface SealedBlock {
  readonly instrumentation: string;
  readonly grid: Grid;
  readonly fieldCount: number;
  readonly startSecond: number;
  readonly keys: readonly Key[];
  readonly cells: Cells;
  readonly coverage: CoverageBlock;
}

/** An open block on disk: like a sealed one, with `expected` standing for the seconds heard. */
export interface StoredBlock {
  readonly content: SealedBlock;
  readonly mergedCells: number;
  readonly tailCells: number;
}

/** How coverage asks of what is not the head's own: when a source ended, and when the instrumentation did. */
export interface Ending {
  endsOf(source: string): readonly number[];
  readonly stopSecond: number;
}

export interface HeadState {
  /** Of a store from before there were roll-ups: the floor of level 1. */
  floorSecond?: number;
  horizon?: HorizonState;
  carry: [source: string, second: number][];
}

interface OpenRange {
  readonly openSecond: number;
  readonly untilSecond: number;
  readonly ending: Ending;
}

export class Head {
  readonly #blocks = new Map<number, OpenBlock>();
  /** Per source: newest second heard below openSecond. */
  readonly #carry: Map<string, number>;
  /** Sources of the carry and of the open blocks. */
  #names: Set<string>;
  /** What of its history counts. */
  readonly horizon: Horizon;
  #instrumentation: Instrumentation;

  constructor(instrumentation: Instrumentation, state?: HeadState) {
    this.#instrumentation = instrumentation;
    this.horizon = new Horizon(instrumentation, state?.horizon ?? firstHorizon(state?.floorSecond));
    this.#carry = new Map(state?.carry);
    this.#names = new Set(this.#carry.keys());
  }

  get instrumentation(): Instrumentation {
    return this.#instrumentation;
  }

  /** The same measure with another retention or idle limit. */
  redefine(instrumentation: Instrumentation, nowSecond: number): void {
    this.horizon.redefine(instrumentation, nowSecond);
    this.#instrumentation = instrumentation;
  }

  /** Open blocks in ascending order. */
  blocks(): readonly OpenBlock[] {
    return [...this.#blocks.values()].toSorted((a, b) => a.startSecond - b.startSecond);
  }

  get sizeCells(): number {
    let size = 0;
    for (const block of this.#blocks.values()) size += block.sizeCells;
    return size;
  }

  /** The block that takes reports of `second`. */
  block(second: number): OpenBlock {
    const start = blockStart(second);
    let block = this.#blocks.get(start);
    if (block === undefined) {
      block = new OpenBlock(start);
      this.#blocks.set(start, block);
    }
    return block;
  }

  /** Puts back an open block as it was stored. */
  restore(image: StoredBlock): void {
    this.block(image.content.startSecond).restore(image.content, image);
    for (const { name } of image.content.coverage.sources) this.#names.add(name);
  }

  /** The open blocks as they are to be stored. */
  images(kernel: Kernel): StoredBlock[] {
    return this.blocks().map((block) => {
      block.normalise(kernel);
      const { mergedCells, tailCells } = block;
      return { content: this.#sealed(lateCoverage(block), block), mergedCells, tailCells };
    });
  }

  /** Notes who reported a second; false when there are too many sources to note another. */
  hear(
    source: string,
    second: number,
    how: { readonly full: boolean; readonly openSecond: number },
  ): boolean {
    const block = this.block(second);
    if (second < how.openSecond && second >= this.#instrumentation.createdSecond) block.revise(second);
    if (!this.#names.has(source)) {
      if (this.#names.size >= SOURCES_MAX) return false;
      this.#names.add(source);
    }
    block.hear(source, second, how.full);
    if (second < how.openSecond) this.#carry.set(source, Math.max(second, this.#carry.get(source) ?? 0));
    return true;
  }

  /** Seals all blocks below `untilSecond`, also those that hold only who was missing. */
  seal(openSecond: number, untilSecond: number, ending: Ending, kernel: Kernel): SealedBlock[] {
    const sealed: SealedBlock[] = [];
    for (const coverage of this.#coverage(this.#carry, { openSecond, untilSecond, ending })) {
      const block = this.#sealed(coverage, this.#blocks.get(coverage.startSecond)?.take(kernel));
      if (block.cells.length > 0 || coverage.sources.length > 0) sealed.push(block);
    }
    for (const start of this.#blocks.keys()) if (start < untilSecond) this.#blocks.delete(start);
    for (const [source, second] of this.#carry) {
      if (second < untilSecond - SOURCE_FORGET_SECONDS) this.#carry.delete(source);
    }
    this.#names = new Set(this.#carry.keys());
    for (const { sources } of this.#blocks.values()) for (const name of sources.keys()) this.#names.add(name);
    return sealed;
  }

  /** Takes the cells of all blocks that start in [fromSecond, untilSecond) out, because they are too many; the
   *  blocks stay open and keep who was heard. */
  spill(fromSecond: number, untilSecond: number, kernel: Kernel): SealedBlock[] {
    const spilt: SealedBlock[] = [];
    for (const block of this.blocks()) {
      if (block.cells.length === 0) continue;
      if (block.startSecond < fromSecond || block.startSecond >= untilSecond) continue;
      const { startSecond } = block;
      spilt.push(this.#sealed({ startSecond, sources: [], revised: emptyBits() }, block.take(kernel)));
    }
    return spilt;
  }

  /** Coverage of the open blocks that overlap [fromSecond, untilSecond), ascending; also of those that nobody
   *  reported in while somebody was expected. */
  *coverage(fromSecond: number, untilSecond: number, openSecond: number, ending: Ending) {
    for (const block of this.#coverage(new Map(this.#carry), { openSecond, untilSecond, ending })) {
      if (block.startSecond + BLOCK_STEPS > fromSecond) yield block;
    }
  }

  /** What came for ranges that were sealed before. */
  lateCoverage(openSecond: number): CoverageBlock[] {
    const late = this.blocks().filter(({ startSecond }) => startSecond < openSecond);
    return late.map((block) => lateCoverage(block));
  }

  /** The second below which all are answered for: everyone awaited reported in full, or waiting is over. It is the
   *  end of a window: what is counted every 10 s is shown by whole windows. */
  frontier(nowMs: number, ending: Ending): number {
    const { everySeconds } = this.#instrumentation;
    let second = windowStart(Math.max(0, Math.floor((nowMs - ANSWER_MS) / 1000)), this.#instrumentation);
    while ((second + everySeconds) * 1000 <= nowMs && this.#answered(second, ending)) second += everySeconds;
    return second;
  }

  state(): HeadState {
    return { horizon: this.horizon.state(), carry: [...this.#carry] };
  }

  #answered(second: number, ending: Ending): boolean {
    const { everySeconds } = this.#instrumentation;
    const block = this.#blocks.get(blockStart(second));
    let awaited = 0;
    for (const [source, carrySecond] of this.#newest(second)) {
      const expectation = this.#expectation(source, carrySecond, ending);
      if (!awaitedAt(second, Math.max(AWAIT_SECONDS, everySeconds), expectation)) continue;
      const bits = block?.sources.get(source);
      if (bits === undefined || !hasBit(bits.reported, second - block!.startSecond)) return false;
      awaited++;
    }
    return awaited > 0;
  }

  /** Per source the newest second heard up to `second`. */
  #newest(second: number): Map<string, number> {
    const newest = new Map(this.#carry);
    for (const block of this.#blocks.values()) {
      const until = Math.min(BLOCK_STEPS, second - block.startSecond + 1);
      for (const [source, { heard }] of block.sources) {
        for (let step = until - 1; step >= 0; step--) {
          if (!hasBit(heard, step)) continue;
          newest.set(source, Math.max(block.startSecond + step, newest.get(source) ?? 0));
          break;
        }
      }
    }
    return newest;
  }

  /** No source is expected from this second on. */
  #coverageEnd(): number {
    let end = 0;
    for (const second of this.#carry.values()) end = Math.max(end, second + SOURCE_FORGET_SECONDS + 1);
    for (const { startSecond } of this.#blocks.values()) {
      end = Math.max(end, startSecond + BLOCK_STEPS + SOURCE_FORGET_SECONDS);
    }
    return end;
  }

  /** Moves `carry` to the end of what it yields. */
  *#coverage(carry: Map<string, number>, range: OpenRange): Generator<CoverageBlock> {
    const { openSecond, untilSecond, ending } = range;
    for (const block of this.blocks()) {
      if (block.startSecond >= Math.min(openSecond, untilSecond)) break;
      yield lateCoverage(block);
    }
    const until = Math.min(untilSecond, this.#coverageEnd());
    for (let start = openSecond; start < until; start += BLOCK_STEPS) {
      const block = this.#advance(carry, start, ending);
      if (block.sources.length > 0 || this.#blocks.has(start)) yield block;
    }
  }

  /** Coverage of one open block; moves `carry` to the block's end. */
  #advance(carry: Map<string, number>, startSecond: number, ending: Ending): CoverageBlock {
    const block = this.#blocks.get(startSecond);
    const sources: SourceCoverage[] = [];
    for (const name of new Set([...carry.keys(), ...(block?.sources.keys() ?? [])])) {
      const bits = block?.sources.get(name);
      const expectation = this.#expectation(name, carry.get(name), ending);
      const { expected, carrySecond } = expectedBits(startSecond, bits?.heard, expectation);
      if (carrySecond !== undefined) carry.set(name, carrySecond);
      if (!isEmpty(expected)) {
        sources.push({ name, expected, reported: bits?.reported ?? emptyBits() });
      }
    }
    sources.sort(byName);
    return { startSecond, sources, revised: block?.revised ?? emptyBits() };
  }

  #expectation(source: string, carrySecond: number | undefined, ending: Ending): Expectation {
    const { everySeconds } = this.#instrumentation;
    return { carrySecond, ends: ending.endsOf(source), everySeconds, stopSecond: ending.stopSecond };
  }

  #sealed(
    coverage: CoverageBlock,
    taken: { readonly keys: readonly Key[]; readonly cells: Cells } | undefined,
  ): SealedBlock {
    const { id, grid, by } = this.#instrumentation;
    return {
      instrumentation: id,
      grid,
      fieldCount: by.length,
      startSecond: coverage.startSecond,
      coverage,
      keys: taken?.keys ?? [],
      cells: taken?.cells ?? NO_CELLS,
    };
  }
}

const NO_CELLS: Cells = {
  length: 0,
  step: new Uint8Array(0),
  key: new Uint16Array(0),
  bucket: new Uint16Array(0),
  count: new Float64Array(0),
};

/** Of a sealed range only what came late is said: the rest is in the segment that was sealed in time. */
function lateCoverage(block: OpenBlock): CoverageBlock {
  const sources = [...block.sources].map(([name, { heard, reported }]) => ({
    name,
    expected: heard,
    reported,
  }));
  return { startSecond: block.startSecond, sources: sources.toSorted(byName), revised: block.revised };
}

function firstHorizon(floorSecond: number | undefined): HorizonState | undefined {
  return floorSecond === undefined ? undefined : { floors: [[1, floorSecond]], pinned: [] };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
