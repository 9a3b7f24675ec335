/** Reads the log for a question about what was known at an earlier time, up to what the log holds when it begins.
 *  A batch at a time, between which the thread does other things. Owns: where to begin and to end. Does not: fold
 *  (store/as-of.ts), answer. */
import { setImmediate } from 'node:timers/promises';
import { assert } from '../model/assert.ts';
import type { Clock } from '../model/clock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { LogReader } from '../model/log.ts';
import type { SeriesReader } from '../model/series.ts';
import { instantText } from '../query/moment.ts';
import type { Plan } from '../query/plan.ts';
import { AsOfReader, asOfStartMs, AsOfTooLargeError } from '../store/as-of.ts';
import { planProblem, type Problem, ProblemException } from './problem.ts';

/** A log that gives nothing for so long although its end is not reached has none but its own entries there: a
 *  broker's stream says something of itself every second. */
const QUIET_MS = 3000;

export interface AsOfContext {
  readonly log: LogReader;
  readonly kernel: Kernel;
  readonly clock: Clock;
}

/** The series as they were known. Throws ProblemException: the log is trimmed, too much is in the range. */
export async function readAsOf(plan: Plan, context: AsOfContext, signal: AbortSignal): Promise<SeriesReader> {
  const { asOfSecond } = plan;
  assert(asOfSecond !== undefined, 'the plan asks for what was known');
  const { log, kernel } = context;
  const end = await log.end();
  const from = await log.seek(asOfStartMs(plan));
  if (from === undefined) throw new ProblemException(await trimmed(plan, log, signal));
  const reader = new AsOfReader({ ...plan, asOfSecond }, kernel);
  try {
    if (from < end) await feed(reader, { from, end }, context, signal);
  } catch (error) {
    if (!(error instanceof AsOfTooLargeError)) throw error;
    throw new ProblemException(planProblem({ code: error.code, message: error.message }));
  }
  return reader;
}

async function feed(
  reader: AsOfReader,
  offsets: { readonly from: number; readonly end: number },
  { log, clock }: AsOfContext,
  signal: AbortSignal,
): Promise<void> {
  const enough = new AbortController();
  const ends = AbortSignal.any([signal, enough.signal]);
  let heardMs = clock.nowMs();
  const watching = (async () => {
    while (!ends.aborted) {
      await clock.sleep(QUIET_MS / 4, ends);
      if (clock.nowMs() - heardMs > QUIET_MS) enough.abort();
    }
  })();
  try {
    for await (const entries of log.read(offsets.from, ends)) {
      const isOver = reader.take(entries) || entries.at(-1)!.offset >= offsets.end - 1;
      if (isOver) break;
      await setImmediate();
      heardMs = clock.nowMs();
    }
  } finally {
    enough.abort();
    await watching;
  }
}

async function trimmed({ fromSecond }: Plan, log: LogReader, signal: AbortSignal): Promise<Problem> {
  let since = 'it is empty now';
  for await (const [oldest] of log.read(0, signal)) {
    if (oldest !== undefined) since = `it is kept since ${instantText(Math.ceil(oldest.arrivedMs / 1000))}`;
    break;
  }
  const reach = `which needs it since ${instantText(Math.floor(asOfStartMs({ fromSecond, untilSecond: 0 }) / 1000))}`;
  return {
    status: 422,
    code: 'LOG_TRIMMED',
    title: 'The log does not reach back so far',
    detail: `Cannot read what was known of ${instantText(fromSecond)} from the log, ${reach}: ${since}`,
  };
}
