/** What may stand at a place of a statement: the parser's content assist, filled with the catalogue's names and
 *  the values that keys have. Owns: which suggestions, their order. Does not: read anything but the text before
 *  the place. */
import type { IToken } from 'chevrotain';
import { assert } from '../model/assert.ts';
import { LEVELS } from '../model/level.ts';
import { QUERY_TEXT_MAX } from '../model/limits.ts';
import { type Field, fieldOf, isNumeric, type MetricDescription, TYPES } from '../model/metric.ts';
import type { Catalogue } from './catalogue.ts';
import { signsOf } from './check-condition.ts';
import { amountOffers, countOffers, durationOffers } from './complete-amount.ts';
import { PALETTES } from './check-heatmap.ts';
import { HINTS } from './hints.ts';
import { instantText } from './moment.ts';
import { type Next, nextAfter } from './next.ts';
import { depthFault } from './parse.ts';
import { printName, printText } from './print.ts';
import * as t from './token.ts';
import { secondsText } from './unit.ts';

export type CompletionKind =
  | 'keyword'
  | 'metric'
  | 'field'
  | 'operator'
  | 'value'
  | 'instrumentation'
  | 'pin'
  | 'transformation'
  | 'duration'
  | 'time'
  | 'number'
  | 'palette';

export interface Completion {
  /** Replaces `length` characters at `offset`. */
  readonly text: string;
  readonly kind: CompletionKind;
  readonly detail: string;
  readonly offset: number;
  readonly length: number;
}

/** Values of a discrete field that were seen lately. */
export type KeyValues = (metric: string, field: string) => readonly string[];

/** A list longer than a screen helps nobody. */
const COMPLETIONS_MAX = 100;

type Offer = Pick<Completion, 'text' | 'kind' | 'detail'>;

interface Place {
  readonly catalogue: Catalogue;
  readonly keyValues: KeyValues | undefined;
  /** Tokens before what is being typed. */
  readonly before: readonly IToken[];
  readonly metric: MetricDescription | undefined;
  /** What is typed so far. */
  readonly typed: string;
}

