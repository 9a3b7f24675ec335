/** What is known of time: per column, for how many seconds its counts speak. None differs from zero.
 *  Of whole seconds all is exact. A roll-up says of a step only whether its sources reported all of it, so a step
 *  in which anyone was expected speaks for all of its seconds: an upper bound, too large by what was missed. */
import {
  columnEnd,
  columnOf,
  type Coverage,
  type CoveragePart,
  coverageParts,
  emptyBits,
  isFull,
  partColumns,
  type SecondBits,
  setBits,
} from '../model/coverage.ts';
import type { SeriesReader } from '../model/series.ts';
import type { Plan } from './plan.ts';

export interface Known {
  readonly coverage: Coverage;
  /** [column]: 1 where some source reported a step of it in full. */
  readonly heard: Uint8Array;
  /** [column]: distinct seconds in which some source reported; of a roll-up, reports by the second that its steps stand for. */
  readonly reports: Float64Array;
  /** [column]: seconds that these reports speak for, each for the time since the one before it. */
  readonly spoken: Float64Array;
  /** [column]: its length in seconds; the last may be cut short. */
  readonly seconds: Float64Array;
  readonly everySeconds: number;
}

export function whatIsKnown(plan: Plan, reader: SeriesReader): Known {
  const { fromSecond, untilSecond, columnSeconds, columns, instrumentation } = plan;
  const blocks = reader.coverage(instrumentation.id, fromSecond, untilSecond, columnSeconds);
  const parts = coverageParts(blocks, plan);
  const known: Known = {
    coverage: partColumns(parts, plan),
    heard: new Uint8Array(columns),
    reports: new Float64Array(columns),
    spoken: new Float64Array(columns),
    seconds: new Float64Array(columns).fill(columnSeconds),
    everySeconds: instrumentation.everySeconds,
  };
  const last = columns - 1;
  if (last >= 0)
    known.seconds[last] = Math.min(columnSeconds, untilSecond - fromSecond - last * columnSeconds);
  for (const part of parts) addPart(known, part, plan);
  return known;
}

function addPart(known: Known, part: CoveragePart, plan: Plan): void {
  const { stepSeconds, startSecond, untilStep } = part;
  const reported = anyOf(part, false);
  const spoken = stepSeconds === 1 ? reported : anyOf(part, true);
  const reportsPerStep = Math.max(1, stepSeconds / known.everySeconds);
  const secondsPerStep = Math.max(stepSeconds, known.everySeconds);
  for (let step = part.firstStep; step < untilStep;) {
    const column = columnOf(plan, startSecond + step * stepSeconds);
    const end = columnEnd(part, column, plan);
    const steps = setBits(spoken, step, end);
    known.reports[column]! += steps * reportsPerStep;
    known.spoken[column]! += steps * secondsPerStep;
    if (known.heard[column] === 0 && setBits(reported, step, end) > 0) known.heard[column] = 1;
    step = end;
  }
}

/** Steps in which any source reported, or was at least expected. */
function anyOf({ sources }: CoveragePart, expected: boolean): SecondBits {
  const any = emptyBits();
  for (const source of sources) {
    if (isFull(source.reported)) return source.reported;
    for (let i = 0; i < any.length; i++)
      any[i]! |= source.reported[i]! | (expected ? source.expected[i]! : 0);
  }
  return any;
}

/** The seconds that a column's counts speak for. Where counts came without a word on who reported, all of them. */
export function spokenSeconds({ spoken, seconds }: Known, column: number): number {
  return spoken[column]! > 0 ? Math.min(seconds[column]!, spoken[column]!) : seconds[column]!;
}

/** How many reports a level was added up from: its mean is the sum over this. */
export function levelReports({ reports, seconds, everySeconds }: Known, column: number): number {
  return reports[column]! > 0 ? reports[column]! : Math.max(1, Math.ceil(seconds[column]! / everySeconds));
}
