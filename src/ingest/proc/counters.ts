/** From a counter's two values to what happened in between. Pure. */

const WORD = 2 ** 32;

/** What a counter gained. One that went back has wrapped at 32 bits (it was in the upper half and gained less than
 *  a half), or began again (it is less than half of what it was: all of it is new), or was corrected by its
 *  owner, as the kernel does with idle and iowait time: then it gained nothing. NaN where either is not known. */
export function gained(before: number, now: number): number {
  if (now >= before) return now - before;
  if (before < WORD && before >= WORD / 2 && now + WORD - before < WORD / 2) return now + WORD - before;
  if (now < before / 2) return now;
  return now < before ? 0 : Number.NaN;
}
