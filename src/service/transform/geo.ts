/** Where addresses are, from a database file of the user's in MaxMind's format (GeoLite2, GeoIP2, DB-IP; City or
 *  Country). Owns: the file in memory, reading it anew when it changes. Does not: wait; a changed file is read while the
 *  old one answers, and a broken one leaves the old in place.
 *  Bounds: BYTES_MAX of memory a reader. */
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { Reader } from 'mmdb-lib';
import type { Clock } from '../../model/clock.ts';
import type { Named } from '../../query/naming.ts';
import type { Transformation } from './transformation.ts';

/** The largest that are sold, with room. */
const BYTES_MAX = 512 * 2 ** 20;
/** Such files come anew once or twice a week; a look costs one system call. */
const LOOK_MS = 10_000;
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
  readonly #options: GeoOptions;
  #reader: Reader<never>;
  /** Of the file that was looked at last. */
  #version: string;
  #lookedMs: number;
  #looking: Promise<void> | undefined;

  /** Reads the file. Throws GeoFileError. */
  constructor(options: GeoOptions) {
    this.#options = options;
    this.label = `where addresses are, from ${options.path}`;
    this.#lookedMs = options.clock.nowMs();
    try {
      const found = statSync(options.path);
      this.#version = versionOf(found);
      checkSize(found);
      this.#reader = openDatabase(readFileSync(options.path));
    } catch (cause) {
      throw geoFileError(options.path, cause);
    }
  }

  named(values: readonly string[]): Named {
    this.#lookAgain();
    return { names: Object.fromEntries(values.map((value) => [value, this.#find(value)])), pending: [] };
  }

  /** When the file is read that is looked at just now. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  #find(value: string): string | null {
    // As Node shows an IPv4 peer of a socket of both kinds.
    const address = value.replace(/^::ffff:(?=\d+\.)/i, '');
    const kind = isIP(address);
    if (kind === 0 || (kind === 6 && this.#reader.metadata.ipVersion === 4)) return null;
    try {
      return placeName(this.#reader.get(address));
    } catch {
      // A record that the file does not hold as it says: this address has no name.
      return null;
    }
  }

  #lookAgain(): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#looking !== undefined || Math.abs(nowMs - this.#lookedMs) < LOOK_MS) return;
    this.#lookedMs = nowMs;
    this.#looking = this.#look().finally(() => (this.#looking = undefined));
  }

  async #look(): Promise<void> {
    const { path, notice } = this.#options;
    try {
      const found = await stat(path);
      const version = versionOf(found);
      if (version === this.#version) return;
      this.#version = version;
      checkSize(found);
      this.#reader = openDatabase(await readFile(path));
    } catch (cause) {
      notice(`${geoFileError(path, cause).message}; the one before goes on to answer`);
    }
  }
}

function versionOf({ mtimeMs, size, ino }: { mtimeMs: number; size: number; ino: number }): string {
  return `${ino} ${size} ${mtimeMs}`;
}

function checkSize({ size }: { readonly size: number }): void {
  if (size > BYTES_MAX) throw new Error(`it has ${size} bytes, expected at most ${BYTES_MAX}`);
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

function geoFileError(path: string, cause: unknown): GeoFileError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new GeoFileError(`Cannot read the geolocation file "${path}": ${why}`, { cause });
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
