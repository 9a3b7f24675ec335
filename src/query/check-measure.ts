/** Measures against the decomposition of their statement: what each needs, bounds on its numeric field. */
import { unreachable } from '../model/assert.ts';
import { type Field, isNumeric, type MetricDescription } from '../model/metric.ts';
import type * as ast from './ast.ts';
import { checkField, checkQuantity } from './check-condition.ts';
import type { Measure, ValueBound } from './checked.ts';
import { type Faults, quoted } from './diagnostic.ts';

/** What the stages of a statement may rely on. */
export interface Decomposition {
  readonly metric: MetricDescription;
  /** Discrete. */
  readonly fields: readonly Field[];
  readonly numeric?: Field;
}

/** Measures that need no more than they say: `tail` ranks keys and draws nothing by itself. */
type Drawn = Exclude<ast.MeasureNode, { kind: 'percentile' | 'tail' }>;

export function checkMeasure(
  measure: Drawn,
  by: Decomposition,
  faults: Faults,
): Exclude<Measure, { kind: 'percentile' | 'tail' }>;
export function checkMeasure(measure: ast.MeasureNode, by: Decomposition, faults: Faults): Measure;
export function checkMeasure(measure: ast.MeasureNode, by: Decomposition, faults: Faults): Measure {
  switch (measure.kind) {
    case 'rate':
      refuseLevelRate(measure.span, by, faults);
      return { kind: 'rate' };
    case 'count':
      return { kind: 'count' };
    case 'average':
    case 'maximum':
      requireNumeric(measure, by, faults);
      return { kind: measure.kind };
    case 'percentile':
      requireNumeric({ kind: `p${measure.percent}`, span: measure.span }, by, faults);
      return { kind: 'percentile', percent: measure.percent };
    case 'share':
      return { kind: 'share', ...checkBound(measure.bound, by, faults) };
    case 'tail':
      return { kind: 'tail', ...checkBound(measure.bound, by, faults) };
    case 'apdex':
      requireNumeric(measure, by, faults);
      return { kind: 'apdex', target: checkTarget(measure.target, by, faults) };
    default:
      return unreachable(measure);
  }
}

export function requireNumeric(
  { kind, span }: { kind: string; span: ast.Span },
  by: Decomposition,
  faults: Faults,
): void {
  if (by.numeric !== undefined) return;
  const numeric = by.metric.fields.filter(isNumeric).map((f) => f.name);
  const has = numeric.length === 0 ? `${by.metric.name} has none` : `add "by ${numeric[0]}"`;
  faults.add('TYPE', `Cannot use "${kind}" without a numeric field to break out by: ${has}`, span, {
    expected: numeric,
  });
}

function refuseLevelRate(span: ast.Span, { metric }: Decomposition, faults: Faults): void {
  if (metric.scope === 'interval') return;
  const message = `Cannot take the rate of ${metric.name}: it is a level, which does not add over time`;
  faults.add('TYPE', message, span, { suggestion: 'count' });
}

function checkBound({ field: name, op, value }: ast.Bound, by: Decomposition, faults: Faults): ValueBound {
  const nothing: ValueBound = { op, value: 0 };
  const field = checkField(name, by.metric, faults);
  if (field === undefined) return nothing;
  if (!isNumeric(field)) {
    const message = `Cannot take a part of ${quoted(name.text)}: it is no numeric field, ask for its values with "where"`;
    faults.add('TYPE', message, name.span, {
      expected: by.metric.fields.filter(isNumeric).map((f) => f.name),
    });
    return nothing;
  }
  if (by.numeric?.name !== field.name) {
    const instead = by.numeric === undefined ? '' : ` in place of "${by.numeric.name}"`;
    const message = `Cannot take a part of ${quoted(name.text)} without breaking out by it: add "by ${field.name}"${instead}`;
    faults.add('TYPE', message, name.span, { suggestion: by.numeric?.name });
    return nothing;
  }
  return { op, value: checkQuantity(value, field, faults) ?? 0 };
}

function checkTarget(target: ast.Quantity, { numeric }: Decomposition, faults: Faults): number {
  const value = numeric && checkQuantity(target, numeric, faults);
  if (value === 0) {
    faults.add('LIMIT', 'Cannot use a target of 0: expected the time that still satisfies', target.span);
  }
  return value ?? 0;
}
