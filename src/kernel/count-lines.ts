/** Counts of a block by key and bucket, one for each step: what is read of a block that is drawn again and again. They
 *  take less memory than its cells where most steps have one, and no cell of them says where it lies. */
import { BLOCK_STEPS } from '../model/limits.ts';
import { type Cells, CellsBuffer } from '../model/series.ts';
import { atLeast, checkCells, size } from './fit.ts';

/** Each key and bucket has one line. */
export interface CountLines {
  readonly length: number;
  readonly key: Uint16Array;
  readonly bucket: Uint16Array;
  /** [line][step] */
  readonly count: Uint16Array;
}

/** Of one place, in a line. */
const COUNT_MAX = 0xffff;

export class CountLinesBuffer implements CountLines {
  /** Bytes that one line occupies in memory. */
  static readonly lineBytes = 2 * (2 + BLOCK_STEPS);

  length = 0;
  /** No more are added. */
  linesMax = Infinity;
  key = new Uint16Array(0);
  bucket = new Uint16Array(0);
  count = new Uint16Array(0);

  get capacity(): number {
    return this.key.length;
  }

  /** Room for so many lines, and some more where a block grows; the arrays may be replaced. */
  reserve(needed: number): void {
    if (needed <= this.capacity) return;
    const lines = Math.min(needed + (this.length > 0 ? needed >> 3 : 0), this.linesMax);
    const { key, bucket, count, length } = this;
    this.key = new Uint16Array(lines);
    this.bucket = new Uint16Array(lines);
    this.count = new Uint16Array(lines * BLOCK_STEPS);
    this.key.set(key.subarray(0, length));
    this.bucket.set(bucket.subarray(0, length));
    this.count.set(count.subarray(0, length * BLOCK_STEPS));
  }
}

/** The reference's Kernel.addLines. */
export function addLines(cells: Cells, into: CountLinesBuffer): boolean {
  checkCells(cells);
  checkLines(into);
  const nameOf = (key: number, bucket: number): number => key * 0x10000 + bucket;
  const lineOf = new Map<number, number>();
  for (let line = 0; line < into.length; line++)
    lineOf.set(nameOf(into.key[line]!, into.bucket[line]!), line);
  for (let i = 0; i < cells.length; i++) {
    const name = nameOf(cells.key[i]!, cells.bucket[i]!);
    let line = lineOf.get(name);
    if (line === undefined) {
      if (into.length >= into.linesMax) return false;
      lineOf.set(name, (line = into.length));
      into.reserve(line + 1);
      into.key[line] = cells.key[i]!;
      into.bucket[line] = cells.bucket[i]!;
      into.count.fill(0, line * BLOCK_STEPS, (line + 1) * BLOCK_STEPS);
      into.length++;
    }
    const place = line * BLOCK_STEPS + cells.step[i]!;
    const sum = into.count[place]! + cells.count[i]!;
    if (!(sum >= 0 && sum <= COUNT_MAX)) return false;
    into.count[place] = sum;
  }
  return true;
}

export function checkLines({ length, key, bucket, count }: CountLines): void {
  size('lines.length', length);
  atLeast('lines.key', key.length, length);
  atLeast('lines.bucket', bucket.length, length);
  atLeast('lines.count', count.length, length * BLOCK_STEPS);
}

/** The cells that lines stand for. */
export function cellsOfLines({ length, key, bucket, count }: CountLines): CellsBuffer {
  const cells = new CellsBuffer();
  for (let line = 0; line < length; line++) {
    for (let step = 0; step < BLOCK_STEPS; step++) {
      const own = count[line * BLOCK_STEPS + step]!;
      if (own > 0) cells.push(step, key[line]!, bucket[line]!, own);
    }
  }
  return cells;
}
