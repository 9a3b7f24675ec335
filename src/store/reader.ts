/** Reads one store's series: sealed segments and the head as one. Owns: the cache of decoded segments, bounded in
 *  bytes. Does not: change anything, wait, or draw.
 *  Keys are shared: blocks of one instrumentation that have the same keys have the same array. */
import { LRUCache } from 'lru-cache';
import type { CoverageBlock } from '../model/coverage.ts';
import type { Grid } from '../model/grid.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { type Key, keyText } from '../model/key.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import { blockStart, type CellBlock, CellsBuffer, type SeriesReader } from '../model/series.ts';
import type { Fold } from './fold.ts';
import { LEVEL_SECONDS, type SegmentRef, segmentName } from './partition.ts';
import type { Partitions } from './partitions.ts';
import { decodeCoverage, decodeSegment } from './segment.ts';

/** Coverage of segments takes a few hundred bytes each. */
const COVERAGE_CACHE_BYTES = 8 * 1024 * 1024;
/** What a cached object takes besides its arrays. */
const OBJECT_BYTES = 256;
/** Segments whose keys are looked through for completion: the newest of so many seconds. */
const KEY_SEGMENTS_MAX = 4;
const KEY_SECONDS = 3600;
/** Values offered for completion. */
const KEY_VALUES_MAX = 1000;
/** Different key lists remembered for sharing. */
const KEY_LISTS_MAX = 1024;

export class StoreReader implements SeriesReader {
  readonly #fold: Fold;
  readonly #partitions: Partitions;
  readonly #kernel: Kernel;
  readonly #blocks: LRUCache<string, CellBlock>;
  readonly #coverage: LRUCache<string, CoverageBlock>;
  readonly #keyLists = new LRUCache<string, readonly Key[]>({ max: KEY_LISTS_MAX });

  constructor(
    fold: Fold,
    partitions: Partitions,
    options: { readonly kernel: Kernel; readonly cacheBytes: number },
  ) {
    this.#fold = fold;
    this.#partitions = partitions;
    this.#kernel = options.kernel;
    this.#blocks = new LRUCache({ maxSize: Math.max(1, options.cacheBytes), sizeCalculation: blockBytes });
    this.#coverage = new LRUCache({ maxSize: COVERAGE_CACHE_BYTES, sizeCalculation: coverageBytes });
  }

  get cacheBytes(): number {
    return this.#blocks.calculatedSize + this.#coverage.calculatedSize;
  }

  grid(instrumentation: string): Grid | undefined {
    return this.#fold.head(instrumentation)?.instrumentation.grid;
  }

  *blocks(instrumentation: string, fromSecond: number, untilSecond: number): Generator<CellBlock> {
    const open = this.#openBlocks(instrumentation, fromSecond, untilSecond);
    for (const ref of this.#refs(instrumentation, fromSecond, untilSecond)) {
      while (open.length > 0 && open[0]!.startSecond < ref.startSecond) yield open.shift()!;
      const block = this.#block(ref);
      if (block.cells.length > 0) yield block;
    }
    yield* open;
  }

  *coverage(instrumentation: string, fromSecond: number, untilSecond: number): Generator<CoverageBlock> {
    for (const ref of this.#refs(instrumentation, fromSecond, untilSecond)) yield this.#coverageOf(ref);
    const head = this.#fold.head(instrumentation);
    if (head === undefined) return;
    const ending = this.#fold.ending(instrumentation);
    for (const block of head.coverage(fromSecond, untilSecond, this.#fold.openSecond(head), ending)) {
      if (!this.#isExpired(instrumentation, block.startSecond)) yield block;
    }
  }

  /** Values of a field in the head and the newest segments, ascending, at most KEY_VALUES_MAX. */
  keyValues(instrumentation: string, field: string): string[] {
    const head = this.#fold.head(instrumentation);
    const index = head?.instrumentation.by.indexOf(field) ?? -1;
    if (head === undefined || index < 0) return [];
    const newest = this.#fold.largestSecond;
    const refs = this.#refs(instrumentation, newest - KEY_SECONDS, newest + 1).slice(-KEY_SEGMENTS_MAX);
    const values = new Set<string>();
    for (const { keys } of [...head.blocks(), ...refs.map((ref) => this.#block(ref))]) {
      for (const key of keys) values.add(key[index]!);
    }
    return [...values].toSorted().slice(0, KEY_VALUES_MAX);
  }

  /** Sealed segments that overlap the range and are within their retention. */
  #refs(instrumentation: string, fromSecond: number, untilSecond: number): SegmentRef[] {
    const head = this.#fold.head(instrumentation);
    if (head === undefined) return [];
    const from = blockStart(Math.max(0, fromSecond));
    return this.#partitions
      .find(instrumentation, LEVEL_SECONDS, from, untilSecond)
      .filter((ref) => !this.#isExpired(instrumentation, ref.startSecond));
  }

  #openBlocks(instrumentation: string, fromSecond: number, untilSecond: number): CellBlock[] {
    const blocks = this.#fold.head(instrumentation)?.blocks() ?? [];
    return blocks.filter(
      ({ startSecond, cells }) =>
        cells.length > 0 &&
        startSecond < untilSecond &&
        startSecond + BLOCK_STEPS > fromSecond &&
        !this.#isExpired(instrumentation, startSecond),
    );
  }

  #isExpired(instrumentation: string, startSecond: number): boolean {
    return this.#fold.isExpired(instrumentation, startSecond, LEVEL_SECONDS);
  }

  #block(ref: SegmentRef): CellBlock {
    const name = segmentName(ref);
    const cached = this.#blocks.get(name);
    if (cached !== undefined) return cached;
    const { startSecond, stepSeconds, keys, cells, coverage } = decodeSegment(
      ref.partition.bytes(ref),
      this.#kernel,
      name,
    );
    const block = { startSecond, stepSeconds, keys: this.#shared(ref.instrumentation, keys), cells };
    this.#blocks.set(name, block);
    this.#coverage.set(name, coverage);
    return block;
  }

  #coverageOf(ref: SegmentRef): CoverageBlock {
    const name = segmentName(ref);
    const cached = this.#coverage.get(name);
    if (cached !== undefined) return cached;
    const coverage = decodeCoverage(ref.partition.bytes(ref), this.#kernel, name);
    this.#coverage.set(name, coverage);
    return coverage;
  }

  #shared(instrumentation: string, keys: readonly Key[]): readonly Key[] {
    const text = `${instrumentation} ${keys.map(keyText).join()}`;
    const known = this.#keyLists.get(text);
    if (known !== undefined) return known;
    this.#keyLists.set(text, keys);
    return keys;
  }
}

function blockBytes({ cells, keys }: CellBlock): number {
  return OBJECT_BYTES + cells.step.length * CellsBuffer.cellBytes + keys.length * 8;
}

function coverageBytes({ sources }: CoverageBlock): number {
  return OBJECT_BYTES + sources.length * OBJECT_BYTES;
}
