/** Windows of the instrumentations that measure every N seconds. Sources report each second all the same, so that a
 *  crash costs no more of a window than of a second; the store adds up what falls into one window. Owns: which report of
 *  a window says that it is whole now, and which second of it a level is taken at. Does not: count, encode, know time.
 *  Window w is [w, w + N), w a multiple of N. Invariant: a report is full only where all N seconds of its window were
 *  reported in full since the instrumentation was enabled here. */
import { type Instrumentation, windowStart } from '../model/instrumentation.ts';

/** Seconds that were reported in full, without a gap between. */
interface Run {
  readonly fromSecond: number;
  readonly untilSecond: number;
}

/** Runs remembered of one source: the live one, the one that is filled back, those around a stall. */
const RUNS_MAX = 4;
/** Sources remembered of one instrumentation; of the oldest beyond them a window stays partial. */
const SOURCES_MAX = 1024;

type Measured = Pick<Instrumentation, 'id' | 'scope' | 'everySeconds'>;

export class Windows {
  /** By instrumentation and source. */
  readonly #runs = new Map<string, Map<string, readonly Run[]>>();

  /** How a report of one second is said: whether as partial, or undefined where it is not said at all: a level is that
   *  of the window's last second. */
  partial(measured: Measured, at: { source: string; second: number; partial: boolean }): boolean | undefined {
    const { id, scope, everySeconds } = measured;
    const { source, second, partial } = at;
    if (everySeconds === 1) return partial;
    const untilSecond = windowStart(second, measured) + everySeconds;
    if (scope === 'point') return second === untilSecond - 1 ? partial : undefined;
    if (partial) return true;
    const run = this.#extend(id, source, second);
    return run.fromSecond > untilSecond - everySeconds || run.untilSecond < untilSecond;
  }

  forget(id: string): void {
    this.#runs.delete(id);
  }

  #extend(id: string, source: string, second: number): Run {
    const sources = this.#runs.get(id) ?? new Map<string, readonly Run[]>();
    this.#runs.set(id, sources);
    let run: Run = { fromSecond: second, untilSecond: second + 1 };
    const apart: Run[] = [];
    for (const other of sources.get(source) ?? []) {
      if (other.untilSecond < run.fromSecond || other.fromSecond > run.untilSecond) apart.push(other);
      else run = joined(run, other);
    }
    sources.delete(source);
    sources.set(source, [...apart, run].slice(-RUNS_MAX));
    if (sources.size > SOURCES_MAX) sources.delete(sources.keys().next().value!);
    return run;
  }
}

function joined(a: Run, b: Run): Run {
  return {
    fromSecond: Math.min(a.fromSecond, b.fromSecond),
    untilSecond: Math.max(a.untilSecond, b.untilSecond),
  };
}
