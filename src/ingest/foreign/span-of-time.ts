/** Counts of an interval, given to its whole seconds: evenly, in proportion to the time that each has in it, in whole
 *  counts whose sum is exact. Only the sender knows when in the interval they were: this is an estimate, and exact
 *  where the interval lies in one second. Pure. */

/** Where the golden ratio puts the next of many: so that lone counts of many cells do not all fall on one second. */
const GOLDEN = 0.618_033_988_749_894_9;

export interface SecondShare {
  readonly second: number;
  /** Where the second ends in the interval, as a share of it: 1 at its end. */
  readonly below: number;
}

/** The seconds of (from, until], ascending; what is longer than `secondsMax` is as if it had begun that much later. */
export function secondsOf(from: number, until: number, secondsMax: number): readonly SecondShare[] {
  const last = Math.ceil(until) - 1;
  const begin = Math.min(Math.max(from, last + 1 - secondsMax), until);
  const shares: SecondShare[] = [];
  for (let second = Math.floor(begin); second < last; second++)
    shares.push({ second, below: (second + 1 - begin) / (until - begin) });
  return [...shares, { second: last, below: 1 }];
}

/** Calls `take` with each second that gets some of `count`. Cells of one interval are numbered by `cell`. */
export function shareOut(
  count: number,
  shares: readonly SecondShare[],
  cell: number,
  take: (second: number, count: number) => void,
): void {
  const phase = shares.length === 1 ? 0 : (cell * GOLDEN) % 1;
  let before = Math.floor(phase);
  for (const { second, below } of shares) {
    const reached = below === 1 ? count + Math.floor(phase) : Math.floor(count * below + phase);
    if (reached > before) take(second, reached - before);
    before = reached;
  }
}
