/** What a seal makes due: the roll-ups of the blocks that ended, the compactions of places in which too much lies.
 *  Pure: a function of the rows there are and of the work that is due already, which counts as done: so it follows
 *  from the log alone. Does not: do it. */
import { finerLevel, type Level, LEVELS, levelSpan, levelStart } from '../model/level.ts';
import type { Pending, Task } from './pending.ts';
import { ADDED, type Place, placeName, type SegmentIndex, type SegmentPlace, WHOLE } from './place.ts';

/** Rows of one place that are merged into one: reading each costs a blob, and merging costs reading them all. */
export const COMPACT_ROWS = 4;

/** How far one instrumentation was sealed, before and now. */
export interface Sealed {
  readonly instrumentation: string;
  readonly openBefore: number;
  readonly openNow: number;
}

export interface DueContext {
  readonly index: SegmentIndex;
  readonly pending: Pending;
  readonly revision: number;
  readonly isExpired: (instrumentation: string, level: Level, startSecond: number) => boolean;
}

/** Roll-ups of the levels' blocks that ended in [openBefore, openNow), where the finer level has something. `rows`
 *  are those of this seal, not in the index yet. */
export function dueRollUps(
  { instrumentation, openBefore, openNow }: Sealed,
  rows: readonly SegmentPlace[],
  { index, pending, revision }: DueContext,
): Task[] {
  const tasks: Task[] = [];
  for (const level of LEVELS) {
    const finer = finerLevel(level);
    const from = levelStart(level, openBefore);
    const until = levelStart(level, openNow);
    if (finer === undefined || from >= until) continue;
    const places: readonly Place[] = [
      ...index.find(instrumentation, finer, from, until),
      ...rows.filter((row) => row.instrumentation === instrumentation && row.level === finer),
      ...pending.of(instrumentation, finer),
      ...tasks.filter((task) => task.level === finer),
    ];
    const starts = places.map(({ startSecond }) => startSecond).filter((s) => s >= from && s < until);
    for (const startSecond of new Set(starts.map((start) => levelStart(level, start)))) {
      tasks.push({ kind: 'roll-up', instrumentation, level, startSecond, revision });
    }
  }
  return tasks;
}

/** Compactions of the ended places that the seal's rows lie in, as far as they count. */
export function dueCompactions(
  { instrumentation, openNow }: Sealed,
  rows: readonly SegmentPlace[],
  { index, pending, revision, isExpired }: DueContext,
): Task[] {
  const own = rows.filter(
    ({ instrumentation: of, level, startSecond }) =>
      of === instrumentation && hasEnded(level, startSecond, openNow) && !isExpired(of, level, startSecond),
  );
  const places = new Map(own.map((row) => [placeName(row), row]));
  return [...places].flatMap(([name, { level, startSecond }]): Task[] => {
    const sealed = own.filter((row) => placeName(row) === name);
    const stored = index.find(instrumentation, level, startSecond, startSecond + 1);
    const due = pending.at({ instrumentation, level, startSecond }).map((task) => task.revision);
    if (rowsLeft([...stored, ...sealed], due) < COMPACT_ROWS) return [];
    return [{ kind: 'compaction', instrumentation, level, startSecond, revision }];
  });
}

/** How many rows the place has once what is due is done. */
function rowsLeft(rows: readonly SegmentPlace[], due: readonly number[]): number {
  const wholes = rows.filter((row) => row.whole === WHOLE).map((row) => row.revision);
  const newest = Math.max(-1, ...wholes, ...due);
  const added = rows.filter((row) => row.whole === ADDED && row.revision > newest).map((row) => row.revision);
  return new Set(added).size + (newest < 0 ? 0 : 1);
}

/** Of a store from before there were roll-ups: all that ended up to now. */
export function dueFromTheStart(sealed: Omit<Sealed, 'openBefore'>, context: DueContext): Task[] {
  return dueRollUps({ ...sealed, openBefore: 0 }, [], context);
}

/** Whether the level's block ended before `openSecond`. */
export function hasEnded(level: Level, startSecond: number, openSecond: number): boolean {
  return startSecond + levelSpan(level) <= openSecond;
}
