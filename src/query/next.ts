/** What may stand next: the parser's content assist, in words and with the rule that asks. The one source of
 *  `expected` in diagnostics and of completion. */
import type { ISyntacticContentAssistPath, IToken, TokenType } from 'chevrotain';
import { grammar } from './grammar.ts';
import * as t from './token.ts';

export interface Next {
  readonly tokenType: TokenType;
  /** The innermost rule that takes the token. */
  readonly rule: string;
  /** The rules around it, outermost first. */
  readonly rules: readonly string[];
  /** The keyword or sign itself, or a description such as "a field". */
  readonly word: string;
}

/** What a name or a number stands for, by the rule that takes it. */
const ROLES: { readonly [rule: string]: string } = {
  field: 'a field',
  instrumentation: 'an instrumentation',
  pinName: 'a pin',
  palette: 'a palette',
  duration: 'a duration such as 10m',
  integer: 'a whole number',
  amount: 'a value such as 100ms',
  percent: 'a percentile such as 99',
  values: 'a range such as 1ms..10s',
  cellValue: 'a value such as 48ms, or a range such as 1ms..10s',
  moment: 'a time such as 2026-11-22T03:00Z, 03:12Z or now-5m',
  metric: 'a metric such as http.requests',
};

/** Everything that may follow these tokens within a statement, without clauses and options given already.
 *  Empty where the tokens are no beginning of a statement. */
export function nextAfter(tokens: readonly IToken[]): Next[] {
  const used = usedWords(tokens);
  return grammar
    .computeContentAssist('statement', [...tokens])
    .map(({ nextTokenType, ruleStack }: ISyntacticContentAssistPath) => ({
      tokenType: nextTokenType,
      rule: ruleStack.at(-1)!,
      rules: ruleStack,
      word: wordOf(nextTokenType, ruleStack.at(-1)!),
    }))
    .filter((next) => !(opensClause(next) && used.has(next.tokenType)));
}

function wordOf(tokenType: TokenType, rule: string): string {
  const keyword = tokenType.PATTERN !== undefined && t.keywords.get(tokenType.LABEL!) === tokenType;
  if (rule === 'moment') return tokenType === t.Minus ? '-' : ROLES['moment']!;
  return (
    (keyword || tokenType === t.Text || tokenType === t.Dots ? undefined : ROLES[rule]) ?? tokenType.LABEL!
  );
}

const CLAUSES: ReadonlySet<string> = new Set([
  'clause',
  'instrumentClause',
  'heatmapOption',
  'cellOption',
  'diffOption',
]);

function opensClause(next: Next): boolean {
  return next.rules.some((rule, i) => CLAUSES.has(rule) && i === next.rules.length - 2);
}

const BEFORE_NAMES: ReadonlySet<TokenType> = new Set([
  t.By,
  t.Comma,
  t.Hue,
  t.Where,
  t.And,
  t.Or,
  t.Not,
  t.Open,
]);

/** Keywords that open something since the last `|`, or since the start. */
function usedWords(tokens: readonly IToken[]): ReadonlySet<TokenType> {
  const used = new Set<TokenType>();
  let before: TokenType | undefined;
  for (const { tokenType } of tokens) {
    if (tokenType === t.Pipe) used.clear();
    else if (before === undefined || !BEFORE_NAMES.has(before)) used.add(tokenType);
    before = tokenType;
  }
  if (used.has(t.Last)) used.add(t.From);
  if (used.has(t.From)) used.add(t.Last);
  return used;
}
