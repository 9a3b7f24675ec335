/** The tables of a file of segments (docs/SEGMENT_FORMAT.md), how an older file becomes one of this version, and the
 *  statements over them. Does not: know what the rows mean. */
import type Database from 'better-sqlite3';
import { fileVersion, type Row, type Schema } from './sqlite.ts';

export const SCHEMA_VERSION = 2;

/** Files of level 1 hold the state: the log is their truth. */
export const SEALS_SCHEMA: Schema = {
  applicationId: 0x54474c57,
  version: SCHEMA_VERSION,
  synchronous: 'NORMAL',
  givesBack: true,
  upgrades: [
    `
    ALTER TABLE segment ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segment ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
    DROP INDEX segment_place;
    CREATE UNIQUE INDEX segment_place ON segment (instrumentation, level, start_second, revision, whole, part);
    ALTER TABLE span ADD COLUMN last_revision INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE span ADD COLUMN segments INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE span ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
    UPDATE span SET (last_revision, segments, bytes) = (
      SELECT coalesce(max(revision), 0), count(*), coalesce(sum(length(segment.bytes)), 0) FROM segment
      WHERE segment.instrumentation = span.instrumentation AND segment.level = span.level);
    DELETE FROM span WHERE segments = 0;
    `,
  ],
  sql: `
    CREATE TABLE segment (
      id INTEGER PRIMARY KEY,
      instrumentation TEXT NOT NULL,
      level INTEGER NOT NULL,
      start_second INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      whole INTEGER NOT NULL,
      part INTEGER NOT NULL,
      codec INTEGER NOT NULL,
      bytes BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX segment_place ON segment (instrumentation, level, start_second, revision, whole, part);
    CREATE TABLE span (
      instrumentation TEXT NOT NULL,
      level INTEGER NOT NULL,
      first_start INTEGER NOT NULL,
      last_start INTEGER NOT NULL,
      last_revision INTEGER NOT NULL,
      segments INTEGER NOT NULL,
      bytes INTEGER NOT NULL,
      PRIMARY KEY (instrumentation, level)
    ) STRICT;
    CREATE TABLE head (
      instrumentation TEXT NOT NULL,
      start_second INTEGER NOT NULL,
      merged_cells INTEGER NOT NULL,
      tail_cells INTEGER NOT NULL,
      bytes BLOB NOT NULL,
      PRIMARY KEY (instrumentation, start_second)
    ) STRICT;
    CREATE TABLE state (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      generation INTEGER NOT NULL,
      log TEXT NOT NULL,
      body TEXT NOT NULL,
      crc INTEGER NOT NULL
    ) STRICT;
  `,
};

/** Files of roll-ups: what is made of finer rows must outlive those at once. */
export const ROLL_UPS_SCHEMA: Schema = { ...SEALS_SCHEMA, synchronous: 'FULL', checkpointPages: 256 };

type Rows<P extends unknown[]> = Database.Statement<P, Row>;
type Value<P extends unknown[]> = Database.Statement<P, unknown>;

export interface Statements {
  readonly readState: Rows<[]>;
  readonly readHeads: Rows<[]>;
  readonly allSpans: Rows<[]>;
  readonly findSegments: Rows<[string, number, number, number]>;
  readonly allSegments: Rows<[]>;
  readonly readBytes: Value<[number]>;
  readonly firstStart: Value<[string, number, number]>;
  readonly lastStart: Value<[string, number]>;
}

