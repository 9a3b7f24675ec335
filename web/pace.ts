/** When to ask again. Pure: times come in as milliseconds of one monotonic clock.
 *
 *  Once a second, aimed at the moment when the newest second has just become complete: after a fresh answer the
 *  next question comes a little earlier than a second later; when that finds nothing new it is put again at
 *  once, a few times. So the picture is as young as it can be, and never waits for a timer that drifted. */

export type Turn =
  /** The answer is another than before. */
  | { readonly kind: 'fresh' }
  /** The answer is the one we have. */
  | { readonly kind: 'same' }
  /** The server cannot now, and may say when. */
  | { readonly kind: 'busy'; readonly retryAfterMs: number | undefined }
  /** No server. */
  | { readonly kind: 'away' }
  /** It will not answer this as things are; things may change. */
  | { readonly kind: 'refused' }
  /** It will not answer this text. */
  | { readonly kind: 'wrong' };

export interface Pace {
  /** Turns of the present kind in a row, before this one. */
  readonly again: number;
  readonly kind: Turn['kind'];
}

export const START: Pace = { kind: 'fresh', again: 0 };

const PERIOD_MS = 1000;
const CREEP_MS = 15;
const AGAIN_MS = 150;
const AGAIN_MAX = 3;
const AWAY_MS_MAX = 5000;
const BUSY_MS_MAX = 30_000;
const REFUSED_MS = 3000;

/** The pace after a turn, and when the next is due; undefined: not before the question changes. */
export function nextTurn(
  pace: Pace,
  turn: Turn,
  time: { readonly askedMs: number; readonly nowMs: number },
): { readonly pace: Pace; readonly dueMs: number | undefined } {
  const again = turn.kind === pace.kind ? pace.again + 1 : 0;
  const next: Pace = { kind: turn.kind, again };
  return { pace: next, dueMs: due(turn, again, time) };
}

function due(
  turn: Turn,
  again: number,
  { askedMs, nowMs }: { askedMs: number; nowMs: number },
): number | undefined {
  switch (turn.kind) {
    case 'fresh':
      return Math.max(askedMs + PERIOD_MS - CREEP_MS, nowMs);
    case 'same':
      return again < AGAIN_MAX ? nowMs + AGAIN_MS : Math.max(askedMs + PERIOD_MS, nowMs);
    case 'away':
      return nowMs + Math.min(PERIOD_MS * 2 ** again, AWAY_MS_MAX);
    case 'busy':
      return nowMs + Math.min(Math.max(turn.retryAfterMs ?? 0, PERIOD_MS * 2 ** again), BUSY_MS_MAX);
    case 'refused':
      return nowMs + REFUSED_MS;
    case 'wrong':
      return undefined;
  }
}
