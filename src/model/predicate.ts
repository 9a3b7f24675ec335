/** A filter over fields, as data. Owns: its shape, its truth. Does not: check types against a metric (query),
 *  read or print text (query).
 *  Every part of the system that filters calls `compilePredicate`, so a predicate is equally true at the source
 *  and in the reader. */
import { PREDICATE_DEPTH_MAX } from './limits.ts';
import { compilePattern, patternFault } from './pattern.ts';

export type Literal = string | number;

export type Predicate =
  | { readonly op: 'and' | 'or'; readonly terms: readonly Predicate[] }
  | { readonly op: 'not'; readonly term: Predicate }
  | {
      readonly op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
      readonly field: string;
      readonly value: Literal;
    }
  | { readonly op: 'in'; readonly field: string; readonly values: readonly Literal[] }
  | {
      readonly op: 'match' | 'nomatch' | 'prefix' | 'contains';
      readonly field: string;
      readonly value: string;
    };

/** The value of a field of the event at hand; undefined where the event has none, which is the empty text: so it
 *  stands in keys, and a reader that filters keys finds what the source does. */
export type FieldReader = (field: string) => Literal | undefined;

/** Turns a predicate into a function, once; patterns are compiled here.
 *  A number compares with a text that is a decimal number by value, so `status >= 500` is true of "503". */
export function compilePredicate(p: Predicate | undefined): (read: FieldReader) => boolean {
  if (p === undefined) return () => true;
  switch (p.op) {
    case 'and': {
      const terms = p.terms.map(compilePredicate);
      return (read) => terms.every((t) => t(read));
    }
    case 'or': {
      const terms = p.terms.map(compilePredicate);
      return (read) => terms.some((t) => t(read));
    }
    case 'not': {
      const term = compilePredicate(p.term);
      return (read) => !term(read);
    }
    case 'in': {
      const { field, values } = p;
      return (read) => {
        const found = read(field) ?? '';
        return values.some((v) => compare(found, v) === 0);
      };
    }
    case 'match':
    case 'nomatch': {
      const pattern = compilePattern(p.value);
      const { field } = p;
      const wanted = p.op === 'match';
      return (read) => pattern.matcher(String(read(field) ?? '')).find() === wanted;
    }
    case 'prefix':
      return textTest(p.field, (text) => text.startsWith(p.value));
    case 'contains':
      return textTest(p.field, (text) => text.includes(p.value));
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
      return comparison(p.field, p.op, p.value);
  }
}

const COMPARISONS = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];
const TEXT_TESTS = ['match', 'nomatch', 'prefix', 'contains'];

/** Whether `value`, which came from outside, is a predicate that compiles. */
export function isPredicate(value: unknown, depth = 1): value is Predicate {
  if (typeof value !== 'object' || value === null || depth > PREDICATE_DEPTH_MAX) return false;
  const { op, field, value: literal, values, term, terms } = value as { readonly [name: string]: unknown };
  if (op === 'not') return isPredicate(term, depth + 1);
  if (op === 'and' || op === 'or')
    return Array.isArray(terms) && terms.every((t) => isPredicate(t, depth + 1));
  if (typeof field !== 'string' || typeof op !== 'string') return false;
  if (op === 'in') return Array.isArray(values) && values.every(isLiteral);
  if (COMPARISONS.includes(op)) return isLiteral(literal);
  if (!TEXT_TESTS.includes(op) || typeof literal !== 'string') return false;
  return !op.endsWith('match') || patternFault(literal) === undefined;
}

function isLiteral(value: unknown): value is Literal {
  return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value));
}

/** The fields that a predicate reads, each once. */
export function predicateFields(p: Predicate | undefined): string[] {
  if (p === undefined) return [];
  if ('field' in p) return [p.field];
  return p.op === 'not' ? predicateFields(p.term) : [...new Set(p.terms.flatMap(predicateFields))];
}

/** The terms that must all hold: those of a top-level `and`, or the predicate itself. */
export function conjuncts(p: Predicate | undefined): readonly Predicate[] {
  if (p === undefined) return [];
  return p.op === 'and' ? p.terms.flatMap(conjuncts) : [p];
}

function textTest(field: string, test: (text: string) => boolean): (read: FieldReader) => boolean {
  return (read) => test(String(read(field) ?? ''));
}

function comparison(
  field: string,
  op: 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge',
  value: Literal,
): (read: FieldReader) => boolean {
  return (read) => {
    const order = compare(read(field) ?? '', value);
    switch (op) {
      case 'eq':
        return order === 0;
      case 'ne':
        return order !== 0;
      case 'lt':
        return order < 0;
      case 'le':
        return order <= 0;
      case 'gt':
        return order > 0;
      case 'ge':
        return order >= 0;
    }
  };
}

/** Below 0, 0, above 0; NaN (all orders false, `ne` true) where a number meets a text that is none. */
function compare(found: Literal, value: Literal): number {
  if (typeof value === 'number') {
    const n = typeof found === 'number' ? found : decimal(found);
    return n - value;
  }
  const text = String(found);
  return text === value ? 0 : text < value ? -1 : 1;
}

function decimal(text: string): number {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}
