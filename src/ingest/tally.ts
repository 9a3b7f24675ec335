/** Counts the events of one instrumentation in place, and drains them to rows. Owns: the predicate's test, the
 *  choice of key and bucket, the bound on keys. Does not: know time, encode, subscribe.
 *  Invariant: what `drain` gives (rows and dropped) sums to what was counted since the last one.
 *  Once a key and its bucket's page are known, counting an event allocates nothing. */
import { bucketCount, bucketIndex, type Grid, VALUE_MAX } from '../model/grid.ts';
import type { Histogram } from '../model/histogram.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import { boundedValue, compareKeys, type Key, keyText, remainderKey } from '../model/key.ts';
import { REPORT_KEYS_MAX } from '../model/limits.ts';
import type { FieldReader, Literal } from '../model/predicate.ts';
import type { Row } from '../model/batch.ts';

/** Buckets that are allocated together: an octave of the log-linear grid. Latencies of one key lie in a few. */
const PAGE_BUCKETS = 32;

/** The counts of one key. */
interface Slot {
  readonly key: Key;
  readonly pages: (Float64Array | undefined)[];
  events: number;
}

/** From a field's value to the next field's branch, the last to the slot. Values as they come, so that finding a
 *  known key builds no text. */
type Branch = Map<Literal, Branch | Slot>;

export interface Drained {
  readonly rows: readonly Row[];
  readonly dropped: number;
}

export class Tally {
  readonly #by: readonly string[];
  readonly #numeric: string | undefined;
  readonly #grid: Grid;
  readonly #where: ((read: FieldReader) => boolean) | undefined;
  readonly #keysMax: number;
  readonly #slots = new Map<string, Slot>();
  /** Takes the keys past the bound; the only slot where nothing is broken out. */
  readonly #remainder: Slot;
  #root: Branch = new Map();
  #leaves = 0;
  #dropped = 0;
  /** Idle keys have made room since the last drain. */
  #swept = false;

  /** `where` is the instrumentation's predicate, compiled; undefined where it has none. */
  constructor(
    instrumentation: Pick<Instrumentation, 'by' | 'numeric' | 'grid'>,
    where: ((read: FieldReader) => boolean) | undefined,
    keysMax: number = REPORT_KEYS_MAX,
  ) {
    this.#by = instrumentation.by;
    this.#numeric = instrumentation.numeric;
    this.#grid = instrumentation.grid;
    this.#where = where;
    this.#keysMax = keysMax;
    this.#remainder = newSlot(remainderKey(this.#by.length), this.#grid);
  }

  /** Keys that are told apart now: what the tally's size goes with. */
  get keyCount(): number {
    return this.#slots.size;
  }

  /** Counts one event, or an amount of `amount` (a non-negative integer). An event that lacks the numeric field
   *  has no bucket: it is dropped, and said to be. A discrete field that it lacks is the empty text. */
  count(read: FieldReader, amount = 1): void {
    if (amount <= 0 || (this.#where !== undefined && !this.#where(read))) return;
    let bucket = 0;
    if (this.#numeric !== undefined) {
      const value = read(this.#numeric);
      if (typeof value !== 'number') {
        this.#dropped += amount;
        return;
      }
      bucket = bucketIndex(this.#grid, value);
    }
    const slot = this.#slotOf(read);
    const at = Math.floor(bucket / PAGE_BUCKETS);
    const page = slot.pages[at] ?? newPage(slot, at, this.#grid);
    page[bucket % PAGE_BUCKETS]! += amount;
    slot.events += amount;
  }

  /** The rows since the last drain, in the order of their keys; begins anew with the keys it knows. */
  drain(): Drained {
    const rows: Row[] = [];
    for (const slot of [...this.#slots.values(), this.#remainder]) {
      if (slot.events === 0) continue;
      rows.push({ key: slot.key, histogram: drainSlot(slot) });
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#swept = false;
    return { rows: rows.toSorted((a, b) => compareKeys(a.key, b.key)), dropped };
  }

  #slotOf(read: FieldReader): Slot {
    const by = this.#by;
    if (by.length === 0) return this.#remainder;
    let at: Branch | Slot | undefined = this.#root;
    for (let i = 0; i < by.length && at !== undefined; i++) at = (at as Branch).get(read(by[i]!) ?? '');
    return at === undefined ? this.#learn(read) : (at as Slot);
  }

  /** The slot of a key whose values were not seen in this form, remembered where there is room. */
  #learn(read: FieldReader): Slot {
    const values = this.#by.map((field) => read(field) ?? '');
    const key = values.map((value) => boundedValue(String(value)));
    const text = keyText(key);
    let slot = this.#slots.get(text);
    if (slot === undefined) {
      if (text === keyText(this.#remainder.key)) return this.#remainder;
      if (this.#slots.size >= this.#keysMax) this.#sweep();
      if (this.#slots.size >= this.#keysMax) return this.#remainder;
      slot = newSlot(key, this.#grid);
      this.#slots.set(text, slot);
    }
    // Several forms may be one key (200 and "200", texts that differ past their bound): they are bounded too.
    if (this.#leaves < 2 * this.#keysMax) this.#remember(values, slot);
    return slot;
  }

  #remember(values: readonly Literal[], slot: Slot): void {
    let branch = this.#root;
    for (const value of values.slice(0, -1)) {
      let next = branch.get(value) as Branch | undefined;
      if (next === undefined) branch.set(value, (next = new Map()));
      branch = next;
    }
    branch.set(values.at(-1)!, slot);
    this.#leaves++;
  }

  /** Forgets the keys that had no event since the last drain; once a drain is enough, what is left is live. */
  #sweep(): void {
    if (this.#swept) return;
    this.#swept = true;
    for (const [text, slot] of this.#slots) if (slot.events === 0) this.#slots.delete(text);
    this.#root = new Map();
    this.#leaves = 0;
  }
}

function newSlot(key: Key, grid: Grid): Slot {
  const pages = Math.ceil(bucketCount(grid) / PAGE_BUCKETS);
  return { key, pages: Array.from({ length: pages }, () => undefined), events: 0 };
}

function newPage(slot: Slot, page: number, grid: Grid): Float64Array {
  const counts = new Float64Array(Math.min(PAGE_BUCKETS, bucketCount(grid) - page * PAGE_BUCKETS));
  slot.pages[page] = counts;
  return counts;
}

function drainSlot(slot: Slot): Histogram {
  const buckets: number[] = [];
  const counts: number[] = [];
  for (let p = 0; p < slot.pages.length; p++) {
    const page = slot.pages[p];
    if (page === undefined) continue;
    for (let i = 0; i < page.length; i++) {
      if (page[i] === 0) continue;
      buckets.push(p * PAGE_BUCKETS + i);
      counts.push(Math.min(page[i]!, VALUE_MAX));
    }
    page.fill(0);
  }
  slot.events = 0;
  return { buckets, counts };
}
