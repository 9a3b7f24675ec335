/** A driver for what others send of their own accord (OTLP, remote write): one source, `<host>/<name>`. Owns: its
 *  teller, what it offers, what is dropped. Does not: listen, decode.
 *  Senders are late: a second is told as soon as something is known of it, again when more comes, and in full
 *  SETTLE_SECONDS after its end; what comes later revises it, up to LATE_SECONDS_MAX. A sender hears that its request is
 *  counted once it is on disk (confirming.ts). Metrics are offered when they are first seen. */
import type { Clock } from '../../model/clock.ts';
import { unixSecond } from '../../model/clock.ts';
import type { Instrumentation, SourceState } from '../../model/instrumentation.ts';
import { FUTURE_SECONDS_MAX, LATENESS_SECONDS } from '../../model/limits.ts';
import type { MetricDescription } from '../../model/metric.ts';
import { sourceName } from '../../model/batch.ts';
import type { Collected, Driver, DriverSink, DriverSource } from '../driver.ts';
import { Confirming } from './confirming.ts';
import { Drops } from './drops.ts';
import { Intake } from './intake.ts';
import { Offer } from './offer.ts';
import type { PointOrReason } from './point.ts';
import { Teller } from './teller.ts';

/** As long as a block waits for its last second: what is settled then is no revision. */
const SETTLE_SECONDS = LATENESS_SECONDS - 2;
/** Points or spans between two turns of the event loop: two or three milliseconds. */
const SLICE = 1024;
/** Reasons that an answer names. */
const REASONS_TOLD = 4;
/** Closing waits this long for what was taken to be on disk. */
const CLOSE_MS_MAX = 2_000;

export interface ReceivedOptions {
  readonly name: string;
  readonly host: string;
  readonly random: () => number;
  readonly clock: Clock;
  /** Offered before anything was seen. */
  readonly own: readonly MetricDescription[];
  /** Names that other drivers offer. */
  readonly isTaken: (metric: string) => boolean;
}

/** What became of what was sent. */
export interface Taken {
  readonly taken: number;
  readonly rejected: number;
  /** For a person: why some were rejected; empty for none. */
  readonly reason: string;
}

export class ReceivedDriver implements Driver {
  readonly name: string;
  readonly offer: Offer;
  readonly drops = new Drops();
  readonly teller: Teller;
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #confirming: Confirming;
  #sink: DriverSink | undefined;
  #taken = 0;

  constructor(options: ReceivedOptions) {
    const { name, host, random, clock, own, isTaken } = options;
    const { drops } = this;
    this.name = name;
    this.#clock = clock;
    const onSeen = (metric: MetricDescription): void => this.#sink?.seen?.([metric]);
    this.offer = new Offer({ isTaken, prefix: name.replaceAll('-', '_'), drops, onSeen });
    this.offer.remember(own);
    this.teller = new Teller({ host, driver: name, random });
    this.#confirming = new Confirming({
      clock,
      spill: () => this.teller.spill(this.nowSecond() + FUTURE_SECONDS_MAX),
      hand: (batches) => this.#sink?.late(batches),
      isIdle: () => this.teller.isIdle,
      isKept: (receipt) => this.#sink?.isKept?.(receipt) === true,
    });
    const bornAt = clock.nowMs() / 1000;
    const { offer, teller } = this;
    this.#intake = new Intake({ offer, teller, drops, origin: name, constants: new Map(), bornAt });
  }

  get metrics(): readonly MetricDescription[] {
    return this.offer.descriptions();
  }

  /** Points and spans that were taken since the start. */
  get takenCount(): number {
    return this.#taken;
  }

  async start(sink: DriverSink): Promise<void> {
    this.#sink = sink;
  }

  async enable(instrumentation: Instrumentation): Promise<void> {
    this.teller.add(instrumentation, this.nowSecond());
  }

  async disable(id: string): Promise<void> {
    this.teller.remove(id);
  }

  async collect(second: number): Promise<Collected> {
    return this.#confirming.between(() => {
      this.#intake.holdLevels(second);
      return { batches: this.teller.tell(second, second - SETTLE_SECONDS), awaited: [] };
    });
  }

  states(id: string): readonly { readonly source: string; readonly state: SourceState }[] {
    const sinceSecond = this.teller.sinceSecond(id);
    if (sinceSecond === undefined) return [];
    return [{ source: sourceName(this.teller.source), state: { state: 'enabled', sinceSecond } }];
  }

  sources(): readonly DriverSource[] {
    return this.teller.isIdle ? [] : [{ source: this.teller.source, lastSecond: this.teller.lastSecond }];
  }

  async close(): Promise<void> {
    await this.#confirming.between(() =>
      this.#sink?.late(this.teller.spill(this.nowSecond() + FUTURE_SECONDS_MAX)),
    );
    await this.#confirming.settled(CLOSE_MS_MAX);
    const { lastSecond } = this.teller;
    if (lastSecond !== undefined) this.#sink?.offline(this.teller.source, lastSecond + 1);
    this.#sink = undefined;
  }

  /** Undefined before it started and after it closed: nothing can be taken. */
  get isOpen(): boolean {
    return this.#sink !== undefined;
  }

  nowSecond(): number {
    return unixSecond(this.#clock.nowMs());
  }

  /** Has a request counted, and resolves when that is safe on disk. `count` hears whether the same bytes were counted
   *  before, in this run or an earlier one. `body`: undefined where what comes again adds nothing. Rejects with
   *  NotSafeError where the request should be sent again. */
  receive<T>(body: Uint8Array | undefined, count: (isRepeat: boolean) => Promise<T>): Promise<T> {
    return this.#confirming.receive(body, (isRepeat) => {
      if (isRepeat) this.drops.add('requests that came again');
      return count(isRepeat);
    });
  }

  takePoints(points: Iterable<PointOrReason>): Promise<Taken> {
    return this.takeEach(points, (point) => {
      if (typeof point !== 'string') return this.#intake.take(point, this.nowSecond());
      this.drops.add(`points: ${point}`);
      return point;
    });
  }

  /** Gives each to `take`, which says why it cannot be counted; other work has its turn in between. What `each` throws
   *  in the middle is thrown on: what was taken before stays counted. */
  async takeEach<T>(each: Iterable<T>, take: (one: T) => string | undefined): Promise<Taken> {
    const reasons = new Map<string, number>();
    let taken = 0;
    let rejected = 0;
    for (const one of each) {
      const reason = take(one);
      if (reason === undefined) taken++;
      else {
        rejected++;
        if (reasons.size < REASONS_TOLD || reasons.has(reason))
          reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
      if ((taken + rejected) % SLICE === 0) await this.#pause();
    }
    this.#taken += taken;
    const reason = [...reasons].map(([why, count]) => `${count}: ${why}`).join('; ');
    return { taken, rejected, reason };
  }

  async #pause(): Promise<void> {
    if (this.teller.isFull()) this.#confirming.overflow();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
