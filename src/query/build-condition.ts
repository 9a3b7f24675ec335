/** From concrete conditions to the AST. Parentheses stay as they are written: a group is a node of its own. */
import type { CstNode } from 'chevrotain';
import type * as ast from './ast.ts';
import { type Builder, buildFields, buildLiteral, buildText, nodesOf, only, spanOf } from './build-node.ts';

export function buildCondition(node: CstNode, b: Builder): ast.Condition {
  const terms = nodesOf(node, 'conjunction').map((term) => buildConjunction(term, b));
  return terms.length === 1 ? terms[0]! : { kind: 'or', terms, span: spanOf(node) };
}

function buildConjunction(node: CstNode, b: Builder): ast.Condition {
  const terms = nodesOf(node, 'negation').map((term) => buildNegation(term, b));
  return terms.length === 1 ? terms[0]! : { kind: 'and', terms, span: spanOf(node) };
}

function buildNegation(node: CstNode, b: Builder): ast.Condition {
  const group = nodesOf(node, 'condition')[0];
  let term = group === undefined ? buildComparison(only(node, 'comparison'), b) : buildCondition(group, b);
  const end = spanOf(node).offset + spanOf(node).length;
  for (const not of (node.children['Not'] ?? []).toReversed()) {
    const offset = 'startOffset' in not ? not.startOffset : term.span.offset;
    term = { kind: 'not', term, span: { offset, length: end - offset } };
  }
  return term;
}

const COMPARE: readonly (readonly [string, ast.CompareOp])[] = [
  ['Eq', 'eq'],
  ['Ne', 'ne'],
  ['Lt', 'lt'],
  ['Le', 'le'],
  ['Gt', 'gt'],
  ['Ge', 'ge'],
];

function buildComparison(node: CstNode, b: Builder): ast.Condition {
  const [field] = buildFields(node) as [ast.Name];
  const span = spanOf(node);
  const sign = nodesOf(node, 'compareSign')[0];
  if (sign !== undefined) {
    const op = COMPARE.find(([name]) => sign.children[name] !== undefined)![1];
    return { kind: 'compare', op, field, value: buildLiteral(only(node, 'literal'), b), span };
  }
  const match = nodesOf(node, 'matchSign')[0];
  if (match !== undefined) {
    const op = match.children['Match'] === undefined ? 'nomatch' : 'match';
    return { kind: 'text', op, field, value: buildText(only(node, 'text'), b), span };
  }
  const test = buildWordTest(only(node, 'wordTest'), field, span, b);
  return node.children['Not'] === undefined ? test : { kind: 'not', term: test, span };
}

function buildWordTest(node: CstNode, field: ast.Name, span: ast.Span, b: Builder): ast.Condition {
  if (node.children['In'] !== undefined) {
    return { kind: 'in', field, values: nodesOf(node, 'literal').map((l) => buildLiteral(l, b)), span };
  }
  const op = node.children['Prefix'] === undefined ? 'contains' : 'prefix';
  return { kind: 'text', op, field, value: buildText(only(node, 'text'), b), span };
}
