/** Compares two stores on disk: what both should hold is byte for byte the same, or, where one of them has not merged
 *  yet what the other has, says the same. For replay and verification. Reads only.
 *  Left out: what is past its retention, which goes at its own pace; roll-ups that one of them has yet to make. */
import type { Kernel } from '../kernel/kernel.ts';
import { compareKeys } from '../model/key.ts';
import type { Place, SegmentRef } from './place.ts';
import { placeName, segmentName } from './place.ts';
import type { RolledUp } from './roll-up.ts';
import type { Said } from './stored.ts';
import { StoredStore } from './stored.ts';

/** Differences told; where there are more, the last says so. */
const DIFFERENCES_MAX = 100;

export interface Comparison {
  readonly differences: readonly string[];
  /** Segments that are byte for byte equal, and their bytes. */
  readonly equalSegments: number;
  readonly equalBytes: number;
  /** Places that lie in other rows and say the same. */
  readonly equalPlaces: number;
}

export interface CompareOptions {
  readonly kernel: Kernel;
  /** Places that start earlier are left out: the log that one was made from begins later. Then bytes and positions
   *  cannot be equal either, and what is said alone counts. */
  readonly fromSecond?: number;
}

/** Throws StoreDamagedError, StoreVersionError, SegmentCorruptError. */
export function compareStores(directory: string, other: string, options: CompareOptions): Comparison {
  const a = new StoredStore(directory, options.kernel);
  const b = new StoredStore(other, options.kernel);
  try {
    return new Comparer(a, b, options).compare();
  } finally {
    a.close();
    b.close();
  }
}

class Comparer {
  readonly #a: StoredStore;
  readonly #b: StoredStore;
  readonly #fromSecond: number | undefined;
  readonly #differences: string[] = [];
  #equalSegments = 0;
  #equalBytes = 0;
  #equalPlaces = 0;

  constructor(a: StoredStore, b: StoredStore, { fromSecond }: CompareOptions) {
    this.#a = a;
    this.#b = b;
    this.#fromSecond = fromSecond;
  }

  compare(): Comparison {
    if (this.#fromSecond === undefined) this.#position();
    for (const place of this.#common()) this.#place(place);
    return {
      differences: this.#differences,
      equalSegments: this.#equalSegments,
      equalBytes: this.#equalBytes,
      equalPlaces: this.#equalPlaces,
    };
  }

  #position(): void {
    const [a, b] = [this.#a.state?.nextOffset ?? 0, this.#b.state?.nextOffset ?? 0];
    if (a !== b) this.#differ(`one is folded up to offset ${a} of the log, the other up to ${b}`);
  }

  /** Places that both should hold, in order. */
  *#common(): Generator<Place> {
    const first = (rows: readonly SegmentRef[]): SegmentRef => rows[0]!;
    const all = new Map([...this.#a.places, ...this.#b.places].map(([name, rows]) => [name, first(rows)]));
    for (const [, place] of [...all].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (this.#fromSecond !== undefined && place.startSecond < this.#fromSecond) continue;
      const leftOut = [this.#a, this.#b].some(
        (store) => store.isExpired(place) || (place.level > 1 && store.isPending(place)),
      );
      if (!leftOut) yield place;
    }
  }

  #place(place: Place): void {
    const [a, b] = [this.#a.counting(place), this.#b.counting(place)];
    const sameRows = a.length === b.length && a.every((row, i) => segmentName(row) === segmentName(b[i]!));
    if (sameRows && this.#fromSecond === undefined) return a.forEach((row, i) => this.#row(row, b[i]!));
    const fault = saidFault(this.#a.said(place), this.#b.said(place));
    if (fault === undefined) this.#equalPlaces++;
    else this.#differ(`${placeName(place)}: ${fault}`);
  }

  #row(a: SegmentRef, b: SegmentRef): void {
    const [x, y] = [Buffer.from(this.#a.bytes(a)), this.#b.bytes(b)];
    if (x.equals(y)) {
      this.#equalSegments++;
      this.#equalBytes += x.length;
      return;
    }
    const at = x.findIndex((byte, i) => byte !== y[i]);
    const where = at < 0 ? Math.min(x.length, y.length) : at;
    this.#differ(`${segmentName(a)}: ${x.length} and ${y.length} bytes, which differ at byte ${where}`);
  }

  #differ(what: string): void {
    if (this.#differences.length < DIFFERENCES_MAX) this.#differences.push(what);
    else this.#differences[DIFFERENCES_MAX - 1] = `more than ${DIFFERENCES_MAX - 1} differences`;
  }
}

/** How two accounts of one place differ; undefined where they do not. */
export function saidFault(a: Said, b: Said): string | undefined {
  const fault = cellsFault(a, b);
  if (fault !== undefined) return fault;
  return coverageText(a) === coverageText(b) ? undefined : 'other sources were expected, reported or revised';
}

function cellsFault(a: Said, b: Said): string | undefined {
  const [x, y] = [a.parts[0], b.parts[0]];
  const isPlain = a.parts.length === 1 && b.parts.length === 1 && x !== undefined && y !== undefined;
  if (isPlain && isSame(x, y)) return undefined;
  const [counts, others] = [countOfCell(a), countOfCell(b)];
  for (const cell of new Set([...counts.keys(), ...others.keys()])) {
    const [count, other] = [counts.get(cell) ?? 0, others.get(cell) ?? 0];
    if (count !== other) return `${cell} counts ${count}, in the other ${other}`;
  }
  return undefined;
}

/** Keys and cells of a sum are in one order. */
function isSame(a: RolledUp, b: RolledUp): boolean {
  if (a.cells.length !== b.cells.length || a.keys.length !== b.keys.length) return false;
  if (a.keys.some((key, k) => compareKeys(key, b.keys[k]!) !== 0)) return false;
  for (let i = 0; i < a.cells.length; i++) {
    const same =
      a.cells.step[i] === b.cells.step[i] &&
      a.cells.key[i] === b.cells.key[i] &&
      a.cells.bucket[i] === b.cells.bucket[i] &&
      a.cells.count[i] === b.cells.count[i];
    if (!same) return false;
  }
  return true;
}

function countOfCell({ parts }: Said): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { keys, cells } of parts) {
    for (let i = 0; i < cells.length; i++) {
      const key = keys[cells.key[i]!]!.join(', ');
      counts.set(`step ${cells.step[i]}, key "${key}", bucket ${cells.bucket[i]}`, cells.count[i]!);
    }
  }
  return counts;
}

function coverageText({ coverage: { sources, revised } }: Said): string {
  const hex = (bits: Uint8Array): string => Buffer.from(bits).toString('hex');
  return JSON.stringify([sources.map((s) => [s.name, hex(s.expected), hex(s.reported)]), hex(revised)]);
}
