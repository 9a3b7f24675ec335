/** Delivers the log entries of one source to a server, in order. Waits where the server cannot take more, and keeps
 *  within AHEAD_BATCHES of what it has folded, so that an import does not make live seconds late. Sending again what
 *  was taken does no harm; what the server says it has is not sent at all. */
import type { Source } from '../model/batch.ts';
import type { Clock } from '../model/clock.ts';
import type { Packed } from '../ingest/backfill/packer.ts';
import { CommandFailure, commandName, EXIT, refusal, send, type Target } from './client.ts';
import { sourcesOf } from './server-json.ts';

/** So far may what is sent run ahead of what is folded. */
const AHEAD_BATCHES = 4096;
const POLL_MS = 50;
const BACKOFF_MS_MAX = 5000;
/** Without a step forward for this long the command gives up; begun again, it goes on from there. */
const PATIENCE_MS = 300_000;
const WAIT_STATUSES: readonly number[] = [429, 502, 503, 504];

export interface DeliveryOptions {
  readonly target: Target;
  readonly source: Source;
  readonly clock: Clock;
  readonly onWait: (why: string) => void;
  /** Without a step forward for this long it gives up; PATIENCE_MS where it is left out. */
  readonly patienceMs?: number;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  /** What the server has of it, in order. */
  #folded: number;
  #sent = 0;

  private constructor(options: DeliveryOptions, folded: number) {
    this.#options = options;
    this.#folded = folded;
  }

  /** Asks what the server has. */
  static async begin(options: DeliveryOptions): Promise<Delivery> {
    return new Delivery(options, await foldedOf(options));
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? PATIENCE_MS;
  }

  /** Batches that the server had when this began, or has folded since. */
  get folded(): number {
    return this.#folded;
  }

  async deliver({ payload, untilSequence }: Packed): Promise<void> {
    if (untilSequence > this.#folded) {
      await this.#post(payload);
      if (untilSequence - this.#folded > AHEAD_BATCHES) await this.#reach(untilSequence - AHEAD_BATCHES / 2);
    }
    this.#sent = untilSequence;
  }

  /** Resolves when all that was delivered is folded: a query counts it. */
  async settle(): Promise<void> {
    await this.#reach(this.#sent);
  }

  async #post(payload: Uint8Array): Promise<void> {
    const { target, clock, onWait } = this.#options;
    const headers = { 'content-type': 'application/vnd.tailglow.report' };
    const startMs = clock.nowMs();
    for (let attempt = 0; ; attempt++) {
      const answer = await tried(() =>
        send(target, '/api/v1/batches', { method: 'POST', headers, body: Buffer.from(payload) }),
      );
      if (answer instanceof Response) {
        if (answer.ok) return;
        if (!WAIT_STATUSES.includes(answer.status)) throw await refusal(target, answer);
      }
      const failure = answer instanceof Response ? await refusal(target, answer) : answer;
      if (clock.nowMs() - startMs > this.#patienceMs) throw gaveUp(failure);
      onWait(failure.message);
      await clock.sleep(waitMs(answer, attempt));
    }
  }

  async #reach(sequence: number): Promise<void> {
    const { clock } = this.#options;
    let movedMs = clock.nowMs();
    while (this.#folded < sequence) {
      const folded = await tried(() => foldedOf(this.#options));
      if (typeof folded === 'number' && folded > this.#folded) {
        this.#folded = folded;
        movedMs = clock.nowMs();
      } else if (clock.nowMs() - movedMs > this.#patienceMs) {
        throw gaveUp(typeof folded === 'number' ? new Error('the server folds nothing') : folded);
      } else await clock.sleep(POLL_MS);
    }
  }
}

/** How many batches of the source the server has, without a gap. */
async function foldedOf({ target, source }: DeliveryOptions): Promise<number> {
  const { host, driver, incarnation } = source;
  const known = (await sourcesOf(target)).find((s) => s.host === host && s.driver === driver);
  return known?.incarnation === incarnation && known.missing === 0 ? known.lastSequence + 1 : 0;
}

/** What it gives, or why there was no answer. */
async function tried<T>(ask: () => Promise<T>): Promise<T | Error> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof CommandFailure && error.exitCode === EXIT.unreachable) return error;
    throw error;
  }
}

function waitMs(answer: Response | Error, attempt: number): number {
  const asked = answer instanceof Response ? Number(answer.headers.get('retry-after')) : Number.NaN;
  return asked > 0 ? Math.min(asked * 1000, BACKOFF_MS_MAX) : Math.min(200 * 2 ** attempt, BACKOFF_MS_MAX);
}

function gaveUp(cause: Error): CommandFailure {
  return new CommandFailure(
    EXIT.unreachable,
    `No step forward for ${PATIENCE_MS / 60_000} minutes: ${cause.message}\nStart the same \`${commandName()} import\` again later: it goes on where this one ends, and counts nothing twice`,
    { cause },
  );
}
