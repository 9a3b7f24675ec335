/** A log in memory that can crash: what it confirmed stays, of the rest a part from the front may have survived.
 *  Remembers what it gave up by trimming, for the model. */
import type { Content, SimEntry } from './entries.ts';
import type { Prng } from './prng.ts';

interface Pending {
  readonly entry: SimEntry;
  readonly confirmed: () => void;
}

export class MemoryLog {
  readonly #prng: Prng;
  /** All entries that ever became durable, also trimmed ones. */
  readonly durable: SimEntry[] = [];
  #pending: Pending[] = [];
  #next = 0;
  /** Entries below are gone for readers. */
  firstOffset = 0;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  append(content: Content, arrivedMs: number, confirmed: () => void = () => {}): void {
    this.#pending.push({ entry: { offset: this.#next, arrivedMs, content }, confirmed });
    // Offsets ascend, not without holes.
    this.#next += this.#prng.chance(0.1) ? 2 : 1;
  }

  /** What was appended becomes durable, and is confirmed. */
  sync(): void {
    for (const { entry, confirmed } of this.#pending.splice(0)) {
      this.durable.push(entry);
      confirmed();
    }
  }

  /** Nobody hears of what survived. */
  crash(): void {
    const survivors = this.#pending.slice(0, this.#prng.below(this.#pending.length + 1));
    this.durable.push(...survivors.map(({ entry }) => entry));
    this.#pending = [];
  }

  /** Up to `limit` durable entries at `from` and after. */
  read(from: number, limit: number): readonly SimEntry[] {
    const begin = Math.max(from, this.firstOffset);
    const at = this.durable.findIndex(({ offset }) => offset >= begin);
    return at < 0 ? [] : this.durable.slice(at, at + limit);
  }

  trim(offset: number): void {
    this.firstOffset = Math.max(this.firstOffset, offset);
  }
}
