/** The file systems that hold something: what is mounted from a disk or kept in memory, once each however often it is
 *  mounted. Those of a network are left out: one that does not answer holds whoever asks. One of ours that is slow is
 *  asked again when it has answered, and until then is as it was, for so many samples. */
import { stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { BigIntStats, BigIntStatsFs } from 'node:fs';
import { KeptFile } from './kept-file.ts';
import { type Mount, parseMounts } from './mounts.ts';
import type { Sample, Subject, Thing } from './sample.ts';

/** In bytes and inodes. "reserved" is what the file system keeps for root: used, free and reserved add up to its size. */
export const FILE_SYSTEM = { used: 0, free: 1, reserved: 2, inodesUsed: 3, inodesFree: 4 } as const;
const COLUMNS = 5;
/** More are left out, those mounted last. */
const FILE_SYSTEMS_MAX = 512;
/** Answers are waited for so long; where there is none yet of any, longer. */
const ANSWER_MS = 100;
const FIRST_ANSWER_MS = 2000;
/** Samples in which an answer is good that no newer one followed. */
const ANSWER_SAMPLES = 10;
const REMOTE =
  /^(nfs\d?|cifs|smb\d?|smbfs|ceph|glusterfs|lustre|afs|9p|gfs2?|ocfs2|beegfs|fuse\..*|fuse|autofs)$/;

export interface FileSystemsOptions {
  readonly proc: string;
  /** What the paths of mounts are below. */
  readonly root: string;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export class FileSystems implements Subject {
  readonly counters = 0;
  readonly bornAtZero = false;
  readonly #options: FileSystemsOptions;
  readonly #mounts: KeptFile;
  /** Asked, and no answer yet. */
  readonly #waiting = new Map<string, Promise<void>>();
  /** The newest of each path. */
  #answers = new Map<string, Answer>();
  #samples = 0;

  constructor(options: FileSystemsOptions) {
    this.#options = options;
    this.#mounts = new KeptFile(join(options.proc, 'self/mounts'));
  }

  async sample(): Promise<Sample> {
    const faults: string[] = [];
    const mounts = this.#local(faults);
    const asked = mounts.slice(0, FILE_SYSTEMS_MAX);
    const all = Promise.all(asked.map((mount) => this.#ask(mount.path)));
    const waitMs = this.#answers.size === 0 ? FIRST_ANSWER_MS : ANSWER_MS;
    const given = new AbortController();
    await Promise.race([all, this.#options.sleep(waitMs, given.signal)]);
    given.abort();
    this.#samples++;
    const answers = asked.map((mount) => [mount, this.#answers.get(mount.path)] as const);
    this.#answers = new Map(answers.flatMap(([{ path }, of]) => (of === undefined ? [] : [[path, of]])));
    const things = new Map<string, Thing>();
    // In the order of the mounts, so that a file system has the name that it was given first.
    for (const [mount, answer] of answers) {
      if (answer !== undefined && this.#samples - answer.sample <= ANSWER_SAMPLES)
        addThing(things, mount, answer);
    }
    if (things.size === 0)
      faults.push(`Cannot tell of file systems in "${this.#mounts.path}": there is none`);
    return { things, leftOut: mounts.length - asked.length, faults };
  }

  close(): void {
    this.#mounts.close();
  }

  #local(faults: string[]): readonly Mount[] {
    try {
      return parseMounts(this.#mounts.read().toString('utf8')).filter(({ fstype }) => !REMOTE.test(fstype));
    } catch (error) {
      faults.push(
        `Cannot read "${this.#mounts.path}": ${error instanceof Error ? error.message : String(error)}`,
      );
      return [];
    }
  }

  #ask(path: string): Promise<void> {
    const waiting = this.#waiting.get(path);
    if (waiting !== undefined) return waiting;
    const at = join(this.#options.root, path);
    const asking = Promise.all([statfs(at, { bigint: true }), stat(at, { bigint: true })]).then(
      ([space, { dev }]) => void this.#answers.set(path, { space, dev, sample: this.#samples }),
      () => void this.#answers.delete(path), // Unmounted since, or closed to us.
    );
    const done = asking.finally(() => this.#waiting.delete(path));
    this.#waiting.set(path, done);
    return done;
  }
}

interface Answer {
  readonly space: BigIntStatsFs;
  readonly dev: BigIntStats['dev'];
  /** The number of the sample before which it was given. */
  readonly sample: number;
}

/** One without blocks holds nothing: /proc and its like. */
function addThing(things: Map<string, Thing>, { path, device, fstype }: Mount, answer: Answer): void {
  if (answer.space.blocks === 0n) return;
  const key = String(answer.dev);
  if (things.has(key)) return;
  const { bsize, blocks, bfree, bavail, files, ffree } = answer.space;
  const numbers = new Float64Array(COLUMNS).fill(Number.NaN);
  numbers[FILE_SYSTEM.used] = Number((blocks - bfree) * bsize);
  numbers[FILE_SYSTEM.free] = Number(bavail * bsize);
  numbers[FILE_SYSTEM.reserved] = Number((bfree > bavail ? bfree - bavail : 0n) * bsize);
  if (files > 0n) {
    numbers[FILE_SYSTEM.inodesUsed] = Number(files - ffree);
    numbers[FILE_SYSTEM.inodesFree] = Number(ffree);
  }
  things.set(key, { fields: { mount: path, device, fstype }, numbers });
}
