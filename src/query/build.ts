/** From the parser's concrete tree to the AST. Owns: spans, literals (escapes, units, times), repeats of
 *  clauses. Runs only over trees without syntax errors. Faults go to a list, so that all are told at once. */
import type { CstNode, IToken } from 'chevrotain';
import type * as ast from './ast.ts';
import { buildCondition } from './build-condition.ts';
import { buildHeatmap } from './build-heatmap.ts';
import { buildBox, buildCell, buildDiff } from './build-place.ts';
import { buildAmount, buildBound, buildMeasure, plainMeasure } from './build-measure.ts';
import { readClock, readInstant, readUnix, type Read } from './moment.ts';
import {
  type Builder,
  buildCount,
  buildDuration,
  buildFields,
  buildMetric,
  buildText,
  quantityOf,
  firstToken,
  nodesOf,
  only,
  percentOf,
  spanOf,
  tokenSpan,
} from './build-node.ts';

export function buildStatement(node: CstNode, b: Builder): ast.Statement {
  const child = firstNode(node);
  const span = spanOf(child);
  switch (child.name) {
    case 'read':
      return buildRead(child, b);
    case 'instrument':
      return buildInstrument(child, b);
    case 'drop':
    case 'pause':
    case 'resume':
      return { kind: child.name, id: buildId(only(child, 'instrumentation'), b), span };
    case 'pin':
      return buildPin(child, b);
    case 'unpin':
      return { kind: 'unpin', id: buildId(only(child, 'pinName'), b), span };
    case 'show':
      return { kind: 'show', what: showWhat(child), span };
    default: {
      const [read] = nodesOf(child, 'read');
      if (read !== undefined) return { kind: 'explain', read: buildRead(read, b), span };
      return { kind: 'explain', instrument: buildInstrument(only(child, 'instrument'), b), span };
    }
  }
}

function showWhat(node: CstNode): ast.Listing {
  const { children } = node;
  if (children['Metrics'] !== undefined) return 'metrics';
  if (children['Pins'] !== undefined) return 'pins';
  return children['Sources'] === undefined ? 'instrumentations' : 'sources';
}

function buildPin(node: CstNode, b: Builder): ast.PinStatement {
  const [as] = nodesOf(node, 'pinName');
  const [last] = nodesOf(node, 'last');
  return {
    kind: 'pin',
    id: buildId(only(node, 'instrumentation'), b),
    range: last === undefined ? buildBetween(only(node, 'between'), b) : buildLast(last, b),
    ...(as === undefined ? {} : { as: buildId(as, b) }),
    span: spanOf(node),
  };
}

function buildRead(node: CstNode, b: Builder): ast.ReadStatement {
  let read: ast.ReadStatement = {
    kind: 'read',
    metric: buildMetric(node),
    by: [],
    stages: nodesOf(node, 'stage').map((stage) => buildStage(stage, b)),
    span: spanOf(node),
  };
  const seen = b.repeats();
  for (const clause of nodesOf(node, 'clause')) {
    const child = firstNode(clause);
    const name = child.name === 'last' || child.name === 'between' ? 'range' : child.name;
    if (!seen(name, child)) continue;
    read = { ...read, ...readClause(child, b) };
  }
  return read;
}

function buildLast(node: CstNode, b: Builder): ast.TimeRange {
  return { kind: 'last', duration: buildDuration(node, b), span: spanOf(node) };
}

function buildBetween(node: CstNode, b: Builder): Extract<ast.TimeRange, { kind: 'between' }> {
  const [from, to] = nodesOf(node, 'moment').map((moment) => buildMoment(moment, b)) as [
    ast.Moment,
    ast.Moment,
  ];
  return { kind: 'between', from, to, span: spanOf(node) };
}

function readClause(node: CstNode, b: Builder): Partial<ast.ReadStatement> {
  switch (node.name) {
    case 'where':
      return { where: buildCondition(only(node, 'condition'), b) };
    case 'by':
      return { by: buildFields(node) };
    case 'last':
      return { range: buildLast(node, b) };
    case 'between':
      return { range: buildBetween(node, b) };
    case 'step':
      return { step: buildDuration(node, b) };
    case 'offset':
      return { offset: buildDuration(node, b) };
    case 'name':
      return { name: nodesOf(node, 'naming').map((naming) => buildNaming(naming, b)) };
    default:
      return { asOf: buildMoment(only(node, 'moment'), b) };
  }
}

function buildNaming(node: CstNode, b: Builder): ast.NamingNode {
  const [field] = buildFields(node) as [ast.Name];
  return { field, by: buildId(only(node, 'transformation'), b), span: spanOf(node) };
}

