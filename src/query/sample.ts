/** How far a number could be from that of the system at large, given how many events it was read from: intervals
 *  that hold the true one in at least 94 of 100 cases, where events are independent. In closed form. */

/** Standard deviations on either side: 95 % of a normal distribution. */
const DEVIATIONS = 1.96;

/** Ranks, from 1, of the order statistics between which the quantile lies; outside of 1..n there is none. */
export function quantileRanks(n: number, rank: number): readonly [low: number, high: number] {
  const spread = DEVIATIONS * Math.sqrt(n * rank * (1 - rank));
  return [Math.floor(n * rank - spread), Math.ceil(n * rank + spread) + 1];
}

/** Wilson's interval around a proportion of n. */
export function proportionInterval(n: number, proportion: number): readonly [low: number, high: number] {
  const z2 = DEVIATIONS ** 2 / n;
  const centre = (proportion + z2 / 2) / (1 + z2);
  const half = Math.sqrt(z2 * (proportion * (1 - proportion) + z2 / 4)) / (1 + z2);
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** Half the width of the interval around a mean of n values of this variance; NaN for fewer than two. */
export function meanSpread(n: number, variance: number): number {
  return n < 2 ? Number.NaN : DEVIATIONS * Math.sqrt(variance / n);
}
