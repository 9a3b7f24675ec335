/** Every bound that more than one room of the house relies on, with its reason; checked against each other
 *  at load. A bound that concerns one file stands in that file. */
import { assert } from './assert.ts';

/** Steps in a block of stored series: 256 measured best for size, and a step index fits one byte. */
export const BLOCK_STEPS = 256;
/** Discrete fields in one decomposition. More multiplies keys past any use. */
export const DISCRETE_FIELDS_MAX = 8;
/** Keys that one source reports for one instrumentation in one second; the rest becomes the remainder key. */
export const REPORT_KEYS_MAX = 1024;
/** Keys of one instrumentation in one block, over all sources; the rest becomes the remainder key. */
export const BLOCK_KEYS_MAX = 4096;
/** UTF-8 bytes of one discrete value; longer values are cut. */
export const KEY_VALUE_BYTES_MAX = 128;
/** Bytes of one log entry: one host's second with all its instrumentations. */
export const ENTRY_BYTES_MAX = 4 * 1024 * 1024;
/** Live instrumentations; each costs every source a little. */
export const INSTRUMENTATIONS_MAX = 200;
/** Batches in one log entry: processes that one instrumenter relays for. */
export const ENTRY_BATCHES_MAX = 256;
/** Text of one query statement, in UTF-16 units. */
export const QUERY_TEXT_MAX = 4096;
/** Levels of a predicate: as many as the text of a statement can nest. Deeper ones, made by hand, are refused. */
export const PREDICATE_DEPTH_MAX = QUERY_TEXT_MAX / 4;
/** Seconds after a block's end before it is sealed: what comes later is a revision. */
export const LATENESS_SECONDS = 10;
/** A report this far ahead of its arrival is refused: its source's clock is wrong. */
export const FUTURE_SECONDS_MAX = 10;
/** A silent source is expected, and shown as missing, this long; then it is forgotten. */
export const SOURCE_FORGET_SECONDS = 600;
/** Distinct sources one aggregator remembers. */
export const SOURCES_MAX = 10_000;

assert(BLOCK_STEPS <= 0x100, 'a step index is stored in one byte');
assert(BLOCK_KEYS_MAX <= 0xffff, 'a key index is stored in two bytes');
assert(REPORT_KEYS_MAX <= BLOCK_KEYS_MAX, 'one report fits a block');
assert(LATENESS_SECONDS < BLOCK_STEPS, 'a block is sealed before the one after it ends');
