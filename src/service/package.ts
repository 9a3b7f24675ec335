/** Where this package lies on disk, from the sources and from dist/ alike, and which version it is. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

interface Manifest {
  readonly name?: unknown;
  readonly version?: unknown;
}

/** The folder of the nearest package.json named tailglow at or above `from`. */
export function packageRoot(from: string): string {
  for (let folder = dirname(from); folder !== dirname(folder); folder = dirname(folder)) {
    if (manifestOf(folder)?.name === 'tailglow') return folder;
  }
  throw new Error(`Cannot find the package of "${from}": no package.json named tailglow above it`);
}

export function packageVersion(root: string): string {
  const version = manifestOf(root)?.version;
  return typeof version === 'string' ? version : '0.0.0';
}

function manifestOf(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  } catch {
    return undefined;
  }
}
