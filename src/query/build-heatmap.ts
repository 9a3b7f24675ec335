/** From a concrete heatmap stage to the AST. */
import type { CstNode, IToken } from 'chevrotain';
import type * as ast from './ast.ts';
import {
  type Builder,
  buildCount,
  buildFields,
  buildLiteral,
  buildText,
  nodesOf,
  only,
  percentOf,
  spanOf,
  tokenSpan,
  tokensOf,
} from './build-node.ts';
import { buildMeasure } from './build-measure.ts';
import { quoted } from './diagnostic.ts';

export function buildHeatmap(node: CstNode, b: Builder): ast.HeatmapStage {
  let stage: ast.HeatmapStage = { kind: 'heatmap', span: spanOf(node) };
  const seen = b.repeats();
  for (const option of nodesOf(node, 'heatmapOption')) {
    const child = Object.values(option.children)[0]![0] as CstNode;
    const name = child.name === 'keys' ? keysName(child) : child.name;
    if (seen(name, child)) stage = { ...stage, ...heatmapOption(child, b) };
  }
  return stage;
}

function heatmapOption(node: CstNode, b: Builder): Partial<ast.HeatmapStage> {
  const span = spanOf(node);
  switch (node.name) {
    case 'size': {
      const [width, height] = buildArea(node, b);
      return { size: { width, height, span } };
    }
    case 'y':
      return { y: buildY(node, b) };
    case 'hue':
      return { hue: { fields: buildFields(node), span } };
    case 'hueTop':
      return { top: buildHueTop(node, b) };
    case 'keys':
      return { [keysName(node)]: { keys: nodesOf(node, 'key').map((key) => buildKey(key, b)), span } };
    case 'weight':
      return { weight: { value: node.children['Value'] === undefined ? 'count' : 'value', span } };
    case 'color':
      return { color: { value: colorScale(node), span } };
    case 'palette': {
      const token = tokensOf(node, 'Identifier')[0]!;
      return { palette: { text: token.image, span: tokenSpan(token) } };
    }
    case 'theme':
      return { theme: { value: node.children['Light'] === undefined ? 'dark' : 'light', span } };
    case 'overlay':
      return { overlay: nodesOf(node, 'percent').map((p) => percentOf(p, b)) };
    case 'buckets':
      return { buckets: buildCount(node, b) };
    default:
      return { title: buildText(only(node, 'text'), b) };
  }
}

function buildHueTop(node: CstNode, b: Builder): ast.HueTop {
  const [measure] = nodesOf(node, 'measure');
  return { ...buildCount(node, b), ...(measure === undefined ? {} : { by: buildMeasure(measure, b) }) };
}

function keysName(node: CstNode): 'select' | 'isolate' | 'exclude' {
  if (node.children['Select'] !== undefined) return 'select';
  return node.children['Isolate'] === undefined ? 'exclude' : 'isolate';
}

export function buildArea(node: CstNode, b: Builder): [number, number] {
  const [token] = tokensOf(node, 'Area') as [IToken];
  const [width, height] = token.image.split(/x/i).map(Number) as [number, number];
  if (!Number.isSafeInteger(width) || !Number.isSafeInteger(height)) {
    b.fault('LIMIT', `Cannot use the size ${quoted(token.image)}: it is too large`, tokenSpan(token));
  }
  return [width, height];
}

function colorScale(node: CstNode): ast.ColorScale {
  const word = Object.keys(node.children).find((name) => name !== 'Color')!;
  return word.toLowerCase() as ast.ColorScale;
}

export function buildY(node: CstNode, b: Builder): NonNullable<ast.HeatmapStage['y']> {
  const scale = nodesOf(node, 'scale')[0];
  const values = nodesOf(node, 'values')[0];
  return {
    ...(scale === undefined ? {} : { scale: scale.children['Log'] === undefined ? 'linear' : 'log' }),
    ...(values === undefined ? {} : { range: buildValues(values, b) }),
    span: spanOf(node),
  };
}

export function buildValues(node: CstNode, b: Builder): ast.ValueRange {
  const [low, high] = tokensOf(node, 'Quantity').map((token) => ({
    ...b.quantity(token),
    span: tokenSpan(token),
  }));
  return { low: low!, high: high!, span: spanOf(node) };
}

export function buildKey(node: CstNode, b: Builder): ast.KeyNode {
  return { values: nodesOf(node, 'literal').map((literal) => buildLiteral(literal, b)), span: spanOf(node) };
}
