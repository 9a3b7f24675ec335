/** From a concrete `cell`, `compare` or `diff` stage to the AST. */
import type { CstNode } from 'chevrotain';
import type * as ast from './ast.ts';
import { buildArea, buildKey, buildValues, buildY } from './build-heatmap.ts';
import {
  type Builder,
  buildCount,
  buildDuration,
  buildFields,
  buildText,
  nodesOf,
  only,
  spanOf,
  tokenSpan,
  tokensOf,
} from './build-node.ts';

/** The builder of moments and ranges is the caller's (build.ts). */
export interface PlaceTimes {
  readonly moment: (node: CstNode, b: Builder) => ast.Moment;
  readonly between: (node: CstNode, b: Builder) => { readonly from: ast.Moment; readonly to: ast.Moment };
}

export function buildCell(node: CstNode, b: Builder, times: PlaceTimes): ast.CellStage {
  const span = spanOf(node);
  const [box] = nodesOf(node, 'box');
  if (box !== undefined) return { kind: 'cell', box: buildBox(box, b, times), span };
  const [value] = nodesOf(node, 'cellValue');
  let stage: ast.CellStage = {
    kind: 'cell',
    at: times.moment(only(node, 'moment'), b),
    ...(value === undefined ? {} : { value: buildCellValue(value, b) }),
    span,
  };
  const seen = b.repeats();
  for (const option of nodesOf(node, 'cellOption')) {
    const child = optionNode(option);
    if (!seen(child.name, child)) continue;
    if (child.name === 'step') stage = { ...stage, step: buildDuration(child, b) };
    else if (child.name === 'y') stage = { ...stage, y: buildY(child, b) };
    else stage = { ...stage, buckets: buildCount(child, b) };
  }
  return stage;
}

function buildCellValue(node: CstNode, b: Builder): ast.Quantity | ast.ValueRange {
  const [low, high] = tokensOf(node, 'Quantity').map((token) => ({
    ...b.quantity(token),
    span: tokenSpan(token),
  }));
  return high === undefined ? low! : { low: low!, high, span: spanOf(node) };
}

export function buildBox(node: CstNode, b: Builder, times: PlaceTimes): ast.BoxNode {
  const { from, to } = times.between(only(node, 'between'), b);
  const [values] = nodesOf(node, 'values');
  return { from, to, ...(values === undefined ? {} : { y: buildValues(values, b) }), span: spanOf(node) };
}

export function buildDiff(node: CstNode, b: Builder): ast.DiffStage {
  let stage: ast.DiffStage = { kind: 'diff', against: buildAgainst(node, b), span: spanOf(node) };
  const seen = b.repeats();
  for (const option of nodesOf(node, 'diffOption')) {
    const child = optionNode(option);
    if (seen(child.name, child)) stage = { ...stage, ...diffOption(child, b) };
  }
  return stage;
}

function buildAgainst(node: CstNode, b: Builder): ast.DiffStage['against'] {
  const [offset] = nodesOf(node, 'offset');
  if (offset !== undefined)
    return { kind: 'offset', duration: buildDuration(offset, b), span: spanOf(offset) };
  const keys = only(node, 'diffKeys');
  const [first, second] = nodesOf(keys, 'key').map((key) => buildKey(key, b)) as [ast.KeyNode, ast.KeyNode];
  return { kind: 'keys', fields: buildFields(keys), first, second, span: spanOf(keys) };
}

function diffOption(node: CstNode, b: Builder): Partial<ast.DiffStage> {
  const span = spanOf(node);
  switch (node.name) {
    case 'size': {
      const [width, height] = buildArea(node, b);
      return { size: { width, height, span } };
    }
    case 'y':
      return { y: buildY(node, b) };
    case 'buckets':
      return { buckets: buildCount(node, b) };
    case 'theme':
      return { theme: { value: node.children['Light'] === undefined ? 'dark' : 'light', span } };
    default:
      return { title: buildText(only(node, 'text'), b) };
  }
}

function optionNode(option: CstNode): CstNode {
  return Object.values(option.children)[0]![0] as CstNode;
}
