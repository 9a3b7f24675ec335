/** What of one instrumentation's history still counts: from which second on each level does, and which older seconds
 *  pins keep. Pure. Does not: delete anything (retention.ts).
 *  Invariant: what ceased to count never counts again, whatever retention is given later: so it does not matter when
 *  it is deleted. */
import { keepSecondsOf, type Level, LEVELS, levelSpan, levelStart, type Retention } from '../model/level.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import { blockStart } from '../model/series.ts';

/** Half-open, whole blocks of level 1. */
export type Range = readonly [fromSecond: number, untilSecond: number];

export interface HorizonState {
  /** By level where it is not 0. */
  floors: [level: number, second: number][];
  /** By pin. */
  pinned: [id: string, ranges: [number, number][]][];
}

export class Horizon {
  #retention: Retention;
  /** What a shorter retention, or want of space, gave up does not come back. */
  readonly #floors = new Map<Level, number>();
  /** Per pin what it keeps: what counted when it was made, and what came later. */
  readonly #pinned = new Map<string, readonly Range[]>();

  constructor(retention: Retention, state?: HorizonState) {
    this.#retention = retention;
    const floors = new Map(state?.floors);
    for (const level of LEVELS) this.#floors.set(level, floors.get(level) ?? 0);
    for (const [id, ranges] of state?.pinned ?? []) this.#pinned.set(id, ranges);
  }

  redefine(retention: Retention, nowSecond: number): void {
    for (const level of LEVELS) this.#floors.set(level, this.second(level, nowSecond));
    this.#retention = retention;
  }

  /** Gives up what lies before `second`. */
  raise(level: Level, second: number): void {
    this.#floors.set(level, Math.max(second, this.#floors.get(level)!));
  }

  pin(id: string, fromSecond: number, untilSecond: number, nowSecond: number): void {
    const wanted: Range = [blockStart(fromSecond), blockStart(untilSecond + BLOCK_STEPS - 1)];
    const counting: Range = [blockStart(this.second(1, nowSecond)), Number.MAX_SAFE_INTEGER];
    this.#pinned.set(id, united([counting, ...this.pinned()].flatMap((range) => cut(range, wanted))));
  }

  unpin(id: string): void {
    this.#pinned.delete(id);
  }

  /** Ranges that pins keep, in order. */
  pinned(): readonly Range[] {
    return united([...this.#pinned.values()].flat());
  }

  /** What lies before is past its retention. */
  second(level: Level, nowSecond: number): number {
    return Math.max(this.#floors.get(level)!, nowSecond - keepSecondsOf(this.#retention, level));
  }

  /** What lies before is past all retention. */
  oldestSecond(nowSecond: number): number {
    return Math.min(...LEVELS.map((level) => this.second(level, nowSecond)));
  }

  /** Whether the level's block at `startSecond` counts no more. */
  isExpired(level: Level, startSecond: number, nowSecond: number): boolean {
    const endSecond = startSecond + levelSpan(level);
    if (endSecond > this.second(level, nowSecond)) return false;
    return level !== 1 || !this.pinned().some(([from, until]) => from < endSecond && until > startSecond);
  }

  /** Start of the level's first block that counts, pins aside. */
  firstStart(level: Level, nowSecond: number): number {
    return levelStart(level, this.second(level, nowSecond));
  }

  state(): HorizonState {
    return {
      floors: [...this.#floors].filter(([, second]) => second > 0),
      pinned: [...this.#pinned].map(([id, ranges]) => [id, ranges.map(([from, until]) => [from, until])]),
    };
  }
}

/** What two ranges have in common; at most one range. */
function cut([a, b]: Range, [c, d]: Range): Range[] {
  const from = Math.max(a, c);
  const until = Math.min(b, d);
  return from < until ? [[from, until]] : [];
}

function united(ranges: readonly Range[]): Range[] {
  const all: [number, number][] = [];
  for (const [from, until] of [...ranges].toSorted(([a], [b]) => a - b)) {
    const last = all.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], until);
    else all.push([from, until]);
  }
  return all;
}
