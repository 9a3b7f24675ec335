/** Text to AST. Owns: the bounds on a text, collecting every fault of one pass. Any text gives a statement or
 *  diagnostics; none crashes it. Knows no metric: whether names exist is check.ts. */
import type { CstNode, IToken } from 'chevrotain';
import { QUERY_TEXT_MAX } from '../model/limits.ts';
import type { Statement } from './ast.ts';
import { Builder } from './build-node.ts';
import { buildStatement } from './build.ts';
import { type Diagnostic, DIAGNOSTICS_MAX, type Fault, placeFaults, quoted } from './diagnostic.ts';
import { parsedTokens } from './grammar.ts';
import { syntaxFault } from './syntax-fault.ts';
import * as t from './token.ts';

/** Parentheses and `not`s within each other: far above any use, far below the stack. */
export const NESTING_MAX = 32;

export type Parsed = { readonly statement: Statement } | { readonly diagnostics: readonly Diagnostic[] };

export function parseStatement(text: string): Parsed {
  if (text.length > QUERY_TEXT_MAX) {
    const message = `Cannot read a statement of ${text.length} characters: expected at most ${QUERY_TEXT_MAX}`;
    const span = { offset: QUERY_TEXT_MAX, length: text.length - QUERY_TEXT_MAX };
    return { diagnostics: placeFaults([{ code: 'TEXT_TOO_LONG', message, span }], text) };
  }
  const { tokens, errors } = t.lexer.tokenize(text);
  const faults: Fault[] = errors.map(({ offset, length }) => ({
    code: 'SYNTAX',
    message: `Cannot read ${quoted(text.slice(offset, offset + length))}: the language has no such sign`,
    span: { offset, length },
  }));
  const deep = depthFault(tokens);
  if (deep !== undefined) return { diagnostics: placeFaults([...faults, deep], text) };
  const { tree, faults: syntax } = parseTokens(tokens);
  if (faults.length + syntax.length > 0) return { diagnostics: placeFaults([...faults, ...syntax], text) };
  const builder = new Builder();
  const statement = buildStatement(tree, builder);
  return builder.faults.any ? { diagnostics: placeFaults(builder.faults.list, text) } : { statement };
}

/** Parses; where a fault's repair is plain, repairs the token and parses again to find the next fault. */
function parseTokens(given: readonly IToken[]): { tree: CstNode; faults: Fault[] } {
  const tokens = [...given];
  const repaired: Fault[] = [];
  for (;;) {
    const { tree, errors } = parsedTokens(tokens);
    const found = errors.slice(0, DIAGNOSTICS_MAX).map((error) => syntaxFault(error, tokens));
    const first = found[0];
    if (first?.token === undefined || first.repair === undefined || repaired.length >= DIAGNOSTICS_MAX) {
      return {
        tree,
        faults: onePerPlace([
          ...repaired,
          ...found.filter((f, i) => i === 0 || !f.blind).map((f) => f.fault),
        ]),
      };
    }
    repaired.push(first.fault);
    const tokenType = first.repair;
    tokens[tokens.indexOf(first.token)] = {
      ...first.token,
      tokenType,
      tokenTypeIdx: tokenType.tokenTypeIdx!,
    };
  }
}

/** The parser's own recovery may stumble over one token twice. */
function onePerPlace(faults: readonly Fault[]): Fault[] {
  return faults.filter((fault, i) => faults.findIndex((f) => f.span.offset === fault.span.offset) === i);
}

export function depthFault(tokens: readonly IToken[]): Fault | undefined {
  let depth = 0;
  const nots: number[] = [0];
  for (const token of tokens) {
    if (token.tokenType === t.Open) nots.push(0);
    else if (token.tokenType === t.Close && nots.length > 1) nots.pop();
    else if (token.tokenType === t.Not) nots[nots.length - 1]!++;
    else nots[nots.length - 1] = 0;
    depth = nots.reduce((sum, n) => sum + n, nots.length - 1);
    if (depth > NESTING_MAX) {
      const message = `Cannot read conditions nested ${depth} deep: expected at most ${NESTING_MAX} parentheses and nots`;
      return { code: 'TOO_DEEP', message, span: { offset: token.startOffset, length: token.image.length } };
    }
  }
  return undefined;
}
