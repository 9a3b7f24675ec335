/** Cells under a table of keys: what open blocks and roll-ups add up in. Owns: the bound on keys (past it comes the
 *  remainder), adding up cells of one place now and then, the order in which all is stored.
 *  Invariant: `mergedCells` + `tailCells` follows from what was added alone, so every decision that is taken by size
 *  is the same in a replay. */
import { assert } from '../model/assert.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { boundedValue, compareKeys, type Key, keyText, remainderKey } from '../model/key.ts';
import { BLOCK_KEYS_MAX } from '../model/limits.ts';
import { type Cells, CellsBuffer } from '../model/series.ts';

/** Cells of several sources add up once so many unmerged ones lie behind the merged ones, and so many times
 *  theirs: more often sorts too much, more seldom makes live queries read too much. */
const TAIL_CELLS_MIN = 131_072;
const TAIL_SHARE = 2;
/** Raw spellings remembered of the keys; a key has one, but for sources that spell oddly. */
const SPELLINGS_MAX = 2 * BLOCK_KEYS_MAX;

export class KeyedCells {
  mergedCells = 0;
  tailCells = 0;
  #generation = 1;
  #keys: Key[] = [];
  #cells = new CellsBuffer();
  #indexOfText = new Map<string, number>();
  #indexOfRaw = new Map<string, number>();
  /** Of a key by its raw bytes; as decodeRows asks. */
  readonly indexOfRaw = (raw: string, read: () => Key): number =>
    this.#indexOfRaw.get(raw) ?? this.#indexOfNew(raw, read());

  get keys(): readonly Key[] {
    return this.#keys;
  }

  /** Another one once cells lie elsewhere than before; until then they are only added at the end. */
  get generation(): number {
    return this.#generation;
  }

  get cells(): CellsBuffer {
    return this.#cells;
  }

  /** Size as decisions see it; the memory may hold fewer. */
  get sizeCells(): number {
    return this.mergedCells + this.tailCells;
  }

