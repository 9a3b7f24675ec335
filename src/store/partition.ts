/** One file of stored segments: what was sealed on one UTC day, or roll-ups of one level of some days
 *  (docs/SEGMENT_FORMAT.md). Owns: its transactions, and what it says of itself: which ranges it holds and how much.
 *  Does not: decode segments, choose the file, keep the state's rules.
 *  A late block goes to the file of the seal that wrote it, whatever day it speaks of. */
import type Database from 'better-sqlite3';
import { rmSync } from 'node:fs';
import { assert } from '../model/assert.ts';
import { crc32c } from '../model/crc32c.ts';
import { isLevel, type Level } from '../model/level.ts';
import {
  prepareStatements,
  prepareWrites,
  type Statements,
  type WriteStatements,
} from './partition-tables.ts';
import type { Extent, SegmentPlace, SegmentRef, SegmentRow, SegmentSource } from './place.ts';
import {
  blob,
  checkpointFile,
  integer,
  isDiskFull,
  isInMemory,
  isUnmade,
  onFile,
  openFile,
  type Row,
  type Schema,
  text,
} from './sqlite.ts';
import { StoreDamagedError } from './store-errors.ts';

/** Pages given back at a time: 8 MiB. */
const GIVE_BACK_PAGES = 1024;
/** Answers kept, and rows of each: live pictures ask for a few rows of few instrumentations; together some 200 KB. */
const FOUND_MAX = 64;
const FOUND_ROWS_MAX = 16;

export interface Span {
  readonly instrumentation: string;
  readonly level: Level;
  /** Starts of its first and of its last segment. */
  readonly firstStart: number;
  readonly lastStart: number;
  /** No segment has a greater one. */
  readonly lastRevision: number;
  readonly segments: number;
  readonly bytes: number;
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
  readonly schema: Schema;
  readonly readonly: boolean;
  /** Called whenever the file is used, so that the owner can bound how many are open. */
  readonly onUse: (partition: Partition) => void;
  /** Pages that the file may have: past them SQLite says that the disk is full. */
  readonly pagesMax?: () => number;
}

interface Opened {
  readonly db: Database.Database;
  readonly statements: Statements;
  writes?: WriteStatements;
}

export class Partition implements SegmentSource {
  readonly path: string;
  readonly #mode: PartitionMode;
  #removed = false;
  #opened: Opened | undefined;
  #spans: Map<string, Span> | undefined;
  /** What was found last, until something is written: a live picture asks for the same few rows each second. */
  readonly #found = new Map<string, readonly SegmentRef[]>();

  constructor(path: string, mode: PartitionMode) {
    this.path = path;
    this.#mode = mode;
  }

