/** From concrete measures to the AST: what keys are ranked by, and what lines show. */
import type { CstNode } from 'chevrotain';
import type * as ast from './ast.ts';
import { type Builder, buildFields, quantityOf, nodesOf, only, percentOf, spanOf } from './build-node.ts';

export function buildMeasure(node: CstNode, b: Builder): ast.MeasureNode {
  const span = spanOf(node);
  const { children } = node;
  if (children['Percentile'] !== undefined)
    return { kind: 'percentile', percent: percentOf(node, b).value, span };
  for (const kind of ['share', 'tail'] as const) {
    const [bounded] = nodesOf(node, kind);
    if (bounded !== undefined) return { kind, bound: buildBound(bounded, b), span };
  }
  const [apdex] = nodesOf(node, 'apdex');
  if (apdex !== undefined) return { kind: 'apdex', target: buildAmount(apdex, b), span };
  return { kind: plainMeasure(node), span };
}

/** The measure that is one word. */
export function plainMeasure({ children }: CstNode): 'count' | 'rate' | 'average' | 'maximum' {
  if (children['Rate'] !== undefined) return 'rate';
  if (children['Average'] !== undefined) return 'average';
  return children['Maximum'] === undefined ? 'count' : 'maximum';
}

const ORDERS: readonly (readonly [string, ast.OrderOp])[] = [
  ['Lt', 'lt'],
  ['Le', 'le'],
  ['Gt', 'gt'],
  ['Ge', 'ge'],
];

/** Of the node that has a bound. */
export function buildBound(node: CstNode, b: Builder): ast.Bound {
  const bound = only(node, 'bound');
  const [field] = buildFields(bound) as [ast.Name];
  const sign = only(bound, 'orderSign');
  const op = ORDERS.find(([name]) => sign.children[name] !== undefined)![1];
  return { field, op, value: buildAmount(bound, b), span: spanOf(bound) };
}

/** Of the node that has an amount. */
export function buildAmount(node: CstNode, b: Builder): ast.Quantity {
  return quantityOf(only(node, 'amount'), b);
}
