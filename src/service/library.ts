/** Tailglow inside another program: the same log, fold, store and language as the server, in this thread and in
 *  one directory, without HTTP and without instrumenters. For tests that assert on distributions, and for tools.
 *
 *      const tailglow = await openTailglow({ metrics });
 *      await tailglow.instrument('instrument job.runs by queue, latency as runs');
 *      await tailglow.report({ source, sequence: 0, second, reports });
 *      const answer = await tailglow.query('job.runs by queue, latency last 1m | percentiles 50, 99');
 */
import { loadKernel } from '../kernel/native.ts';
import { type Batch, encodeBatch } from '../model/batch.ts';
import { type Clock, systemClock, unixSecond } from '../model/clock.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { MetricDescription } from '../model/metric.ts';
import { encodeReportEntry } from '../model/report.ts';
import { evaluate } from '../query/evaluate.ts';
import { planRead } from '../query/plan.ts';
import type { QueryResult } from '../query/result.ts';
import { openCore } from './core.ts';
import { planProblem, type Problem, ProblemException } from './problem.ts';
import { catalogueOf, draftOf, understand } from './statements.ts';

export type { Batch, Clock, Instrumentation, MetricDescription, Problem, QueryResult };

export interface TailglowOptions {
  /** What can be instrumented. */
  readonly metrics: readonly MetricDescription[];
  /** Where log and store live, and are found again; a temporary one, removed on close, where it is left out. */
  readonly directory?: string;
  readonly clock?: Clock;
  readonly kernel?: 'native' | 'reference';
}

export interface Tailglow {
  /** Runs an `instrument` statement. Rejects with ProblemException. */
  instrument(statement: string): Promise<Instrumentation>;
  /** Appends what one source says of one second; resolves when it is durable and a query sees it. A batch that
   *  was taken before, told by source and sequence, is dropped. */
  report(batch: Batch): Promise<void>;
  /** Answers a read statement, as numbers. Rejects with ProblemException, whose `problem` says the place. */
  query(statement: string): Promise<QueryResult>;
  close(): Promise<void>;
}

/** Throws LogLockedError or StoreLockedError when the directory is in use, KernelMissingError. */
export async function openTailglow(options: TailglowOptions): Promise<Tailglow> {
  const { metrics, clock = systemClock } = options;
  const kernel = loadKernel(options.kernel ?? 'native');
  let fault: unknown;
  const core = await openCore({
    ...(options.directory === undefined ? {} : { directory: options.directory }),
    kernel,
    clock,
    onFault: (error) => (fault ??= error),
  });
  const { configuration, store, log } = core;
  await configuration.announce('library', metrics);
  const settled = async (): Promise<void> => {
    await core.folded();
    if (fault !== undefined) throw fault;
  };
  return {
    instrument: async (statement) => {
      const { instrumentation } = await configuration.create(draftOf(statement, configuration));
      await settled();
      return instrumentation;
    },
    report: async (batch) => {
      await log.append(encodeReportEntry([encodeBatch(batch, kernel.crc32c)]));
      await settled();
    },
    query: async (statement) => {
      const catalogue = catalogueOf(configuration);
      const { checked } = understand(statement, catalogue);
      if (checked.kind !== 'read') throw notRead(checked.kind);
      const nowMs = clock.nowMs();
      const frontierSecond = (id: string): number | undefined => store.frontier(id, nowMs) || undefined;
      const planned = planRead(checked, { catalogue, nowSecond: unixSecond(nowMs), frontierSecond });
      if ('problem' in planned) throw new ProblemException(planProblem(planned.problem));
      return evaluate(planned.plan, store.reader, kernel);
    },
    close: async () => {
      await core.close();
    },
  };
}

function notRead(kind: string): ProblemException {
  return new ProblemException({
    status: 422,
    code: 'STATEMENT_KIND',
    title: 'Not a read statement',
    detail: `Cannot query with a statement of kind "${kind}": expected a metric to read`,
  });
}
