/** Where addresses are, from a database file of the user's in MaxMind's format (GeoLite2, GeoIP2, DB-IP; City or
 *  Country). The file is read anew when it changes.
 *  Bounds: BYTES_MAX of memory a reader. */
import { isIP } from 'node:net';
import { Reader } from 'mmdb-lib';
import type { Clock } from '../../model/clock.ts';
import type { Named } from '../../query/naming.ts';
import type { Transformation } from './transformation.ts';
import { WatchedFile } from './watched-file.ts';

/** The largest that are sold, with room. */
const BYTES_MAX = 512 * 2 ** 20;
/** Zeros between the tree and the data. */
const SEPARATOR_BYTES = 16;

export class GeoFileError extends Error {
  readonly code = 'GEO_FILE';
}

export interface GeoOptions {
  readonly path: string;
  readonly clock: Clock;
  /** One line for a person: the file changed, and cannot be read. */
  readonly notice: (line: string) => void;
}

export class Geo implements Transformation {
  readonly name = 'geo';
  readonly label: string;
  readonly #file: WatchedFile<Reader<never>>;

  /** Reads the file. Throws GeoFileError. */
  constructor({ path, clock, notice }: GeoOptions) {
    this.label = `where addresses are, from ${path}`;
    this.#file = new WatchedFile({
      path,
      bytesMax: BYTES_MAX,
      read: openDatabase,
      error: (why, cause) =>
        new GeoFileError(`Cannot read the geolocation file "${path}": ${why}`, { cause }),
      clock,
      notice,
    });
  }

  named(values: readonly string[]): Named {
    const reader = this.#file.content();
    return { names: Object.fromEntries(values.map((value) => [value, find(reader, value)])), pending: [] };
  }

  /** When the file is read that is looked at just now. */
  async settled(): Promise<void> {
    await this.#file.settled();
  }
}

function find(reader: Reader<never>, value: string): string | null {
  // As Node shows an IPv4 peer of a socket of both kinds.
  const address = value.replace(/^::ffff:(?=\d+\.)/i, '');
  const kind = isIP(address);
  if (kind === 0 || (kind === 6 && reader.metadata.ipVersion === 4)) return null;
  try {
    return placeName(reader.get(address));
  } catch {
    // A record that the file does not hold as it says: this address has no name.
    return null;
  }
}

/** Throws an error whose message says what is wrong. */
function openDatabase(bytes: Buffer): Reader<never> {
  const reader = readerOf(bytes);
  const { databaseType, searchTreeSize } = reader.metadata;
  if (!/city|country|enterprise/i.test(databaseType))
    throw new Error(`it is a ${databaseType} database, expected one of cities or countries`);
  const separator = bytes.subarray(searchTreeSize, searchTreeSize + SEPARATOR_BYTES);
  if (separator.length < SEPARATOR_BYTES || separator.some((byte) => byte !== 0))
    throw new Error(
      `its tree does not end at byte ${searchTreeSize}, where it says: a part of it is missing`,
    );
  return reader;
}

function readerOf(bytes: Buffer): Reader<never> {
  try {
    return new Reader<never>(bytes);
  } catch (cause) {
    throw new Error('it is no MaxMind database: nothing at its end says what it holds', { cause });
  }
}

/** "Berlin, Germany", "Germany"; null where the record says neither. */
function placeName(record: unknown): string | null {
  const country = member(record, 'country');
  const parts = [
    english(member(record, 'city')),
    english(country) ?? textOf(member(country, 'iso_code')),
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? null : parts.join(', ');
}

function english(value: unknown): string | undefined {
  return textOf(member(member(value, 'names'), 'en'));
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as { [name: string]: unknown })[name]
    : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
