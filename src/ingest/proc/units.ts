/** Units in which the kernel tells user space things, the same on every machine that Node runs on. */

/** Times of CPUs and processes are in 1/100 s (USER_HZ). */
export const TICK_NS = 10_000_000;
/** Disks count in sectors of this size, whatever they have. */
export const SECTOR_BYTES = 512;
