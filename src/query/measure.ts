/** One number from a histogram or from a key's counts, with its bounds; and keys ranked by it. */
import type { Kernel } from '../kernel/kernel.ts';
import { bucketEdge, bucketMiddle, type Grid } from '../model/grid.ts';
import { compareKeys, type Key, keyText, REMAINDER } from '../model/key.ts';
import type { Measure } from './checked.ts';
import { type Known, levelReports, spokenSeconds } from './known.ts';
import type { Plan } from './plan.ts';
import { type Buckets, forEachHistogram, type Hues, hueTotals, type Scan, wholeGrid } from './scan.ts';

export interface Measured {
  readonly value: number;
  /** The true value lies within [low, high]. */
  readonly low: number;
  readonly high: number;
}

const NOTHING: Measured = { value: Number.NaN, low: Number.NaN, high: Number.NaN };

/** Counts of buckets first, first + 1, ... at counts[at], counts[at + 1], ... */
export interface Dense {
  readonly grid: Grid;
  readonly first: number;
  readonly counts: Float64Array;
  readonly length: number;
}

/** As the model's `quantile`: writes value, low and high of each rank (0..1, ascending) to out[3 i], NaN where
 *  there are no counts. One pass for the total, one for all ranks. */
export function denseQuantiles(dense: Dense, at: number, ranks: readonly number[], out: Float64Array): void {
  const { counts, length, grid, first } = dense;
  const end = at + length;
  let total = 0;
  for (let i = at; i < end; i++) total += counts[i]!;
  if (total === 0) {
    out.fill(Number.NaN, 0, 3 * ranks.length);
    return;
  }
  let before = 0;
  let i = at;
  let last = at;
  for (let r = 0; r < ranks.length; r++) {
    const target = ranks[r]! * total;
    while (i < end && (counts[i]! === 0 || before + counts[i]! < target)) {
      if (counts[i]! > 0) last = i;
      before += counts[i++]!;
    }
    // Rounding may leave the target above the last sum: the last bucket holds it.
    const bucket = i < end ? i : last;
    const low = bucketEdge(grid, first + bucket - at);
    const high = bucketEdge(grid, first + bucket - at + 1);
    const isOne = high - low <= 1;
    out[3 * r] = isOne ? low : low + ((high - low) * Math.max(0, target - before)) / counts[bucket]!;
    out[3 * r + 1] = low;
    out[3 * r + 2] = isOne ? low : high;
  }
}

/** Middles weighted by counts, with the edges as bounds: writes value, low and high. */
export function denseAverage({ grid, first, counts, length }: Dense, at: number, out: Float64Array): void {
  let total = 0;
  let middle = 0;
  let low = 0;
  let high = 0;
  for (let b = 0; b < length; b++) {
    const count = counts[at + b]!;
    if (count === 0) continue;
    const edge = bucketEdge(grid, first + b);
    const next = bucketEdge(grid, first + b + 1);
    total += count;
    middle += count * bucketMiddle(grid, first + b);
    low += count * edge;
    high += count * (next - edge <= 1 ? edge : next);
  }
  out[0] = middle / total;
  out[1] = low / total;
  out[2] = high / total;
}

/** The measure of each hue over the whole range. */
export function measureHues(
  scan: Scan,
  hues: Hues,
  what: { measure: Measure; known: Known; plan: Plan; kernel: Kernel },
): Measured[] {
  const { measure, known, plan, kernel } = what;
  if (measure.kind === 'count' || measure.kind === 'rate') {
    const totals = [...hueTotals(scan, hues, kernel)];
    const over = measure.kind === 'count' ? countDivisor(plan, known) : wholeRange(known, spokenSeconds);
    return totals.map((total) => ({ value: total / over, low: total / over, high: total / over }));
  }
  const buckets: Buckets = wholeGrid(scan);
  const measured: Measured[] = Array.from({ length: hues.count }, () => NOTHING);
  const out = new Float64Array(3);
  forEachHistogram(scan, { hues, buckets, kernel }, (counts, hue) => {
    const dense = { grid: scan.grid, first: 0, counts, length: counts.length };
    if (measure.kind === 'average') denseAverage(dense, 0, out);
    else denseQuantiles(dense, 0, [measure.percent / 100], out);
    measured[hue] = { value: out[0]!, low: out[1]!, high: out[2]! };
  });
  return measured;
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
  const { kind } = what.measure;
  const values =
    kind === 'count' || kind === 'rate' ? totals : measureHues(scan, hues, what).map((m) => m.value);
  return totals.map((total, h) => (total > 0 ? values[h]! : -1));
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
