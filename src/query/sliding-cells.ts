/** The cells of a picture that moves on: its columns slide, new ones come at an end, others are drawn anew. Owns: where
 *  each member lies. What is seen of the cells is moved at once; the cells themselves, of each hue, are many and mostly
 *  asked for by nobody: they are drawn when somebody does for the first time, and moved when somebody does again, or when
 *  more than WAITING_MAX columns wait for it. */
import { assert } from '../model/assert.ts';
import { type DrawnCells, type Mix, newMix } from '../model/raster.ts';

/** Columns that wait: they take an eighth of the memory of ten minutes, and moving them costs a sixtieth each. */
const WAITING_MAX = 64;

/** What is drawn and what of it is seen. */
export interface MixedCells extends DrawnCells {
  readonly mix: Mix;
}

export interface Shape {
  readonly hues: number;
  readonly columns: number;
  readonly rows: number;
}

export function emptyCells({ hues, columns, rows }: Shape): MixedCells {
  return {
    cells: new Float64Array(hues * columns * rows),
    under: new Float64Array(columns),
    over: new Float64Array(columns),
    mix: newMix(columns * rows),
  };
}

/** Columns that were drawn, the first of which is the picture's `first`. */
export interface DrawnRun {
  readonly first: number;
  readonly drawn: MixedCells;
}

export class SlidingCells implements MixedCells {
  readonly under: Float64Array;
  readonly over: Float64Array;
  readonly mix: Mix;
  readonly #shape: Shape;
  /** Undefined until somebody asks for them. */
  #cells: Float64Array | undefined;
  /** All of them, as long as nothing slides; undefined once nobody asks any more. */
  #drawn: (() => Float64Array) | undefined;
  /** By so many columns the cells are to be moved to the left. */
  #behind = 0;
  #waiting: DrawnRun[] = [];
  #waitingColumns = 0;

  /** Takes what is drawn over. */
  constructor({ hues, columns, rows }: Shape, drawn: MixedCells) {
    this.#shape = { hues, columns, rows };
    this.#drawn = () => drawn.cells;
    this.under = drawn.under;
    this.over = drawn.over;
    this.mix = drawn.mix;
  }

  get cells(): Float64Array {
    if (this.#cells === undefined) {
      assert(this.#drawn !== undefined, 'cells are asked for while their question is answered');
      this.#cells = this.#drawn();
    } else {
      this.#settle(this.#cells);
    }
    return this.#cells;
  }

  /** Whether runs that are set need their cells at once: these cells were asked for, and runs wait to be moved into them. */
  get wantsCells(): boolean {
    return this.#cells !== undefined;
  }

  /** Of all it may hold. */
  get bytesMax(): number {
    const { hues, columns, rows } = this.#shape;
    const { sums, strongest } = this.mix;
    const seen = this.under.byteLength + this.over.byteLength + sums.byteLength + strongest.byteLength;
    return seen + (columns + WAITING_MAX) * hues * rows * 8;
  }

  /** Moves all by so many columns to the left, or to the right below 0; those that are free then keep what they held.
   *  `drawn` gives the cells as they are to be once all is set that is not as it was. */
  slide(by: number, drawn: () => Float64Array): void {
    this.#drawn = drawn;
    const { rows } = this.#shape;
    const { sums, strongest } = this.mix;
    for (const members of [sums, strongest]) move(members, by * rows);
    for (const members of [this.under, this.over]) move(members, by);
    if (this.#cells === undefined) return;
    this.#behind += by;
    this.#waiting = this.#waiting.map(({ first, drawn }) => ({ first: first - by, drawn }));
  }

  /** Lets go of what the cells would be drawn from, which is much. */
  answered(): void {
    this.#drawn = undefined;
  }

  set({ first, drawn }: DrawnRun): void {
    const { rows } = this.#shape;
    this.under.set(drawn.under, first);
    this.over.set(drawn.over, first);
    this.mix.sums.set(drawn.mix.sums, first * rows);
    this.mix.strongest.set(drawn.mix.strongest, first * rows);
    if (this.#cells === undefined) return;
    this.#waiting.push({ first, drawn });
    this.#waitingColumns += drawn.under.length;
    if (this.#waitingColumns > WAITING_MAX) this.#settle(this.#cells);
  }

  #settle(cells: Float64Array): void {
    const { hues, columns, rows } = this.#shape;
    // All hues at once: what slides from one into the next is at an end, where it is drawn anew.
    move(cells, this.#behind * rows);
    for (const { first, drawn } of this.#waiting) {
      const from = Math.max(0, -first);
      const until = Math.min(drawn.under.length, columns - first);
      for (let h = 0; h < hues && from < until; h++) {
        const start = h * drawn.under.length;
        const part = drawn.cells.subarray((start + from) * rows, (start + until) * rows);
        cells.set(part, (h * columns + first + from) * rows);
      }
    }
    this.#behind = 0;
    this.#waiting = [];
    this.#waitingColumns = 0;
  }
}

function move(members: Float64Array | Uint8Array, by: number): void {
  if (by > 0) members.copyWithin(0, by);
  else if (by < 0) members.copyWithin(-by, 0);
}
