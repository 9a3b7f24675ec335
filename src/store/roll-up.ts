/** Adds blocks up to the steps of one place: finer blocks, or several of the same steps. Pure: a function of the
 *  blocks and their order. Owns: what step a cell goes to, and that no sum grows past all bounds: where it would,
 *  it ends at a step before the last one, and the rest is another sum.
 *  Does not: read, write, choose what is added. Coverage adds up in place-coverage.ts. */
import { assert } from '../model/assert.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Key } from '../model/key.ts';
import type { Level } from '../model/level.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import type { CellBlock, Cells } from '../model/series.ts';
import { KeyedCells } from './keyed-cells.ts';

/** Cells of one sum: 52 MB, and as much again while it grows. Twice what a seal writes of 1000 busy keys. */
const CELLS_MAX = 4_000_000;

export type Added = Pick<CellBlock, 'startSecond' | 'stepSeconds' | 'keys' | 'cells'>;

export class RollUp {
  readonly fromStep: number;
  readonly #startSecond: number;
  readonly #level: Level;
  readonly #cellsMax: number;
  readonly #counts = new KeyedCells();
  #untilStep = BLOCK_STEPS;

  constructor(
    place: { readonly level: Level; readonly startSecond: number },
    fromStep = 0,
    cellsMax = CELLS_MAX,
  ) {
    this.#startSecond = place.startSecond;
    this.#level = place.level;
    this.fromStep = fromStep;
    this.#cellsMax = cellsMax;
  }

  /** The sum holds the steps from fromStep up to here. */
  get untilStep(): number {
    return this.#untilStep;
  }

  /** Whether a block says something of these steps. */
  overlaps(block: { readonly startSecond: number; readonly stepSeconds: number }): boolean {
    const untilSecond = block.startSecond + BLOCK_STEPS * block.stepSeconds;
    const first = Math.floor((block.startSecond - this.#startSecond) / this.#level);
    const last = Math.floor((untilSecond - 1 - this.#startSecond) / this.#level);
    return first < this.#untilStep && last >= this.fromStep;
  }

  add(block: Added, kernel: Kernel): void {
    const counts = this.#counts;
    const before = counts.cells.length;
    addCells(block, this.#stepOfStep(block), counts);
    counts.grew(counts.cells.length - before, kernel);
    if (counts.sizeCells <= this.#cellsMax) return;
    counts.compact(kernel);
    if (counts.sizeCells > this.#cellsMax) this.#narrow(kernel);
  }

  take(kernel: Kernel): { readonly keys: readonly Key[]; readonly cells: Cells } {
    return this.#counts.take(kernel);
  }

  /** Per step of the block the step of the sum, or -1 where it has none. */
  #stepOfStep({ startSecond, stepSeconds }: Added): Int32Array {
    assert(
      this.#level % stepSeconds === 0,
      () => `steps of ${stepSeconds} s make no step of ${this.#level} s`,
    );
    return Int32Array.from({ length: BLOCK_STEPS }, (_, i) => {
      const step = Math.floor((startSecond + i * stepSeconds - this.#startSecond) / this.#level);
      return step >= this.fromStep && step < this.#untilStep ? step : -1;
    });
  }

  /** Leaves steps from the end to the next sum, until half of the cells fit; one step stays at least. */
  #narrow(kernel: Kernel): void {
    const { step, length } = this.#counts.cells;
    const cellsOfStep = new Uint32Array(BLOCK_STEPS);
    for (let i = 0; i < length; i++) cellsOfStep[step[i]!]!++;
    let until = this.fromStep + 1;
    let kept = cellsOfStep[this.fromStep]!;
    while (until < this.#untilStep && kept + cellsOfStep[until]! <= this.#cellsMax / 2) {
      kept += cellsOfStep[until++]!;
    }
    this.#untilStep = until;
    this.#counts.cutSteps(until, kernel);
  }
}

/** Pushes the block's cells; those next to each other that come to one place as one. */
function addCells({ cells, keys }: Added, stepOfStep: Int32Array, counts: KeyedCells): void {
  const target = counts.cells;
  target.reserve(cells.length);
  const { step, key, bucket, count } = target;
  const keyOfKey = new Int32Array(keys.length).fill(-1);
  const first = target.length;
  let last = first - 1;
  for (let i = 0; i < cells.length; i++) {
    const s = stepOfStep[cells.step[i]!]!;
    if (s < 0) continue;
    let k = keyOfKey[cells.key[i]!]!;
    if (k < 0) k = keyOfKey[cells.key[i]!] = counts.indexOf(keys[cells.key[i]!]!);
    const b = cells.bucket[i]!;
    if (last >= first && step[last] === s && bucket[last] === b && key[last] === k) {
      count[last] = Math.min(count[last]! + cells.count[i]!, Number.MAX_SAFE_INTEGER);
      continue;
    }
    last++;
    step[last] = s;
    key[last] = k;
    bucket[last] = b;
    count[last] = cells.count[i]!;
  }
  target.length = last + 1;
}

export interface RolledUp {
  readonly fromStep: number;
  readonly untilStep: number;
  readonly keys: readonly Key[];
  readonly cells: Cells;
}

/** The sum of blocks in memory, in as many parts as it takes. */
export function rolledUp(
  place: { readonly level: Level; readonly startSecond: number },
  blocks: readonly Added[],
  kernel: Kernel,
): RolledUp[] {
  const parts: RolledUp[] = [];
  for (let fromStep = 0; fromStep < BLOCK_STEPS; fromStep = parts.at(-1)!.untilStep) {
    const sum = new RollUp(place, fromStep);
    for (const block of blocks) if (sum.overlaps(block)) sum.add(block, kernel);
    const { untilStep } = sum;
    parts.push({ fromStep, untilStep, ...sum.take(kernel) });
  }
  return parts;
}
