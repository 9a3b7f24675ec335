/** From counters to what happened between two samples of them. Pure. */

/** A counter or level with the values of its metric's own discrete fields. */
export interface Reading {
  readonly fields: Readonly<Record<string, string>>;
  /** A non-negative integer: the counter since boot, or the level. */
  readonly value: number;
  /** The numeric field, where the metric has one: the reading is then one counted thing at that value. */
  readonly at?: Readonly<Record<string, number>>;
}

const WORD = 2 ** 32;

/** What a counter gained. One that went back has wrapped at 32 bits (it was in the upper half and gained less than
 *  a half), or began again (it is less than half of what it was: all of it is new), or was corrected by its
 *  owner, as the kernel does with idle and iowait time: then it gained nothing. */
export function gained(before: number, now: number): number {
  if (now >= before) return now - before;
  if (before < WORD && before >= WORD / 2 && now + WORD - before < WORD / 2) return now + WORD - before;
  return now < before / 2 ? now : 0;
}

/** What each counter gained. One that was not there before has no beginning, and says nothing yet. */
export function gainedReadings(before: readonly Reading[], now: readonly Reading[]): Reading[] {
  const earlier = new Map(before.map((reading) => [fieldsText(reading), reading.value]));
  const gains: Reading[] = [];
  for (const reading of now) {
    const value = earlier.get(fieldsText(reading));
    if (value !== undefined) gains.push({ ...reading, value: gained(value, reading.value) });
  }
  return gains;
}

export function fieldsText(reading: Reading): string {
  return JSON.stringify(reading.fields);
}
