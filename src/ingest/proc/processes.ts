/** The processes of the host, from /proc/PID/stat. Owns: their descriptors. That processes come and go between the
 *  listing and the reading is normal, and is no fault. What one used after it was last read is not seen.
 *  Bounded: PROCESSES_MAX are read a second, those of the lowest ids, and how many were left out is told. Reads a slice
 *  at a time, so that what else this process does is never held up by more than a millisecond or two. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { KeptFile, readOnce } from './kept-file.ts';
import type { Asked, Sample, Subject, Thing } from './sample.ts';

/** A process takes 5 to 11 us to read: all of them at most a twentieth of a core. */
export const PROCESSES_MAX = 4096;
/** Kept open: reading one anew costs twice as much, but other parts of this program need descriptors too. */
const DESCRIPTORS_MAX = 512;
const SLICE = 128;

/** The first are counters: times in ticks of 1/100 s. Memory is in bytes, the start in ticks since boot. */
export const PROCESS = {
  user: 0,
  system: 1,
  minorFaults: 2,
  majorFaults: 3,
  resident: 4,
  threads: 5,
} as const;
const COLUMNS = 6;

export interface ProcessesOptions {
  readonly proc: string;
  /** How many are read at most. */
  readonly max?: number;
}

export class Processes implements Subject {
  readonly counters = 4;
  readonly bornAtZero = true;
  readonly #proc: string;
  readonly #max: number;
  readonly #pageBytes: number;
  readonly #kept = new Map<number, KeptFile>();
  #closed = false;

  constructor({ proc, max = PROCESSES_MAX }: ProcessesOptions) {
    this.#proc = proc;
    this.#max = max;
    this.#pageBytes = pageBytes(proc);
  }

  async sample({ fields }: Asked): Promise<Sample> {
    const all = (await readdir(this.#proc)).map(Number).filter(Number.isInteger);
    const pids = all.toSorted((a, b) => a - b).slice(0, this.#max);
    this.#forget(new Set(pids));
    const things = new Map<string, Thing>();
    for (const [i, pid] of pids.entries()) {
      if (i % SLICE === SLICE - 1) await setImmediate();
      if (this.#closed) break;
      this.#read(pid, fields.has('uid'), things);
    }
    const faults = things.size > 0 ? [] : [`Cannot read the processes in "${this.#proc}": there is none`];
    return { things, leftOut: all.length - pids.length, faults };
  }

  close(): void {
    this.#closed = true;
    this.#forget(new Set());
  }

  #read(pid: number, withUid: boolean, things: Map<string, Thing>): void {
    const kept = this.#kept.get(pid);
    const file = kept ?? new KeptFile(join(this.#proc, String(pid), 'stat'));
    try {
      const parsed = parseProcess(textOf(file), this.#pageBytes);
      if (parsed === undefined) return;
      const { start, fields, numbers } = parsed;
      const uid = withUid ? { uid: file.uid() } : {};
      things.set(`${pid} ${start}`, { fields: { pid, ...fields, ...uid }, numbers });
    } catch {
      // It has ended, or is not ours to see.
    }
    if (kept !== undefined) return;
    if (this.#kept.size < DESCRIPTORS_MAX) this.#kept.set(pid, file);
    else file.close();
  }

  #forget(living: ReadonlySet<number>): void {
    for (const [pid, file] of this.#kept) {
      if (living.has(pid)) continue;
      file.close();
      this.#kept.delete(pid);
    }
  }
}

/** A descriptor of one that has ended says so for ever: its id may be another's by now, which is opened anew. */
function textOf(file: KeptFile): string {
  try {
    return file.read().toString('utf8');
  } catch {
    return file.read().toString('utf8');
  }
}

interface ParsedProcess {
  /** Ticks after boot: with its id this is one process and no later one. */
  readonly start: string;
  readonly fields: { readonly execname: string; readonly state: string; readonly ppid: number };
  readonly numbers: Float64Array;
}

/** Undefined where the text has another form. A name may have spaces and parentheses: it ends at the last one. */
export function parseProcess(text: string, bytesOfPage: number): ParsedProcess | undefined {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 0 || close < open) return undefined;
  // From the third word on, as proc(5) counts them: the state is [0].
  const words = text.slice(close + 2).split(' ', 22);
  if (words.length < 22) return undefined;
  const numbers = new Float64Array(COLUMNS);
  numbers[PROCESS.user] = counter(words[11]);
  numbers[PROCESS.system] = counter(words[12]);
  numbers[PROCESS.minorFaults] = counter(words[7]);
  numbers[PROCESS.majorFaults] = counter(words[9]);
  numbers[PROCESS.threads] = counter(words[17]);
  numbers[PROCESS.resident] = counter(words[21]) * bytesOfPage;
  const fields = { execname: text.slice(open + 1, close), state: words[0]!, ppid: counter(words[1]) };
  return { start: words[19]!, fields, numbers };
}

function counter(word: string | undefined): number {
  return word !== undefined && /^\d+$/.test(word) ? Number(word) : Number.NaN;
}

/** The auxiliary vector's kind of the page's size. */
const AT_PAGESZ = 6n;

function pageBytes(proc: string): number {
  try {
    const pairs = readOnce(join(proc, 'self/auxv'));
    for (let at = 0; at + 16 <= pairs.length; at += 16) {
      if (pairs.readBigUInt64LE(at) === AT_PAGESZ) return Number(pairs.readBigUInt64LE(at + 8));
    }
  } catch {
    // Old kernels and other roots have none: the size that all but a few machines have.
  }
  return 4096;
}
