/** Values that a statement names and that nobody has seen: one that is mistyped finds nothing, and an empty answer alone
 *  does not say why. Notes, not errors: what does not happen now may happen in a second.
 *  Does not: look at what is excluded by a sign (`!=`, `not`), which finds as much as there is. */
import { type Key, keyText, REMAINDER } from '../model/key.ts';
import type { Predicate } from '../model/predicate.ts';
import type { SeriesReader } from '../model/series.ts';
import { nearest, oneOf, quoted } from './diagnostic.ts';
import { projectGroups } from './measure.ts';
import type { Plan } from './plan.ts';
import type { Sources } from './sources.ts';

export interface Named {
  readonly field: string;
  readonly value: string;
}

/** A note each: more are not read. */
const NOTES_MAX = 5;
const SHOWN_MAX = 5;

/** What was not found where it was looked for, each once. */
export function soughtInVain(sources: Pick<Sources, 'plan' | 'scan'>): Named[] {
  const named = new Map<string, Named>();
  for (const one of [...unmatched(sources), ...keysNotFound(sources)]) named.set(JSON.stringify(one), one);
  return [...named.values()];
}

/** Of these, what was not seen lately either. */
export function unseenNotes(named: readonly Named[], plan: Plan, reader: SeriesReader): string[] {
  const notes: string[] = [];
  for (const one of named) {
    const note = notes.length < NOTES_MAX ? noteOf(one, plan, reader) : undefined;
    if (note !== undefined) notes.push(note);
  }
  return notes;
}

function noteOf({ field, value }: Named, plan: Plan, reader: SeriesReader): string | undefined {
  const seen = reader.keyValues(plan.instrumentation.id, field);
  const values = seen.values.filter((each) => each !== REMAINDER);
  if (!seen.complete || values.length === 0 || values.includes(value)) return undefined;
  const close = nearest(value, values);
  const hint = close === undefined ? `found ${oneOf(values, SHOWN_MAX)}` : `did you mean ${quoted(close)}`;
  return `no ${field} ${quoted(value)} was seen lately: ${hint}`;
}

/** Values that the filter asks for, of which no group has one. */
function unmatched({ plan, scan }: Pick<Sources, 'plan' | 'scan'>): Named[] {
  const asked = askedFor(plan.keyFilter);
  if (asked.length === 0) return [];
  const isEmpty = scan.blocks.every(({ groupOfKey }) => groupOfKey.every((group) => group < 0));
  return asked.filter(({ field, value }) => {
    const place = plan.fields.indexOf(field);
    return place < 0 ? isEmpty : !scan.groups.some((group) => group[place] === value);
  });
}

function askedFor(predicate: Predicate | undefined): Named[] {
  if (predicate === undefined) return [];
  if (predicate.op === 'and' || predicate.op === 'or') return predicate.terms.flatMap(askedFor);
  if (predicate.op !== 'eq' && predicate.op !== 'in') return [];
  const { field } = predicate;
  const values = predicate.op === 'in' ? predicate.values : [predicate.value];
  return values.map((value) => ({ field, value: String(value) }));
}

/** Of keys that a picture names and no group has. */
function keysNotFound({ plan, scan }: Pick<Sources, 'plan' | 'scan'>): Named[] {
  const { fields, keys } = keysOf(plan);
  if (keys.length === 0) return [];
  const found = new Set(projectGroups(scan, plan, fields).keys.map(keyText));
  const missing = keys.filter((key) => !found.has(keyText(key)));
  return missing.flatMap((key) => key.map((value, i) => ({ field: fields[i]!, value })));
}

function keysOf({ draw }: Plan): { readonly fields: readonly string[]; readonly keys: readonly Key[] } {
  if (draw.kind === 'heatmap') {
    const chosen = draw.hues.kind === 'top' ? [] : draw.hues.keys;
    return { fields: draw.hueFields, keys: [...chosen, ...draw.exclude] };
  }
  return draw.kind === 'diff' && draw.against.kind === 'keys' ? draw.against : { fields: [], keys: [] };
}