export function complete(
  text: string,
  offset: number,
  catalogue: Catalogue,
  keyValues?: KeyValues,
): Completion[] {
  if (offset > QUERY_TEXT_MAX) return [];
  const { before, typed } = tokensBefore(text.slice(0, offset));
  if (depthFault(before) !== undefined) return [];
  const metricName = before.find((token) => token.tokenType === t.MetricName)?.image;
  const metric = catalogue.metrics.find((m) => m.name === metricName);
  const place: Place = { catalogue, keyValues, before, metric, typed };
  const offers = nextAfter(before).flatMap((next) => offersFor(next, place));
  if (offers.length === 0 && !/^[\w"'`]/.test(typed)) offers.push(...signOffers(nextAfter(before)));
  const fitting = offers.filter(
    (offer, i) => fits(offer, typed) && offers.findIndex((o) => o.text === offer.text) === i,
  );
  return fitting
    .slice(0, COMPLETIONS_MAX)
    .map((offer) => ({ ...offer, offset: offset - typed.length, length: typed.length }));
}

/** The tokens before what is being typed, and that. What ends with no sign of the language (`0.` of `0.25`, `1ms.` of
 *  `1ms..2ms`) is a sign that is typed: whatever is offered takes its place. */
function tokensBefore(text: string): { before: readonly IToken[]; typed: string } {
  const { tokens, errors } = t.lexer.tokenize(text);
  const unread = errors.find(({ offset, length }) => offset + length === text.length);
  if (unread !== undefined) return { before: tokens, typed: text.slice(unread.offset) };
  const last = tokens.at(-1);
  const isOpen = last !== undefined && isTyping(last) && last.startOffset + last.image.length === text.length;
  return isOpen ? { before: tokens.slice(0, -1), typed: last.image } : { before: tokens, typed: '' };
}

const SIGNS: readonly unknown[] = [t.Open, t.Close, t.Comma, t.Dots, t.Minus];

/** Where nothing but a sign may stand. */
function signOffers(next: readonly Next[]): Offer[] {
  const signs = next.filter(({ tokenType }) => SIGNS.includes(tokenType));
  return signs.map(({ tokenType }) => ({ text: tokenType.LABEL!, kind: 'operator', detail: '' }));
}

function isTyping(token: IToken): boolean {
  return /^[\w"'`]/.test(token.image) && token.tokenType !== t.Text;
}

function fits({ text, kind }: Offer, typed: string): boolean {
  const start = kind === 'value' ? typed.replace(/^["'`]/, '') : typed;
  const whole = kind === 'value' ? text.replace(/^"/, '') : text;
  return whole.toLowerCase().startsWith(start.toLowerCase()) && text !== typed;
}

function offersFor(next: Next, place: Place): readonly Offer[] {
  switch (next.rule) {
    case 'metric':
      return place.catalogue.metrics.map((m) => ({ text: m.name, kind: 'metric', detail: m.label }));
    case 'field':
      return fieldOffers(next, place);
    case 'instrumentation':
      return next.tokenType === t.Identifier && !next.rules.includes('as')
        ? instrumentationOffers(place)
        : [];
    case 'pinName':
      return next.tokenType === t.Identifier && next.rules.includes('unpin') ? pinOffers(place) : [];
    case 'transformation':
      return next.tokenType === t.Identifier ? transformationOffers(place) : [];
    case 'text':
      return valueOffers(next, place);
    case 'literal':
    case 'amount':
    case 'values':
    case 'cellValue':
      return next.tokenType === t.Quantity ? numberOffers(next, place) : [];
    case 'integer':
      return countOffers(next.rules);
    case 'duration':
      return place.before.at(-1)?.tokenType === t.At ? LEVEL_OFFERS : durationOffers(place.typed);
    case 'moment':
      return momentOffers(next);
    case 'compareSign':
    case 'matchSign':
    case 'orderSign':
    case 'wordTest':
    case 'comparison':
      return operatorOffers(next, place);
    default:
      return wordOffers(next);
  }
}

function wordOffers({ tokenType, rule }: Next): Offer[] {
  if (rule === 'palette' && tokenType === t.Identifier) {
    return PALETTES.map((text) => ({ text, kind: 'palette', detail: 'colours of one hue' }));
  }
  if (tokenType === t.Percentile || (rule === 'percent' && tokenType === t.Quantity)) {
    const texts = tokenType === t.Percentile ? ['p50', 'p90', 'p99', 'p99.9'] : ['50', '90', '99', '99.9'];
    return texts.map((text) => ({ text, kind: 'number', detail: 'percentile' }));
  }
  if (tokenType === t.Area) return [{ text: '900x300', kind: 'number', detail: 'width x height in pixels' }];
  const word = tokenType.LABEL!;
  const isWord = t.keywords.get(word) === tokenType || t.RESERVED.includes(word);
  if (isWord) return [{ text: word, kind: 'keyword', detail: HINTS[word] ?? '' }];
  return tokenType === t.Pipe ? [{ text: '|', kind: 'keyword', detail: 'how to show it' }] : [];
}

function fieldOffers(next: Next, { metric, before }: Place): Offer[] {
  const within = next.rules.at(-2);
  const listed = listedFields(before, within === 'hue' ? t.Hue : t.By);
  const broken = listedFields(before, t.By);
  const all = metric?.fields ?? [];
  const fields =
    within === 'hue'
      ? all.filter((f) => !isNumeric(f) && broken.includes(f.name) && !listed.includes(f.name))
      : within === 'diffKeys'
        ? all.filter((f) => !isNumeric(f))
        : within === 'naming'
          ? all.filter((f) => !isNumeric(f) && !namedFields(before).includes(f.name))
          : all.filter((f) => within !== 'by' || !listed.includes(f.name));
  return fields.map((f) => ({ text: f.name, kind: 'field', detail: `${f.label}, ${f.type}` }));
}

/** Names after the last `word`, as far as the list goes; after `by`, those that the statement breaks out by. */
function listedFields(before: readonly IToken[], word: typeof t.By): string[] {
  const start =
    word === t.By ? byClause(before) : before.findLastIndex(({ tokenType }) => tokenType === word);
  if (start < 0) return [];
  const names: string[] = [];
  for (let i = start + 1; i < before.length; i += 2) {
    names.push(before[i]!.image);
    if (before[i + 1]?.tokenType !== t.Comma) break;
  }
  return names;
}

/** Where the statement's own `by` is: not that of a naming, nor that of a ranking behind a `|`. */
function byClause(before: readonly IToken[]): number {
  const pipe = before.findIndex(({ tokenType }) => tokenType === t.Pipe);
  const clauses = pipe < 0 ? before : before.slice(0, pipe);
  return clauses.findIndex(({ tokenType }, i) => {
    const opener = clauses[i - 2]?.tokenType;
    return tokenType === t.By && opener !== t.Name && opener !== t.Comma;
  });
}

/** Fields that a naming before names. */
function namedFields(before: readonly IToken[]): string[] {
  const start = before.findLastIndex(({ tokenType }) => tokenType === t.Name);
  return before
    .slice(start)
    .flatMap(({ image }, i, rest) => (rest[i + 1]?.tokenType === t.By ? [image] : []));
}

function transformationOffers({ catalogue }: Place): Offer[] {
  const all = catalogue.transformations ?? [];
  return all.map(({ name, label }) => ({ text: printName(name), kind: 'transformation', detail: label }));
}

function instrumentationOffers({ catalogue }: Place): Offer[] {
  return catalogue.instrumentations.map((i) => ({
    text: printName(i.id),
    kind: 'instrumentation',
    detail: i.metric,
  }));
}

function pinOffers({ catalogue }: Place): Offer[] {
  return catalogue.pins.map((pin) => ({
    text: printName(pin.id),
    kind: 'pin',
    detail: `${pin.instrumentation} from ${instantText(pin.fromSecond)} to ${instantText(pin.untilSecond)}`,
  }));
}

const LEVEL_OFFERS: readonly Offer[] = LEVELS.filter((level) => level > 1).map((level) => ({
  text: secondsText(level),
  kind: 'duration',
  detail: 'the step of a roll-up',
}));

const TESTS: ReadonlySet<unknown> = new Set([
  t.Eq,
  t.Ne,
  t.Lt,
  t.Le,
  t.Gt,
  t.Ge,
  t.Match,
  t.NoMatch,
  t.In,
  t.Prefix,
  t.Contains,
]);

/** The field that the comparison being typed is about, or the hue's where a key is typed. */
function fieldAtHand(next: Next, { metric, before }: Place): Field | undefined {
  if (metric === undefined) return undefined;
  if (next.rules.includes('key')) {
    const hue = before.some((token) => token.tokenType === t.Hue) ? t.Hue : t.By;
    const names = listedFields(before, next.rules.includes('diffKeys') ? t.Diff : hue);
    const fields = names.flatMap((name) => fieldOf(metric, name) ?? []).filter((f) => !isNumeric(f));
    return fields[placeInKey(before)];
  }
  if (next.rules.some((rule) => VALUES_OF_Y.has(rule)))
    return listedFields(before, t.By)
      .flatMap((name) => fieldOf(metric, name) ?? [])
      .find(isNumeric);
  const test = before.findLastIndex((token) => TESTS.has(token.tokenType));
  const name = before[test - (before[test - 1]?.tokenType === t.Not ? 2 : 1)];
  return name && fieldOf(metric, name.image);
}

/** Rules whose numbers are of the numeric field that the statement breaks out by. */
const VALUES_OF_Y: ReadonlySet<string> = new Set(['apdex', 'values', 'cellValue']);

/** Which member of a key in parentheses is typed; 0 where there are none. */
function placeInKey(before: readonly IToken[]): number {
  const open = before.findLastIndex(({ tokenType }) => tokenType === t.Open || tokenType === t.Close);
  if (before[open]?.tokenType !== t.Open) return 0;
  return before.slice(open).filter(({ tokenType }) => tokenType === t.Comma).length;
}

function numberOffers(next: Next, place: Place): Offer[] {
  const field = fieldAtHand(next, place);
  return field !== undefined && isNumeric(field) ? amountOffers(field, place.typed) : [];
}

function valueOffers(next: Next, place: Place): Offer[] {
  if (['title', 'instrumentation', 'pinName', 'transformation'].some((rule) => next.rules.includes(rule)))
    return [];
  const field = fieldAtHand(next, place);
  if (field === undefined || isNumeric(field) || place.metric === undefined) return [];
  const values = place.keyValues?.(place.metric.name, field.name) ?? [];
  const bare = TYPES[field.type].integer === true && next.rules.includes('literal');
  return values.map((value) => ({
    text: bare ? value : printText(value),
    kind: 'value',
    detail: field.name,
  }));
}

function operatorOffers(next: Next, place: Place): Offer[] {
  const name = place.before.findLast((token) => token.tokenType !== t.Not);
  const field = place.metric && name && fieldOf(place.metric, name.image);
  const sign = next.tokenType.LABEL!;
  if (next.rule === 'wordTest' && next.tokenType === t.Open) return [];
  // `not` stands before `in`, `prefix` and `contains` only.
  if (field !== undefined && !signsOf(field).includes(sign === 'not' ? 'in' : sign)) return [];
  return [{ text: sign, kind: 'operator', detail: HINTS[sign] ?? '' }];
}

function momentOffers({ tokenType }: Next): Offer[] {
  if (tokenType === t.Now) {
    return ['now', 'now-5m', 'now-1h'].map((text) => ({
      text,
      kind: 'time',
      detail: 'the newest second, or before it',
    }));
  }
  assert(tokenType.LABEL !== undefined, 'a token has a label');
  return [];
}
