/** What is past its retention goes: whole files where they hold nothing else, rows elsewhere, in small steps. What is
 *  not deleted yet is not served either (choice.ts), so the pace shows nowhere.
 *  Owns: what may go. That is what counts no more and no roll-up will need: rows of a level stay until the coarser
 *  block that holds them is made. Planned for a state that is durable, so that no crash brings back a fold which
 *  still wants what was deleted. */
import { type Level, LEVELS, levelStart } from '../model/level.ts';
import type { Fold } from './fold.ts';
import type { Head } from './head.ts';
import type { Range } from './horizon.ts';
import type { Partition, Span } from './partition.ts';
import type { Partitions } from './partitions.ts';

/** Rows deleted in one step. */
const ROWS_MAX = 256;

export class Retention {
  readonly #partitions: Partitions;
  /** By level and instrumentation the ranges of starts that may go. */
  #plan = new Map<string, readonly Range[]>();
  /** Files to look at. */
  #left: Partition[] = [];

  constructor(partitions: Partitions) {
    this.#partitions = partitions;
  }

  /** The fold is as a durable commit has it. */
  plan(fold: Fold): void {
    this.#plan = new Map();
    for (const { instrumentation } of fold.lives()) {
      const head = fold.head(instrumentation.id);
      if (head === undefined) continue;
      for (const level of LEVELS) {
        this.#plan.set(planKey({ instrumentation: instrumentation.id, level }), deletable(fold, head, level));
      }
    }
    this.#left = [...this.#partitions.all()];
  }

  /** Deletes some; false where nothing is left to look at. */
  step(): boolean {
    const partition = this.#left.at(-1);
    if (partition === undefined) return false;
    const isNewest = partition === this.#partitions.newest?.partition;
    const spans = [...partition.spans.values()];
    if (!isNewest && spans.every((span) => this.#isAllOver(span))) {
      this.#partitions.remove(partition);
      this.#left.pop();
      return true;
    }
    for (const span of spans) {
      for (const range of this.#plan.get(planKey(span)) ?? []) {
        const deleted = partition.deleteRange(span, range, ROWS_MAX);
        if (deleted === 0) continue;
        // Today's file takes the space again.
        if (!isNewest) partition.giveBack();
        return true;
      }
    }
    this.#left.pop();
    return true;
  }

  /** They are gone already. */
  forget(instrumentations: readonly string[]): void {
    for (const instrumentation of instrumentations) {
      for (const level of LEVELS) this.#plan.delete(planKey({ instrumentation, level }));
    }
  }

  #isAllOver(span: Span): boolean {
    return (this.#plan.get(planKey(span)) ?? []).some(
      ([from, until]) => from <= span.firstStart && span.lastStart < until,
    );
  }
}

function deletable(fold: Fold, head: Head, level: Level): Range[] {
  const { id } = head.instrumentation;
  const coarser = LEVELS[LEVELS.indexOf(level) + 1];
  const needed = coarser === undefined ? Number.MAX_SAFE_INTEGER : levelStart(coarser, fold.openSecond(head));
  const due = [level, ...(coarser === undefined ? [] : [coarser])].flatMap((of) => fold.pending.of(id, of));
  const until = Math.min(
    head.horizon.firstStart(level, fold.largestSecond),
    needed,
    ...due.map((task) => task.startSecond),
  );
  if (level !== 1) return [[0, until]];
  const ranges: Range[] = [];
  let from = 0;
  for (const [fromSecond, untilSecond] of head.horizon.pinned()) {
    ranges.push([from, Math.min(fromSecond, until)]);
    from = untilSecond;
  }
  ranges.push([from, until]);
  return ranges.filter(([a, b]) => a < b);
}

function planKey({ instrumentation, level }: Pick<Span, 'instrumentation' | 'level'>): string {
  return `${level} ${instrumentation}`;
}
