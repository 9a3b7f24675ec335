/** One file of stored segments: what was sealed on one UTC day (docs/SEGMENT_FORMAT.md has its tables). Owns: the
 *  statements, the ranges that it holds, one transaction for segments and the state that they belong to.
 *  Does not: decode segments, choose the file, keep the state's rules.
 *  A late block goes to the file of the seal that wrote it, whatever day it speaks of. */
import type Database from 'better-sqlite3';
import { rmSync } from 'node:fs';
import { assert } from '../model/assert.ts';
import { crc32c } from '../model/crc32c.ts';
import {
  blob,
  checkpointFile,
  integer,
  isInMemory,
  onFile,
  openFile,
  type Row,
  type Schema,
  text,
} from './sqlite.ts';
import { StoreDamagedError } from './store-errors.ts';

export const SCHEMA_VERSION = 1;
const SCHEMA: Schema = {
  applicationId: 0x54474c57,
  version: SCHEMA_VERSION,
  synchronous: 'NORMAL',
  sql: `
    CREATE TABLE segment (
      id INTEGER PRIMARY KEY,
      instrumentation TEXT NOT NULL,
      level INTEGER NOT NULL,
      start_second INTEGER NOT NULL,
      revision INTEGER NOT NULL,
      codec INTEGER NOT NULL,
      bytes BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX segment_place ON segment (instrumentation, level, start_second, revision);
    CREATE TABLE span (
      instrumentation TEXT NOT NULL,
      level INTEGER NOT NULL,
      first_start INTEGER NOT NULL,
      last_start INTEGER NOT NULL,
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

/** Seconds of a step of what is sealed from the head: its level. */
export const LEVEL_SECONDS = 1;

/** Where a segment lies. `level` is the seconds of a step; `revision` the number of the seal that wrote it. */
export interface SegmentPlace {
  readonly instrumentation: string;
  readonly level: number;
  readonly startSecond: number;
  readonly revision: number;
}

export interface SegmentRow extends SegmentPlace {
  readonly codec: number;
  readonly bytes: Uint8Array;
}

/** Unique over the life of a store: a revision is the number of the seal that wrote it. */
export function segmentName({ instrumentation, level, startSecond, revision }: SegmentPlace): string {
  return `${instrumentation}/${level}/${startSecond}/${revision}`;
}

export interface SegmentRef extends SegmentPlace {
  readonly id: number;
  readonly partition: Partition;
}

export interface Span {
  readonly instrumentation: string;
  readonly level: number;
  /** Start of its first and of its last segment: bounds, as rows are deleted from within. */
  readonly firstStart: number;
  readonly lastStart: number;
}

export interface HeadRow {
  readonly instrumentation: string;
  readonly startSecond: number;
  readonly mergedCells: number;
  readonly tailCells: number;
  readonly bytes: Uint8Array;
}

export interface StateRow {
  /** Counts commits over all files of a directory: the largest is the state that holds. */
  readonly generation: number;
  readonly log: string;
  readonly body: string;
}

export interface Commit {
  readonly segments: readonly SegmentRow[];
  readonly heads: readonly HeadRow[];
  readonly state: StateRow;
}

export interface PartitionMode {
  readonly readonly: boolean;
  /** Called whenever the file is used, so that the owner can bound how many are open. */
  readonly onUse: (partition: Partition) => void;
}

export class Partition {
  readonly path: string;
  readonly #mode: PartitionMode;
  #removed = false;
  #db: Database.Database | undefined;
  #statements: ReturnType<typeof prepare> | undefined;
  #spans: Map<string, Span> | undefined;

  constructor(path: string, mode: PartitionMode) {
    this.path = path;
    this.#mode = mode;
  }

  get spans(): ReadonlyMap<string, Span> {
    return (this.#spans ??= this.#use(({ allSpans }) => spanMap(allSpans.all())));
  }

  state(): StateRow | undefined {
    return this.#use(({ readState }) => {
      const row = readState.get();
      if (row === undefined) return undefined;
      const [generation, log, body, crc] = row;
      if (crc32c(Buffer.from(text(body))) !== crc)
        throw new StoreDamagedError(this.path, 'state checksum differs');
      return { generation: integer(generation), log: text(log), body: text(body) };
    });
  }

  heads(): HeadRow[] {
    return this.#use(({ readHeads }) =>
      readHeads.all().map(([instrumentation, startSecond, mergedCells, tailCells, bytes]) => ({
        instrumentation: text(instrumentation),
        startSecond: integer(startSecond),
        mergedCells: integer(mergedCells),
        tailCells: integer(tailCells),
        bytes: blob(bytes),
      })),
    );
  }

  /** Segments of one level whose start lies in [fromStart, untilStart), by start and revision. */
  find(instrumentation: string, level: number, fromStart: number, untilStart: number): SegmentRef[] {
    const span = this.spans.get(spanKey(instrumentation, level));
    if (span === undefined || span.lastStart < fromStart || span.firstStart >= untilStart) return [];
    return this.#use(({ findSegments }) =>
      findSegments.all(instrumentation, level, fromStart, untilStart).map((row) => this.#ref(row)),
    );
  }

  /** Whether the file says of itself that it holds such a segment. */
  holds({ instrumentation, level, startSecond }: SegmentPlace): boolean {
    const span = this.spans.get(spanKey(instrumentation, level));
    return span !== undefined && span.firstStart <= startSecond && startSecond <= span.lastStart;
  }

  /** Every segment, by place. */
  allSegments(): SegmentRef[] {
    return this.#use(({ allSegments }) => allSegments.all().map((row) => this.#ref(row)));
  }

  bytes(ref: SegmentRef): Uint8Array {
    return this.#use(({ readBytes }) => {
      const bytes = readBytes.get(ref.id);
      if (bytes === undefined) throw new StoreDamagedError(this.path, `segment ${ref.id} is gone`);
      return blob(bytes);
    });
  }

  /** Segments and the state that covers them, in one transaction. `beforeCommit` may throw: then nothing was. */
  commit({ segments, heads, state }: Commit, beforeCommit: () => void): void {
    const spans = new Map(this.spans);
    this.#use((statements, db) => {
      db.transaction(() => {
        for (const row of segments) {
          const { instrumentation, level, startSecond, revision, codec, bytes } = row;
          statements.insertSegment.run(instrumentation, level, startSecond, revision, codec, bytes);
          widen(spans, row);
        }
        for (const { instrumentation, level } of segments) {
          const span = spans.get(spanKey(instrumentation, level));
          assert(span !== undefined, 'a segment widens its span');
          statements.writeSpan.run(instrumentation, level, span.firstStart, span.lastStart);
        }
        statements.deleteHeads.run();
        for (const head of heads) {
          const { instrumentation, startSecond, mergedCells, tailCells, bytes } = head;
          statements.insertHead.run(instrumentation, startSecond, mergedCells, tailCells, bytes);
        }
        const { generation, log, body } = state;
        statements.writeState.run(generation, log, body, crc32c(Buffer.from(body)));
        beforeCommit();
      }).immediate();
    });
    this.#spans = spans;
  }

  /** Deletes up to `limit` segments of one level that start before `untilStart`; returns how many. */
  deleteBefore(instrumentation: string, level: number, untilStart: number, limit: number): number {
    const span = this.spans.get(spanKey(instrumentation, level));
    if (span === undefined || span.firstStart >= untilStart) return 0;
    return this.#use(({ deleteSegments, narrowSpan, deleteSpan, firstStart }, db) =>
      db.transaction(() => {
        const { changes } = deleteSegments.run(instrumentation, level, untilStart, limit);
        const first = firstStart.get(instrumentation, level);
        const spans = new Map(this.spans);
        if (typeof first === 'number') {
          narrowSpan.run(first, instrumentation, level);
          spans.set(spanKey(instrumentation, level), { ...span, firstStart: first });
        } else {
          deleteSpan.run(instrumentation, level);
          spans.delete(spanKey(instrumentation, level));
        }
        this.#spans = spans;
        return changes;
      })(),
    );
  }

  /** True when all commits so far are on disk for good. */
  checkpoint(): boolean {
    return this.#use((_statements, db) => checkpointFile(db));
  }

  integrityFaults(): string[] {
    return this.#use((_statements, db) => {
      const rows = db.prepare('PRAGMA quick_check(10)').pluck().all();
      return rows.map(String).filter((row) => row !== 'ok');
    });
  }

  /** It is opened again when it is used. */
  close(): void {
    this.#db?.close();
    this.#db = undefined;
    this.#statements = undefined;
  }

  /** Closes it and unlinks it: its log first, so that no other file can meet it. */
  remove(): void {
    this.close();
    this.#removed = true;
    if (isInMemory(this.path)) return;
    for (const end of ['-wal', '-shm', '']) rmSync(this.path + end, { force: true });
  }

  #use<T>(use: (statements: ReturnType<typeof prepare>, db: Database.Database) => T): T {
    assert(!this.#removed, () => `"${this.path}" was removed`);
    this.#mode.onUse(this);
    return onFile(this.path, () => {
      this.#db ??= openFile(this.path, SCHEMA, this.#mode);
      this.#statements ??= prepare(this.#db);
      return use(this.#statements, this.#db);
    });
  }

  #ref([id, instrumentation, level, startSecond, revision]: Row): SegmentRef {
    return {
      id: integer(id),
      partition: this,
      instrumentation: text(instrumentation),
      level: integer(level),
      startSecond: integer(startSecond),
      revision: integer(revision),
    };
  }
}

function prepare(db: Database.Database) {
  const rows = <P extends unknown[]>(sql: string) => db.prepare<P, Row>(sql).raw();
  return {
    readState: rows<[]>('SELECT generation, log, body, crc FROM state'),
    readHeads: rows<[]>('SELECT instrumentation, start_second, merged_cells, tail_cells, bytes FROM head'),
    allSpans: rows<[]>('SELECT instrumentation, level, first_start, last_start FROM span'),
    findSegments: rows<[string, number, number, number]>(
      `SELECT id, instrumentation, level, start_second, revision FROM segment
       WHERE instrumentation = ? AND level = ? AND start_second >= ? AND start_second < ?
       ORDER BY start_second, revision`,
    ),
    allSegments: rows<[]>(
      `SELECT id, instrumentation, level, start_second, revision FROM segment
       ORDER BY instrumentation, level, start_second, revision`,
    ),
    readBytes: db.prepare<[number], unknown>('SELECT bytes FROM segment WHERE id = ?').pluck(),
    insertSegment: db.prepare<[string, number, number, number, number, Uint8Array]>(
      `INSERT INTO segment (instrumentation, level, start_second, revision, codec, bytes)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    writeSpan: db.prepare<[string, number, number, number]>(
      'INSERT OR REPLACE INTO span (instrumentation, level, first_start, last_start) VALUES (?, ?, ?, ?)',
    ),
    narrowSpan: db.prepare<[number, string, number]>(
      'UPDATE span SET first_start = ? WHERE instrumentation = ? AND level = ?',
    ),
    deleteSpan: db.prepare<[string, number]>('DELETE FROM span WHERE instrumentation = ? AND level = ?'),
    firstStart: db
      .prepare<[string, number], unknown>(
        'SELECT min(start_second) FROM segment WHERE instrumentation = ? AND level = ?',
      )
      .pluck(),
    deleteSegments: db.prepare<[string, number, number, number]>(
      `DELETE FROM segment WHERE id IN (
         SELECT id FROM segment WHERE instrumentation = ? AND level = ? AND start_second < ?
         ORDER BY start_second LIMIT ?)`,
    ),
    deleteHeads: db.prepare<[]>('DELETE FROM head'),
    insertHead: db.prepare<[string, number, number, number, Uint8Array]>(
      'INSERT INTO head (instrumentation, start_second, merged_cells, tail_cells, bytes) VALUES (?, ?, ?, ?, ?)',
    ),
    writeState: db.prepare<[number, string, string, number]>(
      'INSERT OR REPLACE INTO state (id, generation, log, body, crc) VALUES (1, ?, ?, ?, ?)',
    ),
  };
}

function spanMap(rows: readonly Row[]): Map<string, Span> {
  const spans = rows.map(([instrumentation, level, firstStart, lastStart]): Span => ({
    instrumentation: text(instrumentation),
    level: integer(level),
    firstStart: integer(firstStart),
    lastStart: integer(lastStart),
  }));
  return new Map(spans.map((span) => [spanKey(span.instrumentation, span.level), span]));
}

function spanKey(instrumentation: string, level: number): string {
  return `${level} ${instrumentation}`;
}

function widen(spans: Map<string, Span>, { instrumentation, level, startSecond }: SegmentPlace): void {
  const key = spanKey(instrumentation, level);
  const { firstStart, lastStart } = spans.get(key) ?? { firstStart: startSecond, lastStart: startSecond };
  spans.set(key, {
    instrumentation,
    level,
    firstStart: Math.min(firstStart, startSecond),
    lastStart: Math.max(lastStart, startSecond),
  });
}
