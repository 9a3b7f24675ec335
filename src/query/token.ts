/** The words and signs of the language: one table for parsing, completion and highlighting.
 *  Keywords are case-insensitive and may serve as names, except the four in RESERVED. Literals are cut
 *  generously here (a bad date is still a date), so that the builder can say what is wrong with them. */
import { createToken, Lexer, type TokenType } from 'chevrotain';

const skipped = { group: Lexer.SKIPPED };

export const WhiteSpace = createToken({ name: 'WhiteSpace', pattern: /\s+/, line_breaks: true, ...skipped });
export const Comment = createToken({ name: 'Comment', pattern: /#[^\n\r]*/, group: 'comments' });

export const Identifier = createToken({
  name: 'Identifier',
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
  label: 'a name',
});
export const MetricName = createToken({
  name: 'MetricName',
  pattern: /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)+/,
  label: 'a metric',
});
/** An instrumentation's generated name. `now-5m` is a time instead. */
export const DashedName = createToken({
  name: 'DashedName',
  pattern: /(?!now-)[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)+/i,
  start_chars_hint: 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_'.split(''),
  label: 'a name with dashes',
});

export const Text = createToken({
  name: 'Text',
  pattern: /"(?:[^"\\\n\r]|\\[^\n\r])*"|'(?:[^'\\\n\r]|\\[^\n\r])*'|`[^`\n\r]*`/,
  line_breaks: false,
  label: 'a text in quotes',
});
/** A quote that does not end on its line. */
export const OpenText = createToken({
  name: 'OpenText',
  pattern: /["'`][^\n\r]*/,
  line_breaks: false,
  label: 'a text without its closing quote',
});

export const Instant = createToken({
  name: 'Instant',
  pattern: /\d{4}-\d{2}-\d{2}(?:[Tt][0-9A-Za-z:+-]*(?:\.\d+[0-9A-Za-z:+-]*)?)?/,
  label: 'a time such as 2026-11-22T03:00Z',
});
export const Clock = createToken({
  name: 'Clock',
  pattern: /\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:[Zz]|[+-]\d{1,2}:?\d{2})?/,
  label: 'a time of day such as 03:12Z',
});
export const Area = createToken({ name: 'Area', pattern: /\d+[xX]\d+/, label: 'a size such as 900x300' });
export const Quantity = createToken({
  name: 'Quantity',
  pattern: /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?:[A-Za-z\u00b5\u03bc]+(?:\d+[A-Za-z\u00b5\u03bc]+)*|%)?/,
  label: 'a number',
});
export const Percentile = createToken({
  name: 'Percentile',
  pattern: /[pP]\d+(?:\.\d+)?\b/,
  longer_alt: [MetricName, DashedName],
  categories: [Identifier],
  label: 'a percentile such as p99',
});

/** Words that never are names: a condition would be read two ways. */
export const RESERVED: readonly string[] = ['and', 'or', 'not', 'in'];

function reserved(word: string): TokenType {
  return createToken({ name: tokenName(word), pattern: wordPattern(word), label: word });
}

export const keywords = new Map<string, TokenType>();

function keyword(word: string): TokenType {
  const token = createToken({
    name: tokenName(word),
    pattern: wordPattern(word),
    categories: [Identifier],
    label: word,
  });
  keywords.set(word, token);
  return token;
}

function wordPattern(word: string): RegExp {
  return new RegExp(`${word}\\b`, 'i');
}

function tokenName(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}

export const And = reserved('and');
export const Or = reserved('or');
export const Not = reserved('not');
export const In = reserved('in');

export const Where = keyword('where');
export const By = keyword('by');
export const Last = keyword('last');
export const From = keyword('from');
export const To = keyword('to');
export const Until = keyword('until');
export const Now = keyword('now');
export const Step = keyword('step');
export const Offset = keyword('offset');
export const As = keyword('as');
export const Of = keyword('of');
export const Name = keyword('name');
export const Prefix = keyword('prefix');
export const Contains = keyword('contains');

