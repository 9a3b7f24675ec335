/** Coverage of places from the stored rows, the same whether a roll-up that is due has been made or not: where it has
 *  not, the finer rows say what it will say. Owns: that rule. Does not: keep anything, know of open blocks. */
import type { CoverageBlock } from '../model/coverage.ts';
import { finerLevel, type Level, levelSpan, levelStart } from '../model/level.ts';
import type { SecondRange } from '../model/series.ts';
import type { Pending, Task } from './pending.ts';
import { byStart, countingRows, type Place, type SegmentIndex, type SegmentRef } from './place.ts';
import { PlaceCoverage } from './place-coverage.ts';

/** As of which seal, and what of it is wanted at least. */
interface Wanted extends SecondRange {
  readonly revision: number;
}

export class KnownCoverage {
  readonly #index: SegmentIndex;
  readonly #pending: Pending;
  readonly #read: (ref: SegmentRef) => CoverageBlock;

  constructor(index: SegmentIndex, pending: Pending, read: (ref: SegmentRef) => CoverageBlock) {
    this.#index = index;
    this.#pending = pending;
    this.#read = read;
  }

  /** All that is said of the place as of a revision; at least of what touches `within`. */
  of(place: Place, revision = Number.POSITIVE_INFINITY, within: SecondRange = spanOf(place)): PlaceCoverage {
    const { instrumentation, level, startSecond } = place;
    const rows = this.#index.find(instrumentation, level, startSecond, startSecond + 1);
    const task = this.#rollUps(instrumentation, level, revision).find((t) => t.startSecond === startSecond);
    return this.#put(place, rows, task, { ...within, revision });
  }

  /** What the finer places say, as of a revision. */
  rolledUp(place: Place, revision: number, within: SecondRange = spanOf(place)): PlaceCoverage {
    const { instrumentation, level, startSecond } = place;
    const coverage = new PlaceCoverage(place);
    const finer = finerLevel(level);
    if (finer === undefined) return coverage;
    const from = levelStart(finer, Math.max(startSecond, within.fromSecond));
    const until = Math.min(startSecond + levelSpan(level), within.untilSecond);
    const rows = byStart(this.#index.find(instrumentation, finer, from, until));
    const due = this.#rollUps(instrumentation, finer, revision).filter(
      (task) => task.startSecond >= from && task.startSecond < until,
    );
    const tasks = new Map(due.map((task) => [task.startSecond, task]));
    for (const start of new Set([...rows.keys(), ...tasks.keys()])) {
      const inner = { instrumentation, level: finer, startSecond: start };
      coverage.addFiner(this.#put(inner, rows.get(start) ?? [], tasks.get(start), { ...within, revision }));
    }
    return coverage;
  }

  #put(place: Place, found: readonly SegmentRef[], task: Task | undefined, wanted: Wanted): PlaceCoverage {
    const { whole, rows } = countingRows(found, wanted.revision);
    const coverage =
      whole || task === undefined ? new PlaceCoverage(place) : this.rolledUp(place, task.revision, wanted);
    for (const row of rows) coverage.add(this.#read(row));
    return coverage;
  }

  #rollUps(instrumentation: string, level: Level, revision: number): readonly Task[] {
    return this.#pending
      .of(instrumentation, level)
      .filter((task) => task.kind === 'roll-up' && task.revision <= revision);
  }
}

function spanOf({ level, startSecond }: Place): SecondRange {
  return { fromSecond: startSecond, untilSecond: startSecond + levelSpan(level) };
}
