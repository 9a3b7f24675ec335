/** The cgroups of the host: of version 1, a hierarchy for each controller, of version 2, or of both, as most hosts that
 *  have version 1 do: a controller is where version 1 has it mounted, else in version 2. Owns: the trees.
 *  The kernel counts in a cgroup what its children use too. Here each has its own share only, what its children do not
 *  have: so shares add up to the whole, the sum over a prefix is a subtree, and what a child uses that is not read (it
 *  is new, it is past the bound, it ended) is its parent's. Reads a slice at a time, as the processes' does. */
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { CGROUP, CGROUP_COLUMNS, CGROUP_COUNTERS, type CgroupPart, partsOf } from './cgroup-files.ts';
import { type CgroupDirectory, CgroupTree } from './cgroup-tree.ts';
import { readOnce } from './kept-file.ts';
import { parseMounts } from './mounts.ts';
import { type Asked, type Gains, gainsOf, type Sample, SampleBuilder, type Subject } from './sample.ts';
import { Scanner } from './scanner.ts';

/** Reading one costs 10 to 50 us a file. */
const CGROUPS_MAX = 1024;
const SLICE = 32;

export interface CgroupsOptions {
  readonly proc: string;
  /** What the paths of mounts are below. */
  readonly root: string;
  readonly max?: number;
}

export class Cgroups implements Subject {
  readonly counters = CGROUP_COUNTERS;
  readonly bornAtZero = false;
  readonly #options: CgroupsOptions;
  readonly #max: number;
  readonly #scanner = new Scanner();
  readonly #trees = new Map<string, CgroupTree>();
  #parts: readonly CgroupPart[] | undefined;
  #closed = false;

  constructor(options: CgroupsOptions) {
    this.#options = options;
    this.#max = options.max ?? CGROUPS_MAX;
  }

  async sample({ columns }: Asked): Promise<Sample> {
    const faults: string[] = [];
    const parts = this.#mounted(faults).filter((part) => part.columns.some((column) => columns.has(column)));
    const into = new SampleBuilder(CGROUP_COLUMNS);
    for (const part of parts) {
      const { directories, isCut } = this.#treeOf(part.mountPoint).directories();
      if (isCut)
        faults.push(`Read ${this.#max} cgroups of "${part.mountPoint}": what others use is their parents'`);
      await this.#readAll(part, directories, into);
    }
    if (parts.length === 0) faults.push('Cannot tell of cgroups: no hierarchy is mounted that counts this');
    const levels = [CGROUP.memory, CGROUP.tasks];
    takeChildren(new Map([...into.things].map(([key, { numbers }]) => [key, numbers])), levels);
    return { things: into.things, leftOut: 0, faults: [...new Set(faults)] };
  }

  gains(before: Sample, now: Sample): Gains {
    const gains = gainsOf(before, now, this);
    const own = new Set((this.#parts ?? []).filter(({ isOwn }) => isOwn).flatMap(({ columns }) => columns));
    const columns = Array.from({ length: CGROUP_COUNTERS }, (_, column) => column);
    takeChildren(
      gains,
      columns.filter((column) => !own.has(column)),
    );
    return gains;
  }

  close(): void {
    this.#closed = true;
  }

  /** Looked for once: what is mounted later is seen when cgroups are next asked for after nobody did. */
  #mounted(faults: string[]): readonly CgroupPart[] {
    if (this.#parts !== undefined) return this.#parts;
    const { proc, root } = this.#options;
    try {
      const mounts = parseMounts(readOnce(join(proc, 'self/mounts')).toString('utf8'));
      this.#parts = partsOf(mounts).map((part) => ({ ...part, mountPoint: join(root, part.mountPoint) }));
      return this.#parts;
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
      return [];
    }
  }

  #treeOf(mountPoint: string): CgroupTree {
    let tree = this.#trees.get(mountPoint);
    if (tree === undefined) this.#trees.set(mountPoint, (tree = new CgroupTree(mountPoint, this.#max)));
    return tree;
  }

  async #readAll(
    { file, parse }: CgroupPart,
    directories: readonly CgroupDirectory[],
    into: SampleBuilder,
  ): Promise<void> {
    for (const [i, { cgroup, path }] of directories.entries()) {
      if (i % SLICE === SLICE - 1) await setImmediate();
      if (this.#closed) return;
      try {
        const bytes = readOnce(join(path, file));
        const numbers = into.numbersOf(cgroup, () => ({ cgroup, container: containerOf(cgroup) }));
        parse(this.#scanner.over(bytes), numbers);
      } catch {
        // It ended, its controller is off here, or it is the root, of which not everything is told.
      }
    }
  }
}

/** Takes from each cgroup what its children have. Parents come before their children, so a child is still whole when
 *  it is taken off. Numbers of several files are not of one instant: less than nothing is nothing. */
function takeChildren(numbers: ReadonlyMap<string, Float64Array>, columns: readonly number[]): void {
  for (const [cgroup, own] of numbers) {
    const parent = cgroup === '/' ? undefined : numbers.get(dirname(cgroup));
    if (parent === undefined) continue;
    for (const column of columns) if (!Number.isNaN(own[column]!)) parent[column]! -= own[column]!;
  }
  for (const own of numbers.values()) {
    for (const column of columns) if (own[column]! < 0) own[column] = 0;
  }
}

/** The first digits of a container's id, as its tools show it; '' for what is in none. */
function containerOf(cgroup: string): string {
  return /(?:^|[/-])([0-9a-f]{12})[0-9a-f]{52}(?:\.scope)?(?:\/|$)/.exec(cgroup)?.[1] ?? '';
}
