/** Runs a statement for a client: reads it, checks it, and either asks the aggregator that owns the
 *  instrumentation or tells the config role. All of it is quick; the work of an answer is the aggregator's. */
import { unixSecond } from '../model/clock.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { Catalogue } from '../query/catalogue.ts';
import { type Checked, type CheckedRead, checkStatement } from '../query/check.ts';
import { parseStatement } from '../query/parse.ts';
import { planRead } from '../query/plan.ts';
import { printStatement } from '../query/print.ts';
import type { Answered, Presentation, ReadQuestion } from './answer.ts';
import type { GatewayContext } from './gateway.ts';
import { instrumentationJson, instrumentationTable, metricTable, sourceTable } from './listing.ts';
import { planProblem } from './answer-read.ts';
import { ProblemException, queryProblem } from './problem.ts';
import { tableAnswer } from './tables.ts';

export interface RunOptions {
  readonly readOnly: boolean;
  readonly waitMs: number;
  readonly presentation: Presentation;
  readonly ifNoneMatch?: string;
}

export function catalogueOf({ configuration }: GatewayContext): Catalogue {
  return { metrics: configuration.metrics(), instrumentations: configuration.instrumentations() };
}

/** Throws ProblemException. */
export async function runStatement(context: GatewayContext, text: string, options: RunOptions): Promise<Answered> {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) throw new ProblemException(queryProblem(parsed.diagnostics));
  const catalogue = catalogueOf(context);
  const outcome = checkStatement(parsed.statement, catalogue);
  if ('diagnostics' in outcome) throw new ProblemException(queryProblem(outcome.diagnostics));
  const { checked } = outcome;
  if (options.readOnly && (checked.kind === 'instrument' || checked.kind === 'drop')) throw needsPost(checked.kind);
  return run(context, checked, { ...options, text: printStatement(parsed.statement), catalogue });
}

async function run(
  context: GatewayContext,
  checked: Checked,
  options: RunOptions & { text: string; catalogue: Catalogue },
): Promise<Answered> {
  switch (checked.kind) {
    case 'read':
      return read(context, checked, { ...options, explain: false });
    case 'explain':
      return read(context, checked.read, { ...options, explain: true });
    case 'instrument': {
      const { instrumentation } = await context.configuration.create(checked.instrumentation);
      return tableAnswer(await instrumentationTable(context, [instrumentation]), options.presentation);
    }
    case 'drop':
      await context.configuration.drop(checked.id);
      return tableAnswer({ columns: [{ name: 'dropped' }], rows: [[checked.id]] }, options.presentation);
    case 'show':
      return tableAnswer(await show(context, checked.what), options.presentation);
  }
}

async function show(context: GatewayContext, what: 'metrics' | 'instrumentations' | 'sources') {
  switch (what) {
    case 'metrics':
      return metricTable(context.configuration.metrics());
    case 'instrumentations':
      return instrumentationTable(context, context.configuration.instrumentations());
    case 'sources':
      return sourceTable(context);
  }
}

async function read(
  context: GatewayContext,
  checked: CheckedRead,
  options: RunOptions & { text: string; catalogue: Catalogue; explain: boolean },
): Promise<Answered> {
  const { catalogue, text, presentation, waitMs, ifNoneMatch, explain } = options;
  const nowSecond = unixSecond(context.clock.nowMs());
  const planned = planRead(checked, { catalogue, nowSecond, frontierSecond: () => nowSecond });
  if ('problem' in planned) throw new ProblemException(planProblem(planned.problem));
  const id = planned.plan.instrumentation.id;
  const question: ReadQuestion = {
    kind: 'read',
    checked,
    text,
    metric: metricOf(catalogue, checked.metric),
    instrumentation: instrumentationOf(catalogue, id),
    presentation,
    waitMs,
    explain,
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
  context.configuration.look(id);
  const answer = await context.owner(id).ask(question);
  if (answer.kind === 'answered') return answer;
  if (answer.kind === 'problem') throw new ProblemException(answer.problem);
  throw new Error(`expected an answer to a read, found ${answer.kind}`);
}
