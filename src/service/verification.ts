/** What a verification found, of a part or of the whole. */
export interface DataVerification {
  /** What was read, and what is harmless. */
  readonly lines: readonly string[];
  /** What is damaged: file, byte or segment, and how. */
  readonly findings: readonly string[];
}
