/** What the kernel draws: what is seen is known at once; the cells of each hue, that a picture needs none of, are drawn when
 *  somebody asks for them, as long as their question is being answered: what they are drawn from goes on after that. */
import type { DrawnRoom, Mix } from '../model/raster.ts';
import type { MixedCells, Shape } from './sliding-cells.ts';

/** Full of anything, for who sets all: clearing what is this large takes as long as drawing it. */
export function uncleared(length: number): Float64Array {
  return new Float64Array(Buffer.allocUnsafeSlow(length * Float64Array.BYTES_PER_ELEMENT).buffer);
}

function roomFor({ hues, columns, rows }: Shape, { withCells = false, mix }: RoomWish): DrawnRoom {
  const length = columns * rows;
  return {
    mix:
      mix?.sums.length === length
        ? mix
        : { sums: uncleared(length), strongest: new Uint8Array(Buffer.allocUnsafeSlow(length).buffer) },
    cells: withCells ? uncleared(hues * columns * rows) : undefined,
    under: uncleared(columns),
    over: uncleared(columns),
  };
}

export interface RoomWish {
  /** Cells are wanted for certain: then drawing once is enough. */
  readonly withCells?: boolean;
  /** To be drawn into, where it is as long. */
  readonly mix?: Mix | undefined;
}

export class LazyCells implements MixedCells {
  readonly under: Float64Array;
  readonly over: Float64Array;
  readonly mix: Mix;
  readonly #shape: Shape;
  readonly #draw: (room: DrawnRoom) => void;
  #cells: Float64Array | undefined;

  /** `draw` sets all that it is given. */
  constructor(shape: Shape, draw: (room: DrawnRoom) => void, wish: RoomWish = {}) {
    this.#shape = shape;
    this.#draw = draw;
    const room = roomFor(shape, wish);
    draw(room);
    this.under = room.under;
    this.over = room.over;
    this.mix = room.mix;
    this.#cells = room.cells;
  }

  get cells(): Float64Array {
    this.#cells ??= this.#drawn();
    return this.#cells;
  }

  #drawn(): Float64Array {
    const { hues, columns, rows } = this.#shape;
    const cells = uncleared(hues * columns * rows);
    this.#draw({ mix: this.mix, cells, under: this.under, over: this.over });
    return cells;
  }
}
