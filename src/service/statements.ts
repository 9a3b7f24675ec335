/** Runs a statement for a client: reads it, checks it, and either asks the aggregator that owns the
 *  instrumentation or tells the config role. All of it is quick; the work of an answer is the aggregator's. */
import { unixSecond } from '../model/clock.ts';
import type { Pin } from '../model/pin.ts';
import type { Catalogue } from '../query/catalogue.ts';
import type { Listing, Statement } from '../query/ast.ts';
import { checkStatement } from '../query/check.ts';
import type { Checked, CheckedPin, CheckedRead, Draft } from '../query/checked.ts';
import { parseStatement } from '../query/parse.ts';
import { pinnedSeconds, planRead } from '../query/plan.ts';
import { printStatement } from '../query/print.ts';
import type { Answered, Presentation, ReadQuestion } from './answer.ts';
import type { Configuration } from './configuration.ts';
import { explainInstrument } from './explain-instrument.ts';
import type { GatewayContext } from './gateway-context.ts';
import { instrumentationTable, metricTable, pinTable, sourceTable } from './listing.ts';

import { planProblem, type Problem, ProblemException, queryProblem } from './problem.ts';
import { type Table, tableAnswer } from './tables.ts';

export interface RunOptions {
  readonly readOnly: boolean;
  readonly waitMs: number;
  readonly presentation: Presentation;
  readonly ifNoneMatch?: string;
  /** Aborts when the client is gone. */
  readonly signal?: AbortSignal;
}

export function catalogueOf(configuration: Configuration): Catalogue {
  return {
    metrics: configuration.metrics(),
    instrumentations: configuration.instrumentations(),
    pins: configuration.pins(),
  };
}

/** Of what a client may ask for here, also the ways to name keys. */
export function catalogueFor({ configuration, transformations = [] }: GatewayContext): Catalogue {
  return { ...catalogueOf(configuration), transformations };
}

/** What an `instrument` statement asks for. Throws ProblemException. */
export function draftOf(text: string, configuration: Configuration): Draft {
  const { checked } = understand(text, catalogueOf(configuration));
  if (checked.kind === 'instrument') return checked.instrumentation;
  throw new ProblemException({
    status: 422,
    code: 'STATEMENT_KIND',
    title: 'Not an instrument statement',
    detail: `Cannot create an instrumentation from a statement of kind "${checked.kind}": expected \`instrument METRIC ...\``,
  });
}

/** Reads and checks a statement. Throws ProblemException. */
export function understand(text: string, catalogue: Catalogue): { statement: Statement; checked: Checked } {
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed) throw new ProblemException(queryProblem(parsed.diagnostics));
  const outcome = checkStatement(parsed.statement, catalogue, text);
  if ('diagnostics' in outcome) throw new ProblemException(queryProblem(outcome.diagnostics));
  return { statement: parsed.statement, checked: outcome.checked };
}

const CHANGES: ReadonlySet<Checked['kind']> = new Set([
  'instrument',
  'pause',
  'resume',
  'drop',
  'pin',
  'unpin',
]);

/** Throws ProblemException. */
export async function runStatement(
  context: GatewayContext,
  text: string,
  options: RunOptions,
): Promise<Answered> {
  const catalogue = catalogueFor(context);
  const { statement, checked } = understand(text, catalogue);
  if (options.readOnly && CHANGES.has(checked.kind)) throw needsPost(checked.kind);
  return run(context, checked, { ...options, text: printStatement(statement), catalogue });
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
      if ('read' in checked) return read(context, checked.read, { ...options, explain: true });
      return tableAnswer(explainInstrument(context, checked.instrumentation), options.presentation);
    case 'instrument': {
      const { instrumentation } = await context.configuration.create(checked.instrumentation);
      return tableAnswer(instrumentationTable(context, [instrumentation]), options.presentation);
    }
    case 'pause':
    case 'resume': {
      const changed = await context.configuration.change(checked.id, { paused: checked.kind === 'pause' });
      return tableAnswer(instrumentationTable(context, [changed]), options.presentation);
    }
    case 'drop':
      await context.configuration.drop(checked.id);
      return tableAnswer({ columns: [{ name: 'dropped' }], rows: [[checked.id]] }, options.presentation);
    case 'pin':
      return tableAnswer(pinTable([await pin(context, checked)]), options.presentation);
    case 'unpin':
      await context.configuration.unpin(checked.id);
      return tableAnswer({ columns: [{ name: 'unpinned' }], rows: [[checked.id]] }, options.presentation);
    case 'show':
      return tableAnswer(await show(context, checked.what), options.presentation);
  }
}

export function pin(context: GatewayContext, { id, instrumentation, range }: CheckedPin): Promise<Pin> {
  const seconds = pinnedSeconds(range, unixSecond(context.clock.nowMs()));
  if ('code' in seconds) throw new ProblemException(planProblem(seconds));
  return context.configuration.pin({ ...(id === undefined ? {} : { id }), instrumentation, ...seconds });
}

export async function show(context: GatewayContext, what: Listing): Promise<Table> {
  switch (what) {
    case 'metrics':
      return metricTable(context);
    case 'instrumentations':
      return instrumentationTable(context, context.configuration.instrumentations());
    case 'sources':
      return sourceTable(context);
    case 'pins':
      return pinTable(context.configuration.pins());
  }
}

async function read(
  context: GatewayContext,
  checked: CheckedRead,
  options: RunOptions & { text: string; catalogue: Catalogue; explain: boolean },
): Promise<Answered> {
  const { catalogue, text, presentation, waitMs, ifNoneMatch, explain, signal } = options;
  const nowSecond = unixSecond(context.clock.nowMs());
  // Which instrumentation answers does not depend on the newest second, so any will do here.
  const planned = planRead(checked, {
    catalogue,
    nowSecond,
    frontierSecond: () => nowSecond,
    answersAsOf: true,
  });
  if ('problem' in planned) throw new ProblemException(planProblem(planned.problem));
  const { metric, instrumentation } = planned.plan;
  const { id } = instrumentation;
  const question: ReadQuestion = {
    kind: 'read',
    checked,
    text,
    metric,
    instrumentation,
    pins: catalogue.pins.filter((pin) => pin.instrumentation === id),
    presentation,
    waitMs,
    explain,
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
  context.configuration.look(id);
  const answer = await context.owner(id).ask(question, signal);
  if (answer.kind === 'answered') return answer;
  if (answer.kind === 'problem') throw new ProblemException(answer.problem);
  throw new Error(`expected an answer to a read, found ${answer.kind}`);
}

function needsPost(kind: string): ProblemException {
  const problem: Problem = {
    status: 405,
    code: 'POST_NEEDED',
    title: 'This changes something',
    detail: `Cannot run a statement of kind "${kind}" by GET: send it by POST`,
  };
  return new ProblemException(problem);
}
