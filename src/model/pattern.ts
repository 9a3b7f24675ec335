/** Patterns on RE2's algorithm (re2js): linear time whatever the pattern, so a hostile one costs nothing. Owns: those
 *  compiled last, as a statement is checked, planned and evaluated one after the other, and a live one again a second
 *  later. */
import { RE2JS } from 're2js';

export type Pattern = RE2JS;

/** Some live statements' worth; a compiled pattern takes some KiB, a long one with repetitions some hundred. */
const KEPT_MAX = 16;

/** The one used longest ago first. */
const kept = new Map<string, Pattern>();

/** Throws an error that says what is wrong where RE2 does not take it. */
export function compilePattern(text: string): Pattern {
  const pattern = kept.get(text) ?? RE2JS.compile(text);
  kept.delete(text);
  kept.set(text, pattern);
  if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
  return pattern;
}

/** Undefined where `text` is a pattern that RE2 takes; else what is wrong with it. */
export function patternFault(text: string): string | undefined {
  try {
    compilePattern(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
