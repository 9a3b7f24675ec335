/** Tokens with the part they play, for colouring. The same table and grammar as the parser: a keyword that
 *  stands as a name is coloured as a name. Any text gives tokens; what the language does not know is `error`. */
import type { CstNode, IToken } from 'chevrotain';
import { QUERY_TEXT_MAX } from '../model/limits.ts';
import { parsedTokens } from './grammar.ts';
import { depthFault } from './parse.ts';
import * as t from './token.ts';

export type HighlightKind =
  | 'keyword'
  | 'metric'
  | 'field'
  | 'name'
  | 'text'
  | 'number'
  | 'time'
  | 'operator'
  | 'punctuation'
  | 'comment'
  | 'error';

export interface Highlight {
  readonly offset: number;
  readonly length: number;
  readonly kind: HighlightKind;
}

/** In the order of the text, without overlap. A text beyond the language's bound is one error. */
export function tokens(text: string): Highlight[] {
  if (text.length > QUERY_TEXT_MAX) return [{ offset: 0, length: text.length, kind: 'error' }];
  const lexed = t.lexer.tokenize(text);
  const roles = rolesOf(lexed.tokens);
  const found = lexed.tokens.map((token) => highlight(token, roles.get(token.startOffset) ?? kindOf(token)));
  const comments = (lexed.groups['comments'] ?? []).map((token) => highlight(token, 'comment'));
  const errors = lexed.errors.map(({ offset, length }): Highlight => ({ offset, length, kind: 'error' }));
  return [...found, ...comments, ...errors].toSorted((a, b) => a.offset - b.offset);
}

function highlight(token: IToken, kind: HighlightKind): Highlight {
  return { offset: token.startOffset, length: token.image.length, kind };
}

const ROLE_OF_RULE: ReadonlyMap<string, HighlightKind> = new Map([
  ['field', 'field'],
  ['instrumentation', 'name'],
  ['pinName', 'name'],
  ['palette', 'name'],
]);

/** What words stand for, by the rule that took them. */
function rolesOf(lexed: IToken[]): Map<number, HighlightKind> {
  const roles = new Map<number, HighlightKind>();
  if (depthFault(lexed) !== undefined) return roles;
  const open: CstNode[] = [parsedTokens(lexed).tree];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const role = ROLE_OF_RULE.get(node.name);
    for (const [name, children] of Object.entries(node.children)) {
      for (const child of children) {
        if (!('image' in child)) open.push(child);
        else if (role !== undefined && (name === 'Identifier' || name === 'DashedName'))
          roles.set(child.startOffset, role);
      }
    }
  }
  return roles;
}

const OPERATORS: ReadonlySet<string> = new Set([
  'Eq',
  'Ne',
  'Lt',
  'Le',
  'Gt',
  'Ge',
  'Match',
  'NoMatch',
  'Minus',
  'Dots',
]);
const PUNCTUATION: ReadonlySet<string> = new Set(['Pipe', 'Comma', 'Open', 'Close']);
const KINDS: ReadonlyMap<string, HighlightKind> = new Map([
  ['MetricName', 'metric'],
  ['Text', 'text'],
  ['Quantity', 'number'],
  ['Area', 'number'],
  ['Percentile', 'number'],
  ['Instant', 'time'],
  ['Clock', 'time'],
  ['Identifier', 'name'],
  ['DashedName', 'name'],
]);

function kindOf({ tokenType }: IToken): HighlightKind {
  const { name } = tokenType;
  if (OPERATORS.has(name)) return 'operator';
  if (PUNCTUATION.has(name)) return 'punctuation';
  const isWord = t.keywords.has(tokenType.LABEL ?? '') || t.RESERVED.includes(tokenType.LABEL ?? '');
  return KINDS.get(name) ?? (isWord ? 'keyword' : 'error');
}
