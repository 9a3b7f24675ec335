/** What is known of time: per column, how many of its seconds anyone reported. None differs from zero. */
import {
  type Coverage,
  type CoverageBlock,
  coverageColumns,
  emptyBits,
  hasBit,
  type SecondBits,
} from '../model/coverage.ts';
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
  const blocks = [...reader.coverage(instrumentation.id, fromSecond, untilSecond, columnSeconds)];
  const coverage = coverageColumns(blocks, { fromSecond, untilSecond, columnSeconds });
  const reported = new Float64Array(columns);
  for (const [startSecond, heard] of heardBits(blocks)) {
    const first = Math.max(0, fromSecond - startSecond);
    const until = Math.min(BLOCK_STEPS, untilSecond - startSecond);
    for (let step = first; step < until; step++) {
      if (hasBit(heard, step)) reported[Math.floor((startSecond + step - fromSecond) / columnSeconds)]!++;
    }
  }
  const seconds = Float64Array.from({ length: columns }, (_, c) =>
    Math.min(columnSeconds, untilSecond - fromSecond - c * columnSeconds),
  );
  return { coverage, reported, seconds, everySeconds: instrumentation.everySeconds };
}

/** Per block start, the seconds in which any source reported. */
function heardBits(blocks: readonly CoverageBlock[]): Map<number, SecondBits> {
  const heard = new Map<number, SecondBits>();
  for (const { startSecond, sources } of blocks) {
    let bits = heard.get(startSecond);
    if (bits === undefined) heard.set(startSecond, (bits = emptyBits()));
    for (const { reported } of sources) {
      for (let i = 0; i < bits.length; i++) bits[i]! |= reported[i]!;
    }
  }
  return heard;
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
