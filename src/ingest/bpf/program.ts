/** One compiled program kept running: its bpftrace process, started again when it dies, and taken over by a fresh one
 *  when its lease or its clock runs out, so that no second is lost or said twice. Owns: the processes, the readings
 *  that were not taken yet, which of them are whole. Does not: know reports or instrumentations. */
import { type Clock, unixSecond } from '../../model/clock.ts';
import { Bpftrace } from './bpftrace.ts';
import { type CompiledProgram, LEASE_SECONDS } from './compile.ts';
import type { Reading } from './output.ts';

/** A process that dies is started again so often, each time twice as late; a good run forgives it. */
const RESTARTS_MAX = 3;
const RESTART_MS = 1_000;
const GOOD_RUN_SECONDS = 60;
/** A fresh process takes over so long before the lease ends. */
const LEASE_MARGIN_SECONDS = 60;
/** Readings that nobody took. */
export const READINGS_MAX = 16;

export type ProgramState =
  | { readonly state: 'enabling' }
  | { readonly state: 'enabled'; readonly sinceSecond: number; readonly enabledAfterMs: number }
  | { readonly state: 'failed'; readonly reason: string };

/** A second's reading, and whether it is that second's and no other's. */
export interface SecondReading extends Reading {
  readonly whole: boolean;
  /** Events of seconds before it, whose readings came when they had been reported without them. */
  readonly missed: number;
}

export interface ProgramOptions {
  readonly compiled: CompiledProgram;
  readonly command?: string;
  readonly keysMax: number;
  readonly clock: Clock;
  readonly offsetNs: () => bigint;
  /** Its state changed, or a reading came. */
  readonly onChange: () => void;
  readonly onNote: (text: string) => void;
}

/** What became of the map of even, or of odd, seconds. */
interface Parity {
  /** The second that was read last; 0 before the first. */
  last: number;
  /** What is read of seconds up to here may be of others too. */
  mixedUntil: number;
}

/** A process, and the seconds that it speaks for. */
class Run {
  readonly process: Bpftrace;
  readonly offsetNs: bigint;
  readonly startMs: number;
  /** The first second that it measures whole; undefined until it is ready. */
  sinceSecond: number | undefined;
  /** What it counted in the second before that is said too, as a part: nobody else speaks for it. */
  readonly isFirst: boolean;
  readonly parity: readonly [Parity, Parity] = [
    { last: 0, mixedUntil: 0 },
    { last: 0, mixedUntil: 0 },
  ];

  constructor(process: Bpftrace, of: Pick<Run, 'offsetNs' | 'startMs' | 'isFirst'>) {
    this.process = process;
    this.offsetNs = of.offsetNs;
    this.startMs = of.startMs;
    this.isFirst = of.isFirst;
  }

  /** The first second that it speaks of. */
  get fromSecond(): number {
    return this.sinceSecond === undefined ? Infinity : this.sinceSecond - (this.isFirst ? 1 : 0);
  }
}

export class Program {
  readonly compiled: CompiledProgram;
  readonly #options: ProgramOptions;
  readonly #readings = new Map<number, Omit<SecondReading, 'missed'>>();
  #missed = 0;
  readonly #stopped = new AbortController();
  #state: ProgramState = { state: 'enabling' };
  #run: Run | undefined;
  #next: Run | undefined;
  #restarts = 0;
  #wasReady = false;

  constructor(options: ProgramOptions) {
    this.compiled = options.compiled;
    this.#options = options;
    this.#run = this.#start();
  }

  get state(): ProgramState {
    return this.#state;
  }

