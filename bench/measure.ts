/** Timing: medians over rounds. Rivals are taken in turn within each round, so that what disturbs one disturbs all; what
 *  has a limit alone is run in a row. */

/** Median time of each task, milliseconds, in the order given. One round before the first warms up. */
export function medianMs(tasks: readonly (() => void)[], rounds: number): number[] {
  const times = tasks.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    tasks.forEach((task, i) => {
      const start = performance.now();
      task();
      if (round >= 0) times[i]!.push(performance.now() - start);
    });
  }
  return times.map(median);
}

/** Median time of each task where it is run again and again, milliseconds, in the order given: for a limit, beside which
 *  no rival stands. Each warms up, as what has served for a while has; they take turns, so that what slows the machine
 *  for a while slows them all. */
export function steadyMs(tasks: readonly (() => void)[], rounds: number): number[] {
  const times = tasks.map((): number[] => []);
  for (let turn = 0; turn < STEADY_TURNS; turn++) {
    tasks.forEach((task, i) => {
      for (let round = -rounds; round < rounds; round++) {
        const start = performance.now();
        task();
        if (round >= 0) times[i]!.push(performance.now() - start);
      }
    });
  }
  return times.map(median);
}

const STEADY_TURNS = 3;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