function buildMoment(node: CstNode, b: Builder): ast.Moment {
  const token = firstToken(node);
  const span = spanOf(node);
  if (node.children['Now'] !== undefined) {
    return nodesOf(node, 'duration').length === 0
      ? { kind: 'now', span }
      : { kind: 'now', back: buildDuration(node, b), span };
  }
  if (node.children['Clock'] !== undefined) {
    return { kind: 'clock', secondOfDay: readTime(readClock(token.image), token, b), span };
  }
  if (node.children['Instant'] !== undefined) {
    return { kind: 'instant', second: readTime(readInstant(token.image), token, b), span };
  }
  const { value, unit } = b.quantity(token);
  const read: Read<number> =
    unit === '' ? readUnix(value) : { fault: 'expected a time', suggestion: `now-${token.image}` };
  return { kind: 'instant', second: readTime(read, token, b), span };
}

function readTime(read: Read<number>, token: IToken, b: Builder): number {
  if ('value' in read) return read.value;
  b.fault(
    'SYNTAX',
    `Cannot read the time "${token.image}": ${read.fault}`,
    tokenSpan(token),
    read.suggestion,
  );
  return 0;
}

const times = { moment: buildMoment, between: buildBetween };

function buildStage(node: CstNode, b: Builder): ast.Stage {
  const span = spanOf(node);
  const { children } = node;
  if (children['heatmap'] !== undefined) return buildHeatmap(only(node, 'heatmap'), b);
  if (children['percentiles'] !== undefined) {
    const percents = nodesOf(only(node, 'percentiles'), 'percent').map((p) => percentOf(p, b));
    return { kind: 'percentiles', percents, span };
  }
  if (children['top'] !== undefined) {
    const top = only(node, 'top');
    return { kind: 'top', count: buildCount(top, b), by: buildMeasure(only(top, 'measure'), b), span };
  }
  if (children['cell'] !== undefined) return buildCell(only(node, 'cell'), b, times);
  if (children['compare'] !== undefined)
    return { kind: 'compare', box: buildBox(only(only(node, 'compare'), 'box'), b, times), span };
  if (children['diff'] !== undefined) return buildDiff(only(node, 'diff'), b);
  if (children['Histograms'] !== undefined) return { kind: 'histograms', span };
  if (children['share'] !== undefined)
    return { kind: 'share', bound: buildBound(only(node, 'share'), b), span };
  if (children['apdex'] !== undefined)
    return { kind: 'apdex', target: buildAmount(only(node, 'apdex'), b), span };
  return { kind: plainMeasure(node), span };
}

function buildInstrument(node: CstNode, b: Builder): ast.InstrumentStatement {
  let statement: ast.InstrumentStatement = {
    kind: 'instrument',
    metric: buildMetric(node),
    by: [],
    span: spanOf(node),
  };
  const seen = b.repeats();
  for (const clause of nodesOf(node, 'instrumentClause')) {
    const child = firstNode(clause);
    if (seen(child.name, child)) statement = { ...statement, ...instrumentClause(child, b) };
  }
  return statement;
}

function instrumentClause(node: CstNode, b: Builder): Partial<ast.InstrumentStatement> {
  switch (node.name) {
    case 'where':
      return { where: buildCondition(only(node, 'condition'), b) };
    case 'by':
      return { by: buildFields(node) };
    case 'every':
      return { every: buildDuration(node, b) };
    case 'keep':
      return { keep: buildKeep(node, b) };
    case 'idle': {
      const span = spanOf(node);
      return {
        idle: node.children['Never'] === undefined ? { duration: buildDuration(node, b), span } : { span },
      };
    }
    default:
      return { as: buildId(only(node, 'instrumentation'), b) };
  }
}

function buildKeep(node: CstNode, b: Builder): ast.Keep {
  const levels = nodesOf(node, 'keepLevel').map((level): ast.KeepLevel => {
    const [duration, step] = nodesOf(level, 'duration').map((leaf) => quantityOf(leaf, b)) as [
      ast.Quantity,
      ast.Quantity,
    ];
    return { duration, step, span: spanOf(level) };
  });
  return { ...buildDuration(node, b), ...(levels.length === 0 ? {} : { levels }) };
}

function buildId(node: CstNode, b: Builder): ast.Name {
  if (node.children['text'] !== undefined) return buildText(only(node, 'text'), b);
  return { text: firstToken(node).image, span: spanOf(node) };
}

function firstNode(node: CstNode): CstNode {
  return Object.values(node.children)[0]![0] as CstNode;
}
