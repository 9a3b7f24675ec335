/** Who reports: one record per source name, for the operator's eye, and when sources ended, for coverage.
 *  Bounded: past SOURCES_MAX names the ones silent longest lose their record (not their data). */
import { assert } from '../model/assert.ts';
import { SOURCE_FORGET_SECONDS, SOURCES_MAX } from '../model/limits.ts';
import { type Source, sourceName } from '../model/report.ts';

/** Ends kept of one host, source or instrumentation: restarts and pauses within the seconds that are still open. */
const ENDS_MAX = 16;

assert(SOURCES_MAX >= 16, 'a sixteenth is forgotten at a time');

export interface SourceRecord {
  readonly host: string;
  readonly driver: string;
  /** The newest one heard. */
  incarnation: string;
  /** Newest second reported; -1 before the first was accepted. */
  lastSecond: number;
  /** Largest sequence number of this incarnation. */
  lastSequence: number;
  /** From the end of the last batch's second to its arrival in the log. */
  lagMs: number;
  /** How far the last batch's second lay ahead of its arrival, where it was refused for that; else 0. */
  skewMs: number;
  batches: number;
  repeats: number;
  /** Batches refused because their second lay in the future. */
  refused: number;
  /** Events that it saw and had no room to count, as it said itself; absent where it never did. */
  dropped?: number;
}

export type EndsState = Record<string, number[]>;

export class Sources {
  readonly #records = new Map<string, SourceRecord>();

  constructor(records: readonly SourceRecord[] = []) {
    for (const record of records) this.#records.set(sourceName(record), { ...record });
  }

  get size(): number {
    return this.#records.size;
  }

  /** The source's record, made when it is new. */
  heard(name: string, source: Source, sequence: number): SourceRecord {
    let record = this.#records.get(name);
    if (record === undefined) {
      if (this.#records.size >= SOURCES_MAX) this.#forget();
      record = {
        host: source.host,
        driver: source.driver,
        incarnation: source.incarnation,
        lastSecond: -1,
        lastSequence: sequence,
        lagMs: 0,
        skewMs: 0,
        batches: 0,
        repeats: 0,
        refused: 0,
      };
      this.#records.set(name, record);
    }
    if (record.incarnation !== source.incarnation) {
      record.incarnation = source.incarnation;
      record.lastSequence = sequence;
    }
    record.lastSequence = Math.max(record.lastSequence, sequence);
    return record;
  }

  /** Events that the source could not count. */
  addDropped(name: string, events: number): void {
    const record = this.#records.get(name);
    if (record !== undefined && events > 0)
      record.dropped = Math.min((record.dropped ?? 0) + events, Number.MAX_SAFE_INTEGER);
  }

  all(): readonly SourceRecord[] {
    return [...this.#records.values()];
  }

  #forget(): void {
    const silent = [...this.#records].toSorted(
      ([a, x], [b, y]) => x.lastSecond - y.lastSecond || (a < b ? -1 : 1),
    );
    for (const [name] of silent.slice(0, Math.ceil(SOURCES_MAX / 16))) this.#records.delete(name);
  }
}

/** Seconds from which on a source, or every source of a host or of an instrumentation that was paused, is expected no
 *  more unless it reports again. */
export class Ends {
  readonly #ends = new Map<string, number[]>();

  constructor(state: EndsState = {}) {
    for (const [place, seconds] of Object.entries(state)) this.#ends.set(place, [...seconds]);
  }

  endHost(host: string, second: number): void {
    this.#add(`host ${host}`, second);
  }

  endSource(name: string, second: number): void {
    this.#add(`source ${name}`, second);
  }

  /** Of every source of one instrumentation. */
  endAll(instrumentation: string, second: number): void {
    this.#add(`instrumentation ${instrumentation}`, second);
  }

  /** Their history went. */
  forget(instrumentations: readonly string[]): void {
    for (const id of instrumentations) this.#ends.delete(`instrumentation ${id}`);
  }

  /** Ascending: what ended a source, as far as an instrumentation sees. A source name is its host, a slash, its
   *  driver. */
  of(name: string, instrumentation: string): readonly number[] {
    const places = [
      `host ${name.slice(0, name.indexOf('/'))}`,
      `source ${name}`,
      `instrumentation ${instrumentation}`,
    ];
    const ends = places.flatMap((place) => {
      const seconds = this.#ends.get(place);
      return seconds === undefined ? [] : [seconds];
    });
    return ends.length < 2 ? (ends[0] ?? []) : ends.flat().toSorted((a, b) => a - b);
  }

  /** Forgets ends so old that no source from before them is expected any more. */
  prune(openSecond: number): void {
    for (const [place, seconds] of this.#ends) {
      const kept = seconds.filter((s) => s >= openSecond - SOURCE_FORGET_SECONDS);
      if (kept.length === 0) this.#ends.delete(place);
      else this.#ends.set(place, kept);
    }
  }

  state(): EndsState {
    return Object.fromEntries([...this.#ends].map(([place, seconds]) => [place, [...seconds]]));
  }

  #add(place: string, second: number): void {
    const seconds = this.#ends.get(place) ?? [];
    if (seconds.includes(second)) return;
    const newest = [...seconds, second].toSorted((a, b) => a - b).slice(-ENDS_MAX);
    this.#ends.delete(place);
    this.#ends.set(place, newest);
    if (this.#ends.size <= 2 * SOURCES_MAX) return;
    for (const oldest of this.#ends.keys()) return void this.#ends.delete(oldest);
  }
}
