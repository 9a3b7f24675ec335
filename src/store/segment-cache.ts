/** Decoded segments, bounded in bytes: a segment never changes, so what is decoded stays right.
 *  Keys are shared: blocks of one instrumentation that have the same keys have the same array. */
import { LRUCache } from 'lru-cache';
import type { CoverageBlock } from '../model/coverage.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { type Key, keyText } from '../model/key.ts';
import { type CellBlock, CellsBuffer } from '../model/series.ts';
import { type SegmentRef, segmentName } from './place.ts';
import { decodeCoverage, decodeSegment } from './segment.ts';

/** Coverage of segments takes a few hundred bytes each. */
const COVERAGE_CACHE_BYTES = 8 * 1024 * 1024;
/** What a cached object takes besides its arrays. */
const OBJECT_BYTES = 256;
/** Different key lists remembered for sharing. */
const KEY_LISTS_MAX = 1024;

export class SegmentCache {
  readonly #kernel: Kernel;
  readonly #blocks: LRUCache<string, CellBlock>;
  readonly #coverage: LRUCache<string, CoverageBlock>;
  readonly #keyLists = new LRUCache<string, readonly Key[]>({ max: KEY_LISTS_MAX });

  constructor(kernel: Kernel, cacheBytes: number) {
    this.#kernel = kernel;
    this.#blocks = new LRUCache({ maxSize: Math.max(1, cacheBytes), sizeCalculation: blockBytes });
    this.#coverage = new LRUCache({ maxSize: COVERAGE_CACHE_BYTES, sizeCalculation: coverageBytes });
  }

  get sizeBytes(): number {
    return this.#blocks.calculatedSize + this.#coverage.calculatedSize;
  }

  block(ref: SegmentRef): CellBlock {
    const name = segmentName(ref);
    const cached = this.#blocks.get(name);
    if (cached !== undefined) return cached;
    const bytes = ref.partition.bytes(ref);
    const { startSecond, stepSeconds, keys, cells, coverage } = decodeSegment(bytes, this.#kernel, name);
    const block = { startSecond, stepSeconds, keys: this.#shared(ref.instrumentation, keys), cells };
    this.#blocks.set(name, block);
    this.#coverage.set(name, coverage);
    return block;
  }

  coverage(ref: SegmentRef): CoverageBlock {
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
