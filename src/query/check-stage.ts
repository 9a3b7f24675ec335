/** Stages against the decomposition of their statement: what each needs, bounds of numbers, options that
 *  contradict each other. Fills in what a stage leaves out. */
import { unreachable } from '../model/assert.ts';
import { fieldOf, isNumeric, type MetricDescription } from '../model/metric.ts';
import type * as ast from './ast.ts';
import { checkHeatmap } from './check-heatmap.ts';
import { checkCell, checkCompare, checkDiff } from './check-place.ts';
import { checkMeasure, type Decomposition, requireNumeric } from './check-measure.ts';
import type { CheckedRead, Drawing } from './checked.ts';
import { type Faults, oneOf, quoted } from './diagnostic.ts';

/** Lines for one key; more are no longer told apart. */
const PERCENTILES_MAX = 8;
/** Rows of `top`. */
const TOP_MAX = 100;

export function checkStages(
  read: ast.ReadStatement,
  by: Decomposition,
  faults: Faults,
): Pick<CheckedRead, 'pick' | 'draw'> {
  const [first, ...rest] = read.stages;
  if (first === undefined) return { draw: defaultDrawing(by) };
  if (first.kind !== 'top') {
    refuseStages(rest, `"${first.kind}" ends the statement`, faults);
    return { draw: checkDrawing(first, by, faults) };
  }
  const pick = checkTop(first, by, faults);
  const [second, ...more] = rest;
  if (second === undefined) return { pick, draw: { kind: 'table' } };
  if (second.kind === 'top') refuseStages([second], 'one "top" picks the keys', faults);
  if (second.kind === 'cell' || second.kind === 'compare' || second.kind === 'diff')
    refuseStages([second], 'it takes all keys, not those of a "top" before it', faults);
  refuseStages(more, `"${second.kind}" ends the statement`, faults);
  return { pick, draw: checkDrawing(second, { ...by, picked: first.count }, faults) };
}

function refuseStages(stages: readonly ast.Stage[], why: string, faults: Faults): void {
  for (const { kind, span } of stages)
    faults.add('CONFLICT', `Cannot use the stage "${kind}" here: ${why}`, span);
}

function defaultDrawing({ metric, fields, numeric }: Decomposition): Drawing {
  if (numeric === undefined)
    return { kind: metric.amount === undefined || metric.scope === 'point' ? 'count' : 'rate' };
  return {
    kind: 'heatmap',
    picture: {},
    hueFields: fields.map((f) => f.name),
    hues: { kind: 'top', count: HUES_DEFAULT },
    exclude: [],
    weight: 'count',
    overlay: [],
  };
}

/** Hues at full strength that stay apart under colour blindness. */
export const HUES_DEFAULT = 4;

function checkDrawing(stage: ast.Stage, by: Decomposition & { picked?: ast.Count }, faults: Faults): Drawing {
  switch (stage.kind) {
    case 'heatmap':
      requireNumeric(stage, by, faults);
      return checkHeatmap(stage, { ...by, hues: HUES_DEFAULT }, faults);
    case 'percentiles':
      requireNumeric(stage, by, faults);
      return { kind: 'percentiles', percents: checkPercents(stage.percents, faults) };
    case 'histograms':
      requireNumeric(stage, by, faults);
      return { kind: 'histograms' };
    case 'cell':
      return checkCell(stage, by, faults);
    case 'compare':
      return checkCompare(stage, by, faults);
    case 'diff':
      return checkDiff(stage, by, faults);
    case 'count':
    case 'rate':
    case 'average':
    case 'maximum':
    case 'share':
    case 'apdex':
      return checkMeasure(stage, by, faults);
    case 'top':
      return { kind: 'count' };
    default:
      return unreachable(stage);
  }
}

export function checkPercents(percents: readonly ast.Count[], faults: Faults): number[] {
  const last = percents[PERCENTILES_MAX];
  if (last !== undefined) {
    faults.add(
      'LIMIT',
      `Cannot take ${percents.length} percentiles: expected at most ${PERCENTILES_MAX}`,
      last.span,
    );
  }
  percents.forEach((percent, i) => {
    if (percents.findIndex((p) => p.value === percent.value) === i) return;
    faults.add(
      'REPEATED',
      `Cannot take the percentile ${percent.value} again: it is given once before`,
      percent.span,
    );
  });
  return percents.map((p) => p.value);
}

function checkTop(
  stage: Extract<ast.Stage, { kind: 'top' }>,
  by: Decomposition,
  faults: Faults,
): NonNullable<CheckedRead['pick']> {
  const { count, span } = stage;
  if (by.fields.length === 0) {
    const discrete = by.metric.fields.filter((f) => !isNumeric(f)).map((f) => f.name);
    const has = discrete.length === 0 ? `${by.metric.name} has none` : `add "by" with ${oneOf(discrete)}`;
    faults.add('TYPE', `Cannot rank keys without a discrete field to break out by: ${has}`, span, {
      expected: discrete,
    });
  }
  if (count.value < 1 || count.value > TOP_MAX) {
    faults.add('LIMIT', `Cannot take the top ${count.value}: expected 1..${TOP_MAX}`, count.span);
  }
  return { count: count.value, measure: checkMeasure(stage.by, by, faults) };
}

/** The decomposition that `by` names. */
export function checkBy(
  names: readonly ast.Name[],
  metric: MetricDescription,
  check: { faults: Faults; fieldsMax: number },
): Decomposition {
  const { faults, fieldsMax } = check;
  const found = names.flatMap((name) => fieldOf(metric, name.text) ?? []);
  names.forEach((name, i) => {
    if (names.findIndex((n) => n.text === name.text) === i) return;
    faults.add(
      'REPEATED',
      `Cannot break out by ${quoted(name.text)} again: it is given once before`,
      name.span,
    );
  });
  const fields = found.filter((f) => !isNumeric(f));
  const numerics = found.filter(isNumeric);
  const second = numerics[1] && names.find((n) => n.text === numerics[1]!.name);
  if (second !== undefined) {
    const message = `Cannot break out by ${quoted(second.text)} too: "${numerics[0]!.name}" is the one numeric field`;
    faults.add('CONFLICT', message, second.span);
  }
  const tooMany = fields[fieldsMax] && names.find((n) => n.text === fields[fieldsMax]!.name);
  if (tooMany !== undefined) {
    faults.add(
      'LIMIT',
      `Cannot break out by ${fields.length} fields: expected at most ${fieldsMax}`,
      tooMany.span,
    );
  }
  return { metric, fields, ...(numerics[0] === undefined ? {} : { numeric: numerics[0] }) };
}
