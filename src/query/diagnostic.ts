/** What is wrong with a statement, where, and what would be right. Owns: the codes, placing a span in lines,
 *  finding the nearest right word. A fault is placed once the text is at hand. */
import type { Span } from './ast.ts';

export type DiagnosticCode =
  | 'TEXT_TOO_LONG'
  | 'TOO_DEEP'
  | 'SYNTAX'
  | 'REPEATED'
  | 'UNKNOWN_METRIC'
  | 'UNKNOWN_FIELD'
  | 'UNKNOWN_INSTRUMENTATION'
  | 'UNKNOWN_PIN'
  | 'UNKNOWN_TRANSFORMATION'
  | 'TYPE'
  | 'UNIT'
  | 'LIMIT'
  | 'PATTERN'
  | 'CONFLICT';

export interface Position {
  /** UTF-16 units. */
  readonly offset: number;
  readonly length: number;
  /** From 1. */
  readonly line: number;
  /** From 1, UTF-16 units. */
  readonly column: number;
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly position: Position;
  /** What could stand there. */
  readonly expected: readonly string[];
  /** Text to put in place of the position's. */
  readonly suggestion?: string;
}

export interface Fault {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly span: Span;
  readonly expected?: readonly string[];
  readonly suggestion?: string | undefined;
}

/** One statement gets no more diagnostics: what follows a mistake is often its echo. */
export const DIAGNOSTICS_MAX = 10;

export function placeFaults(faults: readonly Fault[], text: string): Diagnostic[] {
  return faults
    .toSorted((a, b) => a.span.offset - b.span.offset)
    .slice(0, DIAGNOSTICS_MAX)
    .map((fault) => ({
      code: fault.code,
      message: fault.message,
      position: placeSpan(fault.span, text),
      expected: fault.expected ?? [],
      ...(fault.suggestion === undefined ? {} : { suggestion: fault.suggestion }),
    }));
}

export function placeSpan(span: Span, text: string): Position {
  const before = text.slice(0, span.offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  const line = before.split('\n').length;
  return { ...span, line, column: span.offset - lineStart + 1 };
}

/** A text in quotes, cut to a readable length. */
export function quoted(text: string): string {
  return `"${text.length > 40 ? `${text.slice(0, 39)}…` : text}"`;
}

/** `a, b or c`, at most `max` of them. Descriptions ("a field") stand as they are, words of the language in quotes. */
export function oneOf(words: readonly string[], max = 8): string {
  const shown = words.slice(0, max).map((word) => (/^an? /.test(word) ? word : `"${word}"`));
  if (words.length > max) return `${shown.join(', ')} or ${words.length - max} more`;
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

/** The candidate that a person most likely meant: same letters in another case, few edits away, or the only one that
 *  begins so. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const sameLetters = candidates.find((c) => c.toLowerCase() === lower);
  if (sameLetters !== undefined) return sameLetters;
  let best: string | undefined;
  let bestEdits = Math.min(3, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = editDistance(lower, candidate.toLowerCase(), bestEdits);
    if (edits < bestEdits) [best, bestEdits] = [candidate, edits];
  }
  return best ?? onlyLonger(lower, candidates);
}

/** Two letters say something. */
function onlyLonger(lower: string, candidates: readonly string[]): string | undefined {
  const longer = candidates.filter((candidate) => candidate.toLowerCase().startsWith(lower));
  return lower.length >= 2 && longer.length === 1 ? longer[0] : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours; gives up with `limit` where it is as many. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let twoBack: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let edits = Math.min(previous[j]! + 1, row[j - 1]! + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        edits = Math.min(edits, twoBack[j - 2]! + 1);
      row.push(edits);
    }
    if (Math.min(...row) >= limit) return limit;
    [twoBack, previous] = [previous, row];
  }
  return previous[b.length]!;
}

/** Collects faults while a statement is read or checked, so that all are told at once. */
export class Faults {
  readonly list: Fault[] = [];

  add(
    code: DiagnosticCode,
    message: string,
    span: Span,
    more: Pick<Fault, 'expected' | 'suggestion'> = {},
  ): void {
    this.list.push({ code, message, span, ...more });
  }

  get any(): boolean {
    return this.list.length > 0;
  }
}
