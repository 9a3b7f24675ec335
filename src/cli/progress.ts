/** How far a long command is, on stderr: one line that is written over on a terminal, a line every few seconds
 *  elsewhere. Owns: pace and layout. Does not: know what is counted. */
import type { Clock } from '../model/clock.ts';

/** Often enough to look alive, seldom enough to cost nothing. */
const TERMINAL_MS = 100;
const LINES_MS = 5000;
const BAR_CELLS = 24;

export interface Stage {
  readonly done: number;
  /** 0 where it is not known. */
  readonly total: number;
  /** Said behind the bar: what is counted, how fast. */
  readonly text: string;
}

export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #clock: Clock;
  readonly #startMs: number;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(out: NodeJS.WriteStream, clock: Clock) {
    this.#out = out;
    this.#clock = clock;
    this.#startMs = clock.nowMs();
  }

  show(stage: Stage): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#writtenMs < (this.#out.isTTY ? TERMINAL_MS : LINES_MS)) return;
    this.#writtenMs = nowMs;
    const line = progressLine(stage, nowMs - this.#startMs);
    this.#out.write(this.#out.isTTY ? `\r${line.slice(0, this.#out.columns - 1)}\u001B[K` : `${line}\n`);
  }

  /** Takes the line away: what follows says how it ended. */
  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\u001B[K');
  }
}

export function progressLine({ done, total, text }: Stage, elapsedMs: number): string {
  if (total <= 0) return text;
  const share = Math.min(1, done / total);
  const full = Math.floor(share * BAR_CELLS);
  const bar = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full);
  const left = share > 0 && share < 1 ? `, ${durationText((elapsedMs / share) * (1 - share))} left` : '';
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)} % ${text}${left}`;
}

function durationText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
