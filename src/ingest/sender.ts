/** Sends what the spool holds to the log, in order, and decides when a record may be forgotten: where the log
 *  confirms durably, on its confirmation; else when a committed fold covers it, and what no fold covers in time
 *  is sent again. The one place of the instrumenter that retries an append. */
import type { Source } from '../model/batch.ts';
import type { Clock } from '../model/clock.ts';
import { type LogWriter, LogUnavailableError } from '../model/log.ts';
import type { Watermark } from '../model/watermark.ts';
import type { Spool, SpoolRecord } from './spool.ts';

/** A fold commits a block of 256 s, or a checkpoint well before. What it does not hold by then it did not get. */
export const COVER_MS_MAX = 60_000;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 5_000;
/** How often it is looked whether something must be sent again. */
const RESEND_CHECK_MS = 1_000;

export interface SenderOptions {
  readonly spool: Spool;
  readonly log: LogWriter;
  readonly clock: Clock;
  /** 0 up to 1: spreads the retries of many hosts. */
  readonly random: () => number;
  readonly onNote: (text: string) => void;
}

export interface SenderStats {
  readonly sent: number;
  readonly resent: number;
  /** Appends that the log could not take at once. */
  readonly failures: number;
  /** Entries that the log will never take. */
  readonly refused: number;
  /** Why the log does not take entries now. */
  readonly unavailable: string | undefined;
}

export class Sender {
  readonly #options: SenderOptions;
  readonly #stop = new AbortController();
  #wake: () => void = () => {};
  #sent = 0;
  #resent = 0;
  #failures = 0;
  #failuresInARow = 0;
  #refused = 0;
  #unavailable: string | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    options.spool.onPut = () => this.#wake();
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const record = this.#next();
      if (record === undefined) await this.#idle();
      else await this.#send(record);
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#wake();
  }

  /** A committed fold holds these: their records are forgotten. */
  cover(watermarks: readonly Watermark[]): void {
    if (this.#options.log.confirmsDurably) return;
    const ranges = new Map(watermarks.map(({ source, covered }) => [sourceText(source), covered]));
    const covers = (source: Source, sequence: number): boolean =>
      ranges.get(sourceText(source))?.some(([from, until]) => sequence >= from && sequence < until) === true;
    const { spool } = this.#options;
    for (const record of spool.pending()) {
      if (record.batches.every(({ source, sequence }) => covers(source, sequence))) spool.forget(record);
    }
  }

  /** Whether something waits that the log has not taken. */
  owes(): boolean {
    return this.#next() !== undefined;
  }

  stats(): SenderStats {
    return {
      sent: this.#sent,
      resent: this.#resent,
      failures: this.#failures,
      refused: this.#refused,
      unavailable: this.#unavailable,
    };
  }

  /** The oldest record that the log has not taken, or took too long ago without a fold's word. */
  #next(): SpoolRecord | undefined {
    const nowMs = this.#options.clock.nowMs();
    for (const record of this.#options.spool.pending()) {
      if (record.sentMs === undefined || Math.abs(nowMs - record.sentMs) > COVER_MS_MAX) return record;
    }
    return undefined;
  }

  async #send(record: SpoolRecord): Promise<void> {
    const { spool, log, clock } = this.#options;
    record.inFlight = true;
    try {
      const payload = await spool.payloadOf(record);
      if (payload === undefined) return;
      await log.append(payload);
      this.#unavailable = undefined;
      this.#failuresInARow = 0;
      if (record.sentMs === undefined) this.#sent++;
      else this.#resent++;
      record.sentMs = clock.nowMs();
      if (log.confirmsDurably) spool.forget(record);
      else spool.release(record);
    } catch (error) {
      if (error instanceof LogUnavailableError) await this.#backOff(error);
      else this.#refuse(record, error);
    } finally {
      record.inFlight = false;
    }
  }

  async #backOff(error: LogUnavailableError): Promise<void> {
    const { clock, random } = this.#options;
    this.#unavailable = error.message;
    this.#failures++;
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(this.#failuresInARow++, 10));
    await clock.sleep(backoffMs * (0.5 + random() / 2), this.#stop.signal);
  }

  /** One entry that the log calls wrong must not hold back all that come after it. */
  #refuse(record: SpoolRecord, error: unknown): void {
    this.#refused++;
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.onNote(`Cannot append an entry of second ${record.second}: ${reason}`);
    this.#options.spool.drop(record);
  }

  async #idle(): Promise<void> {
    const { clock, log } = this.#options;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    if (this.#stop.signal.aborted) return;
    if (log.confirmsDurably)
      await new Promise<void>((resolve) => woken.signal.addEventListener('abort', () => resolve()));
    else await clock.sleep(RESEND_CHECK_MS, woken.signal);
    this.#wake = () => {};
  }
}

function sourceText({ host, driver, incarnation }: Source): string {
  return `${incarnation} ${host}/${driver}`;
}
