/** Which aggregator owns an instrumentation: a hash of its name, so that every part of the system knows without
 *  asking. The number of aggregators is fixed when a data directory is made. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Threads beyond the cores of a large machine only share them. */
export const AGGREGATORS_MAX = 16;

/** FNV-1a, 32 bits, over UTF-16 units. */
export function ownerIndex(instrumentation: string, aggregators: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < instrumentation.length; i++) {
    hash = Math.imul(hash ^ instrumentation.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash % aggregators;
}

/** Folders of the aggregators' stores in a data directory, by their number. */
export function storeNames(data: string): string[] {
  return readdirSync(data)
    .filter((name) => /^aggregator-\d+$/.test(name))
    .toSorted((a, b) => Number(a.slice(11)) - Number(b.slice(11)));
}

export class LayoutError extends Error {
  readonly code = 'LAYOUT';
}

/** The number of aggregators of this data directory: `wanted` where it is new, else what it was made with. */
export function aggregatorCount(path: string, wanted: number): number {
  if (!existsSync(path)) {
    writeFileSync(path, `${JSON.stringify({ aggregators: wanted })}\n`);
    return wanted;
  }
  const { aggregators } = readLayout(path);
  if (typeof aggregators === 'number' && Number.isInteger(aggregators) && aggregators > 0) return aggregators;
  throw new LayoutError(
    `Cannot read "${path}": aggregators is ${JSON.stringify(aggregators)}, expected a number`,
  );
}

function readLayout(path: string): { aggregators?: unknown } {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as { aggregators?: unknown };
  } catch (cause) {
    throw new LayoutError(`Cannot read "${path}": it is no JSON`, { cause });
  }
}
