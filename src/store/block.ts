/** An open block: 256 seconds of one instrumentation that still take reports. Owns: its cells by key, who was heard
 *  and who reported in full, which seconds are revisions.
 *  Does not: decide what is accepted, or when it is sealed. */
import { type CoverageBlock, emptyBits, type SecondBits, setBit } from '../model/coverage.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Key } from '../model/key.ts';
import { decodeRows, type ReportView } from '../model/report.ts';
import type { CellBlock, Cells, CellsBuffer } from '../model/series.ts';
import { KeyedCells } from './keyed-cells.ts';

export interface Heard {
  /** Reported anything. */
  readonly heard: SecondBits;
  /** Reported in full. */
  readonly reported: SecondBits;
}

export class OpenBlock implements CellBlock {
  readonly startSecond: number;
  readonly stepSeconds = 1;
  readonly open = true;
  readonly sources = new Map<string, Heard>();
  revised = emptyBits();
  readonly #counts = new KeyedCells();

  constructor(startSecond: number) {
    this.startSecond = startSecond;
  }

  get keys(): readonly Key[] {
    return this.#counts.keys;
  }

  get cells(): CellsBuffer {
    return this.#counts.cells;
  }

  get generation(): number {
    return this.#counts.generation;
  }

  get mergedCells(): number {
    return this.#counts.mergedCells;
  }

  get tailCells(): number {
    return this.#counts.tailCells;
  }

  /** Size as decisions see it; the memory may hold fewer. */
  get sizeCells(): number {
    return this.#counts.sizeCells;
  }

  /** Adds a report's rows at `second`; returns the cells added. Throws ReportCorruptError, then nothing was. */
  add(view: ReportView, second: number, kernel: Kernel): number {
    const counts = this.#counts;
    const before = counts.cells.length;
    const keysBefore = counts.keys.length;
    try {
      decodeRows(view, second - this.startSecond, counts.cells, counts.indexOfRaw);
    } catch (error) {
      counts.cutKeys(keysBefore);
      throw error;
    }
    const added = counts.cells.length - before;
    counts.grew(added, kernel);
    return added;
  }

  hear(source: string, second: number, full: boolean): void {
    let bits = this.sources.get(source);
    if (bits === undefined) {
      bits = { heard: emptyBits(), reported: emptyBits() };
      this.sources.set(source, bits);
    }
    setBit(bits.heard, second - this.startSecond);
    if (full) setBit(bits.reported, second - this.startSecond);
  }

  revise(second: number): void {
    setBit(this.revised, second - this.startSecond);
  }

  /** Adds up cells of one place. Changes how many cells there are, not what they say. */
  compact(kernel: Kernel): void {
    this.#counts.compact(kernel);
  }

  /** Brings keys and cells into the order in which they are stored. Says the same as before. */
  normalise(kernel: Kernel): void {
    this.#counts.normalise(kernel);
  }

  /** Takes keys and cells out, in stored order and without unused keys, and leaves none; who was heard stays. */
  take(kernel: Kernel): { readonly keys: readonly Key[]; readonly cells: CellsBuffer } {
    return this.#counts.take(kernel);
  }

  /** Puts back what was stored of an open block. */
  restore(
    image: { readonly keys: readonly Key[]; readonly cells: Cells; readonly coverage: CoverageBlock },
    size: { readonly mergedCells: number; readonly tailCells: number },
  ): void {
    this.#counts.restore(image, size);
    this.revised = image.coverage.revised;
    for (const { name, expected, reported } of image.coverage.sources) {
      this.sources.set(name, { heard: expected, reported });
    }
  }
}
