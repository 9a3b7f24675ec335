/** The lines of a block (model/count-lines.ts), as the reference makes and reads them. */
import type { CountLines, CountLinesBuffer } from '../model/count-lines.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import { type Cells, CellsBuffer } from '../model/series.ts';
import { atLeast, checkCells, size } from './fit.ts';

/** Of one place, in a line. */
const COUNT_MAX = 0xffff;

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
