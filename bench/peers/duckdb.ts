/** DuckDB with a row per bucket, in this process: the appender with chunks of columns, flushed once a second; earlier
 *  periods are copied within the database. Its memory is bounded at 4 GB, its threads are the machine's. */
import { join } from 'node:path';
import { countSql, eachBucket, heatmapSql, linesOfRows, numberOf, percentilesSql } from './bucket-rows.ts';
import type { TimeRange } from './fleet.ts';
import { occupiedBytes } from './machine.ts';
import { npmPackage } from './package-cache.ts';
import { CannotError, type PercentileLines, type Peer, type Place, type Session } from './peer.ts';

/** What we use of @duckdb/node-api. */
interface DuckDb {
  readonly DuckDBInstance: { create(path: string, config: Record<string, string>): Promise<Instance> };
  readonly DuckDBDataChunk: { create(types: readonly unknown[], rows: number): Chunk };
  readonly INTEGER: unknown;
  readonly UTINYINT: unknown;
  readonly USMALLINT: unknown;
  readonly UINTEGER: unknown;
}
interface Instance {
  connect(): Promise<Connection>;
  closeSync(): void;
}
interface Connection {
  run(sql: string): Promise<unknown>;
  runAndReadAll(sql: string): Promise<{ getRows(): unknown[][] }>;
  createAppender(table: string): Promise<Appender>;
  interrupt(): void;
  closeSync(): void;
}
interface Appender {
  appendDataChunk(chunk: Chunk): void;
  flushSync(): void;
  closeSync(): void;
}
interface Chunk {
  setColumns(columns: readonly (readonly number[])[]): void;
}

/** Rows of a chunk: DuckDB's vector size. */
const CHUNK_ROWS = 2048;

export const duckdb: Peer = {
  id: 'duckdb',
  label: 'DuckDB, a row per bucket',
  place: 'in process',
  takes: 'one period',
  percentileLoss: 0,
  open: async (place) => {
    const api = npmPackage('@duckdb/node-api');
    if (!isDuckDb(api)) throw new CannotError('not to be had: @duckdb/node-api has another form');
    const instance = await api.DuckDBInstance.create(join(place.directory, 'rows.duckdb'), {
      memory_limit: '4GB',
    });
    const connection = await instance.connect();
    await connection.run(
      'CREATE TABLE lat (ts INTEGER, host UTINYINT, key UTINYINT, bucket USMALLINT, count UINTEGER)',
    );
    const [row] = (await connection.runAndReadAll('SELECT version()')).getRows();
    const version = `DuckDB ${String(row?.[0]).replace(/^v/, '')}`;
    const appender = await connection.createAppender('lat');
    return new DuckDbSession({ api, instance, connection, appender, place, version });
  },
};

function isDuckDb(api: unknown): api is DuckDb {
  const names: readonly string[] = [
    'DuckDBInstance',
    'DuckDBDataChunk',
    'INTEGER',
    'UTINYINT',
    'USMALLINT',
    'UINTEGER',
  ];
  return typeof api === 'object' && api !== null && names.every((name) => name in api);
}

interface Parts {
  readonly api: DuckDb;
  readonly instance: Instance;
  readonly connection: Connection;
  readonly appender: Appender;
  readonly place: Place;
  readonly version: string;
}

class DuckDbSession implements Session {
  readonly pid = process.pid;
  readonly version: string;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.version = parts.version;
  }

  prepare(fromSecond: number, untilSecond: number): () => Promise<void> {
    const { fleet } = this.#parts.place;
    const { appender } = this.#parts;
    return async () => {
      let columns: number[][] = newColumns();
      const append = (): void => {
        appender.appendDataChunk(this.#chunk(columns));
        columns = newColumns();
      };
      for (let second = fromSecond; second < untilSecond; second++) {
        eachBucket(fleet, second, (host, key, bucket, count) => {
          const [ts, hosts, keys, buckets, counts] = columns;
          ts!.push(second);
          hosts!.push(host);
          keys!.push(key);
          buckets!.push(bucket);
          if (counts!.push(count) === CHUNK_ROWS) append();
        });
        append();
        appender.flushSync();
      }
    };
  }

  async settle(): Promise<void> {
    await this.#parts.connection.run('CHECKPOINT');
  }

  diskBytes(): number {
    return occupiedBytes(this.#parts.place.directory);
  }

  async heatmap(range: TimeRange, byKey: boolean, signal: AbortSignal): Promise<() => number> {
    const rows = await this.#ask(heatmapSql(range, byKey, '//'), signal);
    return () => rows().reduce((sum, row) => sum + numberOf(row.at(-1)), 0);
  }

  async percentiles(range: TimeRange, signal: AbortSignal): Promise<() => PercentileLines> {
    const rows = await this.#ask(percentilesSql(range, '//'), signal);
    return () => linesOfRows(rows());
  }

  async visible(second: number, events: number): Promise<boolean> {
    const rows = await this.#ask(countSql(second));
    return numberOf(rows()[0]?.[0]) === events;
  }

  /** Period by period, each a shifted copy of the one after it with the hosts turned. */
  async extend(): Promise<void> {
    const { fleet, historySecond } = this.#parts.place;
    const { hosts, periodSeconds, endSecond } = fleet;
    for (let until = endSecond; until - periodSeconds > historySecond; until -= periodSeconds) {
      await this.#parts.connection.run(`INSERT INTO lat
        SELECT ts - ${periodSeconds}, (host + 1) % ${hosts}, key, bucket, count FROM lat
        WHERE ts >= ${until - periodSeconds} AND ts < ${until}`);
    }
    await this.settle();
  }

  async close(): Promise<void> {
    this.#parts.appender.closeSync();
    this.#parts.connection.closeSync();
    this.#parts.instance.closeSync();
  }

  #chunk(columns: readonly (readonly number[])[]): Chunk {
    const { DuckDBDataChunk, INTEGER, UTINYINT, USMALLINT, UINTEGER } = this.#parts.api;
    const chunk = DuckDBDataChunk.create(
      [INTEGER, UTINYINT, UTINYINT, USMALLINT, UINTEGER],
      columns[0]!.length,
    );
    chunk.setColumns(columns);
    return chunk;
  }

  /** The answer lies in memory when this resolves; making rows of JavaScript of it is the reader's. */
  async #ask(sql: string, signal?: AbortSignal): Promise<() => unknown[][]> {
    const interrupt = (): void => this.#parts.connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      const answer = await this.#parts.connection.runAndReadAll(sql);
      return () => answer.getRows();
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
  }
}

function newColumns(): number[][] {
  return [[], [], [], [], []];
}