  get pids(): readonly number[] {
    return [this.#run, this.#next].flatMap((run) => run?.process.pid ?? []);
  }

  /** Whether a reading of `second` is still to come. */
  owes(second: number): boolean {
    if (this.#readings.has(second)) return false;
    const run = [this.#next, this.#run].find((one) => one !== undefined && one.fromSecond <= second);
    return run !== undefined && Math.max(run.parity[0].last, run.parity[1].last) < second;
  }

  /** Forgets it, and what is older: that has been missed. */
  take(second: number): SecondReading | undefined {
    const found = this.#readings.get(second);
    this.#readings.delete(second);
    this.#forgetUntil(second);
    if (found === undefined) return undefined;
    const missed = this.#missed;
    this.#missed = 0;
    return { ...found, missed };
  }

  #forgetUntil(second: number): void {
    for (const [known, { total }] of this.#readings) {
      if (known >= second) continue;
      this.#missed += total;
      this.#readings.delete(known);
    }
  }

  /** Lets a fresh process take over where the lease of the present one ends, or the system's clock was set. */
  renewWhereDue(nowSecond: number, clockStepped: (offsetNs: bigint) => boolean): void {
    const run = this.#run;
    if (run?.sinceSecond === undefined || this.#next !== undefined || this.#stopped.signal.aborted) return;
    const leaseEnds = run.sinceSecond + LEASE_SECONDS - LEASE_MARGIN_SECONDS;
    const leaseDue = this.compiled.expensive && nowSecond >= leaseEnds;
    if (leaseDue || clockStepped(run.offsetNs)) this.#next = this.#start();
    if (nowSecond - run.sinceSecond > GOOD_RUN_SECONDS) this.#restarts = 0;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all([this.#run?.process.stop(), this.#next?.process.stop()]);
  }

  #start(): Run {
    const { compiled, command, keysMax, clock, offsetNs } = this.#options;
    const offset = offsetNs();
    const process = new Bpftrace(
      {
        ...(command === undefined ? {} : { command }),
        program: compiled.text,
        offsetNs: offset,
        keysMax,
        clock,
      },
      {
        ready: () => this.#onReady(run),
        reading: (reading) => this.#onReading(run, reading),
        ended: (reason) => this.#onEnded(run, reason),
      },
    );
    const isFirst = this.#run === undefined;
    const run = new Run(process, { offsetNs: offset, startMs: clock.nowMs(), isFirst });
    return run;
  }

  #onReady(run: Run): void {
    this.#wasReady = true;
    const nowMs = this.#options.clock.nowMs();
    run.sinceSecond = unixSecond(nowMs) + 1;
    if (run === this.#run) {
      const enabledAfterMs = Math.max(0, nowMs - run.startMs);
      this.#state = { state: 'enabled', sinceSecond: run.sinceSecond, enabledAfterMs };
    }
    this.#options.onChange();
  }

  #onReading(run: Run, reading: Reading): void {
    const whole = isWhole(run, reading);
    const { second } = reading;
    const { sinceSecond = Infinity, fromSecond } = run;
    const successor = run === this.#run ? this.#next : undefined;
    const until = successor?.sinceSecond ?? Infinity;
    const isEarly = second < sinceSecond;
    if (second >= fromSecond && second < until && (!isEarly || whole)) {
      // Before its first whole second nothing is known of what it did not count.
      if (!isEarly || reading.total > 0) this.#readings.set(second, { ...reading, whole: !isEarly && whole });
      this.#forgetUntil(second - READINGS_MAX + 1);
    } else if (isEarly && reading.readSecond > sinceSecond) {
      // Read so late that it holds events of seconds that count.
      this.#missed += reading.total;
    }
    if (second >= until - 1) this.#takeOver();
    this.#options.onChange();
  }

  /** The successor speaks from here on. */
  #takeOver(): void {
    void this.#run?.process.stop();
    this.#run = this.#next;
    this.#next = undefined;
  }

  #onEnded(run: Run, reason: string | undefined): void {
    if (this.#stopped.signal.aborted || reason === undefined) return;
    if (run === this.#next) {
      // The present one goes on; the next second tries again.
      this.#next = undefined;
      return;
    }
    if (run !== this.#run) return;
    this.#run = undefined;
    if (this.#next !== undefined) this.#takeOver();
    else if (!this.#wasReady || this.#restarts >= RESTARTS_MAX) this.#fail(reason);
    else void this.#startAgain(reason);
    this.#options.onChange();
  }

  async #startAgain(reason: string): Promise<void> {
    const delayMs = RESTART_MS * 2 ** this.#restarts;
    this.#restarts++;
    this.#state = { state: 'enabling' };
    this.#options.onNote(`A probe program ended and starts again in ${delayMs} ms: ${reason}`);
    await this.#options.clock.sleep(delayMs, this.#stopped.signal);
    if (!this.#stopped.signal.aborted) this.#run = this.#start();
  }

  #fail(reason: string): void {
    this.#state = { state: 'failed', reason };
  }
}

/** Whether what was read is the one second's. A map is written again two seconds later: one that was emptied after
 *  that held parts of both, and of every second of its parity up to then. One that was not read in its turn holds
 *  what the turn before left. */
function isWhole(run: Run, { second, saidSecond, readSecond }: Reading): boolean {
  const parity = run.parity[(second & 1) as 0 | 1];
  const inTurn = parity.last === 0 || parity.last === second - 2;
  const whole = inTurn && second > parity.mixedUntil && saidSecond === second + 1 && readSecond <= second + 1;
  if (readSecond > second + 1) parity.mixedUntil = Math.max(parity.mixedUntil, readSecond);
  parity.last = second;
  return whole;
}