  /** None of a file that a full disk keeps from being made. */
  get spans(): ReadonlyMap<string, Span> {
    try {
      return (this.#spans ??= this.#use(({ statements }) => this.#spanMap(statements.allSpans.all())));
    } catch (error) {
      if (isDiskFull(error, this.path) && isUnmade(this.path)) return new Map();
      throw error;
    }
  }

  state(): StateRow | undefined {
    return this.#use(({ statements }) => {
      const row = statements.readState.get();
      if (row === undefined) return undefined;
      const [generation, log, body, crc] = row;
      if (crc32c(Buffer.from(text(body))) !== crc)
        throw new StoreDamagedError(this.path, 'state checksum differs');
      return { generation: integer(generation), log: text(log), body: text(body) };
    });
  }

  heads(): HeadRow[] {
    return this.#use(({ statements }) =>
      statements.readHeads.all().map(([instrumentation, startSecond, mergedCells, tailCells, bytes]) => ({
        instrumentation: text(instrumentation),
        startSecond: integer(startSecond),
        mergedCells: integer(mergedCells),
        tailCells: integer(tailCells),
        bytes: blob(bytes),
      })),
    );
  }

  /** Segments of one level whose start lies in [fromStart, untilStart), in order. */
  find(instrumentation: string, level: Level, fromStart: number, untilStart: number): readonly SegmentRef[] {
    const span = this.spans.get(spanKey(instrumentation, level));
    if (span === undefined || span.lastStart < fromStart || span.firstStart >= untilStart) return [];
    const asked = `${spanKey(instrumentation, level)} ${fromStart} ${untilStart}`;
    const known = this.#found.get(asked);
    if (known !== undefined) return known;
    const found = this.#use(({ statements }) =>
      statements.findSegments.all(instrumentation, level, fromStart, untilStart).map((row) => this.#ref(row)),
    );
    if (found.length <= FOUND_ROWS_MAX) this.#keepFound(asked, found);
    return found;
  }

  #keepFound(asked: string, found: readonly SegmentRef[]): void {
    if (this.#found.size >= FOUND_MAX) this.#found.clear();
    this.#found.set(asked, found);
  }

  /** Start of its first segment of the level at `fromStart` or after. */
  firstStart(instrumentation: string, level: Level, fromStart: number): number | undefined {
    const span = this.spans.get(spanKey(instrumentation, level));
    if (span === undefined || span.lastStart < fromStart) return undefined;
    if (span.firstStart >= fromStart) return span.firstStart;
    return this.#use(({ statements }) =>
      integer(statements.firstStart.get(instrumentation, level, fromStart)),
    );
  }

  /** Whether the file says of itself that it holds such a segment. */
  holds({ instrumentation, level, startSecond }: SegmentPlace): boolean {
    const span = this.spans.get(spanKey(instrumentation, level));
    return span !== undefined && span.firstStart <= startSecond && startSecond <= span.lastStart;
  }

  /** Every segment, by place. */
  allSegments(): SegmentRef[] {
    return this.#use(({ statements }) => statements.allSegments.all().map((row) => this.#ref(row)));
  }

  bytes(ref: SegmentRef): Uint8Array {
    return this.#use(({ statements }) => {
      const bytes = statements.readBytes.get(ref.id);
      if (bytes === undefined) throw new StoreDamagedError(this.path, `segment ${ref.id} is gone`);
      return blob(bytes);
    });
  }

  /** Segments alone, in one transaction; those that are there already stay. `beforeCommit` may throw: then nothing
   *  was. */
  insert(segments: readonly SegmentRow[], beforeCommit: () => void): void {
    this.#write((writes, spans) => {
      insertAll(segments, writes, spans);
      beforeCommit();
    });
  }

  /** Segments and the state that covers them, in one transaction. `beforeCommit` may throw: then nothing was. */
  commit({ segments, heads, state }: Commit, beforeCommit: () => void): void {
    this.#write((writes, spans) => {
      insertAll(segments, writes, spans);
      writes.deleteHeads.run();
      for (const head of heads) {
        const { instrumentation, startSecond, mergedCells, tailCells, bytes } = head;
        writes.insertHead.run(instrumentation, startSecond, mergedCells, tailCells, bytes);
      }
      const { generation, log, body } = state;
      writes.writeState.run(generation, log, body, crc32c(Buffer.from(body)));
      beforeCommit();
    });
  }

  /** Deletes up to `limit` segments (-1: all) of one level that start in [fromStart, untilStart); returns how many. */
  deleteRange(
    { instrumentation, level }: Pick<Span, 'instrumentation' | 'level'>,
    [fromStart, untilStart]: readonly [number, number],
    limit: number,
  ): number {
    const span = this.spans.get(spanKey(instrumentation, level));
    if (span === undefined || span.firstStart >= untilStart || span.lastStart < fromStart) return 0;
    return this.#delete((writes) =>
      writes.deleteRange.all(instrumentation, level, fromStart, untilStart, limit),
    );
  }

  deleteRows(ids: readonly number[]): void {
    this.#delete((writes) => ids.flatMap((id) => writes.deleteRow.all(id)));
  }

  /** Deletes what later seals than `revision` wrote; returns how many. */
  deleteAfter(revision: number): number {
    if ([...this.spans.values()].every((span) => span.lastRevision <= revision)) return 0;
    return this.#delete((writes) => writes.deleteAfter.all(revision));
  }

  /** Gives free pages back to the disk, some at a time. */
  giveBack(): void {
    this.#use(({ db }) => db.pragma(`incremental_vacuum(${GIVE_BACK_PAGES})`));
  }

  /** True when all commits so far are on disk for good. */
  checkpoint(): boolean {
    return this.#use(({ db }) => checkpointFile(db));
  }

  integrityFaults(): string[] {
    return this.#use(({ db }) => {
      const rows = db.prepare('PRAGMA quick_check(10)').pluck().all();
      return rows.map(String).filter((row) => row !== 'ok');
    });
  }

  /** It is opened again when it is used. */
  close(): void {
    this.#opened?.db.close();
    this.#opened = undefined;
  }

  /** Closes it and unlinks it: its log first, so that no other file can meet it. */
  remove(): void {
    this.close();
    this.#removed = true;
    if (isInMemory(this.path)) return;
    for (const end of ['-wal', '-shm', '']) rmSync(this.path + end, { force: true });
  }

  #use<T>(use: (opened: Opened) => T): T {
    assert(!this.#removed, () => `"${this.path}" was removed`);
    this.#mode.onUse(this);
    return onFile(this.path, () => {
      if (this.#opened === undefined) {
        const db = openFile(this.path, this.#mode.schema, this.#mode);
        this.#opened = { db, statements: prepareStatements(db) };
      }
      return use(this.#opened);
    });
  }

  /** One transaction; what it makes of the spans holds once it is committed. */
  #write<T>(write: (writes: WriteStatements, spans: Map<string, Span>) => T): T {
    const spans = new Map(this.spans);
    this.#found.clear();
    const written = this.#use((opened) => {
      opened.writes ??= prepareWrites(opened.db);
      const { writes, db } = opened;
      const { pagesMax } = this.#mode;
      if (pagesMax !== undefined) db.pragma(`max_page_count = ${pagesMax()}`);
      return db.transaction(() => write(writes, spans)).immediate();
    });
    this.#spans = spans;
    return written;
  }

  #delete(rows: (writes: WriteStatements) => readonly Row[]): number {
    return this.#write((writes, spans) => {
      const deleted = rows(writes);
      const touched = new Set<string>();
      for (const [instrumentation, level, bytes] of deleted) {
        const key = spanKey(text(instrumentation), integer(level));
        const span = spans.get(key);
        assert(span !== undefined, 'a segment lies in a span');
        spans.set(key, { ...span, segments: span.segments - 1, bytes: span.bytes - integer(bytes) });
        touched.add(key);
      }
      for (const key of touched) this.#narrow(key, writes, spans);
      return deleted.length;
    });
  }

  #narrow(key: string, writes: WriteStatements, spans: Map<string, Span>): void {
    const span = spans.get(key)!;
    const { instrumentation, level } = span;
    if (span.segments === 0) {
      spans.delete(key);
      writes.deleteSpan.run(instrumentation, level);
      return;
    }
    const { firstStart, lastStart } = this.#opened!.statements;
    writeSpan(writes, spans, {
      ...span,
      firstStart: integer(firstStart.get(instrumentation, level, span.firstStart)),
      lastStart: integer(lastStart.get(instrumentation, level)),
    });
  }

  #ref([id, instrumentation, level, startSecond, revision, whole, part]: Row): SegmentRef {
    return {
      id: integer(id),
      partition: this,
      instrumentation: text(instrumentation),
      level: this.#level(level),
      startSecond: integer(startSecond),
      revision: integer(revision),
      whole: extent(whole),
      part: integer(part),
    };
  }

  #level(value: unknown): Level {
    const level = integer(value);
    if (isLevel(level)) return level;
    throw new StoreDamagedError(this.path, `a segment has steps of ${level} s, which no level has`);
  }

  #spanMap(rows: readonly Row[]): Map<string, Span> {
    const spans = rows.map(
      ([instrumentation, level, firstStart, lastStart, lastRevision, segments, bytes]): Span => ({
        instrumentation: text(instrumentation),
        level: this.#level(level),
        firstStart: integer(firstStart),
        lastStart: integer(lastStart),
        lastRevision: integer(lastRevision),
        segments: integer(segments),
        bytes: integer(bytes),
      }),
    );
    return new Map(spans.map((span) => [spanKey(span.instrumentation, span.level), span]));
  }
}

