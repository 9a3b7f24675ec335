/** An open block: 256 seconds of one instrumentation that still take reports. Owns: its key table, its cells
 *  (appended, compacted now and then), who was heard and who reported in full, which seconds are revisions.
 *  Does not: decide what is accepted, or when it is sealed.
 *  Invariant: `mergedCells` + `tailCells` follows from the reports alone, also over a stop and a restart, so
 *  every decision that is taken by size is the same in a replay. */
import { assert } from '../model/assert.ts';
import { type CoverageBlock, emptyBits, type SecondBits, setBit } from '../model/coverage.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { boundedValue, compareKeys, type Key, keyText, remainderKey } from '../model/key.ts';
import { BLOCK_KEYS_MAX } from '../model/limits.ts';
import { decodeRows, type ReportView } from '../model/report.ts';
import { type CellBlock, type Cells, CellsBuffer } from '../model/series.ts';

/** Cells of several sources add up once so many unmerged ones lie behind the merged ones, and so many times
 *  theirs: more often sorts too much, more seldom makes live queries read too much. */
const TAIL_CELLS_MIN = 131_072;
const TAIL_SHARE = 2;
/** Raw spellings remembered of the keys; a key has one, but for sources that spell oddly. */
const SPELLINGS_MAX = 2 * BLOCK_KEYS_MAX;

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
  mergedCells = 0;
  tailCells = 0;
  #keys: Key[] = [];
  #cells = new CellsBuffer();
  #indexOfText = new Map<string, number>();
  #indexOfRaw = new Map<string, number>();
  readonly #keyIndex = (raw: string, read: () => Key): number =>
    this.#indexOfRaw.get(raw) ?? this.#indexOfNew(raw, read());

  constructor(startSecond: number) {
    this.startSecond = startSecond;
  }

  get keys(): readonly Key[] {
    return this.#keys;
  }

  get cells(): CellsBuffer {
    return this.#cells;
  }

  /** Size as decisions see it; the memory may hold fewer. */
  get sizeCells(): number {
    return this.mergedCells + this.tailCells;
  }

  /** Adds a report's rows at `second`; returns the cells added. Throws ReportCorruptError, then nothing was. */
  add(view: ReportView, second: number, kernel: Kernel): number {
    const before = this.#cells.length;
    const keysBefore = this.#keys.length;
    try {
      decodeRows(view, second - this.startSecond, this.#cells, this.#keyIndex);
    } catch (error) {
      if (this.#keys.length > keysBefore) this.#setKeys(this.#keys.slice(0, keysBefore));
      throw error;
    }
    const added = this.#cells.length - before;
    this.tailCells += added;
    if (this.tailCells > Math.max(TAIL_CELLS_MIN, TAIL_SHARE * this.mergedCells)) this.compact(kernel);
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
    kernel.sortMerge(this.#cells);
    saturate(this.#cells);
    this.mergedCells = this.#cells.length;
    this.tailCells = 0;
  }

  /** Brings keys and cells into the order in which they are stored. Says the same as before: also the keys
   *  that no cell uses stay, as they count towards the bound. */
  normalise(kernel: Kernel): void {
    this.#sort(kernel, () => true);
  }

  /** Takes keys and cells out, in stored order and without unused keys, and leaves none; who was heard stays. */
  take(kernel: Kernel): { readonly keys: readonly Key[]; readonly cells: CellsBuffer } {
    const { key, length } = this.#cells;
    const used = new Uint8Array(this.#keys.length);
    for (let i = 0; i < length; i++) used[key[i]!] = 1;
    this.#sort(kernel, (k) => used[k] === 1);
    const taken = { keys: this.#keys, cells: this.#cells };
    this.#setKeys([]);
    this.#cells = new CellsBuffer();
    this.mergedCells = 0;
    this.tailCells = 0;
    return taken;
  }

  /** Puts back what was stored of an open block. */
  restore(
    image: { readonly keys: readonly Key[]; readonly cells: Cells; readonly coverage: CoverageBlock },
    size: { readonly mergedCells: number; readonly tailCells: number },
  ): void {
    assert(this.#cells.length === 0, 'a block is restored before it takes reports');
    this.#setKeys(image.keys);
    this.#cells = bufferOf(image.cells);
    this.revised = image.coverage.revised;
    for (const { name, expected, reported } of image.coverage.sources) {
      this.sources.set(name, { heard: expected, reported });
    }
    this.mergedCells = size.mergedCells;
    this.tailCells = size.tailCells;
  }

  #sort(kernel: Kernel, keep: (keyIndex: number) => boolean): void {
    const order = [...this.#keys.keys()]
      .filter(keep)
      .toSorted((a, b) => compareKeys(this.#keys[a]!, this.#keys[b]!));
    const place = new Uint16Array(this.#keys.length);
    order.forEach((k, i) => (place[k] = i));
    const { key, length } = this.#cells;
    for (let i = 0; i < length; i++) key[i] = place[key[i]!]!;
    this.#setKeys(order.map((k) => this.#keys[k]!));
    kernel.sortMerge(this.#cells);
    saturate(this.#cells);
  }

  #setKeys(keys: readonly Key[]): void {
    this.#keys = [...keys];
    this.#indexOfRaw = new Map();
    this.#indexOfText = new Map(keys.map((key, i) => [keyText(key), i]));
  }

  /** The last place is the remainder's: it is taken by whatever comes when all others are. */
  #indexOfNew(raw: string, key: Key): number {
    const bounded = key.map(boundedValue);
    const known = this.#indexOfText.get(keyText(bounded));
    if (known === undefined && this.#keys.length >= BLOCK_KEYS_MAX - 1)
      return this.#remainderIndex(key.length);
    const index = known ?? this.#append(bounded);
    if (this.#indexOfRaw.size < SPELLINGS_MAX) this.#indexOfRaw.set(raw, index);
    return index;
  }

  #remainderIndex(fieldCount: number): number {
    const remainder = remainderKey(fieldCount);
    return this.#indexOfText.get(keyText(remainder)) ?? this.#append(remainder);
  }

  #append(key: Key): number {
    this.#indexOfText.set(keyText(key), this.#keys.length);
    return this.#keys.push(key) - 1;
  }
}

/** A sum above 2^53 - 1 stays there: a stored count is an exact integer. */
function saturate({ count, length }: CellsBuffer): void {
  for (let i = 0; i < length; i++) {
    if (count[i]! > Number.MAX_SAFE_INTEGER) count[i] = Number.MAX_SAFE_INTEGER;
  }
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
