/** The stages `cell`, `compare` and `diff` against the decomposition of their statement. A place's bounds may lie
 *  between two base units: a client that sends the edges of a picture's rows gets the picture's own cell. */
import { type Field, isNumeric, type MetricDescription } from '../model/metric.ts';
import type * as ast from './ast.ts';
import { checkField, checkQuantity } from './check-condition.ts';
import { checkKey, checkPicture, checkY, SIDE_MAX, within } from './check-heatmap.ts';
import type { CellDrawing, DiffDrawing, Drawing, Place, RowWish } from './checked.ts';
import { checkDuration, checkMoment, OFFSET } from './check-time.ts';
import { type Faults, quoted } from './diagnostic.ts';
import { boundBase } from './unit.ts';

interface Context {
  readonly metric: MetricDescription;
  readonly numeric?: Field;
}

export function checkCell(stage: ast.CellStage, context: Context, faults: Faults): CellDrawing {
  if ('box' in stage) return { kind: 'cell', place: checkBox(stage.box, context, faults), rows: {} };
  const { at, value } = stage;
  checkMoment(at, faults);
  const values = value && checkCellValue(value, context, faults);
  return {
    kind: 'cell',
    place: { from: at, ...(values === undefined ? {} : { values }) },
    rows: checkRows(stage, context, faults),
  };
}

function checkCellValue(
  value: ast.Quantity | ast.ValueRange,
  context: Context,
  faults: Faults,
): Place['values'] {
  if ('low' in value) return checkValues(value, context, faults);
  const numeric = numericOf(value.span, context, faults);
  const base = numeric && checkQuantity(value, numeric, faults, boundBase);
  return base === undefined ? undefined : { within: base };
}

function numericOf(span: ast.Span, { metric, numeric }: Context, faults: Faults): Field | undefined {
  if (numeric !== undefined) return numeric;
  const fields = metric.fields.filter(isNumeric).map((f) => f.name);
  const has = fields.length === 0 ? `${metric.name} has none` : `add "by ${fields[0]}"`;
  faults.add('TYPE', `Cannot use a value without a numeric field to break out by: ${has}`, span, {
    expected: fields,
  });
  return undefined;
}

function checkValues(range: ast.ValueRange, context: Context, faults: Faults) {
  const numeric = numericOf(range.span, context, faults);
  if (numeric === undefined) return undefined;
  const low = checkQuantity(range.low, numeric, faults, boundBase);
  const high = checkQuantity(range.high, numeric, faults, boundBase);
  if (low === undefined || high === undefined) return undefined;
  if (low >= high) {
    faults.add('LIMIT', 'Cannot use these values: their low end is not below their high end', range.span);
  }
  return { low, high };
}

function checkBox({ from, to, y, span }: ast.BoxNode, context: Context, faults: Faults): Place {
  checkMoment(from, faults);
  checkMoment(to, faults);
  if (from.kind === 'instant' && to.kind === 'instant' && from.second >= to.second)
    faults.add('LIMIT', 'Cannot use this box: its end is not after its start', span);
  const values = y && checkValues(y, context, faults);
  return { from, to, ...(values === undefined ? {} : { values }) };
}

/** The rows of a picture, where the stage says them. */
function checkRows(
  { y, buckets }: { readonly y?: ast.HeatmapStage['y']; readonly buckets?: ast.Count },
  context: Context,
  faults: Faults,
): RowWish {
  const numeric = y && numericOf(y.span, context, faults);
  const range = numeric && y?.range && checkY(y.range, y.scale, numeric, faults);
  if (buckets !== undefined) within('buckets', buckets, [1, SIDE_MAX], faults);
  return {
    ...(y?.scale === undefined ? {} : { scale: y.scale }),
    ...(range === undefined ? {} : { y: range }),
    ...(buckets === undefined ? {} : { buckets: buckets.value }),
  };
}

export function checkCompare(
  { box, span }: Extract<ast.Stage, { kind: 'compare' }>,
  context: Context,
  faults: Faults,
): Drawing {
  refuseLevel('compare', span, context, faults);
  return { kind: 'compare', place: checkBox(box, context, faults) };
}

/** Tests of significance count events; the mean of a level is none. */
function refuseLevel(stage: string, span: ast.Span, { metric }: Context, faults: Faults): void {
  if (metric.scope === 'interval') return;
  faults.add('TYPE', `Cannot use "${stage}" on ${metric.name}: it is a level, not a count of events`, span);
}

export function checkDiff(stage: ast.DiffStage, context: Context, faults: Faults): DiffDrawing {
  refuseLevel('diff', stage.span, context, faults);
  if (context.numeric === undefined) numericOf(stage.span, context, faults);
  return {
    kind: 'diff',
    against: checkAgainst(stage.against, context, faults),
    rows: checkRows(stage, context, faults),
    picture: checkPicture(stage, faults),
  };
}

function checkAgainst(
  against: ast.DiffStage['against'],
  { metric }: Context,
  faults: Faults,
): DiffDrawing['against'] {
  if (against.kind === 'offset') {
    const seconds = checkDuration(against.duration, 'offset', OFFSET, faults);
    return { kind: 'offset', seconds: seconds ?? 0 };
  }
  const fields = against.fields.flatMap((name) => keyField(name, metric, faults) ?? []);
  const names = fields.map((f) => f.name);
  if (fields.length < against.fields.length) return { kind: 'keys', fields: names, keys: [[], []] };
  const [first, second] = [against.first, against.second].map((key) => checkKey(key, fields, faults));
  if (first !== undefined && second !== undefined && first.every((value, i) => value === second[i]))
    faults.add('REPEATED', 'Cannot compare a key with itself: expected two keys', against.second.span);
  return { kind: 'keys', fields: names, keys: [first ?? [], second ?? []] };
}

function keyField(name: ast.Name, metric: MetricDescription, faults: Faults): Field | undefined {
  const field = checkField(name, metric, faults);
  if (field === undefined || !isNumeric(field)) return field;
  const message = `Cannot take keys of ${quoted(name.text)}: it is a number, expected a discrete field`;
  faults.add('TYPE', message, name.span);
  return undefined;
}
