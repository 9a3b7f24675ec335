/** The builder's leaves: reading tokens, literals and lists off the concrete tree, and collecting faults. */
import type { CstNode, IToken } from 'chevrotain';
import type * as ast from './ast.ts';
import { assert } from '../model/assert.ts';
import { type DiagnosticCode, Faults, nearest, quoted } from './diagnostic.ts';
import { isTimeUnit, isUnit, TIME_UNITS, type TimeUnit, type Unit, UNITS } from './unit.ts';

export class Builder {
  readonly faults = new Faults();

  fault(code: DiagnosticCode, message: string, span: ast.Span, suggestion?: string): void {
    this.faults.add(code, message, span, { suggestion });
  }

  /** A function that answers whether a clause is the first of its name, and reports it where it is not. */
  repeats(): (name: string, node: CstNode) => boolean {
    const seen = new Set<string>();
    return (name, node) => {
      if (!seen.has(name)) return Boolean(seen.add(name));
      const word = firstTokenOf(node).image;
      this.fault('REPEATED', `Cannot use ${quoted(word)} again: it is given once before`, spanOf(node));
      return false;
    };
  }

  /** A number and its unit; `1h30m` becomes 90 m. */
  quantity(token: IToken): { value: number; unit: Unit | '' } {
    const parts = [...token.image.matchAll(/(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)([A-Za-z\u00b5\u03bc]+|%)?/g)];
    const read = parts.map((part) => ({ value: Number(part[1]), unit: unitText(part[2] ?? '') }));
    const unknown = read.find((part) => part.unit !== '' && !isUnit(part.unit));
    if (unknown !== undefined) {
      this.#unknownUnit(token, unknown.unit);
      return { value: 0, unit: '' };
    }
    const value = read.length === 1 ? read[0]!.value : compound(read);
    const unit = read.at(-1)!.unit as Unit | '';
    if (value === undefined || !Number.isFinite(value)) {
      const why =
        value === undefined ? 'expected times from the longest to the shortest, as 1h30m' : 'it is too large';
      this.fault('UNIT', `Cannot read ${quoted(token.image)}: ${why}`, tokenSpan(token));
      return { value: 0, unit };
    }
    return { value, unit };
  }

  #unknownUnit(token: IToken, unit: string): void {
    const near = OTHER_NAMES.get(unit.toLowerCase()) ?? nearest(unit, UNITS);
    const message = `Cannot read ${quoted(token.image)}: found the unit "${unit}", expected one of ${UNITS.join(' ')}`;
    const suggestion = near === undefined ? undefined : token.image.replace(unit, near);
    this.faults.add('UNIT', message, tokenSpan(token), { expected: UNITS, suggestion });
  }
}

/** Names that people give to units elsewhere. */
const OTHER_NAMES: ReadonlyMap<string, Unit> = new Map(
  Object.entries({
    ns: 'nanos nanosecond nanoseconds',
    us: 'micros microsecond microseconds usec',
    ms: 'millis millisecond milliseconds msec',
    s: 'sec secs second seconds',
    m: 'min mins minute minutes',
    h: 'hr hrs hour hours',
    d: 'day days',
    w: 'week weeks',
    B: 'byte bytes',
    KiB: 'k ki',
    MiB: 'mi',
    GiB: 'g gi',
    TiB: 't ti',
  } satisfies { [unit in Unit]?: string }).flatMap(([unit, names]) =>
    names.split(' ').map((name) => [name, unit as Unit] as const),
  ),
);

function unitText(text: string): string {
  return text === '\u00b5s' || text === '\u03bcs' ? 'us' : text;
}

/** The sum in the last part's unit; undefined unless units are of time and descend. */
function compound(parts: readonly { value: number; unit: string }[]): number | undefined {
  const last = parts.at(-1)!.unit;
  if (!isTimeUnit(last)) return undefined;
  let sum = 0;
  let above = Number.POSITIVE_INFINITY;
  for (const { value, unit } of parts) {
    if (!isTimeUnit(unit) || TIME_UNITS[unit] >= above) return undefined;
    above = TIME_UNITS[unit];
    sum += value * (above / TIME_UNITS[last as TimeUnit]);
  }
  return sum;
}

export function spanOf(node: CstNode): ast.Span {
  const { startOffset, endOffset } = node.location!;
  return { offset: startOffset, length: endOffset! + 1 - startOffset };
}

export function tokenSpan(token: IToken): ast.Span {
  return { offset: token.startOffset, length: token.image.length };
}

