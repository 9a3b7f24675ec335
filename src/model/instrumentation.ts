/** An instrumentation: what is measured, how it is broken out, how long it lives. Plain data; the log carries
 *  its whole life as control events (control.ts). */
import type { Grid } from './grid.ts';
import type { LevelRetention } from './level.ts';
import type { Predicate } from './predicate.ts';

export interface Instrumentation {
  /** Its name: chosen by a person, or generated. Letters, digits, `_`, `-`; unique among the living. */
  readonly id: string;
  readonly metric: string;
  readonly where?: Predicate;
  /** Discrete fields, in the order of the keys. */
  readonly by: readonly string[];
  readonly numeric?: string;
  /** The grid that `numeric` counts on; the one-bucket grid where there is none. */
  readonly grid: Grid;
  readonly scope: 'interval' | 'point';
  readonly everySeconds: number;
  /** How long whole seconds are kept. */
  readonly keepSeconds: number;
  /** How long roll-ups are kept where it is not as model/level.ts has it; each level once, none of level 1. */
  readonly keepLevels?: readonly LevelRetention[];
  /** Seconds without a look before it expires; 0 is never. */
  readonly idleSeconds: number;
  readonly createdSecond: number;
  /** Nothing is measured from this second on, until it is resumed. */
  readonly pausedSecond?: number;
}

/** The window that a second counts in, by its first second. What several seconds of it say adds up. */
export function windowStart(second: number, { everySeconds }: Pick<Instrumentation, 'everySeconds'>): number {
  return second - (second % everySeconds);
}

/** One that may be to come: it has no name yet, nor a time. */
export type Asked = Omit<Instrumentation, 'id' | 'createdSecond'>;

/** Equal for two that count the same things in the same cells. */
export function measuresText(i: Asked): string {
  return JSON.stringify([
    i.metric,
    i.where ?? null,
    i.by,
    i.numeric ?? null,
    i.grid,
    i.scope,
    i.everySeconds,
  ]);
}

export const INSTRUMENTATION_ID = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** What one source says of one instrumentation. */
export type SourceState =
  | { readonly state: 'enabling' }
  | {
      readonly state: 'enabled';
      readonly sinceSecond: number;
      /** What was counted before `sinceSecond` follows from here on, from a flight recorder. */
      readonly coversFromSecond?: number;
      /** How long it took to measure from when it was asked, where that is more than a moment: a probe is compiled. */
      readonly enabledAfterMs?: number;
    }
  | { readonly state: 'failed'; readonly reason: string };

export type InstrumentationState =
  | 'created'
  | 'enabling'
  | 'enabled'
  | 'partly'
  | 'failed'
  | 'paused'
  | 'expired';

/** The state of one that lives, from what its sources say. */
export function overallState(
  { pausedSecond }: Pick<Instrumentation, 'pausedSecond'>,
  sources: readonly SourceState[],
): InstrumentationState {
  if (pausedSecond !== undefined) return 'paused';
  if (sources.length === 0) return 'created';
  const enabled = sources.filter((s) => s.state === 'enabled').length;
  if (enabled === sources.length) return 'enabled';
  if (sources.some((s) => s.state === 'enabling')) return 'enabling';
  return enabled > 0 ? 'partly' : 'failed';
}
