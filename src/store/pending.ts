/** The work that is due behind the fold: which roll-ups and compactions, in which order. Part of the fold's state,
 *  so it follows from the log alone; when it is done shows nowhere.
 *  Owns: the order, which is by the seal that made a task due, then finer levels first. So whatever a task reads is
 *  made before it, and nothing that it reads is superseded yet. Does not: do the work (work.ts), decide what is due
 *  (due.ts). */
import Type, { type Static } from 'typebox';
import { isLevel, type Level, LEVELS } from '../model/level.ts';
import type { Place } from './place.ts';

export interface Task extends Place {
  /** A roll-up is made of finer rows, a compaction of the place's own: of those up to `revision`. */
  readonly kind: 'roll-up' | 'compaction';
  /** The seal that made it due. */
  readonly revision: number;
}

const level = Type.Unsafe<Level>(Type.Refine(Type.Integer(), (seconds) => isLevel(seconds)));
/** One group for the instrumentations whose places are due together. */
export const pendingState = Type.Array(
  Type.Object({
    kind: Type.Union([Type.Literal('roll-up'), Type.Literal('compaction')]),
    revision: Type.Integer({ minimum: 0 }),
    level,
    startSecond: Type.Integer({ minimum: 0 }),
    instrumentations: Type.Array(Type.String()),
  }),
);
export type PendingState = Static<typeof pendingState>;

export class Pending implements Iterable<Task> {
  /** In their order. */
  readonly #tasks = new Set<Task>();
  /** By instrumentation and level. */
  readonly #ofSeries = new Map<string, Set<Task>>();

  constructor(state: PendingState = []) {
    for (const { instrumentations, ...rest } of state) {
      for (const instrumentation of instrumentations) this.#insert({ instrumentation, ...rest });
    }
  }

  get size(): number {
    return this.#tasks.size;
  }

  [Symbol.iterator](): IterableIterator<Task> {
    return this.#tasks.values();
  }

  /** Takes what one seal made due; seals come in their order. */
  add(tasks: readonly Task[]): void {
    for (const task of [...tasks].toSorted(compareTasks)) this.#insert(task);
  }

  done(task: Task): void {
    this.#tasks.delete(task);
    const key = seriesKey(task);
    const series = this.#ofSeries.get(key);
    series?.delete(task);
    if (series?.size === 0) this.#ofSeries.delete(key);
  }

  /** Their history went. */
  forget(instrumentations: readonly string[]): void {
    for (const instrumentation of instrumentations) {
      for (const of of LEVELS) for (const task of this.of(instrumentation, of)) this.done(task);
    }
  }

  of(instrumentation: string, of: Level): readonly Task[] {
    return [...(this.#ofSeries.get(seriesKey({ instrumentation, level: of })) ?? [])];
  }

  at({ instrumentation, level: of, startSecond }: Place): readonly Task[] {
    return this.of(instrumentation, of).filter((task) => task.startSecond === startSecond);
  }

  state(): PendingState {
    const state: PendingState = [];
    for (const { instrumentation, kind, revision, level: of, startSecond } of this.#tasks) {
      const last = state.at(-1);
      const isAlike =
        last?.kind === kind &&
        last.revision === revision &&
        last.level === of &&
        last.startSecond === startSecond;
      if (isAlike) last.instrumentations.push(instrumentation);
      else state.push({ kind, revision, level: of, startSecond, instrumentations: [instrumentation] });
    }
    return state;
  }

  #insert(task: Task): void {
    this.#tasks.add(task);
    const key = seriesKey(task);
    const series = this.#ofSeries.get(key);
    if (series === undefined) this.#ofSeries.set(key, new Set([task]));
    else series.add(task);
  }
}

function compareTasks(a: Task, b: Task): number {
  return (
    a.revision - b.revision ||
    a.level - b.level ||
    a.startSecond - b.startSecond ||
    (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : 0) ||
    (a.instrumentation < b.instrumentation ? -1 : 1)
  );
}

function seriesKey({ instrumentation, level: of }: Pick<Place, 'instrumentation' | 'level'>): string {
  return `${of} ${instrumentation}`;
}
