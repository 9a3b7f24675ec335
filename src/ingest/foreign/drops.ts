/** What came from others and is not counted: how many, by reason. Nothing is left out in silence. */

/** Reasons that are told apart; each is a few words of ours, so this is never reached. */
const REASONS_MAX = 64;

export class Drops {
  readonly #counts = new Map<string, number>();

  add(reason: string, count = 1): void {
    if (count <= 0) return;
    const name = this.#counts.has(reason) || this.#counts.size < REASONS_MAX ? reason : 'other reasons';
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  /** By reason, in the order in which they first came. */
  entries(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
