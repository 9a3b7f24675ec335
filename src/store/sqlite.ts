/** How this room speaks with SQLite: one place that opens files, turns rows (unknown) into values, and SQLite's
 *  errors into ours. */
import Database from 'better-sqlite3';
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { StoreDamagedError, StoreVersionError } from './store-errors.ts';

export type Row = readonly unknown[];

/** As the directory of a store, or the path of a catalogue: nothing touches the disk, and closing forgets all. */
export const IN_MEMORY = ':memory:';

export function isInMemory(path: string): boolean {
  return path.startsWith(IN_MEMORY);
}

/** Runs `use`; where SQLite finds the file damaged, says so with the file's name. Other failures pass. */
export function onFile<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|FORMAT)/.test(error.code)) {
      throw new StoreDamagedError(path, error.message, { cause: error });
    }
    throw error;
  }
}

export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}

/** What a file system may keep back though it is full. */
const FULL_DISK_BYTES = 64 * 1024;

/** Whether the write failed because there is no space left: it may succeed later, and nothing is damaged. SQLite
 *  says so of most writes; of others only that they failed: then the disk is asked. */
export function isDiskFull(error: unknown, path: string): boolean {
  if (!(error instanceof Database.SqliteError)) return false;
  if (error.code === 'SQLITE_FULL') return true;
  if (!/^SQLITE_(IOERR|CANTOPEN)/.test(error.code) || isInMemory(path)) return false;
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize < FULL_DISK_BYTES;
}

/** What a file is: whose, which version of its tables, and how they are made. */
export interface Schema {
  readonly applicationId: number;
  readonly version: number;
  readonly sql: string;
  /** What makes the next version, for the versions before this one, the oldest first. Older ones are refused. */
  readonly upgrades?: readonly string[];
  /** FULL where a commit must outlive a power cut by itself; NORMAL where the log is the truth. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** Pages of write-ahead log that are moved into the file by the commit that reaches them; absent: never. */
  readonly checkpointPages?: number;
  /** Whether pages that deleting freed are given back, bit by bit. */
  readonly givesBack?: boolean;
}

/** Opens a file, makes its tables when it is new. Throws StoreVersionError or StoreDamagedError. */
export function openFile(
  path: string,
  schema: Schema,
  mode: { readonly readonly: boolean },
): Database.Database {
  return onFile(path, () => {
    const db = new Database(isInMemory(path) ? IN_MEMORY : path, {
      readonly: mode.readonly,
      fileMustExist: mode.readonly,
    });
    try {
      if (!mode.readonly) {
        db.pragma('page_size = 8192');
        // Holds for a file without a page, that is before anything else is said of it.
        if (schema.givesBack === true) db.pragma('auto_vacuum = INCREMENTAL');
        db.pragma('journal_mode = WAL');
        db.pragma(`synchronous = ${schema.synchronous}`);
        db.pragma(`wal_autocheckpoint = ${schema.checkpointPages ?? 0}`);
      }
      const isNew = integer(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()) === 0;
      if (isNew && !mode.readonly) createTables(db, schema);
      else checkVersion(path, db, { schema, readonly: mode.readonly });
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** Whether a crash came between the making of the file and the making of its tables: it holds nothing, and the
 *  next writer goes on from there. */
export function isUnmade(path: string): boolean {
  return onFile(path, () => {
    const db = new Database(path, { readonly: true, fileMustExist: true });
    try {
      return integer(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()) === 0;
    } finally {
      db.close();
    }
  });
}

function createTables(db: Database.Database, { applicationId, version, sql }: Schema): void {
  db.transaction(() => {
    db.exec(sql);
    db.pragma(`application_id = ${applicationId}`);
    db.pragma(`user_version = ${version}`);
  })();
}

function checkVersion(
  path: string,
  db: Database.Database,
  { schema, readonly }: { readonly schema: Schema; readonly readonly: boolean },
): void {
  const { applicationId, version, upgrades = [] } = schema;
  const foundId = db.pragma('application_id', { simple: true });
  if (foundId !== applicationId) {
    throw new StoreVersionError(path, `application id is ${String(foundId)}, expected ${applicationId}`);
  }
  const found = fileVersion(db);
  const oldest = version - upgrades.length;
  if (found > version || found < oldest) {
    throw new StoreVersionError(
      path,
      `schema version is ${found}, this program reads ${oldest} to ${version}`,
    );
  }
  if (found === version || readonly) return;
  db.transaction(() => {
    for (const sql of upgrades.slice(found - oldest)) db.exec(sql);
    db.pragma(`user_version = ${version}`);
  }).immediate();
}

/** The version of the file's tables: an older one where it is opened to be read only. */
export function fileVersion(db: Database.Database): number {
  return integer(db.pragma('user_version', { simple: true }));
}

/** Moves the write-ahead log into the file, both synced. True when all of it was: then every commit so far
 *  outlives a power cut. */
export function checkpointFile(db: Database.Database): boolean {
  let rows: unknown;
  try {
    rows = db.pragma('wal_checkpoint(PASSIVE)');
  } catch (error) {
    if (isDiskFull(error, db.name)) return false;
    throw error;
  }
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  if (typeof row !== 'object' || row === null || !('busy' in row && 'log' in row && 'checkpointed' in row)) {
    return false;
  }
  return row.busy === 0 && row.log === row.checkpointed;
}

export function integer(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new TypeError(`SQLite gave ${String(value)}, expected an integer`);
}

export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError(`SQLite gave ${typeof value}, expected a text`);
}

export function blob(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`SQLite gave ${typeof value}, expected a blob`);
}
