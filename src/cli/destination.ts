/** What takes rows: the statement after --as, and what it makes of them. Pure. Throws CommandFailure with text for a
 *  person. */
import type { RowShape } from '../ingest/backfill/row.ts';
import { fieldOf, type MetricDescription, TYPES } from '../model/metric.ts';
import type { InstrumentStatement } from '../query/ast.ts';
import { checkStatement, type Draft } from '../query/check.ts';
import { parseStatement } from '../query/parse.ts';
import { printStatement } from '../query/print.ts';
import { CommandFailure, EXIT, problemText } from './client.ts';

export function statementOf(as: string): InstrumentStatement {
  const text = /^\s*instrument\b/i.test(as) ? as : `instrument ${as}`;
  const parsed = parseStatement(text);
  if ('diagnostics' in parsed)
    throw new CommandFailure(EXIT.usage, problemText({ errors: parsed.diagnostics }, text));
  if (parsed.statement.kind === 'instrument') return parsed.statement;
  throw new CommandFailure(
    EXIT.usage,
    `--as says what takes the rows, such as 'http.requests by route, latency'`,
  );
}

export function draftOf(text: string, metric: MetricDescription): Draft {
  const parsed = parseStatement(text);
  const outcome =
    'diagnostics' in parsed
      ? parsed
      : checkStatement(parsed.statement, { metrics: [metric], instrumentations: [], pins: [] }, text);
  if ('checked' in outcome && outcome.checked.kind === 'instrument') return outcome.checked.instrumentation;
  const errors = 'diagnostics' in outcome ? outcome.diagnostics : [];
  throw new CommandFailure(EXIT.usage, problemText({ errors }, text));
}

export function shapeOf(statement: InstrumentStatement, metric: MetricDescription): RowShape {
  const text = printStatement(statement);
  const { by, numeric, grid, where, everySeconds } = draftOf(text, metric);
  const field = numeric === undefined ? undefined : fieldOf(metric, numeric);
  return {
    by,
    ...(field === undefined ? {} : { numeric: { field: field.name, type: TYPES[field.type] } }),
    grid,
    ...(where === undefined ? {} : { where }),
    everySeconds,
  };
}
