/** Stored series as columns. Cells are parallel typed arrays: one non-empty (step, key, bucket) count each.
 *  The head, decoded segments and roll-ups all speak in blocks of cells, so one kernel reads them all.
 *  Steps are relative to a block's start: 0..255. */
import { assert } from './assert.ts';
import type { CoverageBlock } from './coverage.ts';
import type { Grid } from './grid.ts';
import type { Key } from './key.ts';
import { BLOCK_STEPS } from './limits.ts';

export interface Cells {
  /** Cells in use; the arrays may be longer. */
  readonly length: number;
  readonly step: Uint8Array;
  readonly key: Uint16Array;
  readonly bucket: Uint16Array;
  /** Positive safe integers. */
  readonly count: Float64Array;
}

/** Cells that grow at the end. Doubles its arrays; `length` may be set back to undo an append. What lies behind
 *  `length` is whatever was in that memory: millions of cells are not cleared only to be written. */
export class CellsBuffer implements Cells {
  length = 0;
  step!: Uint8Array;
  key!: Uint16Array;
  bucket!: Uint16Array;
  count!: Float64Array;

  constructor(capacity = 256) {
    this.#allocate(capacity);
  }

  get capacity(): number {
    return this.step.length;
  }

  /** Makes room for `extra` more cells; the arrays may be replaced. */
  reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.capacity) return;
    const { step, key, bucket, count, length } = this;
    this.#allocate(Math.max(needed, this.capacity * 2));
    this.step.set(step.subarray(0, length));
    this.key.set(key.subarray(0, length));
    this.bucket.set(bucket.subarray(0, length));
    this.count.set(count.subarray(0, length));
  }

  push(step: number, key: number, bucket: number, count: number): void {
    this.reserve(1);
    const i = this.length++;
    this.step[i] = step;
    this.key[i] = key;
    this.bucket[i] = bucket;
    this.count[i] = count;
  }

  /** Bytes that one cell occupies in memory. */
  static readonly cellBytes = 8 + 2 + 2 + 1;

  #allocate(capacity: number): void {
    const { buffer } = Buffer.allocUnsafeSlow(capacity * CellsBuffer.cellBytes);
    this.count = new Float64Array(buffer, 0, capacity);
    this.key = new Uint16Array(buffer, capacity * 8, capacity);
    this.bucket = new Uint16Array(buffer, capacity * 10, capacity);
    this.step = new Uint8Array(buffer, capacity * 12, capacity);
  }
}

/** A part of one instrumentation's series: up to 256 steps from `startSecond`. Cells may be in any order and
 *  may repeat a place: they add up. A reader must not change them. */
export interface CellBlock {
  readonly startSecond: number;
  readonly stepSeconds: number;
  readonly keys: readonly Key[];
  readonly cells: Cells;
  /** What of it counts: steps that start in [fromSecond, untilSecond). Absent: all. What is outside is another
   *  block's, of a finer level. */
  readonly window?: SecondRange;
  /** It still takes reports: its arrays change as soon as time passes. */
  readonly open?: boolean;
  /** While it is the same, cells are only added behind those that there are. Absent: they never change. */
  readonly generation?: number;
}

export interface SecondRange {
  readonly fromSecond: number;
  readonly untilSecond: number;
}

/** What a query reads. Pure reading: nothing waits, nothing changes. */
export interface KeyValues {
  readonly values: readonly string[];
  readonly complete: boolean;
}

export interface SeriesReader {
  /** Blocks that hold cells of `instrumentation` within [fromSecond, untilSecond), each second's cells once:
   *  a caller still cuts to the range and to each block's `window`. In no order. `stepSecondsMax` lets the reader
   *  answer from coarser roll-ups whose step divides it, `fromSecond` then being a multiple of it; 1 asks for
   *  whole seconds. Stored blocks are decoded one by one as they are asked for, open ones come last: a caller
   *  may let time pass between two stored blocks while the series goes on changing, and still gets each
   *  second's cells once; from the first open block on it must not. It ends the iteration when it gives up. */
  blocks(
    instrumentation: string,
    fromSecond: number,
    untilSecond: number,
    stepSecondsMax: number,
  ): Iterable<CellBlock>;
  /** Who was expected and who reported, of the same range and by the same choice of levels. */
  coverage(
    instrumentation: string,
    fromSecond: number,
    untilSecond: number,
    stepSecondsMax: number,
  ): Iterable<CoverageBlock>;
  /** Values of a field of its keys that were seen lately, ascending; not all where there are very many. */
  keyValues(instrumentation: string, field: string): KeyValues;
  /** The grid that the instrumentation counts on, and the fields of its keys. */
  grid(instrumentation: string): Grid | undefined;
}

/** Start of the block that holds a second, at 1 s steps. */
export function blockStart(second: number): number {
  assert(second >= 0, () => `second is ${second}`);
  return second - (second % BLOCK_STEPS);
}