function extent(value: unknown): Extent {
  if (value === 0 || value === 1 || value === 2) return value;
  throw new TypeError(`SQLite gave ${String(value)}, expected 0, 1 or 2`);
}

function spanKey(instrumentation: string, level: number): string {
  return `${level} ${instrumentation}`;
}

function insertAll(segments: readonly SegmentRow[], writes: WriteStatements, spans: Map<string, Span>): void {
  const touched = new Set<string>();
  for (const row of segments) {
    const { instrumentation, level, startSecond, revision, whole, part, codec, bytes } = row;
    const place = [instrumentation, level, startSecond, revision, whole, part] as const;
    if (writes.insertSegment.run(...place, codec, bytes).changes === 0) continue;
    const key = spanKey(instrumentation, level);
    spans.set(key, widened(spans.get(key), row));
    touched.add(key);
  }
  for (const key of touched) writeSpan(writes, spans, spans.get(key)!);
}

function writeSpan(writes: WriteStatements, spans: Map<string, Span>, span: Span): void {
  const { instrumentation, level, firstStart, lastStart, lastRevision, segments, bytes } = span;
  writes.writeSpan.run(instrumentation, level, firstStart, lastStart, lastRevision, segments, bytes);
  spans.set(spanKey(instrumentation, level), span);
}

function widened(span: Span | undefined, row: SegmentRow): Span {
  const { instrumentation, level, startSecond, revision, bytes } = row;
  return {
    instrumentation,
    level,
    firstStart: Math.min(span?.firstStart ?? startSecond, startSecond),
    lastStart: Math.max(span?.lastStart ?? startSecond, startSecond),
    lastRevision: Math.max(span?.lastRevision ?? 0, revision),
    segments: (span?.segments ?? 0) + 1,
    bytes: (span?.bytes ?? 0) + bytes.length,
  };
}
