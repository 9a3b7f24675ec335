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
  transformation: 'a way to name keys',
  duration: 'a duration such as 10m',
  integer: 'a whole number',
  amount: 'a value such as 100ms',
  percent: 'a percentile such as 99',
  values: 'a range such as 1ms..10s',
  cellValue: 'a value such as 48ms, or a range such as 1ms..10s',
  moment: 'a time such as 2026-11-22T03:00Z, 03:12Z or now-5m',
  metric: 'a metric such as http.requests',
};

/** Tokens that content assist is asked about as they are; of more it is told what matters. */
const WHOLE_TOKENS_MAX = 64;
/** It takes time by the token, and is asked for each fault. */
const ASSISTED_TOKENS_MAX = 256;

/** Everything that may follow these tokens within a statement, without clauses and options given already.
 *  Empty where the tokens are no beginning of a statement, or where even what matters of them is too long. */
export function nextAfter(tokens: readonly IToken[], wholeMax = WHOLE_TOKENS_MAX): Next[] {
  const used = usedWords(tokens);
  const asked = tokens.length > wholeMax ? whatMatters(tokens) : [...tokens];
  if (asked.length > ASSISTED_TOKENS_MAX) return [];
  return grammar
    .computeContentAssist('statement', asked)
    .map(({ nextTokenType, ruleStack }: ISyntacticContentAssistPath) => ({
      tokenType: nextTokenType,
      rule: ruleStack.at(-1)!,
      rules: ruleStack,
      word: wordOf(nextTokenType, ruleStack.at(-1)!),
    }))
    .filter((next) => !(opensClause(next) && used.has(next.tokenType)));
}

/** The tokens without those that change nothing of what may follow: stages before the last, members of lists and
 *  terms of conditions before the last. */
function whatMatters(tokens: readonly IToken[]): IToken[] {
  const pipe = tokens.findLastIndex(({ tokenType }) => tokenType === t.Pipe);
  const metric = tokens.findIndex(({ tokenType }) => tokenType === t.MetricName);
  const stage =
    pipe > metric && metric >= 0 ? [...tokens.slice(0, metric + 1), ...tokens.slice(pipe)] : tokens;
  const kept: IToken[] = [];
  const joints: (number | undefined)[] = [undefined];
  for (const token of stage) {
    const { tokenType } = token;
    const joint = joints.at(-1);
    if (tokenType === t.Comma && kept.at(-2)?.tokenType === t.Comma) kept.pop();
    else if ((tokenType === t.And || tokenType === t.Or) && joint !== undefined) kept.length = joint + 1;
    else {
      kept.push(token);
      if (tokenType === t.And || tokenType === t.Or) joints[joints.length - 1] = kept.length - 1;
      else if (tokenType === t.Open) joints.push(undefined);
      else if (tokenType === t.Close && joints.length > 1) joints.pop();
      else if (tokenType === t.Where) joints.splice(0, joints.length, undefined);
    }
  }
  return kept;
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
  t.Name,
  t.Where,
  t.And,
  t.Or,
  t.Not,
  t.Open,
]);

function isWord(tokenType: TokenType): boolean {
  return tokenType === t.Identifier || t.keywords.get(tokenType.LABEL!) === tokenType;
}

/** Keywords that open something since the last `|`, or since the start. */
function usedWords(tokens: readonly IToken[]): ReadonlySet<TokenType> {
  const used = new Set<TokenType>();
  let before: TokenType | undefined;
  let opener: TokenType | undefined;
  for (const { tokenType } of tokens) {
    const isName = before !== undefined && BEFORE_NAMES.has(before) && isWord(tokenType);
    // `name FIELD by WAY, FIELD by WAY`: a `by` that is no clause of the statement.
    const isNaming = tokenType === t.By && (opener === t.Name || opener === t.Comma);
    if (tokenType === t.Pipe) used.clear();
    else if (!isName && !isNaming) used.add(tokenType);
    opener = isName ? before : undefined;
    before = isName ? t.Identifier : tokenType;
  }
  if (used.has(t.Last)) used.add(t.From);
  if (used.has(t.From)) used.add(t.Last);
  return used;
}
