/** One number from a histogram or from a key's counts, with its bounds; and keys ranked by it. */
import type { Kernel } from '../kernel/kernel.ts';
import { compareKeys, type Key, keyText, REMAINDER } from '../model/key.ts';
import type { Measure } from './checked.ts';
import { type Known, levelReports, spokenSeconds } from './known.ts';
import type { Plan } from './plan.ts';
import { isReadable, PARTS, readingOf } from './reading.ts';
import { type Buckets, forEachHistogram, type Hues, hueTotals, type Scan, wholeGrid } from './scan.ts';

export interface Measured {
  readonly value: number;
  /** What was measured lies within [low, high]. */
  readonly low: number;
  readonly high: number;
  /** What the system does at large lies within them, by the number of events; NaN where that bounds nothing. */
  readonly sampleLow: number;
  readonly sampleHigh: number;
}

const NOTHING = measuredOf([Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN], 0);

function measuredOf(parts: ArrayLike<number>, at: number): Measured {
  const part = (i: number): number => parts[at + i]!;
  return { value: part(0), low: part(1), high: part(2), sampleLow: part(3), sampleHigh: part(4) };
}

/** Counts of events, one by one: of them a number says how much it bounds. Amounts and levels are none. */
export function isSampled({ metric }: Plan): boolean {
  return metric.scope === 'interval' && metric.amount === undefined;
}

/** The measure of each hue over the whole range. */
export function measureHues(
  scan: Scan,
  hues: Hues,
  what: { measure: Measure; known: Known; plan: Plan; kernel: Kernel },
): Measured[] {
  const { measure, known, plan, kernel } = what;
  if (!isReadable(measure)) {
    const totals = [...hueTotals(scan, hues, kernel)];
    const over = measure.kind === 'count' ? countDivisor(plan, known) : wholeRange(known, spokenSeconds);
    return totals.map((total) => {
      const value = total / over;
      return { ...NOTHING, value, low: value, high: value };
    });
  }
  const buckets: Buckets = wholeGrid(scan);
  const measured: Measured[] = Array.from({ length: hues.count }, () => NOTHING);
  const shape = { grid: scan.grid, first: 0, length: buckets.count, sampled: isSampled(plan) };
  const read = readingOf(measure, shape);
  const out = new Float64Array(PARTS);
  forEachHistogram(scan, { hues, buckets, kernel }, (counts, hue) => {
    if (read(counts, 0, out) > 0) measured[hue] = measuredOf(out, 0);
  });
  return measure.kind === 'tail' ? partsOfTail(measured) : measured;
}

/** Of counts within a bound what part of them is each one's, in percent. */
function partsOfTail(counts: readonly Measured[]): Measured[] {
  const sum = (of: (count: Measured) => number): number =>
    counts.reduce((total, count) => total + (of(count) || 0), 0);
  const [all, lows, highs] = [sum((c) => c.value), sum((c) => c.low), sum((c) => c.high)];
  return counts.map(({ value, low, high }) => ({
    ...NOTHING,
    value: (100 * value) / all,
    low: (100 * low) / (low + highs - high),
    high: (100 * high) / (high + lows - low),
  }));
}

/** A level does not add over time: its count is the mean over what was reported. */
function countDivisor(plan: Plan, known: Known): number {
  return plan.metric.scope === 'point' ? wholeRange(known, levelReports) : 1;
}

function wholeRange(known: Known, of: (known: Known, column: number) => number): number {
  let sum = 0;
  for (let column = 0; column < known.seconds.length; column++) sum += of(known, column);
  return Math.max(1, sum);
}

/** Whether a key stands for what a bounded label set no longer tells apart. */
function isRemainder(key: Key): boolean {
  return key.length > 0 && key.every((value) => value === REMAINDER);
}

/** What hues are ranked by: their measure; -1 for one without counts in the range. */
export function rankingValues(
  scan: Scan,
  hues: Hues,
  what: { measure: Measure; known: Known; plan: Plan; kernel: Kernel },
): number[] {
  const totals = [...hueTotals(scan, hues, what.kernel)];
  const values = isReadable(what.measure) ? measureHues(scan, hues, what).map((m) => m.value) : totals;
  return totals.map((total, h) => (total > 0 ? values[h]! || 0 : -1));
}

/** The `count` keys with the largest values, ties in the order of the keys. Keys without counts and the
 *  remainder of a source never are among them. */
export function largest(keys: readonly Key[], values: readonly number[], count: number): number[] {
  return keys
    .map((_, i) => i)
    .filter((i) => values[i]! >= 0 && !isRemainder(keys[i]!))
    .toSorted((a, b) => values[b]! - values[a]! || compareKeys(keys[a]!, keys[b]!))
    .slice(0, count);
}

/** Groups that share the values of `fields` become one hue; keys[h] is what they share. */
export function projectGroups(
  scan: Scan,
  plan: Plan,
  fields: readonly string[],
): { keys: Key[]; hues: Hues } {
  const places = fields.map((field) => plan.fields.indexOf(field));
  const hueOfKey = new Map<string, number>();
  const keys: Key[] = [];
  const hueOfGroup = Int32Array.from(scan.groups, (group) => {
    const key = places.map((place) => group[place]!);
    const text = keyText(key);
    const known = hueOfKey.get(text);
    if (known !== undefined) return known;
    hueOfKey.set(text, keys.length);
    return keys.push(key) - 1;
  });
  return { keys, hues: { count: keys.length, hueOfGroup } };
}

export interface Chosen {
  /** The chosen keys in order, then undefined for the rest where there is any. */
  readonly keys: readonly (Key | undefined)[];
  readonly hues: Hues;
}

/** Gives the chosen keys a hue each, and all others the last one, or none. */
export function assignHues(
  all: { keys: readonly Key[]; hues: Hues },
  chosen: readonly Key[],
  isRest: (key: Key, hue: number) => boolean,
): Chosen {
  const hueOfText = new Map(chosen.map((key, i) => [keyText(key), i]));
  let hasRest = false;
  const newHue = all.keys.map((key, hue) => {
    const own = hueOfText.get(keyText(key));
    if (own !== undefined) return own;
    if (!isRest(key, hue)) return -1;
    hasRest = true;
    return chosen.length;
  });
  const keys = hasRest ? [...chosen, undefined] : chosen;
  return { keys, hues: { count: keys.length, hueOfGroup: all.hues.hueOfGroup.map((hue) => newHue[hue]!) } };
}
