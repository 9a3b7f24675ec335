/** Start and stop wait for the fold: what was created is known before the first question comes, and what was measured is
 *  folded before the end, so that the store is what a replay of its log makes. */
import type { Clock } from '../model/clock.ts';
import type { AggregatorClient } from './answer.ts';

const LOOK_MS = 20;
/** What is not folded by then is folded later: a long log is caught up with while others are answered. */
const FOLD_MS_MAX = 2000;

/** Resolves when all entries below `endOffset` are folded by every aggregator, or FOLD_MS_MAX later. */
export async function untilFolded(
  aggregators: readonly AggregatorClient[],
  endOffset: number,
  clock: Clock,
): Promise<void> {
  const untilMs = clock.nowMs() + FOLD_MS_MAX;
  while (clock.nowMs() < untilMs) {
    const answers = await Promise.all(aggregators.map((each) => each.ask({ kind: 'status' })));
    const isBehind = answers.some(
      (answer) => answer.kind === 'status' && answer.foldedOffset < endOffset - 1,
    );
    if (!isBehind) return;
    await clock.sleep(LOOK_MS);
  }
}
