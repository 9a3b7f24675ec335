/** Names that only this host knows, read when they are asked for: control groups by id, disks by device number,
 *  processes' arguments by pid. Owns: what it has read, bounded. A name that is gone stays known for a while, as a
 *  process that ended in the second at hand still has one. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { admits } from '../../model/source-limits.ts';
import type { Names } from './metric.ts';

/** Directories below a cgroup mount that are looked at. */
const CGROUPS_MAX = 20_000;
/** Processes whose arguments are remembered. */
const PROCESSES_MAX = 4096;

export interface HostNames {
  readonly cgroups: Names;
  readonly disks: Names;
  /** A process's command line, by pid. */
  readonly arguments: Names;
  /** Of a postgres process, from its title. */
  readonly database: Names;
  readonly databaseUser: Names;
  /** The group at `path` and all below it, which exist now. */
  cgroupIds(path: string): readonly number[];
  /** The groups of containers whose ids begin so, and all below them, which exist now. */
  containerIds(beginnings: readonly string[]): readonly number[];
}

export interface HostRoots {
  readonly proc?: string;
  readonly sys?: string;
}

export function hostNames({ proc = '/proc', sys = '/sys' }: HostRoots = {}): HostNames {
  const groups = new Cgroups(proc);
  const titles = new Titles(proc);
  return {
    cgroups: { what: 'control group', text: (id) => groups.path(id), ids: (path) => groups.exactly(path) },
    disks: diskNames(sys),
    arguments: { what: 'command line', text: (pid) => titles.of(pid) },
    database: { what: 'database', text: (pid) => postgresTitle(titles.of(pid)).database },
    databaseUser: { what: 'user', text: (pid) => postgresTitle(titles.of(pid)).user },
    cgroupIds: (path) => groups.below(path),
    containerIds: (beginnings) => groups.ofContainers(beginnings),
  };
}

/** `postgres: 15/main: user database [local] SELECT`; the cluster's name may be missing. */
export function postgresTitle(title: string): { readonly user: string; readonly database: string } {
  const found = /^postgres: (?:\S*: )?(\S+) (\S+) (?:\[local\]|\S+\(\d+\))/.exec(title);
  return { user: found?.[1] ?? '', database: found?.[2] ?? '' };
}

class Cgroups {
  readonly #proc: string;
  #root: string | undefined;
  #paths = new Map<number, string>();

  constructor(proc: string) {
    this.#proc = proc;
  }

  path(id: number): string {
    if (!this.#paths.has(id)) {
      this.#look();
      // One that is not there now never was where we can see: it is looked for once.
      if (!this.#paths.has(id)) this.#paths.set(id, String(id));
    }
    return this.#paths.get(id)!;
  }

  exactly(path: string): readonly number[] {
    return this.#found((known) => known === path);
  }

  below(path: string): readonly number[] {
    return this.#found((known) => known === path || known.startsWith(path === '/' ? '/' : `${path}/`));
  }

  ofContainers(containers: readonly string[]): readonly number[] {
    const limits = { cgroups: [], uids: [], containers };
    return this.#found((known) => admits(limits, { uid: undefined, cgroups: [known] }));
  }

  #found(wanted: (path: string) => boolean): readonly number[] {
    this.#look();
    return [...this.#paths].filter(([, path]) => wanted(path)).map(([id]) => id);
  }

  /** A group's id is the inode of its directory. */
  #look(): void {
    this.#root ??= cgroupMount(this.#proc);
    const before = this.#paths;
    this.#paths = new Map();
    if (this.#root !== undefined) this.#walk(this.#root, '/');
    // Groups that are gone keep their names, while there is room.
    for (const [id, path] of before) {
      if (this.#paths.size < CGROUPS_MAX && !this.#paths.has(id)) this.#paths.set(id, path);
    }
  }

  #walk(directory: string, path: string): void {
    try {
      this.#paths.set(statSync(directory).ino, path);
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (!entry.isDirectory() || this.#paths.size >= CGROUPS_MAX) continue;
        this.#walk(join(directory, entry.name), join(path, entry.name));
      }
    } catch {
      // It went while we looked.
    }
  }
}

/** Where the unified hierarchy is; on hosts with both versions it has a directory of its own. */
function cgroupMount(proc: string): string | undefined {
  try {
    const lines = readFileSync(join(proc, 'self/mountinfo'), 'utf8').split('\n');
    return lines.find((line) => / - cgroup2 /.test(line))?.split(' ')[4];
  } catch {
    return undefined;
  }
}

/** The kernel's device number: 12 bits of major, 20 of minor. */
const MINOR_BITS = 20;

function diskNames(sys: string): Names {
  const known = new Map<number, string>();
  const text = (device: number): string => {
    const found = known.get(device);
    if (found !== undefined) return found;
    const [major, minor] = [device >>> MINOR_BITS, device & (2 ** MINOR_BITS - 1)];
    let name = `${major}:${minor}`;
    try {
      name = basename(readlinkSync(join(sys, 'dev/block', name)));
    } catch {
      // No disk: a file system that has none, such as tmpfs.
    }
    if (known.size < PROCESSES_MAX) known.set(device, name);
    return name;
  };
  const ids = (name: string): readonly number[] => {
    try {
      const path = /^\d+:\d+$/.test(name)
        ? name
        : readFileSync(join(sys, 'class/block', name, 'dev'), 'utf8').trim();
      const [major, minor] = path.split(':').map(Number) as [number, number];
      return [major * 2 ** MINOR_BITS + minor];
    } catch {
      return [];
    }
  };
  return { what: 'disk', text, ids: (name) => (/^[\w:!.-]+$/.test(name) ? ids(name) : []) };
}

class Titles {
  readonly #proc: string;
  readonly #known = new Map<number, string>();

  constructor(proc: string) {
    this.#proc = proc;
  }

  /** As it is now, or was when the process was last seen. */
  of(pid: number): string {
    try {
      const bytes = readFileSync(join(this.#proc, String(pid), 'cmdline'), 'utf8');
      const title = bytes.replaceAll('\0', ' ').trim();
      if (title !== '') this.#remember(pid, title);
      return title === '' ? (this.#known.get(pid) ?? '') : title;
    } catch {
      return this.#known.get(pid) ?? '';
    }
  }

  /** The one that was seen longest ago goes first. */
  #remember(pid: number, title: string): void {
    this.#known.delete(pid);
    if (this.#known.size >= PROCESSES_MAX) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(pid, title);
  }
}
