/** Takes one peer through the bench: ingest, settle, disk, queries, freshness, memory; tells each finding as it is
 *  made, so that what was measured before something hangs is kept. Owns: what is timed, how often, how long.
 *  Every answer is checked against the fleet; a wrong one has no time. Does not: know any peer. */
import { availableParallelism } from 'node:os';
import { unixSecond } from '../../src/model/clock.ts';
import { bucketEdge, LL5 } from '../../src/model/grid.ts';
import { median } from '../measure.ts';
import {
  cellsOf,
  eventsOf,
  type Fleet,
  histogramsPerSecond,
  percentileBuckets,
  type TimeRange,
} from './fleet.ts';
import { busySeconds, cpuSeconds, forgetPeak, memoryOf } from './machine.ts';
import type { Finding, MeasureId, News } from './measures.ts';
import { CannotError, type Peer, type PercentileLines, type Session } from './peer.ts';

/** Plain data: it goes to another process. */
export interface Job {
  readonly directory: string;
  readonly fleet: Fleet;
  readonly periods: number;
  readonly ranges: { readonly short: Span; readonly middle: Span; readonly long: Span };
  /** Seconds of data that are encoded, then sent, in one go. */
  readonly chunkSeconds: number;
  /** What is not written by then is not written; of one period, and of all. */
  readonly ingestMsMax: { readonly [takes in Peer['takes']]: number };
  /** One answer, and all repeats of a question together. */
  readonly queryMsMax: number;
  readonly repeatMsMax: number;
  readonly repeats: number;
  readonly freshWrites: number;
}

export interface Span {
  readonly seconds: number;
  readonly stepSeconds: number;
}

/** Percentiles that may differ from the fleet's by more than the peer's loss: ties that rounding decides. */
const PERCENTILES_OFF_MAX = 0.01;
const PROGRESS_MS = 5000;
const FRESH_MS_MAX = 60_000;

type Tell = (news: News) => void;

export async function runPeer(peer: Peer, job: Job, tell: Tell): Promise<void> {
  const { fleet, directory, periods } = job;
  const historySecond = fleet.endSecond - periods * fleet.periodSeconds;
  const fromSecond = peer.takes === 'all periods' ? historySecond : fleet.endSecond - fleet.periodSeconds;
  const session = await peer.open({ directory, fleet, fromSecond, historySecond });
  try {
    await new Run({ peer, job, tell, session, fromSecond, historySecond }).all();
  } finally {
    await session.close();
  }
}

interface Parts {
  readonly peer: Peer;
  readonly job: Job;
  readonly tell: Tell;
  readonly session: Session;
  readonly fromSecond: number;
  readonly historySecond: number;
}

class Run {
  readonly #peer: Peer;
  readonly #job: Job;
  readonly #tell: Tell;
  readonly #session: Session;
  readonly #fromSecond: number;
  readonly #historySecond: number;
  readonly #ingestMsMax: number;
  /** Written so far. */
  #untilSecond: number;
  #histogramsPerS = 0;
  readonly #cpuOfPid = new Map<number, number>();

  constructor(parts: Parts) {
    this.#peer = parts.peer;
    this.#job = parts.job;
    this.#tell = parts.tell;
    this.#session = parts.session;
    this.#fromSecond = parts.fromSecond;
    this.#historySecond = parts.historySecond;
    this.#untilSecond = parts.fromSecond;
    this.#ingestMsMax = parts.job.ingestMsMax[parts.peer.takes];
  }

