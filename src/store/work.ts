/** Does the work that is due behind the fold, a small unit at a time: makes roll-ups and compactions, and deletes what
 *  they supersede. Owns: the one sum in memory, and what may be begun: only what a durable commit made due, in the
 *  order of pending.ts. What is made follows from the rows up to the task's revision, so not from when it is made.
 *  Does not: decide what is due, answer. After a crash a task is begun anew; a row that is there is not made again. */
import { assert } from '../model/assert.ts';
import { emptyBits } from '../model/coverage.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { finerLevel, levelSpan } from '../model/level.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import type { Fold } from './fold.ts';
import { KnownCoverage } from './known-coverage.ts';
import type { Leases } from './leases.ts';
import { Partition } from './partition.ts';
import type { Partitions } from './partitions.ts';
import type { Task } from './pending.ts';
import {
  byStart,
  countingRows,
  PART,
  type SegmentIndex,
  type SegmentRef,
  segmentName,
  type SegmentRow,
  WHOLE,
} from './place.ts';
import { RollUp } from './roll-up.ts';
import type { SegmentCache } from './segment-cache.ts';
import { decodeSegment, encodeSegment, segmentCodec } from './segment.ts';

export interface WorkOptions {
  readonly fold: Fold;
  readonly partitions: Partitions;
  readonly cache: SegmentCache;
  readonly leases: Leases;
  readonly kernel: Kernel;
  readonly onStep: (step: 'rollup-written' | 'rollup-committed') => void;
}

/** A task under way. */
interface Job {
  readonly task: Task;
  readonly inputs: readonly SegmentRef[];
  /** The next of them. */
  at: number;
  sum: RollUp;
}

/** A task whose row is there, and what that row supersedes. */
interface Made {
  readonly task: Task;
  readonly superseded: readonly SegmentRef[];
}

export class Work {
  readonly #options: WorkOptions;
  readonly #made = new Map<Task, Made>();
  #job: Job | undefined;
  /** Tasks of later seals wait: a power cut may take the seal back. */
  #durableRevision = -1;

  constructor(options: WorkOptions) {
    this.#options = options;
  }

  becameDurable(): void {
    this.#durableRevision = this.#options.fold.counters.seals;
  }

  /** One unit; false where nothing can be done now. */
  step(): boolean {
    this.#job ??= this.#begin();
    if (this.#job === undefined) return this.#deleteSuperseded();
    this.#goOn(this.#job);
    return true;
  }

  /** What is under way is begun anew. */
  abandon(): void {
    this.#job = undefined;
  }

  /** Their history went. */
  forget(instrumentations: readonly string[]): void {
    const isGone = ({ instrumentation }: Task): boolean => instrumentations.includes(instrumentation);
    if (this.#job !== undefined && isGone(this.#job.task)) this.#job = undefined;
    for (const task of this.#made.keys()) if (isGone(task)) this.#made.delete(task);
  }

  #begin(): Job | undefined {
    for (const task of this.#options.fold.pending) {
      if (task.revision > this.#durableRevision) return undefined;
      if (this.#made.has(task)) continue;
      return { task, inputs: this.#inputs(task), at: 0, sum: new RollUp(task) };
    }
    return undefined;
  }

  /** What the task is made of; nothing where it is made. */
  #inputs({ kind, instrumentation, level, startSecond, revision }: Task): SegmentRef[] {
    const index: SegmentIndex = this.#options.partitions;
    const own = index.find(instrumentation, level, startSecond, startSecond + 1);
    if (own.some((row) => row.whole === WHOLE && row.revision === revision)) return [];
    if (kind === 'compaction') return [...countingRows(own, revision).rows];
    const finer = finerLevel(level);
    assert(finer !== undefined, 'level 1 is no roll-up');
    const found = index.find(instrumentation, finer, startSecond, startSecond + levelSpan(level));
    return [...byStart(found).values()].flatMap((rows) => countingRows(rows, revision).rows);
  }

  #goOn(job: Job): void {
    const { inputs, sum } = job;
    const { kernel } = this.#options;
    for (; job.at < inputs.length; job.at++) {
      const ref = inputs[job.at]!;
      if (!sum.overlaps({ startSecond: ref.startSecond, stepSeconds: ref.level })) continue;
      sum.add(decodeSegment(ref.partition.bytes(ref), kernel, segmentName(ref)), kernel);
      job.at++;
      return;
    }
    if (inputs.length > 0) this.#write(job);
    if (sum.untilStep === BLOCK_STEPS || inputs.length === 0) return this.#finish(job.task);
    job.at = 0;
    job.sum = new RollUp(job.task, sum.untilStep);
  }

  #write({ task, sum }: Job): void {
    const { fold, kernel, partitions, onStep } = this.#options;
    const { instrumentation, level, startSecond, revision } = task;
    const head = fold.head(instrumentation);
    assert(head !== undefined, 'what is dropped is not due');
    const isLast = sum.untilStep === BLOCK_STEPS;
    const none = { startSecond, stepSeconds: level, sources: [], revised: emptyBits() };
    const bytes = encodeSegment(
      {
        grid: head.instrumentation.grid,
        fieldCount: head.instrumentation.by.length,
        startSecond,
        stepSeconds: level,
        ...sum.take(kernel),
        coverage: isLast ? this.#coverage(task) : none,
      },
      kernel,
    );
    const row: SegmentRow = {
      instrumentation,
      level,
      startSecond,
      revision,
      whole: isLast ? WHOLE : PART,
      part: sum.fromStep,
      codec: segmentCodec(bytes),
      bytes,
    };
    const newest = partitions.newest?.partition;
    assert(newest !== undefined, 'what is due was committed');
    const partition = level === 1 ? newest : partitions.ofRollUp(level, startSecond);
    partition.insert([row], () => onStep('rollup-written'));
    onStep('rollup-committed');
  }

  #coverage(task: Task) {
    const { fold, partitions, cache } = this.#options;
    const known = new KnownCoverage(partitions, fold.pending, (ref) => cache.coverage(ref));
    const coverage =
      task.kind === 'compaction' ? known.of(task, task.revision) : known.rolledUp(task, task.revision);
    return coverage.block();
  }

  #finish(task: Task): void {
    const { partitions, fold } = this.#options;
    const { instrumentation, level, startSecond } = task;
    this.#job = undefined;
    const rows = partitions.find(instrumentation, level, startSecond, startSecond + 1);
    const counting = new Set(countingRows(rows).rows);
    const superseded = rows.filter((row) => !counting.has(row));
    if (superseded.length === 0) fold.pending.done(task);
    else this.#made.set(task, { task, superseded });
  }

  /** The rows that took their place must outlive a power cut, and so must the deletion, or they would stay. */
  #deleteSuperseded(): boolean {
    const { fold, leases } = this.#options;
    for (const { task, superseded } of this.#made.values()) {
      if (!leases.isFree(fold.counters.seals) || !this.#isDurable(task)) return false;
      const partitions = new Set(superseded.map(({ partition }) => partition));
      for (const partition of partitions) {
        assert(partition instanceof Partition, 'work waits while the disk is full');
        partition.deleteRows(superseded.filter((ref) => ref.partition === partition).map((ref) => ref.id));
        partition.checkpoint();
      }
      this.#made.delete(task);
      fold.pending.done(task);
      return true;
    }
    return false;
  }

  /** Files of roll-ups sync with each commit. */
  #isDurable({ level }: Task): boolean {
    return level !== 1 || this.#options.partitions.newest?.partition.checkpoint() === true;
  }
}