export function nodesOf(node: CstNode, rule: string): readonly CstNode[] {
  return (node.children[rule] ?? []) as CstNode[];
}

export function tokensOf(node: CstNode, name: string): readonly IToken[] {
  return (node.children[name] ?? []) as IToken[];
}

export function only(node: CstNode, rule: string): CstNode {
  const [child] = nodesOf(node, rule);
  assert(child !== undefined, () => `rule ${node.name} has no ${rule}`);
  return child;
}

/** The first token directly under the node, in the order of the text. */
export function firstToken(node: CstNode): IToken {
  const tokens = Object.values(node.children)
    .flat()
    .filter((child) => 'image' in child);
  return tokens.toSorted((x, y) => x.startOffset - y.startOffset)[0]!;
}

/** The first token of the node, however deep. */
function firstTokenOf(node: CstNode): IToken {
  const starts = Object.values(node.children)
    .flat()
    .map((child) => ('image' in child ? child : firstTokenOf(child)));
  return starts.toSorted((x, y) => x.startOffset - y.startOffset)[0]!;
}

export function buildMetric(node: CstNode): ast.Name {
  const metric = only(node, 'metric');
  return { text: firstToken(metric).image, span: spanOf(metric) };
}

export function buildFields(node: CstNode): ast.Name[] {
  return nodesOf(node, 'field').map((field) => ({ text: firstToken(field).image, span: spanOf(field) }));
}

export function buildDuration(node: CstNode, b: Builder): ast.Quantity {
  return quantityOf(only(node, 'duration'), b);
}

/** Of the node that is a number with its unit. */
export function quantityOf(node: CstNode, b: Builder): ast.Quantity {
  const token = firstToken(node);
  return { ...b.quantity(token), span: tokenSpan(token) };
}

export function buildCount(node: CstNode, b: Builder): ast.Count {
  return wholeNumber(firstToken(only(node, 'integer')), b);
}

function wholeNumber(token: IToken, b: Builder): ast.Count {
  const { value, unit } = b.quantity(token);
  if (unit !== '' || !Number.isSafeInteger(value)) {
    b.fault('SYNTAX', `Cannot use ${quoted(token.image)} here: expected a whole number`, tokenSpan(token));
  }
  return { value, span: tokenSpan(token) };
}

/** Smaller ones would need an exponent, and no count of events tells them from 0. */
const PERCENT_MIN = 1e-6;

/** 99 or p99. */
export function percentOf(node: CstNode, b: Builder): ast.Count {
  const token = firstToken(node);
  const span = tokenSpan(token);
  const named = /^p/i.test(token.image);
  const { value, unit } = named ? { value: Number(token.image.slice(1)), unit: '' } : b.quantity(token);
  if ((unit !== '' && unit !== '%') || value > 100 || (value > 0 && value < PERCENT_MIN)) {
    b.fault(
      'LIMIT',
      `Cannot use ${quoted(token.image)} as a percentile: expected a number from 0 to 100`,
      span,
    );
  }
  return { value, span };
}

export function buildText(node: CstNode, b: Builder): ast.Name {
  const token = firstToken(node);
  const span = tokenSpan(token);
  const inner = token.image.slice(1, -1);
  if (token.image.startsWith('`')) return { text: inner, span };
  return { text: unescape(inner, token, b), span };
}

const ESCAPES: { readonly [letter: string]: string } = {
  n: '\n',
  r: '\r',
  t: '\t',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

function unescape(inner: string, token: IToken, b: Builder): string {
  return inner.replace(/\\(u[0-9a-fA-F]{4}|[^])/g, (escape: string, what: string, at: number) => {
    if (what.length === 5) return String.fromCharCode(Number.parseInt(what.slice(1), 16));
    const plain = ESCAPES[what];
    if (plain !== undefined) return plain;
    b.fault(
      'SYNTAX',
      `Cannot read the escape "${escape}": write "\\${escape}" for a backslash, or put the text in backticks`,
      { offset: token.startOffset + 1 + at, length: escape.length },
      `\\${escape}`,
    );
    return '';
  });
}

export function buildLiteral(node: CstNode, b: Builder): ast.LiteralNode {
  const text = nodesOf(node, 'text')[0];
  if (text !== undefined) return { kind: 'text', ...buildText(text, b) };
  const [token] = tokensOf(node, 'Quantity') as [IToken];
  const { value, unit } = b.quantity(token);
  const negative = node.children['Minus'] !== undefined && value !== 0;
  return { kind: 'number', value: negative ? -value : value, unit, span: spanOf(node) };
}
