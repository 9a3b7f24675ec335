/** Counts of a block by key and bucket, one for each step: what is read of a block that is drawn again and again. They
 *  take less memory than its cells where most steps have one, and no cell of them says where it lies. */
import { BLOCK_STEPS } from './limits.ts';

/** Each key and bucket has one line. */
export interface CountLines {
  readonly length: number;
  readonly key: Uint16Array;
  readonly bucket: Uint16Array;
  /** [line][step] */
  readonly count: Uint16Array;
}

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
