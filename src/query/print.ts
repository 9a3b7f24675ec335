/** AST to text, in the one canonical form: parse(print(q)) = q without spans, print is idempotent.
 *  Clauses and options come in the order of the specification, keywords in lower case, texts in double quotes. */
import { assert, unreachable } from '../model/assert.ts';
import { fieldOf, isNumeric, type MetricDescription, TYPES } from '../model/metric.ts';
import type { Literal, Predicate } from '../model/predicate.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import type { Retention } from '../model/level.ts';
import type { Pin } from '../model/pin.ts';
import type * as ast from './ast.ts';
import type { Measure } from './checked.ts';
import { clockText, instantText } from './moment.ts';
import { exactText, secondsText } from './unit.ts';

export function printStatement(statement: ast.Statement): string {
  switch (statement.kind) {
    case 'read':
      return printRead(statement);
    case 'instrument':
      return printInstrument(statement);
    case 'drop':
    case 'pause':
    case 'resume':
    case 'unpin':
      return `${statement.kind} ${printName(statement.id.text)}`;
    case 'pin':
      return joined([
        `pin ${printName(statement.id.text)}`,
        printRange(statement.range),
        statement.as && `as ${printName(statement.as.text)}`,
      ]);
    case 'show':
      return `show ${statement.what}`;
    case 'explain':
      return `explain ${'read' in statement ? printRead(statement.read) : printInstrument(statement.instrument)}`;
    default:
      return unreachable(statement);
  }
}

function printRead(read: ast.ReadStatement): string {
  const clauses = [
    read.metric.text,
    read.where && `where ${printCondition(read.where)}`,
    read.by.length > 0 && `by ${read.by.map((f) => f.text).join(', ')}`,
    read.range && printRange(read.range),
    read.step && `step ${printQuantity(read.step)}`,
    read.offset && `offset ${printQuantity(read.offset)}`,
    read.asOf && `as of ${printMoment(read.asOf)}`,
    read.name &&
      `name ${read.name.map(({ field, by }) => `${field.text} by ${printName(by.text)}`).join(', ')}`,
    ...read.stages.map((stage) => `| ${printStage(stage)}`),
  ];
  return joined(clauses);
}

function printInstrument(statement: ast.InstrumentStatement): string {
  const { idle } = statement;
  return joined([
    'instrument',
    statement.metric.text,
    statement.where && `where ${printCondition(statement.where)}`,
    statement.by.length > 0 && `by ${statement.by.map((f) => f.text).join(', ')}`,
    statement.every && `every ${printQuantity(statement.every)}`,
    statement.keep && `keep ${printKeep(statement.keep)}`,
    idle && `idle ${idle.duration === undefined ? 'never' : printQuantity(idle.duration)}`,
    statement.as && `as ${printName(statement.as.text)}`,
  ]);
}

function printKeep(keep: ast.Keep): string {
  const rest = (keep.levels ?? []).map(
    ({ duration, step }) => `${printQuantity(duration)} at ${printQuantity(step)}`,
  );
  return [printQuantity(keep), ...rest].join(', ');
}

function joined(parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => typeof part === 'string' && part !== '').join(' ');
}

/** A name of an instrumentation, a pin or a transformation, quoted where it would be read as something else. */
export function printName(name: string): string {
  const plain = /^[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*$/.test(name);
  return plain && !/^(?:and|or|not|in|now-.*)$/i.test(name) ? name : printText(name);
}

const ESCAPED: { readonly [character: string]: string } = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\',
};

