/** What a world holds against the system, and how it says that a law does not hold. */

export type Law =
  /** A store serves what the model makes of the entries that it folded. */
  | 'served'
  /** A store that died still has what it promised: what the log let go, what hosts forgot. */
  | 'promised'
  /** No batch that a host had put safely is lost. */
  | 'lost'
  /** What waits arrives, once nothing fails any more. */
  | 'unsettled'
  /** Every file is whole. */
  | 'verified'
  /** A new store that folds the whole log has the same rows. */
  | 'replayed'
  /** Nothing throws but what is known to. */
  | 'failed';

export class LawFault extends Error {
  readonly law: Law;
  constructor(law: Law, text: string) {
    super(text);
    this.law = law;
  }
}