  /** The last place is the remainder's: it is taken by whatever comes when all others are. */
  indexOf(key: Key): number {
    const known = this.#indexOfText.get(keyText(key));
    if (known !== undefined) return known;
    if (this.#keys.length < BLOCK_KEYS_MAX - 1) return this.#append(key);
    const remainder = remainderKey(key.length);
    return this.#indexOfText.get(keyText(remainder)) ?? this.#append(remainder);
  }

  /** Counts cells that were pushed behind the others; adds all up where they became too many. */
  grew(added: number, kernel: Kernel): void {
    this.tailCells += added;
    if (this.tailCells > Math.max(TAIL_CELLS_MIN, TAIL_SHARE * this.mergedCells)) this.compact(kernel);
  }

  /** Forgets the keys after the first `count`. */
  cutKeys(count: number): void {
    if (this.#keys.length > count) this.#setKeys(this.#keys.slice(0, count));
  }

  /** Adds up cells of one place. Changes how many cells there are, not what they say. */
  compact(kernel: Kernel): void {
    kernel.sortMerge(this.#cells);
    this.#generation++;
    this.mergedCells = this.#cells.length;
    this.tailCells = 0;
  }

  /** Leaves out the cells of `untilStep` and after. */
  cutSteps(untilStep: number, kernel: Kernel): void {
    const { cells } = this;
    let kept = 0;
    for (let i = 0; i < cells.length; i++) {
      if (cells.step[i]! >= untilStep) continue;
      cells.step[kept] = cells.step[i]!;
      cells.key[kept] = cells.key[i]!;
      cells.bucket[kept] = cells.bucket[i]!;
      cells.count[kept] = cells.count[i]!;
      kept++;
    }
    cells.length = kept;
    this.compact(kernel);
  }

  /** Brings keys and cells into the order in which they are stored. Says the same as before: also the keys
   *  that no cell uses stay, as they count towards the bound. */
  normalise(kernel: Kernel): void {
    this.#sort(kernel, 'all');
  }

  /** Takes keys and cells out, in stored order and without unused keys, and leaves none. */
  take(kernel: Kernel): { readonly keys: readonly Key[]; readonly cells: CellsBuffer } {
    this.#sort(kernel, 'used');
    const taken = { keys: this.#keys, cells: this.#cells };
    this.#setKeys([]);
    this.#cells = new CellsBuffer();
    this.mergedCells = 0;
    this.tailCells = 0;
    return taken;
  }

  /** Puts back what was stored. */
  restore(
    image: { readonly keys: readonly Key[]; readonly cells: Cells },
    size: { readonly mergedCells: number; readonly tailCells: number },
  ): void {
    assert(this.#cells.length === 0, 'what is stored is put back before anything is added');
    this.#setKeys(image.keys);
    this.#cells = bufferOf(image.cells);
    this.mergedCells = size.mergedCells;
    this.tailCells = size.tailCells;
  }

  /** Cells are sorted under the keys as they came; then those of each key are moved as they are. */
  #sort(kernel: Kernel, keep: 'all' | 'used'): void {
    kernel.sortMerge(this.#cells);
    this.#generation++;
    const start = keyStarts(this.#cells, this.#keys.length);
    const order = [...this.#keys.keys()]
      .filter((k) => keep === 'all' || start[k]! < start[k + 1]!)
      .toSorted((a, b) => compareKeys(this.#keys[a]!, this.#keys[b]!));
    if (order.length === this.#keys.length && order.every((k, i) => k === i)) return;
    this.#cells = regrouped(this.#cells, start, order);
    this.#setKeys(order.map((k) => this.#keys[k]!));
  }

  #setKeys(keys: readonly Key[]): void {
    this.#keys = [...keys];
    this.#indexOfRaw = new Map();
    this.#indexOfText = new Map(keys.map((key, i) => [keyText(key), i]));
  }

  /** A spelling of the remainder's is not remembered: there is no bound to how many there are. */
  #indexOfNew(raw: string, key: Key): number {
    const bounded = key.map(boundedValue);
    const index = this.indexOf(bounded);
    const isOwn = this.#indexOfText.has(keyText(bounded));
    if (isOwn && this.#indexOfRaw.size < SPELLINGS_MAX) this.#indexOfRaw.set(raw, index);
    return index;
  }

  #append(key: Key): number {
    this.#indexOfText.set(keyText(key), this.#keys.length);
    return this.#keys.push(key) - 1;
  }
}

/** Of sorted cells: those of key k are start[k] .. start[k + 1]. */
function keyStarts({ key, length }: Cells, keys: number): Uint32Array {
  const start = new Uint32Array(keys + 1);
  for (let k = 0; k <= keys; k++) {
    let low = k === 0 ? 0 : start[k - 1]!;
    for (let high = length; low < high;) {
      const middle = (low + high) >> 1;
      if (key[middle]! < k) low = middle + 1;
      else high = middle;
    }
    start[k] = low;
  }
  return start;
}

/** The cells of the keys in `order`, which are numbered anew. */
function regrouped(cells: Cells, start: Uint32Array, order: readonly number[]): CellsBuffer {
  const moved = new CellsBuffer(Math.max(1, cells.length));
  let at = 0;
  for (const [index, k] of order.entries()) {
    const [from, until] = [start[k]!, start[k + 1]!];
    moved.step.set(cells.step.subarray(from, until), at);
    moved.bucket.set(cells.bucket.subarray(from, until), at);
    moved.count.set(cells.count.subarray(from, until), at);
    moved.key.fill(index, at, (at += until - from));
  }
  moved.length = at;
  return moved;
}

function bufferOf({ length, step, key, bucket, count }: Cells): CellsBuffer {
  const buffer = new CellsBuffer(Math.max(1, length));
  buffer.step.set(step.subarray(0, length));
  buffer.key.set(key.subarray(0, length));
  buffer.bucket.set(bucket.subarray(0, length));
  buffer.count.set(count.subarray(0, length));
  buffer.length = length;
  return buffer;
}
