/** Reads the log for a question about what was known at an earlier time, up to what the log holds when it begins.
 *  A batch at a time, between which the thread does other things. Owns: where to begin and to end. Does not: fold
 *  (store/as-of.ts), answer. */
import { setImmediate } from 'node:timers/promises';
import { assert } from '../model/assert.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { LogEntry, LogReader } from '../model/log.ts';
import type { SeriesReader } from '../model/series.ts';
import { instantText } from '../query/moment.ts';
import type { Plan } from '../query/plan.ts';
import { AsOfReader, asOfStartMs, AsOfTooLargeError } from '../store/as-of.ts';
import { planProblem, type Problem, ProblemException } from './problem.ts';

export interface AsOfContext {
  readonly log: LogReader;
  readonly kernel: Kernel;
}

/** The series as they were known. Throws ProblemException: the log is trimmed, too much is in the range. */
export async function readAsOf(
  plan: Plan,
  { log, kernel }: AsOfContext,
  signal: AbortSignal,
): Promise<SeriesReader> {
  const { asOfSecond } = plan;
  assert(asOfSecond !== undefined, 'the plan asks for what was known');
  const end = await log.end();
  const from = await log.seek(asOfStartMs(plan));
  if (from === undefined) throw new ProblemException(await trimmed(plan, log.read(0, signal, end)));
  const reader = new AsOfReader({ ...plan, asOfSecond }, kernel);
  try {
    for await (const entries of log.read(from, signal, end)) {
      if (reader.take(entries)) break;
      await setImmediate();
    }
  } catch (error) {
    if (!(error instanceof AsOfTooLargeError)) throw error;
    throw new ProblemException(planProblem({ code: error.code, message: error.message }));
  }
  return reader;
}

async function trimmed(plan: Plan, all: AsyncIterable<readonly LogEntry[]>): Promise<Problem> {
  let since = 'it is empty';
  for await (const [oldest] of all) {
    if (oldest !== undefined) since = `it is kept since ${instantText(Math.ceil(oldest.arrivedMs / 1000))}`;
    break;
  }
  const neededSince = instantText(Math.floor(asOfStartMs(plan) / 1000));
  const { fromSecond } = plan.earlier ?? plan;
  return {
    status: 422,
    code: 'LOG_TRIMMED',
    title: 'The log does not reach back so far',
    detail: `Cannot read what was known of ${instantText(fromSecond)} from the log, which needs it since ${neededSince}: ${since}`,
  };
}
