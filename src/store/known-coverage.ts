/** Coverage of places from the stored rows, the same whether a roll-up that is due has been made or not: where it has
 *  not, the finer rows say what it will say. Owns: that rule. Does not: keep anything, know of open blocks. */
import type { CoverageBlock } from '../model/coverage.ts';
import { finerLevel, levelSpan, levelStart } from '../model/level.ts';
import type { SecondRange } from '../model/series.ts';
import type { Pending } from './pending.ts';
import { countingRows, type Place, type SegmentIndex, type SegmentRef } from './place.ts';
import { PlaceCoverage } from './place-coverage.ts';

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
  of(place: Place, revision = Number.POSITIVE_INFINITY, within?: SecondRange): PlaceCoverage {
    const { instrumentation, level, startSecond } = place;
    const found = this.#index.find(instrumentation, level, startSecond, startSecond + 1);
    const { whole, rows } = countingRows(found, revision);
    const task = whole ? undefined : this.#rollUpOf(place, revision);
    const coverage =
      task === undefined ? new PlaceCoverage(place) : this.rolledUp(place, task.revision, within);
    for (const row of rows) coverage.add(this.#read(row));
    return coverage;
  }

  /** What the finer places say, as of a revision. */
  rolledUp(place: Place, revision: number, within?: SecondRange): PlaceCoverage {
    const { instrumentation, level, startSecond } = place;
    const coverage = new PlaceCoverage(place);
    const finer = finerLevel(level);
    if (finer === undefined) return coverage;
    const untilSecond = startSecond + levelSpan(level);
    const first = levelStart(finer, Math.max(startSecond, within?.fromSecond ?? startSecond));
    const end = Math.min(untilSecond, within?.untilSecond ?? untilSecond);
    for (let start = first; start < end; start += levelSpan(finer)) {
      const inner = { instrumentation, level: finer, startSecond: start };
      coverage.addFiner(this.of(inner, revision, within));
    }
    return coverage;
  }

  #rollUpOf(place: Place, revision: number) {
    return this.#pending.at(place).find((task) => task.kind === 'roll-up' && task.revision <= revision);
  }
}
