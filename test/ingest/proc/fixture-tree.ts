/** A copy of a fixture's tree that a test may change: what /proc and the mounts are below. */
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withDirectory } from '../temporary-directory.ts';

export interface FixtureTree {
  readonly root: string;
  readonly proc: string;
  /** Writes files below the root, with the directories that they need. */
  readonly write: (files: Readonly<Record<string, string>>) => Promise<void>;
}

export async function withFixtureTree(
  names: readonly string[],
  use: (tree: FixtureTree) => Promise<void>,
): Promise<void> {
  await withDirectory(async (root) => {
    for (const name of names)
      await cp(join(import.meta.dirname, 'fixtures', name), root, { recursive: true });
    const write = async (files: Readonly<Record<string, string>>): Promise<void> => {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(root, name)), { recursive: true });
        await writeFile(join(root, name), text);
      }
    };
    await use({ root, proc: join(root, 'proc'), write });
  });
}
