/** When a report is safe: every aggregator has it behind a committed seal. Keeps, per source, the least watermark
 *  over all aggregators. Pure bookkeeping. */
import type { Watermark } from './aggregator.ts';

export class Cover {
  readonly #aggregators: readonly Map<string, Watermark>[];

  constructor(aggregators: number) {
    this.#aggregators = Array.from({ length: aggregators }, () => new Map());
  }

  /** Takes one aggregator's news; gives the watermarks that now hold for all. */
  advance(aggregator: number, watermarks: readonly Watermark[]): Watermark[] {
    const own = this.#aggregators[aggregator]!;
    for (const mark of watermarks) own.set(`${mark.source} ${mark.incarnation}`, mark);
    const common: Watermark[] = [];
    for (const [key, mark] of own) {
      const all = this.#aggregators.map((a) => a.get(key)?.sequence ?? -1);
      const sequence = Math.min(...all);
      if (sequence >= 0) common.push({ ...mark, sequence });
    }
    return common;
  }
}
