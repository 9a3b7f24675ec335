/** Names from a CSV file of the user's: in each row a value, then its name. Read once. */
import { readFileSync, statSync } from 'node:fs';
import { readPairs } from '../../ingest/backfill/pairs.ts';
import type { Named } from '../../query/naming.ts';
import type { Transformation } from './transformation.ts';

/** A table of a million names; more is no table that people keep by hand, and stays in memory. */
const BYTES_MAX = 64 * 2 ** 20;

export class LookupTableError extends Error {
  readonly code = 'LOOKUP_TABLE';
}

/** Throws LookupTableError. */
export function openLookupTable(name: string, path: string): Transformation {
  const names = new Map(readTable(path));
  return {
    name,
    label: `names from ${path}`,
    named: (values): Named => ({
      names: Object.fromEntries(values.map((value) => [value, names.get(value) ?? null])),
      pending: [],
    }),
  };
}

function readTable(path: string): [string, string][] {
  try {
    const { size } = statSync(path);
    if (size > BYTES_MAX) throw new Error(`it has ${size} bytes, expected at most ${BYTES_MAX}`);
    return readPairs(readFileSync(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LookupTableError(`Cannot read the lookup table "${path}": ${why}`, { cause });
  }
}
