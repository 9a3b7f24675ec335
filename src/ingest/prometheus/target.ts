/** One target that is scraped: a source of its own, `<host>/prometheus:<name>`. Owns: when it is asked, what it exposed
 *  last, its teller. A scrape right after a second's end tells the seconds since the one before, in full; a scrape that
 *  fails tells none, so the target is shown as missing. While nothing of it is measured it is asked every
 *  IDLE_SECONDS, so that the catalogue knows what it has. */
import type { Clock } from '../../model/clock.ts';
import { unixSecond } from '../../model/clock.ts';
import type { Instrumentation } from '../../model/instrumentation.ts';
import type { EncodedBatch } from '../driver.ts';
import type { Drops } from '../foreign/drops.ts';
import { Intake } from '../foreign/intake.ts';
import type { Point } from '../foreign/point.ts';
import type { Offer } from '../foreign/offer.ts';
import { Teller } from '../foreign/teller.ts';
import { pointsOf } from './exposition.ts';
import { scrape } from './scrape.ts';

const IDLE_SECONDS = 30;
/** A scrape begins so long after the second's end that it is surely over. */
const AFTER_MS = 10;
const TIMEOUT_MS_MAX = 10_000;
/** Points between two turns of the event loop. */
const SLICE = 1024;

export interface ScrapeTarget {
  /** The field `job`, and the name of the source. */
  readonly name: string;
  readonly url: string;
  readonly everySeconds: number;
}

export interface TargetOptions {
  readonly target: ScrapeTarget;
  readonly host: string;
  readonly random: () => number;
  readonly clock: Clock;
  readonly offer: Offer;
  readonly drops: Drops;
  readonly onTold: (batches: readonly EncodedBatch[]) => void;
}

export class Target {
  readonly teller: Teller;
  readonly #options: TargetOptions;
  readonly #intake: Intake;
  /** Metrics that it exposes. */
  readonly #exposed = new Set<string>();
  /** Metrics of which no value was taken yet, and why. */
  readonly #refused = new Map<string, string>();
  readonly #wanted = new Map<string, Instrumentation>();
  readonly #stop = new AbortController();
  #lastSecond: number | undefined;
  /** Unix seconds of the newest scrape that was well: a series that is new since then began since then. */
  #completeAt: number | undefined;
  #taken = 0;
  #fault: string | undefined;
  /** Ends the sleep of an idle target. */
  #wake = new AbortController();

  constructor(options: TargetOptions) {
    const { target, host, random, clock, offer, drops } = options;
    this.#options = options;
    this.teller = new Teller({ host, driver: `prometheus:${target.name}`, random });
    this.#intake = new Intake({
      offer,
      teller: this.teller,
      drops,
      origin: 'prometheus',
      constants: new Map([
        ['host', host],
        ['job', target.name],
        ['instance', new URL(target.url).host],
      ]),
      bornAt: clock.nowMs() / 1000,
      levelSeconds: target.everySeconds,
    });
  }

  /** Undefined where the newest scrape was well. */
  get fault(): string | undefined {
    return this.#fault;
  }

  get takenCount(): number {
    return this.#taken;
  }

  want(instrumentation: Instrumentation): void {
    this.#wanted.set(instrumentation.id, instrumentation);
    this.#enableExposed();
    this.#wake.abort();
  }

  /** Why it is not measured here; undefined where it is, or where nothing is known of it. */
  refusal(id: string): string | undefined {
    const metric = this.#wanted.get(id)?.metric;
    return metric === undefined ? undefined : this.#refused.get(metric);
  }

  drop(id: string): void {
    this.#wanted.delete(id);
    this.teller.remove(id);
  }

  stop(): void {
    this.#stop.abort();
    this.#wake.abort();
  }

  /** Until it is stopped. */
  async run(): Promise<void> {
    const { clock, target } = this.#options;
    while (!this.#stop.signal.aborted) {
      await this.#scrape();
      const everyMs =
        (this.teller.isIdle ? Math.max(IDLE_SECONDS, target.everySeconds) : target.everySeconds) * 1000;
      this.#wake = new AbortController();
      const wake = AbortSignal.any([this.#stop.signal, this.#wake.signal]);
      await clock.sleep(everyMs - ((clock.nowMs() - AFTER_MS) % everyMs), wake);
    }
  }

  async #scrape(): Promise<void> {
    const { clock, target, drops } = this.#options;
    const timeout = AbortSignal.timeout(Math.min(target.everySeconds * 1000, TIMEOUT_MS_MAX));
    const nowMs = clock.nowMs();
    try {
      const { families, oddLines } = await scrape(target.url, AbortSignal.any([timeout, this.#stop.signal]));
      drops.add('lines that are no samples', oddLines);
      let count = 0;
      for (const family of families) {
        for (const point of pointsOf(family, nowMs / 1000)) {
          if (typeof point === 'string') drops.add(`points: ${point}`);
          else this.#take(point, nowMs);
          if (++count % SLICE === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      }
      this.#fault = undefined;
      this.#completeAt = nowMs / 1000;
      this.#enableExposed();
      this.#tell(unixSecond(nowMs) - 1);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#fault = error instanceof Error ? error.message : String(error);
      drops.add('scrapes that failed');
    }
  }

  #take(point: Point, nowMs: number): void {
    const reason = this.#intake.take(point, unixSecond(nowMs), this.#completeAt);
    const metric = this.#intake.nameOf(point.metric);
    if (reason === undefined) {
      this.#taken++;
      if (metric === undefined) return;
      this.#exposed.add(metric);
      this.#refused.delete(metric);
    } else if (metric !== undefined && !this.#exposed.has(metric)) this.#refused.set(metric, reason);
  }

  #enableExposed(): void {
    const nowSecond = unixSecond(this.#options.clock.nowMs());
    for (const instrumentation of this.#wanted.values())
      if (this.#exposed.has(instrumentation.metric)) this.teller.add(instrumentation, nowSecond);
  }

  #tell(second: number): void {
    const { everySeconds } = this.#options.target;
    const last = Math.max(this.#lastSecond ?? second - 1, second - everySeconds);
    if (second <= last) return;
    for (let each = last + 1; each <= second; each++) this.#intake.holdLevels(each);
    this.#lastSecond = second;
    this.#options.onTold(this.teller.tell(second, second));
  }
}