export function prepareStatements(db: Database.Database): Statements {
  const rows = <P extends unknown[]>(sql: string): Rows<P> => db.prepare<P, Row>(sql).raw();
  const value = <P extends unknown[]>(sql: string): Value<P> => db.prepare<P, unknown>(sql).pluck();
  // A file of version 1 that is only read: all of its rows are additions.
  const isFirst = fileVersion(db) === 1;
  const columns = `id, instrumentation, level, start_second, revision, ${isFirst ? '0, 0' : 'whole, part'}`;
  const order = `start_second, revision${isFirst ? '' : ', part, whole'}`;
  const sums = isFirst ? '0, 0, 0' : 'last_revision, segments, bytes';
  return {
    readState: rows<[]>('SELECT generation, log, body, crc FROM state'),
    readHeads: rows<[]>('SELECT instrumentation, start_second, merged_cells, tail_cells, bytes FROM head'),
    allSpans: rows<[]>(`SELECT instrumentation, level, first_start, last_start, ${sums} FROM span`),
    findSegments: rows<[string, number, number, number]>(
      `SELECT ${columns} FROM segment
       WHERE instrumentation = ? AND level = ? AND start_second >= ? AND start_second < ?
       ORDER BY ${order}`,
    ),
    allSegments: rows<[]>(`SELECT ${columns} FROM segment ORDER BY instrumentation, level, ${order}`),
    readBytes: value<[number]>('SELECT bytes FROM segment WHERE id = ?'),
    firstStart: value<[string, number, number]>(
      'SELECT min(start_second) FROM segment WHERE instrumentation = ? AND level = ? AND start_second >= ?',
    ),
    lastStart: value<[string, number]>(
      'SELECT max(start_second) FROM segment WHERE instrumentation = ? AND level = ?',
    ),
  };
}

export interface WriteStatements {
  readonly insertSegment: Database.Statement<
    [string, number, number, number, number, number, number, Uint8Array]
  >;
  readonly writeSpan: Database.Statement<[string, number, number, number, number, number, number]>;
  readonly deleteSpan: Database.Statement<[string, number]>;
  readonly deleteRange: Rows<[string, number, number, number, number]>;
  readonly deleteRow: Rows<[number]>;
  readonly deleteAfter: Rows<[number]>;
  readonly deleteHeads: Database.Statement<[]>;
  readonly insertHead: Database.Statement<[string, number, number, number, Uint8Array]>;
  readonly writeState: Database.Statement<[number, string, string, number]>;
}

/** Of a file of this version. */
export function prepareWrites(db: Database.Database): WriteStatements {
  const rows = <P extends unknown[]>(sql: string): Rows<P> => db.prepare<P, Row>(sql).raw();
  const run = <P extends unknown[]>(sql: string): Database.Statement<P> => db.prepare<P>(sql);
  const told = 'RETURNING instrumentation, level, length(bytes)';
  return {
    insertSegment: run<[string, number, number, number, number, number, number, Uint8Array]>(
      `INSERT INTO segment (instrumentation, level, start_second, revision, whole, part, codec, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    writeSpan: run<[string, number, number, number, number, number, number]>(
      `INSERT OR REPLACE INTO span (instrumentation, level, first_start, last_start, last_revision, segments, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    deleteSpan: run<[string, number]>('DELETE FROM span WHERE instrumentation = ? AND level = ?'),
    deleteRange: rows<[string, number, number, number, number]>(
      `DELETE FROM segment WHERE id IN (
         SELECT id FROM segment
         WHERE instrumentation = ? AND level = ? AND start_second >= ? AND start_second < ?
         ORDER BY start_second LIMIT ?) ${told}`,
    ),
    deleteRow: rows<[number]>(`DELETE FROM segment WHERE id = ? ${told}`),
    deleteAfter: rows<[number]>(`DELETE FROM segment WHERE revision > ? ${told}`),
    deleteHeads: run<[]>('DELETE FROM head'),
    insertHead: run<[string, number, number, number, Uint8Array]>(
      'INSERT INTO head (instrumentation, start_second, merged_cells, tail_cells, bytes) VALUES (?, ?, ?, ?, ?)',
    ),
    writeState: run<[number, string, string, number]>(
      'INSERT OR REPLACE INTO state (id, generation, log, body, crc) VALUES (1, ?, ?, ?, ?)',
    ),
  };
}
