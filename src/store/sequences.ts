/** Repeat detection: which sequence numbers of which (source name, incarnation) were folded. Exact: a number is
 *  new once, whatever the order; never decided by `sequence <= largest`. Kept as ascending ranges, so a stream
 *  in order costs one range however long it runs, and a gap costs one more.
 *
 *  Bounds, and what happens at them:
 *  - more than RANGES_MAX ranges of one incarnation: the lowest gap is given up; its numbers count as folded,
 *    so what comes for them later is refused (`givenUp` says how many numbers that were).
 *  - more than INCARNATIONS_MAX incarnations: those whose newest second is oldest are forgotten, and from an
 *    incarnation that is not known nothing at or before their newest second is taken any more. So a repeat of
 *    theirs is refused too: nothing is ever counted twice. */
import { assert } from '../model/assert.ts';
import { SOURCES_MAX } from '../model/limits.ts';
import { type Source, sourceName } from '../model/report.ts';
import type { Watermark } from '../model/watermark.ts';

/** A resend in reverse order makes one range a batch: a spool of 15 minutes fits. */
export const RANGES_MAX = 1024;
/** A source restarts now and then; twice the sources are remembered. */
export const INCARNATIONS_MAX = 2 * SOURCES_MAX;
/** Ranges told of in a watermark, the highest ones: a spool does not reach further back. */
const COVERED_RANGES_MAX = 64;

assert(INCARNATIONS_MAX >= 16, 'a sixteenth is forgotten at a time');

export type Verdict = 'new' | 'repeat' | 'forgotten';

interface Tracker {
  readonly source: Source;
  /** from, until, from, until ... ascending, disjoint, not adjacent. */
  readonly edges: number[];
  newestSecond: number;
}

export interface SequencesState {
  forgottenSecond: number;
  givenUp: number;
  trackers: [host: string, driver: string, incarnation: string, newestSecond: number, edges: number[]][];
}

export class Sequences {
  readonly #trackers = new Map<string, Tracker>();
  readonly #incarnationsMax: number;
  #forgottenSecond: number;
  #givenUp: number;

  constructor(state?: SequencesState, incarnationsMax = INCARNATIONS_MAX) {
    this.#incarnationsMax = incarnationsMax;
    this.#forgottenSecond = state?.forgottenSecond ?? -1;
    this.#givenUp = state?.givenUp ?? 0;
    for (const [host, driver, incarnation, newestSecond, edges] of state?.trackers ?? []) {
      const source = { host, driver, incarnation };
      this.#trackers.set(place(source), { source, newestSecond, edges: [...edges] });
    }
  }

  /** Numbers of gaps that were given up. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** Says whether the batch is new, and notes it. `second` is the batch's, but not ahead of its arrival. */
  take(source: Source, sequence: number, second: number): Verdict {
    const at = place(source);
    let tracker = this.#trackers.get(at);
    if (tracker === undefined) {
      if (second <= this.#forgottenSecond) return 'forgotten';
      tracker = { source, edges: [], newestSecond: second };
      this.#trackers.set(at, tracker);
      if (this.#trackers.size > this.#incarnationsMax) this.#forget();
    }
    if (!insert(tracker.edges, sequence)) return 'repeat';
    tracker.newestSecond = Math.max(tracker.newestSecond, second);
    if (tracker.edges.length > 2 * RANGES_MAX) this.#giveUpLowestGap(tracker.edges);
    return 'new';
  }

  /** How many numbers below the largest are missing. */
  missing(source: Source): number {
    const edges = this.#trackers.get(place(source))?.edges ?? [];
    let missing = 0;
    for (let i = 0; i < edges.length; i += 2) missing += edges[i]! - (edges[i - 1] ?? 0);
    return missing;
  }

  watermarks(): Watermark[] {
    return [...this.#trackers.values()].map(({ source, edges }) => {
      const covered: [number, number][] = [];
      for (let i = Math.max(0, edges.length - 2 * COVERED_RANGES_MAX); i < edges.length; i += 2) {
        covered.push([edges[i]!, edges[i + 1]!]);
      }
      return { source, covered };
    });
  }

  state(): SequencesState {
    return {
      forgottenSecond: this.#forgottenSecond,
      givenUp: this.#givenUp,
      trackers: [...this.#trackers.values()].map(({ source, newestSecond, edges }) => [
        source.host,
        source.driver,
        source.incarnation,
        newestSecond,
        [...edges],
      ]),
    };
  }

  #giveUpLowestGap(edges: number[]): void {
    if (edges[0]! > 0) {
      this.#givenUp += edges[0]!;
      edges[0] = 0;
    } else {
      this.#givenUp += edges[2]! - edges[1]!;
      edges.splice(1, 2);
    }
  }

  #forget(): void {
    const oldest = [...this.#trackers].toSorted(
      ([a, x], [b, y]) => x.newestSecond - y.newestSecond || (a < b ? -1 : 1),
    );
    for (const [at, tracker] of oldest.slice(0, Math.ceil(this.#incarnationsMax / 16))) {
      this.#trackers.delete(at);
      this.#forgottenSecond = Math.max(this.#forgottenSecond, tracker.newestSecond);
    }
  }
}

function place(source: Source): string {
  return `${source.incarnation} ${sourceName(source)}`;
}

/** False where the number is there already. Looks from the end: most batches come in order. */
function insert(edges: number[], sequence: number): boolean {
  let above = edges.length;
  while (above > 0 && edges[above - 2]! > sequence) above -= 2;
  if (above > 0 && sequence < edges[above - 1]!) return false;
  const joinsBelow = above > 0 && edges[above - 1] === sequence;
  const joinsAbove = above < edges.length && edges[above] === sequence + 1;
  if (joinsBelow && joinsAbove) edges.splice(above - 1, 2);
  else if (joinsBelow) edges[above - 1] = sequence + 1;
  else if (joinsAbove) edges[above] = sequence;
  else edges.splice(above, 0, sequence, sequence + 1);
  return true;
}
