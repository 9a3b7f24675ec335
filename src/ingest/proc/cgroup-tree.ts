/** The directories of one cgroup hierarchy. Owns: which there are. Looks into a directory only where the number of its
 *  subdirectories changed since it was looked into, which its link count tells; one that vanished is looked for anew.
 *  Bounded: so many directories, those nearest to the root. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface CgroupDirectory {
  /** '/' or '/system.slice/ssh.service'. */
  readonly cgroup: string;
  readonly path: string;
}

interface Node extends CgroupDirectory {
  links: number;
  children: readonly Node[];
}

export class CgroupTree {
  readonly #root: Node;
  readonly #max: number;

  constructor(root: string, max: number) {
    this.#root = newNode('/', root);
    this.#max = max;
  }

  /** Parents come before their children. */
  directories(): { readonly directories: readonly CgroupDirectory[]; readonly isCut: boolean } {
    const found: Node[] = [this.#root];
    for (let i = 0; i < found.length; i++) {
      const node = found[i]!;
      refresh(node);
      for (const child of node.children) {
        if (found.length === this.#max) return { directories: found, isCut: true };
        found.push(child);
      }
    }
    return { directories: found, isCut: false };
  }
}

function newNode(cgroup: string, path: string): Node {
  return { cgroup, path, links: -1, children: [] };
}

function refresh(node: Node): void {
  try {
    const links = statSync(node.path).nlink;
    // Some file systems count no links: they say 1.
    if (links === node.links && links !== 1 && node.children.every(({ path }) => exists(path))) return;
    node.links = links;
    const before = new Map(node.children.map((child) => [child.path, child]));
    node.children = directoriesIn(node, links).map((name) => {
      const path = join(node.path, name);
      return before.get(path) ?? newNode(join(node.cgroup, name), path);
    });
  } catch {
    node.links = -1;
    node.children = [];
  }
}

function directoriesIn({ path }: Node, links: number): string[] {
  if (links === 2) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
