/** Words for syntax errors: what was found, what could stand there, the nearest right word, and for signs of
 *  other languages what to write instead. The parser's own messages never reach a person. Where the right
 *  token is plain, the fault carries it as a repair, so that parsing goes on and finds the next fault. */
import type { IRecognitionException, IToken, TokenType } from 'chevrotain';
import { type Fault, nearest, oneOf, quoted } from './diagnostic.ts';
import { type Next, nextAfter } from './next.ts';
import * as t from './token.ts';

export interface SyntaxFault {
  readonly fault: Fault;
  /** Behind an earlier fault: what was found here may be its echo. */
  readonly blind: boolean;
  /** The token at fault; undefined at the end of the text. */
  readonly token?: IToken;
  /** What to read the token as. */
  readonly repair?: TokenType | undefined;
}

interface Advice {
  readonly message: string;
  readonly suggestion?: string;
  readonly repair?: TokenType;
}

export function syntaxFault(error: IRecognitionException, tokens: readonly IToken[]): SyntaxFault {
  const token = error.token;
  const index = tokens.indexOf(token);
  const before = index < 0 ? tokens : tokens.slice(0, index);
  const next = nextAfter(before);
  const expected = [...new Set(next.map((n) => n.word))];
  const blind = expected.length === 0 && nextAfter(before.slice(0, -1)).length === 0;
  if (index < 0) return { fault: endFault(before, expected), blind };
  const advice = signAdvice(token, next) ?? valueAdvice(token, next) ?? wordAdvice(token, next, expected);
  const fault: Fault = {
    code: 'SYNTAX',
    message: advice.message,
    span: { offset: token.startOffset, length: token.image.length },
    expected,
    suggestion: advice.suggestion,
  };
  return { fault, blind, token, repair: advice.repair };
}

function endFault(tokens: readonly IToken[], expected: string[]): Fault {
  const last = tokens.at(-1);
  const offset = last === undefined ? 0 : last.startOffset + last.image.length;
  const message =
    last === undefined
      ? `Cannot read an empty statement: expected ${oneOf(expected)}`
      : `Cannot read the statement to its end: expected ${oneOf(expected)} after ${quoted(last.image)}`;
  return { code: 'SYNTAX', message, span: { offset, length: 0 }, expected };
}

/** Signs of other languages, and a quote that does not end. */
function signAdvice(token: IToken, next: readonly Next[]): Advice | undefined {
  const image = quoted(token.image);
  const instead = t.INSTEAD.get(token.tokenType);
  if (instead !== undefined && next.some((n) => n.tokenType === instead)) {
    const sign = instead.LABEL!;
    return { message: `Cannot read ${image} here: write "${sign}"`, suggestion: sign, repair: instead };
  }
  if (token.tokenType === t.OpenText) {
    const message = `Cannot read the text ${token.image}: its closing quote ${token.image[0]!} is missing`;
    return { message, repair: t.Text };
  }
  if (token.tokenType === t.Bracket) {
    return { message: `Cannot read ${image} here: a filter is written as where FIELD == "value"` };
  }
  if (token.tokenType === t.Semicolon)
    return { message: 'Cannot read ";" here: a statement ends by itself', suggestion: '' };
  return undefined;
}

/** A bare word where a value stands. */
function valueAdvice(token: IToken, next: readonly Next[]): Advice | undefined {
  const takesText =
    next.some((n) => n.tokenType === t.Text) && !next.some((n) => n.tokenType === t.Identifier);
  if (!takesText || !/^[\w.-]+$/.test(token.image) || t.RESERVED.includes(token.image.toLowerCase()))
    return undefined;
  const value = `"${token.image}"`;
  return {
    message: `Cannot read ${quoted(token.image)} here: a value is written in quotes, as ${value}`,
    suggestion: value,
    repair: t.Text,
  };
}

/** Words that other languages have for what this one says otherwise. */
const OTHER_WORDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    where: 'filter having',
    by: 'groupby per',
    from: 'since between after start',
    top: 'limit topk',
    average: 'avg mean',
    maximum: 'max peak',
    percentiles: 'quantile quantiles median pct',
    share: 'fraction ratio',
    count: 'sum total',
    heatmap: 'histogram_over_time render plot draw',
    select: 'highlight pick',
    isolate: 'only solo',
    exclude: 'hide without',
  }).flatMap(([word, others]) => others.split(' ').map((other) => [other, word] as const)),
);

function wordAdvice(token: IToken, next: readonly Next[], expected: readonly string[]): Advice {
  const words = next.filter((n) => t.keywords.has(n.word) || t.RESERVED.includes(n.word));
  const known = words.map((n) => n.word);
  const other = OTHER_WORDS.get(token.image.toLowerCase());
  const close = /^\w+$/.test(token.image) ? nearest(token.image, known) : undefined;
  const near = other !== undefined && known.includes(other) ? other : close;
  if (token.tokenType === t.Tail && known.includes('top')) {
    const ranking = 'top 5 by tail';
    return { message: `Cannot read "tail" here: it ranks keys, as ${ranking}`, suggestion: ranking };
  }
  const what = expected.length === 0 ? 'the statement ends before it' : `expected ${oneOf(expected)}`;
  const message = `Cannot read ${quoted(token.image)} here: ${what}`;
  if (near === undefined || near === token.image.toLowerCase()) return { message };
  const repair = words.find((n) => n.word === near)!.tokenType;
  return { message: `${message}, did you mean "${near}"`, suggestion: near, repair };
}
