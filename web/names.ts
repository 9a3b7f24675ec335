/** What the values of keys are called, where a statement asks for names. Pure. */
import { list, text } from './json.ts';

export function readNames(value: unknown): (string | null)[] {
  return list(value).map((name) => (typeof name === 'string' ? name : null));
}

/** The value stays beside its name: two may be called the same. */
export function calledText(value: string, name: string | null | undefined): string {
  return name === undefined || name === null || name === value ? value : `${name} (${value})`;
}

/** A key of a JSON answer with the names beside it. */
export function calledKey(key: unknown, names: unknown): string {
  const called = readNames(names);
  return list(key)
    .map((part, i) => calledText(text(part), called[i]))
    .join(', ');
}
