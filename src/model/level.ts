/** Levels: the steps at which series are stored. Level 1 is what sources report; the others are its roll-ups,
 *  which keep full histograms. A block of each level has BLOCK_STEPS steps and starts at a multiple of its
 *  length, so a coarser block is a whole number of finer ones.
 *  Owns: which levels there are and how long each is kept. Does not: roll up, delete. */
import { assert } from './assert.ts';
import { BLOCK_STEPS } from './limits.ts';

/** Seconds of a step, ascending. Measured: full histograms at all of them cost about a quarter of level 1, and
 *  a picture of any range up to a year reads a few million cells (bench/store.ts). */
export const LEVELS = [1, 10, 60, 600, 3600] as const;
export type Level = (typeof LEVELS)[number];

/** A roll-up is kept so many times as long as level 1, unless the instrumentation says otherwise: of `keep 24h`
 *  these are 7 days, 30 days, 180 days and two years. */
const KEEP_FACTOR: { readonly [level in Level]: number } = { 1: 1, 10: 7, 60: 30, 600: 180, 3600: 730 };

export interface LevelRetention {
  readonly level: Level;
  /** 0: not at all. */
  readonly keepSeconds: number;
}

/** What an instrumentation says of its retention. */
export interface Retention {
  /** Of level 1. */
  readonly keepSeconds: number;
  /** Of roll-ups where it is not KEEP_FACTOR's; each level once, none of level 1. */
  readonly keepLevels?: readonly LevelRetention[];
}

export function isLevel(seconds: number): seconds is Level {
  return LEVELS.some((level) => level === seconds);
}

/** The level from which `level` is rolled up; undefined for level 1. */
export function finerLevel(level: Level): Level | undefined {
  return LEVELS[LEVELS.indexOf(level) - 1];
}

/** Seconds that one block of the level spans. */
export function levelSpan(level: Level): number {
  return BLOCK_STEPS * level;
}

/** Start of the level's block that holds a second. */
export function levelStart(level: Level, second: number): number {
  return second - (second % levelSpan(level));
}

/** How long the level is kept; 0 where it is not. */
export function keepSecondsOf({ keepSeconds, keepLevels }: Retention, level: Level): number {
  if (level === 1) return keepSeconds;
  return keepLevels?.find((kept) => kept.level === level)?.keepSeconds ?? keepSeconds * KEEP_FACTOR[level];
}

/** How long anything is kept. */
export function keepSecondsMax(retention: Retention): number {
  return Math.max(...LEVELS.map((level) => keepSecondsOf(retention, level)));
}

/** The finest level that still answers for `second` when the newest second is `nowSecond`; undefined where all
 *  are past their retention. A pinned range keeps level 1 (pin.ts), which the caller knows. */
export function finestKept(retention: Retention, second: number, nowSecond: number): Level | undefined {
  return LEVELS.find((level) => second >= nowSecond - keepSecondsOf(retention, level));
}

for (const [i, level] of LEVELS.entries()) {
  const finer = LEVELS[i - 1] ?? 1;
  assert(level % finer === 0, () => `a step of ${level} s is made of steps of ${finer} s`);
}