export const Instrument = keyword('instrument');
export const Every = keyword('every');
export const Keep = keyword('keep');
export const At = keyword('at');
export const Idle = keyword('idle');
export const Never = keyword('never');
export const Drop = keyword('drop');
export const Pause = keyword('pause');
export const Resume = keyword('resume');
export const Pin = keyword('pin');
export const Unpin = keyword('unpin');
export const Show = keyword('show');
export const Metrics = keyword('metrics');
export const Instrumentations = keyword('instrumentations');
export const Sources = keyword('sources');
export const Pins = keyword('pins');
export const Explain = keyword('explain');

export const Heatmap = keyword('heatmap');
export const Cell = keyword('cell');
export const Compare = keyword('compare');
export const Diff = keyword('diff');
export const Histograms = keyword('histograms');
export const Percentiles = keyword('percentiles');
export const Count = keyword('count');
export const Rate = keyword('rate');
export const Average = keyword('average');
export const Maximum = keyword('maximum');
export const Share = keyword('share');
export const Tail = keyword('tail');
export const Apdex = keyword('apdex');
export const Top = keyword('top');
export const Size = keyword('size');
export const Y = keyword('y');
export const Log = keyword('log');
export const Linear = keyword('linear');
export const Hue = keyword('hue');
export const None = keyword('none');
export const Select = keyword('select');
export const Isolate = keyword('isolate');
export const Exclude = keyword('exclude');
export const Weight = keyword('weight');
export const Value = keyword('value');
export const Color = keyword('color');
export const Rank = keyword('rank');
export const Sqrt = keyword('sqrt');
export const Palette = keyword('palette');
export const Theme = keyword('theme');
export const Dark = keyword('dark');
export const Light = keyword('light');
export const Overlay = keyword('overlay');
export const Buckets = keyword('buckets');
export const Title = keyword('title');

function sign(name: string, pattern: RegExp, label: string): TokenType {
  return createToken({ name, pattern, label });
}

export const Eq = sign('Eq', /==/, '==');
export const Ne = sign('Ne', /!=/, '!=');
export const Match = sign('Match', /=~/, '=~');
export const NoMatch = sign('NoMatch', /!~/, '!~');
export const Le = sign('Le', /<=/, '<=');
export const Ge = sign('Ge', />=/, '>=');
export const Lt = sign('Lt', /</, '<');
export const Gt = sign('Gt', />/, '>');
export const Pipe = sign('Pipe', /\|/, '|');
export const Comma = sign('Comma', /,/, ',');
export const Open = sign('Open', /\(/, '(');
export const Close = sign('Close', /\)/, ')');
export const Dots = sign('Dots', /\.\./, '..');
export const Minus = sign('Minus', /-/, '-');

/** Signs of other languages: no rule takes them, the message says what to write instead. */
const Assign = sign('Assign', /=/, '=');
const AndAnd = sign('AndAnd', /&&/, '&&');
const OrOr = sign('OrOr', /\|\|/, '||');
const NotEqual = sign('NotEqual', /<>/, '<>');
const Bang = sign('Bang', /!/, '!');
export const Bracket = sign('Bracket', /[[\]{}]/, 'a bracket');
export const Semicolon = sign('Semicolon', /;/, ';');

/** What this language writes for the sign of another. */
export const INSTEAD: ReadonlyMap<TokenType, TokenType> = new Map([
  [Assign, Eq],
  [NotEqual, Ne],
  [AndAnd, And],
  [OrOr, Or],
  [Bang, Not],
]);

/** Order is priority: the first that matches wins, unless it names a longer alternative. */
export const vocabulary: TokenType[] = [
  WhiteSpace,
  Comment,
  Text,
  OpenText,
  Instant,
  Clock,
  Area,
  Quantity,
  Percentile,
  MetricName,
  DashedName,
  And,
  Or,
  Not,
  In,
  ...keywords.values(),
  Identifier,
  Eq,
  Match,
  Ne,
  NoMatch,
  Le,
  Ge,
  NotEqual,
  Lt,
  Gt,
  AndAnd,
  OrOr,
  Pipe,
  Comma,
  Open,
  Close,
  Dots,
  Minus,
  Assign,
  Bang,
  Bracket,
  Semicolon,
];

export const lexer = new Lexer(vocabulary, { positionTracking: 'full', ensureOptimizations: true });
