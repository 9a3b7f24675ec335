/** Small changes to a statement's text that the page makes visibly: isolate and exclude hues, put a suggestion in
 *  its place, read what an instrumentation counts. Pure. It knows the words and signs of the language only as
 *  far as needed to leave everything else in the text as it stands; the server's parser has the last word. */

interface Word {
  readonly text: string;
  readonly offset: number;
}

const WORD =
  /"(?:[^"\\\n\r]|\\[^\n\r])*"|'(?:[^'\\\n\r]|\\[^\n\r])*'|`[^`\n\r]*`|#[^\n\r]*|[|,()]|[^\s|,()"'`#]+|["'`]/g;

/** Words, texts in quotes and signs; comments and spaces are between them. */
function words(text: string): Word[] {
  return [...text.matchAll(WORD)]
    .map((match) => ({ text: match[0], offset: match.index }))
    .filter((word) => !word.text.startsWith('#'));
}

function is(word: Word | undefined, ...keywords: readonly string[]): boolean {
  return word !== undefined && keywords.includes(word.text.toLowerCase());
}

/** A key as `isolate` and `exclude` take it: one literal, or several in parentheses. Values are text, but those
 *  of integer fields are written as numbers. */
export function keyLiteral(key: readonly string[], isInteger: (field: number) => boolean): string {
  const literals = key.map((value, field) => (isInteger(field) ? value : JSON.stringify(value)));
  return literals.length === 1 ? literals[0]! : `(${literals.join(', ')})`;
}

/** Only this hue; where it was the only one already, all again. What else names the hues has to go. */
export function isolate(text: string, key: string): string {
  const only = hueOptions(text).filter((option) => option.name === 'isolate');
  const bare = without(text, (option) => option.name !== undefined);
  if (only.length === 1 && only[0]!.keys.length === 1 && only[0]!.keys[0] === key) return bare;
  return withOption(bare, `isolate ${key}`);
}

/** All but this hue, and but those excluded before. */
export function exclude(text: string, key: string): string {
  const already = hueOptions(text).flatMap(({ name, keys }) => (name === 'exclude' ? keys : []));
  const bare = without(
    text,
    ({ name, keys }) => name === 'isolate' || name === 'exclude' || (name === 'select' && keys.includes(key)),
  );
  return withOption(bare, `exclude ${[...already.filter((other) => other !== key), key].join(', ')}`);
}

/** The statement without `isolate` and `exclude`. */
export function showAll(text: string): string {
  return without(text, ({ name }) => name === 'isolate' || name === 'exclude');
}

export function isFiltered(text: string): boolean {
  return showAll(text) !== text;
}

/** An option of the heatmap stage that says which hues there are. */
interface HueOption {
  readonly name: 'isolate' | 'exclude' | 'select' | 'top';
  readonly from: number;
  readonly until: number;
  /** As literals; of `top` its number. */
  readonly keys: readonly string[];
}

function without(text: string, unwanted: (option: HueOption) => boolean): string {
  let result = text;
  for (const { from, until } of hueOptions(text).filter(unwanted).toReversed()) {
    // A line's end stays: it may be the end of a comment.
    const before = result.slice(0, from).replace(/[ \t]+$/, '');
    const after = result.slice(until).replace(/^[ \t]+/, '');
    result = after === '' ? before : `${before} ${after}`;
  }
  return result;
}

function hueOptions(text: string): HueOption[] {
  const all = words(text);
  const options: HueOption[] = [];
  let inHeatmap = false;
  for (let i = 0; i < all.length; i++) {
    const word = all[i]!;
    if (word.text === '|') inHeatmap = is(all[i + 1], 'heatmap');
    const name = inHeatmap ? optionName(all, i) : undefined;
    if (name === undefined) continue;
    const { keys, next } = keyList(all, i + 1);
    const last = all[next - 1]!;
    options.push({ name, from: word.offset, until: last.offset + last.text.length, keys });
    i = next - 1;
  }
  return options;
}

/** Keywords may be names too: one that follows `hue` or a comma is a field, one before no value is no option. */
function optionName(all: readonly Word[], at: number): HueOption['name'] | undefined {
  if (is(all[at - 1], 'hue', ',') || all[at + 1] === undefined) return undefined;
  const name = all[at]!.text.toLowerCase();
  return name === 'isolate' || name === 'exclude' || name === 'select' || name === 'top' ? name : undefined;
}

function keyList(all: readonly Word[], start: number): { keys: string[]; next: number } {
  const keys: string[] = [];
  let next = start;
  do {
    if (keys.length > 0) next++;
    const first = next;
    if (all[next]?.text === '(') while (next < all.length && all[next]!.text !== ')') next++;
    next = Math.min(next + 1, all.length);
    const parts = all.slice(first, next).map((word) => word.text);
    keys.push(parts.map((part) => (part === ',' ? ', ' : part)).join(''));
  } while (all[next]?.text === ',' && next + 1 < all.length);
  return { keys, next };
}

/** Puts a heatmap option behind the others; a statement without a stage gets one. Behind the last word, not
 *  at the end: a comment may follow. */
function withOption(text: string, option: string): string {
  const all = words(text);
  const stage = all.findIndex((word, i) => word.text === '|' && is(all[i + 1], 'heatmap'));
  const following = all.findIndex((word, i) => i > stage && word.text === '|');
  const last = stage < 0 || following < 0 ? all.at(-1) : all[following - 1];
  const end = last === undefined ? 0 : last.offset + last.text.length;
  return `${text.slice(0, end)}${stage < 0 ? ' | heatmap' : ''} ${option}${text.slice(end)}`;
}

/** The text with `suggestion` in place of [offset, offset + length). */
export function withSuggestion(
  text: string,
  position: { offset: number; length: number },
  suggestion: string,
): string {
  return text.slice(0, position.offset) + suggestion + text.slice(position.offset + position.length);
}

/** The read statement over all that an `instrument` statement counts. */
export function readOf(statement: string): string | undefined {
  const all = words(statement);
  if (!is(all[0], 'instrument') || all[1] === undefined) return undefined;
  const end = all.findIndex((word, i) => i > 1 && is(word, 'every', 'keep', 'idle', 'as'));
  const text = statement.slice(all[1].offset, end < 0 ? undefined : all[end]!.offset);
  return `${text.trimEnd()} last 5m`;
}

/** A read without its stages, to which others may be added, and whether it names a step. */
export function readPart(text: string): { readonly text: string; readonly hasStep: boolean } | undefined {
  const all = words(text);
  const pipe = all.findIndex((word) => word.text === '|');
  const read = pipe < 0 ? all : all.slice(0, pipe);
  const last = read.at(-1);
  if (last === undefined) return undefined;
  const hasStep = read.some(
    (word, i) => is(word, 'step') && !is(read[i - 1], 'by', ',', 'where', 'and', 'or', 'not', '('),
  );
  return { text: text.slice(0, last.offset + last.text.length), hasStep };
}
