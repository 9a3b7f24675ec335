/** The probe of database queries: mysql2, node-redis and ioredis tell of them on tracing channels, pg and
 *  better-sqlite3 are tapped. A query counts when its result is there, or its error. Not seen: cursors and streams
 *  of pg, iterators of better-sqlite3, which are read at the program's own pace; a bundled pg or better-sqlite3. */
import { performance } from 'node:perf_hooks';
import type { Literal } from '../../model/predicate.ts';
import { watchModules } from './loaded.ts';
import { elapsedNs, errorText, guarded, listen, type Listener, type Probe } from './probe.ts';
import { QueryShapes } from './query-text.ts';
import { type After, tapMethod, whenDone } from './tap.ts';

type System = 'postgresql' | 'sqlite' | 'mysql' | 'redis';

/** Where a query goes. */
interface Query {
  readonly system: System;
  readonly text: string;
  readonly database: unknown;
  readonly peer: string;
}

const PG_CLIENT = '/pg/lib/client.js';
const SQLITE_ADDON = '/better_sqlite3.node';
const SQLITE_DATABASE = '/better-sqlite3/lib/database.js';

/** What says that a query begins, and gives what to call at its end. */
type Begin = (query: Query) => (error: unknown) => void;

export const dbQueries: Probe = (fixed, emit, onFault) => {
  let query: Query;
  let failed: unknown;
  let latencyNs = 0;
  const shapes = new QueryShapes();
  const read = (field: string): Literal | undefined => {
    switch (field) {
      case 'latency':
        return latencyNs;
      case 'system':
      case 'peer':
        return query[field];
      case 'query':
        return shapes.of(query.text, query.system === 'mysql');
      case 'database':
        return typeof query.database === 'number' ? String(query.database) : textOf(query.database);
      case 'error':
        return errorText(failed);
      default:
        return fixed.get(field);
    }
  };
  let running = true;
  const begin: Begin = (begun) => {
    const startMs = performance.now();
    return guarded((error: unknown) => {
      if (!running) return;
      const endMs = performance.now();
      [query, failed, latencyNs] = [begun, error, elapsedNs(startMs, endMs)];
      emit(endMs, read);
    }, onFault);
  };
  const taps = new Map<object, () => void>();
  const tap = (
    target: unknown,
    method: string,
    how: (self: object, args: unknown[]) => After | undefined,
  ) => {
    if (typeof target !== 'object' || target === null) return;
    const before = taps.get(target);
    const stop = tapMethod(target, method, (self, args) => how(self as object, args), onFault);
    taps.set(target, () => (before?.(), stop()));
  };
  const tapped = new WeakSet<object>();
  const take = (ending: string, exports: unknown): void => {
    if ((typeof exports !== 'object' && typeof exports !== 'function') || exports === null) return;
    if (tapped.has(exports)) return;
    tapped.add(exports);
    if (ending === PG_CLIENT) tap(prototypeOf(exports), 'query', pgQuery(begin));
    if (ending === SQLITE_DATABASE) tap(prototypeOf(exports), 'exec', sqliteExec(begin));
    if (ending !== SQLITE_ADDON) return;
    const statements = prototypeOf((exports as { readonly Statement?: unknown }).Statement);
    for (const method of ['run', 'get', 'all']) tap(statements, method, sqliteStatement(begin));
  };
  const stopWatching = watchModules([PG_CLIENT, SQLITE_ADDON, SQLITE_DATABASE], take, onFault);
  const stopListening = listen(channels(begin), onFault);
  return {
    flush: () => {},
    stop: () => {
      running = false;
      stopWatching();
      stopListening();
      for (const stop of taps.values()) stop();
    },
  };
};

function prototypeOf(made: unknown): unknown {
  return typeof made === 'function' ? (made.prototype as unknown) : undefined;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function serverText(host: unknown, port: unknown): string {
  const name = textOf(host);
  return typeof port === 'number' && !name.startsWith('/') ? `${name}:${port}` : name;
}

/** `query(text)`, `query({ text })`, each with values and with or without a callback. */
function pgQuery(begin: Begin) {
  return (self: object, args: unknown[]): After | undefined => {
    const [asked] = args;
    const config =
      typeof asked === 'object' && asked !== null ? (asked as Record<string, unknown>) : undefined;
    const text = config === undefined ? asked : (config['text'] ?? config['name']);
    if (typeof text !== 'string' || typeof config?.['submit'] === 'function') return undefined;
    const { database, host, port } = self as Record<string, unknown>;
    const done = begin({ system: 'postgresql', text, database, peer: serverText(host, port) });
    return whenDone(args, done, 'either');
  };
}

function sqliteStatement(begin: Begin) {
  return (self: object, args: unknown[]): After | undefined => {
    const { source, database } = self as { source?: unknown; database?: { readonly name?: unknown } };
    if (typeof source !== 'string') return undefined;
    const done = begin({ system: 'sqlite', text: source, database: database?.name, peer: '' });
    return whenDone(args, done, 'return');
  };
}

function sqliteExec(begin: Begin) {
  return (self: object, args: unknown[]): After | undefined => {
    const [text] = args;
    if (typeof text !== 'string') return undefined;
    const done = begin({ system: 'sqlite', text, database: (self as { name?: unknown }).name, peer: '' });
    return whenDone(args, done, 'return');
  };
}

/** What the libraries put on their channels, one object an operation. */
interface Traced {
  readonly query?: unknown;
  readonly command?: unknown;
  /** Of node-redis' commands together: those of a pipeline are told besides, those of a transaction are not. */
  readonly batchMode?: unknown;
  readonly database?: unknown;
  readonly serverAddress?: unknown;
  readonly serverPort?: unknown;
  readonly error?: unknown;
}

const TRACED = [
  ['mysql2:query', 'mysql'],
  ['mysql2:execute', 'mysql'],
  ['node-redis:command', 'redis'],
  ['node-redis:batch', 'redis'],
  ['ioredis:command', 'redis'],
] as const;

/** An operation ends when what is asynchronous of it does, or at once with an error. */
function channels(begin: Begin): Record<string, Listener> {
  const open = new WeakMap<object, (error: unknown) => void>();
  const end: Listener = (message) => {
    const traced = message as Traced;
    open.get(traced)?.(traced.error);
    open.delete(traced);
  };
  const listeners: Record<string, Listener> = {};
  for (const [name, system] of TRACED) {
    listeners[`tracing:${name}:start`] = (message) => {
      const traced = message as Traced;
      const { query, command, batchMode, database, serverAddress, serverPort } = traced;
      if (batchMode === 'PIPELINE' && command === undefined) return;
      const text = textOf(query ?? command ?? batchMode);
      const peer = serverText(serverAddress, serverPort);
      open.set(
        traced,
        begin({ system, text: system === 'redis' ? text.toUpperCase() : text, database, peer }),
      );
    };
    listeners[`tracing:${name}:asyncStart`] = end;
    listeners[`tracing:${name}:end`] = (message) => {
      if ((message as Traced).error !== undefined) end(message);
    };
  }
  return listeners;
}
