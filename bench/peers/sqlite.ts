/** SQLite with a row per bucket, in this process: what one writes before one thinks of histograms. WAL, a commit a
 *  second that is not synced, 256 MiB of page cache. */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { countSql, eachBucket, heatmapSql, linesOfRows, numberOf, percentilesSql } from './bucket-rows.ts';
import type { TimeRange } from './fleet.ts';
import { occupiedBytes } from './machine.ts';
import type { PercentileLines, Peer, Place, Session } from './peer.ts';

export const sqlite: Peer = {
  id: 'sqlite',
  label: 'SQLite, a row per bucket',
  place: 'in process',
  takes: 'one period',
  percentileLoss: 0,
  open: async (place) => new SqliteSession(place),
};

class SqliteSession implements Session {
  readonly pid = process.pid;
  readonly version: string;
  readonly #place: Place;
  readonly #db: Database.Database;

  constructor(place: Place) {
    this.#place = place;
    this.#db = new Database(join(place.directory, 'rows.db'));
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma('synchronous = NORMAL');
    this.#db.pragma('cache_size = -262144');
    this.#db.exec(`CREATE TABLE lat (ts INTEGER, key INTEGER, host INTEGER, bucket INTEGER, count INTEGER,
      PRIMARY KEY (ts, key, host, bucket)) WITHOUT ROWID`);
    this.version = `SQLite ${String(this.#db.prepare('SELECT sqlite_version()').pluck().get())}`;
  }

  prepare(fromSecond: number, untilSecond: number): () => Promise<void> {
    const insert = this.#db.prepare('INSERT INTO lat (ts, host, key, bucket, count) VALUES (?, ?, ?, ?, ?)');
    const writeSecond = this.#db.transaction((second: number) => {
      eachBucket(this.#place.fleet, second, (host, key, bucket, count) => {
        insert.run(second, host, key, bucket, count);
      });
    });
    return async () => {
      for (let second = fromSecond; second < untilSecond; second++) writeSecond(second);
    };
  }

  async settle(): Promise<void> {
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
  }

  diskBytes(): number {
    return occupiedBytes(this.#place.directory);
  }

  async heatmap(range: TimeRange, byKey: boolean): Promise<() => number> {
    const rows = this.#rows(heatmapSql(range, byKey, '/'));
    return () => rows.reduce((sum, row) => sum + numberOf(row.at(-1)), 0);
  }

  async percentiles(range: TimeRange): Promise<() => PercentileLines> {
    const rows = this.#rows(percentilesSql(range, '/'));
    return () => linesOfRows(rows);
  }

  async visible(second: number, events: number): Promise<boolean> {
    return numberOf(this.#rows(countSql(second))[0]?.[0]) === events;
  }

  async close(): Promise<void> {
    this.#db.close();
  }

  #rows(sql: string): unknown[][] {
    return this.#db.prepare<[], unknown[]>(sql).raw().all();
  }
}
