/** The parser's grammar as EBNF text: what docs/QUERY_LANGUAGE.md shows. */
import type { ISerializedGast } from 'chevrotain';
import { grammar } from '../../src/query/grammar.ts';
import * as t from '../../src/query/token.ts';

/** Names of the tokens that are no words or signs. */
export const TOKENS: { readonly [name: string]: string } = {
  Identifier: 'NAME',
  MetricName: 'METRIC',
  DashedName: 'DASHED_NAME',
  Text: 'TEXT',
  Quantity: 'NUMBER',
  Percentile: 'PERCENTILE',
  Area: 'SIZE',
  Instant: 'INSTANT',
  Clock: 'TIME_OF_DAY',
};

type Definition = ISerializedGast & {
  readonly name?: string;
  readonly label?: string;
  readonly definition?: readonly Definition[];
  readonly separator?: Definition;
};

export function grammarText(): string {
  const all = grammar.getSerializedGastProductions() as Definition[];
  // The whole first, the parts that it inherits behind it.
  const start = all.findIndex((rule) => rule.name === 'statement');
  const rules = [...all.slice(start), ...all.slice(0, start)];
  const width = Math.max(...rules.map((rule) => rule.name!.length));
  return rules.map((rule) => `${rule.name!.padEnd(width)} = ${sequence(rule.definition!)} ;`).join('\n');
}

function sequence(parts: readonly Definition[]): string {
  return parts.map((part) => production(part, parts.length > 1)).join(' ');
}

function production(part: Definition, isInSequence: boolean): string {
  const inner = part.definition ?? [];
  switch (part.type) {
    case 'Terminal':
      return terminal(part);
    case 'NonTerminal':
      return part.name!;
    case 'Option':
      return `[ ${sequence(inner)} ]`;
    case 'Repetition':
      return `{ ${sequence(inner)} }`;
    case 'RepetitionMandatoryWithSeparator':
      return `${sequence(inner)} { ${terminal(part.separator!)} ${sequence(inner)} }`;
    case 'Alternation': {
      const text = inner.map((alternative) => sequence(alternative.definition!)).join(' | ');
      return isInSequence ? `( ${text} )` : text;
    }
    case 'Alternative':
    case 'Rule':
    case 'RepetitionMandatory':
    case 'RepetitionWithSeparator':
      throw new Error(`no form for ${part.type}`);
  }
}

function terminal({ name, label }: Definition): string {
  const named = TOKENS[name!];
  return named ?? `"${label}"`;
}

/** Every word of the language. */
export function allWords(): string[] {
  return [...t.keywords.keys(), ...t.RESERVED];
}
