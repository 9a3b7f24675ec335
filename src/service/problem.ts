/** What the gateway says when it cannot answer: RFC 9457 problem details. Plain data, so that an aggregator in
 *  another thread can say it too. `code` is stable; text is for people. */
import type { Diagnostic, DiagnosticCode } from '../query/diagnostic.ts';
import type { PlanProblem } from '../query/plan.ts';

export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly ProblemError[];
  /** A statement that would help. */
  readonly offer?: string;
  readonly retryAfterSeconds?: number;
}

export interface ProblemError {
  /** Of a fault in a statement. */
  readonly code?: DiagnosticCode;
  readonly message: string;
  /** In the query text: UTF-16 units; line and column from 1. */
  readonly position?: {
    readonly offset: number;
    readonly length: number;
    readonly line: number;
    readonly column: number;
  };
  readonly expected?: readonly string[];
  readonly suggestion?: string;
  /** In a JSON body or the parameters: an RFC 6901 pointer. */
  readonly pointer?: string;
  /** In a binary body. */
  readonly byte?: number;
}

/** Carries a problem through code that throws. */
export class ProblemException extends Error {
  /** The problem's. */
  readonly code: string;
  readonly problem: Problem;
  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.detail, options);
    this.code = problem.code;
    this.problem = problem;
  }
}

export function queryProblem(diagnostics: readonly Diagnostic[]): Problem {
  const errors = diagnostics.map(({ code, message, position, expected, suggestion }) => ({
    code,
    message,
    position,
    expected,
    ...(suggestion === undefined ? {} : { suggestion }),
  }));
  return {
    status: 400,
    code: 'QUERY_INVALID',
    title: 'The query cannot be read',
    detail: errors.map((e) => `${e.position.line}:${e.position.column} ${e.message}`).join('\n'),
    errors,
  };
}

export function planProblem({ code, message, offer }: PlanProblem): Problem {
  const title = {
    NOT_INSTRUMENTED: 'Nothing measures this yet',
    NOT_AVAILABLE: 'Not available here',
    NOT_KEPT: 'No longer kept',
    TOO_LARGE: 'The query is too large',
    EMPTY_RANGE: 'The range is empty',
    OUTSIDE_RANGE: 'Not in the range',
    MISALIGNED: 'The columns do not fit each other',
  }[code];
  return { status: 422, code, title, detail: message, ...(offer === undefined ? {} : { offer }) };
}

/** The log is read from before the instrumentation was made. */
export function catchingUp(aggregator: number): Problem {
  return {
    status: 503,
    code: 'CATCHING_UP',
    title: 'The aggregator of this instrumentation is catching up',
    detail: `Cannot ask aggregator ${aggregator}: it reads the log and has not come to this instrumentation yet`,
    retryAfterSeconds: 1,
  };
}

/** The JSON members of RFC 9457, with our own beside them. */
export function problemJson(problem: Problem, instance: string): Record<string, unknown> {
  const { status, code, title, detail, errors, offer } = problem;
  return {
    type: `urn:tailglow:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail,
    code,
    instance,
    ...(errors === undefined ? {} : { errors }),
    ...(offer === undefined ? {} : { offer }),
  };
}