  async all(): Promise<void> {
    const othersPercent = this.#watchOthers();
    await this.#preload();
    const baseBytes = this.#forgetPeak();
    await this.#ingest();
    await this.#memory('memoryIngest', baseBytes);
    // Its process may be another afterwards.
    this.#ownCpu();
    await this.#find('disk', async () => [(await this.#session.diskBytes()) / this.#stored()]);
    this.#forgetPeak();
    await this.#shortQueries();
    await this.#fresh();
    await this.#longQueries();
    await this.#memory('memoryQueries', baseBytes);
    const remark = this.#session.remark?.();
    this.#tell({
      kind: 'about',
      version: this.#session.version,
      seconds: this.#untilSecond - this.#fromSecond,
      othersPercent: othersPercent(),
      ...(remark === undefined ? {} : { remark }),
    });
  }

  async #preload(): Promise<void> {
    if (this.#session.preload === undefined) return;
    const [ms] = await timed(() => this.#session.preload!());
    this.#say(`brought in the earlier periods in ${(ms / 1000).toFixed(1)} s`);
  }

  async #ingest(): Promise<void> {
    const { fleet, chunkSeconds } = this.#job;
    const ingestMsMax = this.#ingestMsMax;
    const inProcess = this.#peer.place === 'in process';
    const cpuBefore = attempt(() => cpuSeconds(this.#session.pid));
    let ms = 0;
    let cpu = 0;
    let saidMs = performance.now();
    while (this.#untilSecond < fleet.endSecond && ms < ingestMsMax) {
      const until = Math.min(this.#untilSecond + chunkSeconds, fleet.endSecond);
      const send = this.#session.prepare(this.#untilSecond, until);
      const [sentMs, sentCpu] = await timed(send);
      ms += sentMs;
      cpu += sentCpu;
      this.#untilSecond = until;
      if (performance.now() - saidMs < PROGRESS_MS) continue;
      saidMs = performance.now();
      this.#say(`wrote ${until - this.#fromSecond} s of data in ${(ms / 1000).toFixed(1)} s`);
    }
    this.#say(`wrote all it is given in ${(ms / 1000).toFixed(1)} s`);
    const [settleMs, settleCpu] = await timed(() => this.#session.settle());
    this.#say(`settled in ${(settleMs / 1000).toFixed(1)} s`);
    const used = inProcess ? cpu + settleCpu : attempt(() => cpuSeconds(this.#session.pid) - cpuBefore);
    this.#histogramsPerS = this.#histograms() / (ms / 1000);
    const cells = cellsOf(fleet, this.#fromSecond, this.#untilSecond);
    await this.#find('ingest', () => [this.#histogramsPerS]);
    await this.#find('ingestCells', () => [cells / (ms / 1000)]);
    await this.#find('ingestCpu', () => [this.#histograms() / used]);
  }

  async #shortQueries(): Promise<void> {
    const { short, middle } = this.#job.ranges;
    const heat = await this.#heatmap('heat10m', short, false);
    await this.#heatmap('hue10m', short, true, heat);
    await this.#picture('png10m', short);
    const longer = await this.#heatmap('heat1h', middle, false, heat);
    await this.#heatmap('hue1h', middle, true, longer);
    await this.#percentiles('percentiles', middle);
  }

  async #longQueries(): Promise<void> {
    const { long } = this.#job.ranges;
    const fault = await this.#extend();
    if (fault !== undefined) {
      const refuse = (): never => {
        throw fault;
      };
      await this.#find('heat24h', refuse);
      await this.#find('hue24h', refuse);
      return;
    }
    const heat = await this.#heatmap('heat24h', long, false);
    await this.#heatmap('hue24h', long, true, heat);
  }

  /** Brings in what is missing of the long range, where the peer can; gives why not. */
  async #extend(): Promise<CannotError | undefined> {
    if (this.#session.extend === undefined || this.#untilSecond !== this.#job.fleet.endSecond)
      return undefined;
    // As above.
    this.#ownCpu();
    try {
      const [ms] = await timed(() => this.#session.extend!());
      this.#say(`brought in the earlier periods in ${(ms / 1000).toFixed(1)} s`);
      return undefined;
    } catch (error) {
      if (error instanceof CannotError) return error;
      throw error;
    }
  }

  /** `than` is what a question that is contained in this one found: where that failed this is not tried. */
  #heatmap(measure: MeasureId, span: Span, byKey: boolean, than?: Finding): Promise<Finding> {
    return this.#query(measure, span, than, async (range, signal) => {
      const total = await this.#session.heatmap(range, byKey, signal);
      return () => {
        const expected = eventsOf(this.#job.fleet, range.fromSecond, range.untilSecond);
        const found = total();
        if (Math.abs(found - expected) > 1e-6 * expected)
          throw new CannotError(`wrong: counts ${found} of ${expected}`);
      };
    });
  }

  #picture(measure: MeasureId, span: Span): Promise<Finding> {
    return this.#query(measure, span, undefined, async (range, signal) => {
      if (this.#session.picture === undefined) throw new CannotError('draws none');
      await this.#session.picture(range, signal);
      return () => {};
    });
  }

  #percentiles(measure: MeasureId, span: Span): Promise<Finding> {
    return this.#query(measure, span, undefined, async (range, signal) => {
      const lines = await this.#session.percentiles(range, signal);
      return () => this.#checkLines(range, lines());
    });
  }

  #checkLines(range: TimeRange, { p50, p99 }: PercentileLines): void {
    const loss = this.#peer.percentileLoss;
    for (const [rank, line] of [
      [0.5, p50],
      [0.99, p99],
    ] as const) {
      const expected = percentileBuckets(this.#job.fleet, range, rank);
      if (line.length !== expected.length)
        throw new CannotError(`wrong: ${line.length} of ${expected.length} steps`);
      const off = line.filter((value, i) => {
        const low = bucketEdge(LL5, expected[i]!) * (1 - loss);
        const high = bucketEdge(LL5, expected[i]! + 1) * (1 + loss);
        return !(value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9));
      }).length;
      if (off > PERCENTILES_OFF_MAX * line.length)
        throw new CannotError(`wrong: ${off} of ${line.length} values of p${rank * 100}`);
    }
  }

  async #query(
    measure: MeasureId,
    span: Span,
    than: Finding | undefined,
    ask: (range: TimeRange, signal: AbortSignal) => Promise<() => void>,
  ): Promise<Finding> {
    const { queryMsMax, repeatMsMax, repeats } = this.#job;
    return this.#find(measure, async () => {
      if (than?.words !== undefined) throw new CannotError(notTried(than.words));
      const range = this.#rangeOf(span);
      const runs: number[] = [];
      const startMs = performance.now();
      while (runs.length < repeats && (runs.length === 0 || performance.now() - startMs < repeatMsMax)) {
        const signal = AbortSignal.timeout(queryMsMax);
        const askedMs = performance.now();
        let check: () => void;
        try {
          check = await ask(range, signal);
        } catch (error) {
          if (signal.aborted) throw new CannotError(`over ${queryMsMax / 1000} s`);
          throw error;
        }
        runs.push(performance.now() - askedMs);
        if (runs.length === 1) check();
      }
      return runs;
    });
  }

  /** The newest whole columns of what was written. */
  #rangeOf({ seconds, stepSeconds }: Span): TimeRange {
    const { fleet } = this.#job;
    const extended = this.#session.extend !== undefined && seconds > fleet.periodSeconds;
    const hasHistory = extended || this.#session.preload !== undefined;
    const from = hasHistory ? this.#historySecond : this.#fromSecond;
    const untilSecond = this.#untilSecond - (this.#untilSecond % stepSeconds);
    const fromSecond = untilSecond - seconds;
    if (fromSecond >= from) return { fromSecond, untilSecond, stepSeconds };
    const minutes = (seconds * histogramsPerSecond(fleet)) / this.#histogramsPerS / 60;
    throw new CannotError(`not tried: to write so much takes ${minutes.toPrecision(2)} min`);
  }

  async #fresh(): Promise<void> {
    const { fleet, freshWrites } = this.#job;
    let second = this.#untilSecond;
    await this.#find('fresh', async () => {
      const runs: number[] = [];
      while (runs.length < freshWrites) {
        if (this.#peer.place === 'server') {
          // Its clock is real: newest seconds are written one a second.
          while (unixSecond(Date.now()) < second) await sleep(20);
          second = unixSecond(Date.now());
        }
        const events = eventsOf(fleet, second, second + 1);
        const send = this.#session.prepare(second, second + 1);
        const startMs = performance.now();
        await send();
        while (!(await this.#session.visible(second, events))) {
          if (performance.now() - startMs > FRESH_MS_MAX)
            throw new CannotError(`over ${FRESH_MS_MAX / 1000} s`);
          await sleep(1);
        }
        runs.push(performance.now() - startMs);
        second++;
      }
      return runs;
    });
  }

  /** Tells what `measure` found: the median, or why there is none. */
  async #find(
    measure: MeasureId,
    runs: () => readonly number[] | Promise<readonly number[]>,
  ): Promise<Finding> {
    let finding: Finding;
    try {
      const found = await runs();
      const value = median(found);
      finding = Number.isFinite(value) ? { measure, value, runs: found } : { measure, words: 'not known' };
    } catch (error) {
      finding = { measure, words: wordsOf(error) };
    }
    this.#tell({ kind: 'finding', finding });
    this.#say(`${measure}: ${finding.words ?? finding.value!.toPrecision(4)}`);
    return finding;
  }

  /** Histograms that it keeps when it was given all. */
  #stored(): number {
    const from = this.#session.preload === undefined ? this.#fromSecond : this.#historySecond;
    return (this.#untilSecond - from) * histogramsPerSecond(this.#job.fleet);
  }

  /** Histograms that it was given in turn. */
  #histograms(): number {
    return (this.#untilSecond - this.#fromSecond) * histogramsPerSecond(this.#job.fleet);
  }

  /** Memory before; NaN where it is not known. */
  #forgetPeak(): number {
    return attempt(() => {
      const { bytes } = memoryOf(this.#session.pid);
      forgetPeak(this.#session.pid);
      return bytes;
    });
  }

  /** A server's whole; in our own process what it grew by. */
  async #memory(measure: MeasureId, baseBytes: number): Promise<void> {
    const base = this.#peer.place === 'in process' ? baseBytes : 0;
    const bytes = attempt(() => memoryOf(this.#session.pid).peakBytes - base);
    await this.#find(measure, () => {
      if (bytes <= 0) throw new CannotError('it did not grow');
      return [bytes / 1e6];
    });
  }

  /** Gives the share of all cores that processes other than ours have used since this call. */
  #watchOthers(): () => number {
    const others = (): number => attempt(() => busySeconds() - this.#ownCpu());
    const before = { ms: performance.now(), others: others() };
    return () => {
      const elapsed = (performance.now() - before.ms) / 1000;
      return Math.max(0, (100 * (others() - before.others)) / (elapsed * availableParallelism()));
    };
  }

  /** Of this process and of the peer's, also of one that has ended. */
  #ownCpu(): number {
    for (const pid of [process.pid, this.#session.pid]) {
      this.#cpuOfPid.set(
        pid,
        attempt(() => cpuSeconds(pid)),
      );
    }
    return [...this.#cpuOfPid.values()].reduce((a, b) => a + b, 0);
  }

  #say(line: string): void {
    this.#tell({ kind: 'progress', line });
  }
}

/** What is not known is NaN: a machine without /proc measures the rest. */
function attempt(read: () => number): number {
  try {
    return read();
  } catch (error) {
    if (error instanceof CannotError) return Number.NaN;
    throw error;
  }
}

function notTried(words: string): string {
  return words.startsWith('not tried') ? words : `not tried; the lesser question: ${words}`;
}

/** Milliseconds and this process's CPU seconds. */
async function timed(work: () => Promise<void>): Promise<[number, number]> {
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await work();
  const ms = performance.now() - startMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return [ms, (user + system) / 1e6];
}

function wordsOf(error: unknown): string {
  return error instanceof CannotError
    ? error.message
    : `failed: ${error instanceof Error ? error.message : String(error)}`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
