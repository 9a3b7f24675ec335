/** What is known of time: per column, how many of its seconds anyone reported. None differs from zero. */
import { type Coverage, coverageColumns, hasBit } from '../model/coverage.ts';
import { BLOCK_STEPS } from '../model/limits.ts';
import type { SeriesReader } from '../model/series.ts';
import type { Plan } from './plan.ts';

export interface Known {
  readonly coverage: Coverage;
  /** [column]: distinct seconds in which some source reported. */
  readonly reported: Float64Array;
  /** [column]: its length in seconds; the last may be cut short. */
  readonly seconds: Float64Array;
  readonly everySeconds: number;
}

export function whatIsKnown(plan: Plan, reader: SeriesReader): Known {
  const { fromSecond, untilSecond, columnSeconds, columns, instrumentation } = plan;
  const blocks = [...reader.coverage(instrumentation.id, fromSecond, untilSecond)];
  const coverage = coverageColumns(blocks, { fromSecond, untilSecond, columnSeconds });
  const heard = new Uint8Array(untilSecond - fromSecond);
  for (const { startSecond, sources } of blocks) {
    const first = Math.max(0, fromSecond - startSecond);
    const until = Math.min(BLOCK_STEPS, untilSecond - startSecond);
    for (const { reported } of sources) {
      for (let step = first; step < until; step++) {
        if (hasBit(reported, step)) heard[startSecond + step - fromSecond] = 1;
      }
    }
  }
  const reported = new Float64Array(columns);
  for (let s = 0; s < heard.length; s++) reported[Math.floor(s / columnSeconds)]! += heard[s]!;
  const seconds = Float64Array.from({ length: columns }, (_, c) =>
    Math.min(columnSeconds, untilSecond - fromSecond - c * columnSeconds),
  );
  return { coverage, reported, seconds, everySeconds: instrumentation.everySeconds };
}

/** The seconds that a column's counts speak for: those reported, each for the time since the one before it.
 *  Where counts came without a word on who reported, all of them. */
export function spokenSeconds({ reported, seconds, everySeconds }: Known, column: number): number {
  const spoken = Math.min(seconds[column]!, reported[column]! * everySeconds);
  return spoken > 0 ? spoken : seconds[column]!;
}

/** How many reports a level was added up from: its mean is the sum over this. */
export function levelReports({ reported, seconds, everySeconds }: Known, column: number): number {
  return reported[column]! > 0 ? reported[column]! : Math.max(1, Math.ceil(seconds[column]! / everySeconds));
}
