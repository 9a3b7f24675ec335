/** Answers a read statement as numbers, in the caller's thread: what the library gives where the gateway gives
 *  bytes. Owns: planning at one moment, a store's frontier as the statement's `now`. */
import { unixSecond } from '../model/clock.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { SeriesReader } from '../model/series.ts';
import type { Catalogue } from '../query/catalogue.ts';
import type { CheckedRead } from '../query/checked.ts';
import { evaluateInSlices } from '../query/evaluate.ts';
import { type Plan, planRead } from '../query/plan.ts';
import { AnswerTooLargeError, type QueryResult } from '../query/result.ts';
import type { Store } from '../store/store.ts';
import { planProblem, ProblemException } from './problem.ts';

/** A program that embeds us is held up no longer at a time, as far as one stored block allows. */
const SLICE_MS = 5;

export interface AnswerContext {
  readonly catalogue: Catalogue;
  readonly store: Store;
  /** As Aggregator.asOf. */
  readonly asOf: (plan: Plan) => Promise<SeriesReader>;
  readonly kernel: Kernel;
  readonly nowMs: number;
  /** A second that is not over, of which all is known so far: `now` is then its end. */
  readonly openSecond?: number | undefined;
}

/** Throws ProblemException. */
export function planned(read: CheckedRead, { catalogue, store, nowMs, openSecond }: AnswerContext): Plan {
  const nowSecond = Math.max(unixSecond(nowMs), (openSecond ?? -1) + 1);
  const frontierSecond = (id: string): number | undefined =>
    openSecond === undefined ? store.frontier(id, nowMs) || undefined : openSecond + 1;
  const outcome = planRead(read, { catalogue, nowSecond, frontierSecond, answersAsOf: true });
  if ('problem' in outcome) throw new ProblemException(planProblem(outcome.problem));
  return outcome.plan;
}

/** With its cells, which are drawn from what is stored when they are asked for: before that goes on. */
function lasting(result: QueryResult): QueryResult {
  return result.kind === 'heatmap' ? { ...result, raster: { ...result.raster } } : result;
}

/** In slices, between which the program goes on. Throws ProblemException. */
export async function answered(plan: Plan, { store, kernel, asOf }: AnswerContext): Promise<QueryResult> {
  const reader = plan.asOfSecond === undefined ? store.reader : await asOf(plan);
  const slices = evaluateInSlices(plan, reader, kernel);
  try {
    for (let sliceEndMs = performance.now() + SLICE_MS; ;) {
      const { done, value } = slices.next();
      if (done === true) return lasting(value.result);
      if (performance.now() < sliceEndMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      sliceEndMs = performance.now() + SLICE_MS;
    }
  } catch (error) {
    if (!(error instanceof AnswerTooLargeError)) throw error;
    throw new ProblemException(planProblem({ code: error.code, message: error.message }), { cause: error });
  }
}
