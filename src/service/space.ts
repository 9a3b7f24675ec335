/** The space budget: what a data directory that is too large gives up, as a pure rule. First of the log what all
 *  folds are past, down to half of the budget; then whole seconds, the oldest first; then each roll-up in turn.
 *  Never the newest hour; what a pin keeps is not asked for at all. One step at a time: the next one is decided on
 *  when the sizes show what this one gave. Bytes and Unix seconds. */
import { type Level, LEVELS, levelSpan } from '../model/level.ts';

/** Of the budget, the log may keep so much whatever it says of hours: the rest is what questions are answered from. */
const LOG_SHARE = 0.5;
/** What is looked at just now is never given up. */
const SPARED_SECONDS = 3600;
/** Given up at a time: what one file of the store holds of the level (docs/SEGMENT_FORMAT.md), so that it goes whole. */
const DAY = 86_400;
const CHUNK_SECONDS: { readonly [level in Level]: number } = {
  1: DAY,
  10: DAY,
  60: 4 * DAY,
  600: 32 * DAY,
  3600: 128 * DAY,
};
/** Rows go a few at a time, after the seal that comes every 256 s while anything is reported: so long sizes may not
 *  show yet what a step gave. */
const EFFECT_SECONDS = 300;

export interface SpaceSizes {
  readonly log: number;
  readonly spool: number;
  /** Segments, catalogue, and whatever else lies in the data directory. */
  readonly store: number;
}

export interface SpaceView {
  readonly budgetBytes: number;
  readonly sizes: SpaceSizes;
  /** Files of the log that every fold is past, the oldest first. */
  readonly spareLogFiles: readonly { readonly untilOffset: number; readonly bytes: number }[];
  /** Per level the start of the oldest block that counts and that no pin keeps, over all aggregators. */
  readonly oldest: ReadonlyMap<Level, number>;
  /** Since the last step that gave up blocks. */
  readonly agoSeconds: number;
  readonly nowSecond: number;
}

export type SpaceStep =
  | { readonly kind: 'none' }
  /** The one before has not had its effect yet. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'trim'; readonly offset: number }
  | { readonly kind: 'reclaim'; readonly level: Level; readonly untilSecond: number }
  /** What is left is pinned, or of the newest hour. */
  | { readonly kind: 'nothing-left' };

export function totalBytes({ log, spool, store }: SpaceSizes): number {
  return log + spool + store;
}

export function nextStep(view: SpaceView): SpaceStep {
  const over = totalBytes(view.sizes) - view.budgetBytes;
  if (over <= 0) return { kind: 'none' };
  const offset = trimOffset(view, over);
  if (offset !== undefined) return { kind: 'trim', offset };
  if (view.agoSeconds < EFFECT_SECONDS) return { kind: 'wait' };
  for (const level of LEVELS) {
    const untilSecond = reclaimUntil(view, level);
    if (untilSecond !== undefined) return { kind: 'reclaim', level, untilSecond };
  }
  return { kind: 'nothing-left' };
}

/** As little of the log as brings it to its share, or all within the budget. */
function trimOffset({ sizes, budgetBytes, spareLogFiles }: SpaceView, over: number): number | undefined {
  const wanted = Math.min(over, sizes.log - budgetBytes * LOG_SHARE);
  let freed = 0;
  let offset: number | undefined;
  for (const { untilOffset, bytes } of spareLogFiles) {
    if (freed >= wanted) break;
    freed += bytes;
    offset = untilOffset;
  }
  return offset;
}

/** To the end of the chunk that the oldest block lies in; undefined where that is of the newest hour, or none. */
function reclaimUntil({ oldest, nowSecond }: SpaceView, level: Level): number | undefined {
  const oldestStart = oldest.get(level);
  if (oldestStart === undefined) return undefined;
  const oldestEnd = oldestStart + levelSpan(level);
  const spared = nowSecond - SPARED_SECONDS;
  if (oldestEnd > spared) return undefined;
  const chunk = CHUNK_SECONDS[level];
  const chunkEnd = oldestStart - (oldestStart % chunk) + chunk;
  return Math.min(spared, Math.max(chunkEnd, oldestEnd));
}
