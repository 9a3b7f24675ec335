/** Keeps the data directory within its budget: measures it every few seconds and takes the steps of space.ts.
 *  Owns: sizes, the budget, when a step is taken. Does not: decide which, delete anything but log files: what the
 *  stores give up they give up by an event of the log, so that a replay gives up the same. */
import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { logFileNames } from '../log/log-directory.ts';
import type { Clock } from '../model/clock.ts';
import { unixSecond } from '../model/clock.ts';
import type { Level } from '../model/level.ts';
import type { LogWriter } from '../model/log.ts';
import { instantText } from '../query/moment.ts';
import { secondsText } from '../query/unit.ts';
import { formatValue } from '../render/format.ts';
import type { HealthCheck } from './health.ts';
import { nextStep, type SpaceSizes, type SpaceStep, type SpaceView, totalBytes } from './space.ts';
import { coveredOffset, type LogFollowers } from './trimmer.ts';

const LOOK_MS = 10_000;
/** Of the file system's size, where no budget is set: the rest is for temporary files and for others. */
const DISK_SHARE = 0.8;

export interface SpaceKeeperOptions extends LogFollowers {
  readonly directory: string;
  /** Undefined for a share of the file system. */
  readonly budgetBytes: number | undefined;
  readonly writer: Pick<LogWriter, 'trim'>;
  /** Has it said in the log that blocks of this level go. */
  readonly reclaim: (level: Level, untilSecond: number) => Promise<void>;
  readonly clock: Clock;
  readonly onNotice: (line: string) => void;
}

export interface SpaceReport {
  readonly budgetBytes: number;
  readonly sizes: SpaceSizes;
  /** Steps that gave something up since the start. */
  readonly steps: number;
  /** It is over its budget, and nothing is left that may go. */
  readonly stuck: boolean;
}

export class SpaceKeeper {
  readonly #options: SpaceKeeperOptions;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** When blocks were given up last; at a start that may have been just before. */
  #reclaimedMs: number;
  #report: SpaceReport | undefined;
  #fault: string | undefined;

  constructor(options: SpaceKeeperOptions) {
    this.#options = options;
    this.#reclaimedMs = options.clock.nowMs();
    this.#running = this.#run();
  }

  /** Undefined before the first look. */
  get report(): SpaceReport | undefined {
    return this.#report;
  }

  check(): HealthCheck {
    const name = 'space';
    if (this.#fault !== undefined) return { name, ok: false, detail: this.#fault };
    if (this.#report === undefined) return { name, ok: true, detail: 'not measured yet' };
    const { sizes, budgetBytes, stuck } = this.#report;
    const what = `${bytesText(totalBytes(sizes))} of ${bytesText(budgetBytes)}: store ${bytesText(sizes.store)}, log ${bytesText(sizes.log)}, spool ${bytesText(sizes.spool)}`;
    if (!stuck) return { name, ok: true, detail: what };
    return { name, ok: false, detail: `${what}; only the newest hour and pinned ranges are left` };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#look();
        this.#fault = undefined;
      } catch (error) {
        this.#fault = `cannot keep within the budget: ${error instanceof Error ? error.message : String(error)}`;
      }
      await clock.sleep(LOOK_MS, signal);
    }
  }

  async #look(): Promise<void> {
    const { directory } = this.#options;
    const budgetBytes = this.#options.budgetBytes ?? (await shareOfDisk(directory));
    const sizes = await sizesOf(directory);
    const isOver = totalBytes(sizes) > budgetBytes;
    const view = isOver ? await this.#view(budgetBytes, sizes) : undefined;
    const step: SpaceStep = view === undefined ? { kind: isOver ? 'wait' : 'none' } : nextStep(view);
    const gives = step.kind === 'trim' || step.kind === 'reclaim' ? 1 : 0;
    const steps = (this.#report?.steps ?? 0) + gives;
    const wasStuck = this.#report?.stuck === true;
    const stuck = step.kind === 'nothing-left' || (step.kind === 'wait' && wasStuck);
    this.#report = { budgetBytes, sizes, steps, stuck };
    if (this.#report.stuck !== wasStuck) this.#options.onNotice(this.check().detail);
    await this.#take(step);
  }

  async #take(step: SpaceStep): Promise<void> {
    const { writer, reclaim, clock, onNotice } = this.#options;
    if (step.kind === 'trim') {
      await writer.trim(step.offset);
      onNotice(`over the budget: the log gives up what came before entry ${step.offset}`);
    } else if (step.kind === 'reclaim') {
      const { level, untilSecond } = step;
      await reclaim(level, untilSecond);
      this.#reclaimedMs = clock.nowMs();
      onNotice(
        `over the budget: steps of ${secondsText(level)} before ${instantText(untilSecond)} are given up`,
      );
    }
  }

  /** Undefined while an aggregator does not answer. */
  async #view(budgetBytes: number, sizes: SpaceSizes): Promise<SpaceView | undefined> {
    const { aggregators, clock, directory } = this.#options;
    const covered = await coveredOffset(this.#options);
    if (covered === undefined) return undefined;
    const oldest = new Map<Level, number>();
    for (const answer of await Promise.all(aggregators.map((a) => a.ask({ kind: 'status' })))) {
      if (answer.kind !== 'status') return undefined;
      for (const { level, oldestSecond } of answer.stats.levels) {
        if (oldestSecond === undefined) continue;
        oldest.set(level, Math.min(oldestSecond, oldest.get(level) ?? oldestSecond));
      }
    }
    return {
      budgetBytes,
      sizes,
      spareLogFiles: await spareLogFiles(join(directory, 'log'), covered),
      oldest,
      agoSeconds: (clock.nowMs() - this.#reclaimedMs) / 1000,
      nowSecond: unixSecond(clock.nowMs()),
    };
  }
}

async function shareOfDisk(directory: string): Promise<number> {
  const { blocks, bsize } = await statfs(directory);
  return Math.floor(blocks * bsize * DISK_SHARE);
}

async function sizesOf(directory: string): Promise<SpaceSizes> {
  const log = await sizeBytes(join(directory, 'log'));
  const spool = await sizeBytes(join(directory, 'spool'));
  return { log, spool, store: (await sizeBytes(directory)) - log - spool };
}

/** Of all files below; 0 where there is none. Files come and go meanwhile. */
async function sizeBytes(directory: string): Promise<number> {
  let sum = 0;
  for (const entry of (await unlessGone(readdir(directory, { withFileTypes: true }))) ?? []) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) sum += await sizeBytes(path);
    else if (entry.isFile()) sum += (await unlessGone(stat(path)))?.size ?? 0;
  }
  return sum;
}

async function spareLogFiles(
  directory: string,
  covered: number,
): Promise<{ untilOffset: number; bytes: number }[]> {
  const files = logFileNames(directory, (await unlessGone(readdir(directory))) ?? []);
  const spare: { untilOffset: number; bytes: number }[] = [];
  for (const [i, { path }] of files.entries()) {
    const untilOffset = files[i + 1]?.firstOffset;
    if (untilOffset === undefined || untilOffset > covered) break;
    spare.push({ untilOffset, bytes: (await unlessGone(stat(path)))?.size ?? 0 });
  }
  return spare;
}

/** Undefined where the file went meanwhile, or was never there. */
async function unlessGone<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

function bytesText(bytes: number): string {
  return formatValue(bytes, { unit: 'B', base: 2, power: 0 });
}
