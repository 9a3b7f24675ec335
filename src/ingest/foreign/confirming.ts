/** When a sender may hear that its request is counted: once the counts are on disk, with a receipt by which the request
 *  is known should it come again. Owns: requests' turns, the receipts of those counted since the last batches, which
 *  batches are on their way. Does not: count, write.
 *  Requests are counted one after the other, and what was counted is handed over between two of them: a receipt and all
 *  its counts go to disk in one write (but for a request that fills the tallies by itself).
 *  Those that come within GATHER_MS share a write. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../model/clock.ts';
import type { EncodedBatch } from '../driver.ts';
import { RECEIPT_BYTES } from '../receipt-record.ts';
import { Turns } from './turns.ts';

/** A sender of 512 spans at a time that waits for each answer gets 20,000 a second through. */
const GATHER_MS = 25;
/** Exporters of OpenTelemetry give up after 10 s: what is not safe by then is to be sent again. */
const ANSWER_MS_MAX = 8_000;

export class NotSafeError extends Error {
  readonly code = 'NOT_SAFE';
  constructor(why: string) {
    super(`Cannot say that it is counted: ${why}; send it again`);
  }
}

export interface ConfirmingOptions {
  readonly clock: Clock;
  /** Batches with all that was counted since it was last asked. */
  readonly spill: () => readonly EncodedBatch[];
  readonly hand: (batches: readonly EncodedBatch[]) => void;
  readonly isKept: (receipt: string) => boolean;
  /** Nothing is counted: there is nothing to wait for. */
  readonly isIdle: () => boolean;
}

export class Confirming {
  readonly #options: ConfirmingOptions;
  readonly #turns = new Turns();
  /** Of requests that are counted, and in no batch yet. */
  #fresh: string[] = [];
  /** Of requests in batches that are not safe yet. */
  readonly #unsafe = new Set<string>();
  /** Each gives whether its batches are safe. */
  readonly #onTheirWay = new Set<Promise<boolean>>();
  #hasCounted = false;
  #gathering: Promise<void> | undefined;

  constructor(options: ConfirmingOptions) {
    this.#options = options;
  }

  /** Has a request counted in its turn, and resolves when it is safe. `count` hears whether the same bytes were counted
   *  before. Rejects with NotSafeError, or as `count` does. `body`: undefined where what comes again adds nothing. */
  async receive<T>(body: Uint8Array | undefined, count: (isRepeat: boolean) => Promise<T>): Promise<T> {
    const receipt = body === undefined ? undefined : receiptOf(body);
    const answer = await this.#turns.run(async () => {
      this.#hasCounted = true;
      const isRepeat = receipt !== undefined && this.#isKnown(receipt);
      try {
        return await count(isRepeat);
      } finally {
        // Also where it turns out to be unreadable in its middle: what was counted before stays.
        if (receipt !== undefined && !isRepeat) this.#fresh.push(receipt);
      }
    });
    if (!this.#options.isIdle()) await this.#safe();
    return answer;
  }

  /** Runs `work` between two requests, after what they counted was handed over. */
  between<T>(work: () => T): Promise<T> {
    return this.#turns.run(() => {
      this.#handOver();
      return work();
    }, 'first');
  }

  /** In the middle of a request: batches that its receipt does not come with. */
  overflow(): void {
    this.#hand(this.#options.spill(), []);
  }

  /** Resolves when nothing is on its way, or after `msMax`. */
  async settled(msMax: number): Promise<void> {
    const late = new AbortController();
    await Promise.race([Promise.all(this.#onTheirWay), this.#options.clock.sleep(msMax, late.signal)]);
    late.abort();
  }

  #isKnown(receipt: string): boolean {
    return this.#unsafe.has(receipt) || this.#fresh.includes(receipt) || this.#options.isKept(receipt);
  }

  /** Resolves when all that is counted by now is safe. */
  async #safe(): Promise<void> {
    this.#gathering ??= this.#gather();
    await this.#gathering;
    const late = new AbortController();
    const isSafe = await Promise.race([
      Promise.all(this.#onTheirWay).then((all) => all.every(Boolean)),
      this.#options.clock.sleep(ANSWER_MS_MAX, late.signal).then(() => undefined),
    ]);
    late.abort();
    if (isSafe === undefined) throw new NotSafeError(`it is not on disk after ${ANSWER_MS_MAX / 1000} s`);
    if (!isSafe) throw new NotSafeError('a bound of the spool cost it');
  }

  async #gather(): Promise<void> {
    await this.#options.clock.sleep(GATHER_MS);
    await this.#turns.run(() => {
      this.#gathering = undefined;
      this.#handOver();
    }, 'first');
  }

  #handOver(): void {
    if (!this.#hasCounted) return;
    this.#hasCounted = false;
    this.#hand(this.#options.spill(), this.#fresh);
    this.#fresh = [];
  }

  /** Where nothing is measured there is no batch, and nothing that could be counted twice. */
  #hand(batches: readonly EncodedBatch[], receipts: readonly string[]): void {
    if (batches.length === 0) return;
    for (const receipt of receipts) this.#unsafe.add(receipt);
    let owed = batches.length;
    let isSafe = true;
    const onTheirWay = new Promise<boolean>((resolve) => {
      const settle = (safe: boolean): void => {
        isSafe &&= safe;
        if (--owed > 0) return;
        for (const receipt of receipts) this.#unsafe.delete(receipt);
        resolve(isSafe);
      };
      const how = { onSafe: () => settle(true), onLost: () => settle(false), receipts };
      this.#options.hand(batches.map((batch) => ({ ...batch, ...how })));
    });
    this.#onTheirWay.add(onTheirWay);
    void onTheirWay.then(() => this.#onTheirWay.delete(onTheirWay));
  }
}

function receiptOf(body: Uint8Array): string {
  return createHash('sha256')
    .update(body)
    .digest('hex')
    .slice(0, 2 * RECEIPT_BYTES);
}
