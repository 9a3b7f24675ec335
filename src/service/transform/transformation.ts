/** What keys are called when they are read: addresses by name, codes by a table of the user's. Stored keys stay as they
 *  are. An answer is never waited for: what is not known yet is pending, and known the next time it is asked. */

import type { Named } from '../../query/naming.ts';

/** Values asked for at once. */
export const VALUES_MAX = 200;

export interface Transformation {
  readonly name: string;
  readonly label: string;
  /** At most VALUES_MAX values. */
  named(values: readonly string[]): Named;
}
