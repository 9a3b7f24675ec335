/** How a log's writer or reader is, for readiness and self-metrics. */

export type LogHealth =
  | { readonly ok: true }
  /** `sinceMs`: Unix milliseconds when it began. */
  | { readonly ok: false; readonly reason: string; readonly sinceMs: number };

export const HEALTHY: LogHealth = { ok: true };

/** The text of a failure, as a reason. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
