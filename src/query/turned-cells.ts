/** What the kernel draws: lines of columns. What is seen of them is known at once; the cells of each hue, that a picture
 *  needs none of, are turned from the lines when somebody asks for them. */
import type { Kernel } from '../kernel/kernel.ts';
import type { DrawnLines, Mix } from '../model/raster.ts';
import type { MixedCells, Shape } from './sliding-cells.ts';

/** Memory for the lines of one picture at a time, each next one's over the last one's: taking so much anew for each
 *  picture makes the garbage collector run as long as drawing takes. */
export class LineRoom {
  #memory = uncleared(0);
  #holder: object | undefined;

  lend(length: number, holder: object): Float64Array {
    if (this.#memory.length < length) this.#memory = uncleared(length);
    this.#holder = holder;
    return this.#memory.subarray(0, length);
  }

  isHeldBy(holder: object): boolean {
    return this.#holder === holder;
  }
}

/** Full of anything, for who sets all: clearing what is this large takes as long as drawing it. */
export function uncleared(length: number): Float64Array {
  return new Float64Array(Buffer.allocUnsafeSlow(length * Float64Array.BYTES_PER_ELEMENT).buffer);
}

export class TurnedCells implements MixedCells {
  readonly under: Float64Array;
  readonly over: Float64Array;
  readonly mix: Mix;
  readonly #shape: Shape;
  readonly #kernel: Pick<Kernel, 'mix' | 'turn'>;
  readonly #draw: (drawn: DrawnLines) => void;
  readonly #room: LineRoom | undefined;
  /** Undefined once they are turned. */
  #lines: Float64Array | undefined;
  #cells: Float64Array | undefined;

  /** `draw` sets all that it is given. Lines that lie in a room are drawn once more where it was lent to others before
   *  their cells are asked for. */
  constructor(
    { hues, columns, rows }: Shape,
    draw: (drawn: DrawnLines) => void,
    kernel: Pick<Kernel, 'mix' | 'turn'>,
    room?: LineRoom,
  ) {
    this.#shape = { hues, columns, rows };
    this.#draw = draw;
    this.#kernel = kernel;
    this.#room = room;
    this.under = uncleared(columns);
    this.over = uncleared(columns);
    this.mix = {
      sums: uncleared(columns * rows),
      strongest: new Uint8Array(Buffer.allocUnsafeSlow(columns * rows).buffer),
    };
    this.#lines = this.#drawn();
    kernel.mix(this.#lines, this.#shape, this.mix);
  }

  get cells(): Float64Array {
    this.#cells ??= this.#turned();
    this.#lines = undefined;
    return this.#cells;
  }

  #drawn(): Float64Array {
    const { hues, columns, rows } = this.#shape;
    const length = hues * columns * rows;
    const lines = this.#room?.lend(length, this) ?? uncleared(length);
    this.#draw({ lines, under: this.under, over: this.over });
    return lines;
  }

  #turned(): Float64Array {
    const isThere = this.#room === undefined || this.#room.isHeldBy(this);
    const lines = isThere && this.#lines !== undefined ? this.#lines : this.#drawn();
    const cells = uncleared(lines.length);
    const ofHue = this.#shape.columns * this.#shape.rows;
    for (let first = 0; first < lines.length; first += ofHue) {
      this.#kernel.turn(
        lines.subarray(first, first + ofHue),
        this.#shape,
        cells.subarray(first, first + ofHue),
      );
    }
    return cells;
  }
}
