/** Keeps one question asked, at its pace (pace.ts). Owns the timer and the order of replies: one turn at a time,
 *  and a turn of an earlier question is aborted and its result dropped. Stops while paused or hidden. */
import { nextTurn, type Pace, START, type Turn } from './pace.ts';

export class Live {
  readonly #takeTurn: (signal: AbortSignal) => Promise<Turn>;
  #pace: Pace = START;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: AbortController | undefined;
  #paused = false;

  constructor(takeTurn: (signal: AbortSignal) => Promise<Turn>) {
    this.#takeTurn = takeTurn;
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) this.#stop();
      else if (!this.#paused) this.now();
    });
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Asks at once, also when paused: what is asked has changed. */
  now(): void {
    this.#stop();
    this.#pace = START;
    void this.#take();
  }

  pause(): void {
    this.#paused = true;
    this.#stop();
  }

  resume(): void {
    this.#paused = false;
    this.now();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#turn?.abort();
    this.#turn = undefined;
  }

  async #take(): Promise<void> {
    const controller = new AbortController();
    this.#turn = controller;
    const askedMs = performance.now();
    const turn = await this.#takeTurn(controller.signal).catch((error: unknown): Turn => {
      // A fault of one turn is told, and does not end the picture.
      if (!controller.signal.aborted) reportError(error);
      return { kind: 'refused' };
    });
    if (controller.signal.aborted) return;
    const nowMs = performance.now();
    const { pace, dueMs } = nextTurn(this.#pace, turn, { askedMs, nowMs });
    this.#pace = pace;
    if (dueMs === undefined || this.#paused || document.hidden) return;
    this.#timer = setTimeout(() => void this.#take(), Math.max(0, dueMs - nowMs));
  }
}
