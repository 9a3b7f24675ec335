/** Names from a CSV file of the user's: in each row a value, then its name. The file is read anew when it changes. */
import type { Clock } from '../../model/clock.ts';
import { readPairs } from '../../ingest/backfill/pairs.ts';
import type { Named } from '../../query/naming.ts';
import type { Transformation } from './transformation.ts';
import { WatchedFile } from './watched-file.ts';

/** A table of a million names; more is no table that people keep by hand, and stays in memory. */
const BYTES_MAX = 64 * 2 ** 20;

export class LookupTableError extends Error {
  readonly code = 'LOOKUP_TABLE';
}

export interface LookupTableOptions {
  readonly name: string;
  readonly path: string;
  readonly clock: Clock;
  /** One line for a person: the file changed, and cannot be read. */
  readonly notice: (line: string) => void;
}

export class LookupTable implements Transformation {
  readonly name: string;
  readonly label: string;
  readonly #file: WatchedFile<ReadonlyMap<string, string>>;

  /** Reads the file. Throws LookupTableError. */
  constructor({ name, path, clock, notice }: LookupTableOptions) {
    this.name = name;
    this.label = `names from ${path}`;
    this.#file = new WatchedFile({
      path,
      bytesMax: BYTES_MAX,
      read: (bytes) => new Map(readPairs(bytes.toString('utf8'))),
      error: (why, cause) =>
        new LookupTableError(`Cannot read the lookup table "${path}": ${why}`, { cause }),
      clock,
      notice,
    });
  }

  named(values: readonly string[]): Named {
    const table = this.#file.content();
    return {
      names: Object.fromEntries(values.map((value) => [value, table.get(value) ?? null])),
      pending: [],
    };
  }

  /** When the file is read that is looked at just now. */
  async settled(): Promise<void> {
    await this.#file.settled();
  }
}
