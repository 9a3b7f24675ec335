/** How surprising counts are, and how far two distributions are apart. Counts are events, taken as independent of
 *  each other; they may have fractions, where buckets were cut. Pure numbers in, numbers out.
 *  After Numerical Recipes (incomplete gamma and beta functions), Sokal and Rohlf (G-test with the correction of
 *  Williams), Lin (Jensen-Shannon divergence), Benjamini and Hochberg (false discovery rate). */

const EPSILON = 1e-15;
const TINY = 1e-300;
/** Terms of a series or a fraction; it has long converged for all counts below 2^53. */
const TERMS_MAX = 100_000;

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** ln of the gamma function of x > 0. */
export function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  let sum = 0.99999999999980993;
  LANCZOS.forEach((c, i) => (sum += c / (x + i)));
  const t = x + LANCZOS.length - 1.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

/** The chance of a chi-square of so many degrees of freedom that is at least x. */
export function chiSquareTail(x: number, freedom: number): number {
  if (!(x > 0) || freedom < 1) return 1;
  const a = freedom / 2;
  const half = x / 2;
  const front = Math.exp(-half + a * Math.log(half) - lnGamma(a));
  return half < a + 1 ? Math.max(0, 1 - front * gammaSeries(a, half)) : front * gammaFraction(a, half);
}

function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; n < TERMS_MAX && term > sum * EPSILON; n++) sum += term *= x / (a + n);
  return sum;
}

function gammaFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < TERMS_MAX; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / away(an * d + b);
    c = away(b + an / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < EPSILON) break;
  }
  return h;
}

function away(x: number): number {
  return Math.abs(x) < TINY ? TINY : x;
}

/** The regularised incomplete beta function. */
export function betaShare(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log(1 - x));
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < TERMS_MAX; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < EPSILON) break;
  }
  return h;
}

/** The chance that of a + b events, each falling to a with chance `share`, so uneven a part falls to either: twice
 *  the smaller tail, so rather too large than too small. Defined for fractions too. */
export function splitChance(a: number, b: number, share: number): number {
  if (a + b <= 0) return 1;
  const atMost = b <= 0 ? 1 : 1 - betaShare(share, a + 1, b);
  const atLeast = a <= 0 ? 1 : betaShare(share, a, b + 1);
  return Math.min(1, 2 * Math.min(atMost, atLeast));
}

/** Two layers of counts over the same classes. */
export interface TwoLayers {
  readonly inside: readonly number[];
  readonly outside: readonly number[];
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** The chance of layers so different where class and layer have nothing to do with each other: G-test of
 *  independence with the correction of Williams. Expects some 5 events in each class of each layer. */
export function independenceChance({ inside, outside }: TwoLayers): number {
  const [rowIn, rowOut] = [sum(inside), sum(outside)];
  const all = rowIn + rowOut;
  const freedom = inside.length - 1;
  if (freedom < 1 || rowIn <= 0 || rowOut <= 0) return 1;
  let g = 0;
  let inverse = 0;
  for (let i = 0; i < inside.length; i++) {
    const column = inside[i]! + outside[i]!;
    if (column <= 0) continue;
    g += part(inside[i]!, (column * rowIn) / all) + part(outside[i]!, (column * rowOut) / all);
    inverse += 1 / column;
  }
  const correction = 1 + ((all / rowIn + all / rowOut - 1) * (all * inverse - 1)) / (6 * all * freedom);
  return chiSquareTail((2 * g) / correction, freedom);
}

function part(observed: number, expected: number): number {
  return observed > 0 ? observed * Math.log(observed / expected) : 0;
}

/** Fisher's exact test for small numbers: the chance that of `marked` among `all` so many or so few are among the
 *  `drawn`, twice the smaller tail. */
export function drawChance(found: number, drawn: number, marked: number, all: number): number {
  const [n, k, m] = [drawn, marked, all].map(Math.round) as [number, number, number];
  const [least, most] = [Math.max(0, n + k - m), Math.min(n, k)];
  const x = Math.min(most, Math.max(least, Math.round(found)));
  const at = (i: number): number => Math.exp(lnChoose(k, i) + lnChoose(m - k, n - i) - lnChoose(m, n));
  const tail = (step: 1 | -1): number => {
    let total = 0;
    for (let i = x; i >= least && i <= most; i += step) {
      const chance = at(i);
      total += chance;
      if (chance < total * 1e-12) break;
    }
    return total;
  };
  return Math.min(1, 2 * Math.min(tail(1), tail(-1)));
}

function lnChoose(n: number, k: number): number {
  return lnGamma(n + 1) - lnGamma(k + 1) - lnGamma(n - k + 1);
}

/** Fewer expected events than this are too few for an approximation. */
export const EXPECTED_MIN = 5;

/** Whether one class has another share inside than outside. */
export function classChance(one: { inside: number; outside: number }, all: typeof one): number {
  const rest = { inside: all.inside - one.inside, outside: all.outside - one.outside };
  const total = all.inside + all.outside;
  const marked = one.inside + one.outside;
  const least = (Math.min(marked, total - marked) * Math.min(all.inside, all.outside)) / total;
  if (least >= EXPECTED_MIN)
    return independenceChance({
      inside: [one.inside, rest.inside],
      outside: [one.outside, rest.outside],
    });
  return drawChance(one.inside, all.inside, marked, total);
}

/** Jensen-Shannon divergence of the layers' distributions, bits: 0 equal, 1 nothing in common. 0 where one is empty. */
export function divergenceBits({ inside, outside }: TwoLayers): number {
  const [rowIn, rowOut] = [sum(inside), sum(outside)];
  if (rowIn <= 0 || rowOut <= 0) return 0;
  let bits = 0;
  for (let i = 0; i < inside.length; i++) {
    const [p, q] = [inside[i]! / rowIn, outside[i]! / rowOut];
    const middle = (p + q) / 2;
    bits += half(p, middle) + half(q, middle);
  }
  return Math.min(1, Math.max(0, bits));
}

function half(p: number, middle: number): number {
  return p > 0 ? (p * Math.log2(p / middle)) / 2 : 0;
}

/** The largest of the chances that is a discovery at this false discovery rate, among so many tests; below 0 where none
 *  is. Chances of 1 may stand for tests that surely are none. */
export function discoveryLimit(chances: ArrayLike<number>, tests: number, falseShare: number): number {
  const small = Array.from(chances)
    .filter((chance) => chance <= falseShare)
    .toSorted((a, b) => a - b);
  const last = small.findLastIndex((chance, i) => chance <= (falseShare * (i + 1)) / tests);
  return last < 0 ? -1 : small[last]!;
}

/** For each chance the false discovery rate at which it is a discovery, among all of them. */
export function discoveryRates(chances: ArrayLike<number>): Float64Array {
  const order = Array.from(chances, (_, i) => i).toSorted((i, j) => chances[j]! - chances[i]!);
  const rates = new Float64Array(chances.length);
  let least = 1;
  order.forEach((i, behind) => {
    const rank = chances.length - behind;
    least = Math.min(least, (chances[i]! * chances.length) / rank);
    rates[i] = least;
  });
  return rates;
}