export function printText(text: string): string {
  // eslint-disable-next-line no-control-regex
  const body = text.replace(/["\\\u0000-\u001f\u007f]/g, (c) => {
    return ESCAPED[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${body}"`;
}

export function printQuantity(q: { readonly value: number; readonly unit: string }): string {
  assert(Number.isFinite(q.value), () => `value is ${q.value}`);
  return `${q.value}${q.unit}`;
}

export function printLiteral(literal: ast.LiteralNode): string {
  return literal.kind === 'text' ? printText(literal.text) : printQuantity(literal);
}

const SIGNS = {
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
  match: '=~',
  nomatch: '!~',
  prefix: 'prefix',
  contains: 'contains',
} as const;

export function printCondition(condition: ast.Condition): string {
  switch (condition.kind) {
    case 'or':
      return condition.terms.map((t) => grouped(t, t.kind === 'or')).join(' or ');
    case 'and':
      return condition.terms.map((t) => grouped(t, t.kind === 'or' || t.kind === 'and')).join(' and ');
    case 'not':
      return `not ${grouped(condition.term, condition.term.kind === 'or' || condition.term.kind === 'and')}`;
    case 'compare':
      return `${condition.field.text} ${SIGNS[condition.op]} ${printLiteral(condition.value)}`;
    case 'in':
      return `${condition.field.text} in (${condition.values.map(printLiteral).join(', ')})`;
    case 'text':
      return `${condition.field.text} ${SIGNS[condition.op]} ${printText(condition.value.text)}`;
    default:
      return unreachable(condition);
  }
}

function grouped(condition: ast.Condition, group: boolean): string {
  return group ? `(${printCondition(condition)})` : printCondition(condition);
}

function printRange(range: ast.TimeRange): string {
  if (range.kind === 'last') return `last ${printQuantity(range.duration)}`;
  return `from ${printMoment(range.from)} to ${printMoment(range.to)}`;
}

export function printMoment(moment: ast.Moment): string {
  switch (moment.kind) {
    case 'instant':
      return instantText(moment.second);
    case 'clock':
      return clockText(moment.secondOfDay);
    case 'now':
      return moment.back === undefined ? 'now' : `now-${printQuantity(moment.back)}`;
    default:
      return unreachable(moment);
  }
}

function printStage(stage: ast.Stage): string {
  switch (stage.kind) {
    case 'heatmap':
      return printHeatmap(stage);
    case 'cell':
      return printCell(stage);
    case 'compare':
      return `compare ${printBox(stage.box)}`;
    case 'diff':
      return printDiff(stage);
    case 'percentiles':
      return `percentiles ${stage.percents.map((p) => p.value).join(', ')}`;
    case 'top':
      return `top ${stage.count.value} by ${printMeasure(stage.by)}`;
    case 'histograms':
      return stage.kind;
    case 'count':
    case 'rate':
    case 'average':
    case 'maximum':
    case 'share':
    case 'apdex':
      return printMeasure(stage);
    default:
      return unreachable(stage);
  }
}

function printMeasure(measure: ast.MeasureNode): string {
  switch (measure.kind) {
    case 'percentile':
      return `p${measure.percent}`;
    case 'share':
    case 'tail': {
      const { field, op, value } = measure.bound;
      return `${measure.kind} ${field.text} ${SIGNS[op]} ${printQuantity(value)}`;
    }
    case 'apdex':
      return `apdex ${printQuantity(measure.target)}`;
    case 'count':
    case 'rate':
    case 'average':
    case 'maximum':
      return measure.kind;
    default:
      return unreachable(measure);
  }
}

/** A measure as a statement says it. */
export function measureText(
  measure: Measure,
  metric: MetricDescription,
  numeric: string | undefined,
): string {
  const field = fieldOf(metric, numeric ?? '');
  const amount = (value: number): string =>
    field === undefined ? String(value) : exactText(value, TYPES[field.type]);
  switch (measure.kind) {
    case 'percentile':
      return `p${measure.percent}`;
    case 'share':
    case 'tail':
      return `${measure.kind} ${numeric} ${SIGNS[measure.op]} ${amount(measure.value)}`;
    case 'apdex':
      return `apdex ${amount(measure.target)}`;
    case 'count':
    case 'rate':
    case 'average':
    case 'maximum':
      return measure.kind;
    default:
      return unreachable(measure);
  }
}

function printCell(stage: ast.CellStage): string {
  if ('box' in stage) return `cell ${printBox(stage.box)}`;
  const { at, value, step, y, buckets } = stage;
  const where = value === undefined ? '' : `, ${'low' in value ? printValues(value) : printQuantity(value)}`;
  return joined([
    `cell at ${printMoment(at)}${where}`,
    step && `step ${printQuantity(step)}`,
    y && printY(y),
    buckets && `buckets ${buckets.value}`,
  ]);
}

function printBox({ from, to, y }: ast.BoxNode): string {
  return joined([`from ${printMoment(from)} to ${printMoment(to)}`, y && `y ${printValues(y)}`]);
}

function printDiff({ against, size, y, buckets, theme, title }: ast.DiffStage): string {
  return joined([
    'diff',
    against.kind === 'offset'
      ? `offset ${printQuantity(against.duration)}`
      : `${against.fields.map((f) => f.text).join(', ')} ${printKeys({ keys: [against.first, against.second] })}`,
    size && `size ${size.width}x${size.height}`,
    y && printY(y),
    buckets && `buckets ${buckets.value}`,
    theme && `theme ${theme.value}`,
    title && `title ${printText(title.text)}`,
  ]);
}

function printY({ scale, range }: NonNullable<ast.HeatmapStage['y']>): string {
  return joined(['y', scale, range && printValues(range)]);
}

function printValues({ low, high }: ast.ValueRange): string {
  return `${printQuantity(low)}..${printQuantity(high)}`;
}

function printHeatmap(h: ast.HeatmapStage): string {
  return joined([
    'heatmap',
    h.size && `size ${h.size.width}x${h.size.height}`,
    h.y && printY(h.y),
    h.hue && `hue ${h.hue.fields.length === 0 ? 'none' : h.hue.fields.map((f) => f.text).join(', ')}`,
    h.top && `top ${h.top.value}${h.top.by === undefined ? '' : ` by ${printMeasure(h.top.by)}`}`,
    h.select && `select ${printKeys(h.select)}`,
    h.isolate && `isolate ${printKeys(h.isolate)}`,
    h.exclude && `exclude ${printKeys(h.exclude)}`,
    h.weight && `weight ${h.weight.value}`,
    h.color && `color ${h.color.value}`,
    h.palette && `palette ${h.palette.text}`,
    h.theme && `theme ${h.theme.value}`,
    h.overlay && `overlay ${h.overlay.map((p) => `p${p.value}`).join(', ')}`,
    h.buckets && `buckets ${h.buckets.value}`,
    h.title && `title ${printText(h.title.text)}`,
  ]);
}

function printKeys({ keys }: Pick<ast.KeyList, 'keys'>): string {
  return keys
    .map((key) => {
      const values = key.values.map(printLiteral).join(', ');
      return key.values.length === 1 ? values : `(${values})`;
    })
    .join(', ');
}

type Described = Omit<Instrumentation, 'id' | 'grid' | 'scope' | 'createdSecond'> & { readonly id?: string };

/** An instrumentation as the statement that makes it. With its metric at hand, bounds on numeric fields carry
 *  their units and the text parses back; without it they are bare integers in base units. */
export function printInstrumentation(i: Described, metric?: MetricDescription): string {
  const fields = i.numeric === undefined ? i.by : [...i.by, i.numeric];
  return joined([
    `instrument ${i.metric}`,
    i.where && `where ${printPredicate(i.where, metric)}`,
    fields.length > 0 && `by ${fields.join(', ')}`,
    `every ${secondsText(i.everySeconds)}`,
    `keep ${retentionText(i)}`,
    `idle ${i.idleSeconds === 0 ? 'never' : secondsText(i.idleSeconds)}`,
    i.id !== undefined && `as ${printName(i.id)}`,
  ]);
}

/** A pin as the statement that makes it. */
export function printPin({ id, instrumentation, fromSecond, untilSecond }: Pin): string {
  const range = `from ${instantText(fromSecond)} to ${instantText(untilSecond)}`;
  return `pin ${printName(instrumentation)} ${range} as ${printName(id)}`;
}

/** What is kept how long, as `keep` says it. */
export function retentionText({ keepSeconds, keepLevels = [] }: Retention): string {
  const rest = keepLevels.map((kept) => `${secondsText(kept.keepSeconds)} at ${secondsText(kept.level)}`);
  return [secondsText(keepSeconds), ...rest].join(', ');
}

export function printPredicate(predicate: Predicate, metric?: MetricDescription): string {
  const group = (p: Predicate, ops: readonly string[]): string =>
    ops.includes(p.op) ? `(${printPredicate(p, metric)})` : printPredicate(p, metric);
  switch (predicate.op) {
    case 'or':
      return predicate.terms.map((term) => group(term, ['or'])).join(' or ');
    case 'and':
      return predicate.terms.map((term) => group(term, ['or', 'and'])).join(' and ');
    case 'not':
      return `not ${group(predicate.term, ['or', 'and'])}`;
    case 'in': {
      const values = predicate.values.map((value) => predicateLiteral(value, predicate.field, metric));
      return `${predicate.field} in (${values.join(', ')})`;
    }
    case 'match':
    case 'nomatch':
    case 'prefix':
    case 'contains':
      return `${predicate.field} ${SIGNS[predicate.op]} ${printText(predicate.value)}`;
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge': {
      const { field, op, value } = predicate;
      return `${field} ${SIGNS[op]} ${predicateLiteral(value, field, metric)}`;
    }
    default:
      return unreachable(predicate);
  }
}

function predicateLiteral(value: Literal, name: string, metric: MetricDescription | undefined): string {
  if (typeof value === 'string') return printText(value);
  const field = metric && fieldOf(metric, name);
  return field !== undefined && isNumeric(field) ? exactText(value, TYPES[field.type]) : String(value);
}
