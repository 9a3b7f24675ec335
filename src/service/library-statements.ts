/** Runs statements for a program that embeds Tailglow: as service/statements.ts does for a client, with typed
 *  values in place of bytes. Owns: which part of the core does what a statement says. */
import type { Clock } from '../model/clock.ts';
import type { SourceStateOf } from '../ingest/instrumenter.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Pin } from '../model/pin.ts';
import type { Checked, CheckedRead } from '../query/checked.ts';
import { explainPlan } from '../query/explain.ts';
import type { Plan } from '../query/plan.ts';
import { printStatement } from '../query/print.ts';
import type { QueryResult, TableResult } from '../query/result.ts';
import type { Core } from './core.ts';
import { explainInstrument } from './explain-instrument.ts';
import type { GatewayContext } from './gateway-context.ts';
import { ProblemException } from './problem.ts';
import { catalogueOf, draftOf, pin, show, understand } from './statements.ts';
import type { Cell, Table } from './table.ts';
import { type AnswerContext, answered, planned } from './typed-answer.ts';

/** The numbers, and the statement that asked for them, as it prints itself. */
export type Answer = QueryResult & { readonly query: string };

/** What came of a statement. */
export type Outcome =
  /** Of a read, `explain` and `show`: these as a table. */
  | Answer
  | { readonly kind: 'instrumented'; readonly instrumentation: Instrumentation; readonly created: boolean }
  | { readonly kind: 'pinned'; readonly pin: Pin }
  | { readonly kind: 'paused' | 'resumed'; readonly instrumentation: Instrumentation }
  | { readonly kind: 'dropped' | 'unpinned'; readonly id: string };

export interface LibraryStatementsOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly kernel: Kernel;
  /** What the program recorded is said and folded; what could not be, in words. */
  readonly settled: () => Promise<readonly string[]>;
  readonly openSecond: () => number | undefined;
  readonly states: (id: string) => readonly SourceStateOf[];
}

export class LibraryStatements {
  readonly #options: LibraryStatementsOptions;

  /** What the gateway's statements are run with: one aggregator, in this thread. */
  readonly #gateway: GatewayContext;

  constructor(options: LibraryStatementsOptions) {
    this.#options = options;
    const { core, clock, states } = options;
    const { configuration, aggregator } = core;
    this.#gateway = {
      version: '',
      configuration,
      log: core.log,
      checksum: options.kernel.crc32c,
      aggregators: [aggregator],
      owner: () => aggregator,
      states,
      checks: () => [],
      clock,
      hostNames: [],
    };
  }

  async instrument(statement: string): Promise<Instrumentation> {
    const { configuration } = this.#options.core;
    const { instrumentation } = await configuration.create(draftOf(statement, configuration));
    return instrumentation;
  }

  async query(text: string): Promise<Answer> {
    const { statement, checked } = understand(text, catalogueOf(this.#options.core.configuration));
    if (checked.kind !== 'read') throw notRead(checked.kind);
    return { ...(await this.#read(checked)), query: printStatement(statement) };
  }

  async run(text: string): Promise<Outcome> {
    const { statement, checked } = understand(text, catalogueOf(this.#options.core.configuration));
    const outcome = await this.#run(checked);
    return isAnswer(outcome) ? { ...outcome, query: printStatement(statement) } : outcome;
  }

  async #run(checked: Checked): Promise<QueryResult | Exclude<Outcome, Answer>> {
    const { core, settled } = this.#options;
    switch (checked.kind) {
      case 'read':
        return this.#read(checked);
      case 'explain':
        if ('read' in checked) return this.#explain(checked.read);
        return explainInstrument(this.#gateway, checked.instrumentation);
      case 'instrument': {
        const { instrumentation, created } = await core.configuration.create(checked.instrumentation);
        await settled();
        return { kind: 'instrumented', instrumentation, created };
      }
      case 'pause':
      case 'resume': {
        const paused = checked.kind === 'pause';
        const instrumentation = await core.configuration.change(checked.id, { paused });
        await settled();
        return { kind: paused ? 'paused' : 'resumed', instrumentation };
      }
      case 'drop':
        await core.configuration.drop(checked.id);
        await settled();
        return { kind: 'dropped', id: checked.id };
      case 'pin':
        return { kind: 'pinned', pin: await pin(this.#gateway, checked) };
      case 'unpin':
        await core.configuration.unpin(checked.id);
        return { kind: 'unpinned', id: checked.id };
      case 'show':
        await settled();
        return listed(await show(this.#gateway, checked.what));
    }
  }

  async #read(read: CheckedRead): Promise<QueryResult> {
    const { context, unseen } = await this.#context();
    const result = await answered(this.#plan(read, context), context);
    return unseen.length === 0 ? result : { ...result, notes: [...result.notes, ...unseen] };
  }

  async #explain(read: CheckedRead): Promise<TableResult> {
    const { context } = await this.#context();
    return explainPlan(this.#plan(read, context));
  }

  /** Someone looks: what answers goes on living. */
  #plan(read: CheckedRead, context: AnswerContext): Plan {
    const plan = planned(read, context);
    this.#options.core.configuration.look(plan.instrumentation.id);
    return plan;
  }

  async #context(): Promise<{ readonly context: AnswerContext; readonly unseen: readonly string[] }> {
    const { core, kernel, clock, settled, openSecond } = this.#options;
    const unseen = await settled();
    const catalogue = catalogueOf(core.configuration);
    const context: AnswerContext = {
      catalogue,
      store: core.store,
      asOf: (plan) => core.aggregator.asOf(plan),
      kernel,
      nowMs: clock.nowMs(),
      openSecond: openSecond(),
    };
    return { context, unseen };
  }
}

function isAnswer(outcome: QueryResult | Exclude<Outcome, Answer>): outcome is QueryResult {
  return 'notes' in outcome;
}

function listed({ columns, rows }: Table): TableResult {
  const cell = (value: Cell): string | number | null => (typeof value === 'boolean' ? String(value) : value);
  return { kind: 'table', columns, rows: rows.map((row) => row.map(cell)), notes: [] };
}

/** A statement that reads nothing was given to `query`. */
export function notRead(kind: string): ProblemException {
  return new ProblemException({
    status: 422,
    code: 'STATEMENT_KIND',
    title: 'Not a read statement',
    detail: `Cannot query with a statement of kind "${kind}": expected a metric to read; other statements are for run`,
  });
}
