/** The counts of blocks in the form that drawing them again reads least of (model/count-lines.ts): made when a block is
 *  drawn with a memory, and of a block that grows only what is new.
 *  Bounds: of blocks that take no more memory by it than their cells do; it goes with the block. */
import { type CountLines, CountLinesBuffer } from '../model/count-lines.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { type Cells, CellsBuffer } from '../model/series.ts';
import { cellsFrom, type ScannedBlock } from './scan.ts';

interface Lines {
  readonly generation: number;
  readonly lines: CountLinesBuffer;
  /** Cells that they hold. */
  length: number;
}

/** Of a block whose lines would take too much: not tried again before it has so many times the cells. */
const GROWN = 2;

export class BlockLines {
  readonly #known = new WeakMap<Cells, Lines | { readonly fromLength: number }>();

  of(block: ScannedBlock, kernel: Pick<Kernel, 'addLines'>): CountLines | undefined {
    const { cells, origin } = block;
    // What a scan has added up is no block that is met again.
    if (cells !== origin.cells) return undefined;
    const before = this.#known.get(cells);
    if (before !== undefined && 'fromLength' in before && origin.length < before.fromLength) return undefined;
    const known = before !== undefined && 'lines' in before && isOf(before, block) ? before : noLines(block);
    known.lines.linesMax = Math.floor((origin.length * CellsBuffer.cellBytes) / CountLinesBuffer.lineBytes);
    const fits =
      known.length === origin.length || kernel.addLines(cellsFrom(cells, known.length), known.lines);
    known.length = origin.length;
    this.#known.set(cells, fits ? known : { fromLength: GROWN * origin.length });
    return fits ? known.lines : undefined;
  }
}

/** Whether the block holds what these do, and maybe more behind it. */
function isOf({ generation, length }: Lines, { origin }: ScannedBlock): boolean {
  return generation === origin.generation && length <= origin.length;
}

function noLines({ origin }: ScannedBlock): Lines {
  return { generation: origin.generation, lines: new CountLinesBuffer(), length: 0 };
}
