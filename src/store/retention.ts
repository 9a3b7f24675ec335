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

/** Of one level of one instrumentation. */
interface Deletable {
  /** Ranges of starts whose places count no more, and that no later roll-up will need. */
  readonly ranges: readonly Range[];
  readonly head: Head;
}

export class Retention {
  readonly #partitions: Partitions;
  readonly #fold: Fold;
  /** By level and instrumentation; of a durable state. */
  #plan = new Map<string, Deletable>();
  /** Files to look at. */
  #left: Partition[] = [];
  /** How much was due when all files were looked at last. */
  #duePending = 0;

  constructor(partitions: Partitions, fold: Fold) {
    this.#partitions = partitions;
    this.#fold = fold;
  }

  /** The fold is as a durable commit has it. */
  plan(): void {
    this.#plan = new Map();
    for (const head of this.#fold.heads()) {
      const { id } = head.instrumentation;
      for (const level of LEVELS) {
        const ranges = deletable(this.#fold, head, level);
        this.#plan.set(planKey({ instrumentation: id, level }), { ranges, head });
      }
    }
    this.#begin();
  }

  /** Deletes some; false where nothing is left to look at. */
  step(): boolean {
    if (this.#left.length === 0 && this.#fold.pending.size < this.#duePending) this.#begin();
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
      for (const range of this.#rangesOf(span)) {
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

  /** What was due and is done may set more free. */
  #begin(): void {
    this.#left = [...this.#partitions.all()];
    this.#duePending = this.#fold.pending.size;
  }

  #isAllOver(span: Span): boolean {
    return this.#rangesOf(span).some(([from, until]) => from <= span.firstStart && span.lastStart < until);
  }

  /** Without what the work that is due needs still. */
  #rangesOf({ instrumentation, level }: Span): Range[] {
    const planned = this.#plan.get(planKey({ instrumentation, level }));
    if (planned === undefined || this.#fold.head(instrumentation) !== planned.head) return [];
    const due = [level, ...coarserLevels(level).slice(0, 1)]
      .flatMap((of) => this.#fold.pending.of(instrumentation, of))
      .map((task) => task.startSecond);
    const needed = Math.min(Number.POSITIVE_INFINITY, ...due);
    return planned.ranges
      .map(([from, until]): Range => [from, Math.min(until, needed)])
      .filter(([from, until]) => from < until);
  }
}

function deletable(fold: Fold, head: Head, level: Level): Range[] {
  const [coarser] = coarserLevels(level);
  const needed =
    coarser === undefined ? Number.POSITIVE_INFINITY : levelStart(coarser, fold.openSecond(head));
  const until = Math.min(head.horizon.firstStart(level, fold.largestSecond), needed);
  const ranges: Range[] = [];
  let from = 0;
  for (const [fromSecond, untilSecond] of level === 1 ? head.horizon.pinned() : []) {
    ranges.push([from, Math.min(fromSecond, until)]);
    from = untilSecond;
  }
  ranges.push([from, until]);
  return ranges.filter(([a, b]) => a < b);
}

function coarserLevels(level: Level): readonly Level[] {
  return LEVELS.slice(LEVELS.indexOf(level) + 1);
}

function planKey({ instrumentation, level }: Pick<Span, 'instrumentation' | 'level'>): string {
  return `${level} ${instrumentation}`;
}
