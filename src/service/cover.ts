/** When a batch is safe: every aggregator holds it in a durable commit. Intersects, per source, the sequence
 *  ranges that the aggregators cover. Pure bookkeeping. */
import type { Source } from '../model/batch.ts';
import type { Watermark } from '../model/watermark.ts';

type Ranges = Watermark['covered'];

export class Cover {
  readonly #aggregators: readonly Map<string, Watermark>[];

  constructor(aggregators: number) {
    this.#aggregators = Array.from({ length: aggregators }, () => new Map());
  }

  /** Takes one aggregator's news; gives what all of them cover now. */
  advance(aggregator: number, watermarks: readonly Watermark[]): Watermark[] {
    const own = this.#aggregators[aggregator]!;
    own.clear();
    for (const mark of watermarks) own.set(place(mark.source), mark);
    return watermarks.map(({ source }) => {
      const all = this.#aggregators.map((a): Ranges => a.get(place(source))?.covered ?? []);
      return { source, covered: all.reduce(intersection) };
    });
  }
}

function place({ host, driver, incarnation }: Source): string {
  return JSON.stringify([host, driver, incarnation]);
}

/** Of ascending, disjoint, half-open ranges. */
function intersection(a: Ranges, b: Ranges): Ranges {
  const both: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [aFrom, aUntil] = a[i]!;
    const [bFrom, bUntil] = b[j]!;
    const from = Math.max(aFrom, bFrom);
    const until = Math.min(aUntil, bUntil);
    if (from < until) both.push([from, until]);
    if (aUntil < bUntil) i++;
    else j++;
  }
  return both;
}
