/** The catalogue: which instrumentations live, what is pinned, which metrics the hosts offer, folded from the control events of
 *  the log. Other entries cost one look at their first byte. Owns: one SQLite file with state and offset in one
 *  transaction. Does not: append events, own series, notice idleness.
 *  Deterministic: a function of the entries. A commit is synced, so what it covers may be trimmed from the log. */
import type Database from 'better-sqlite3';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';
import { type ControlEvent, ControlEventError } from '../model/control.ts';
import type { Instrumentation } from '../model/instrumentation.ts';
import { SOURCES_MAX } from '../model/limits.ts';
import type { LogEntry } from '../model/log.ts';
import type { MetricDescription } from '../model/metric.ts';
import type { Pin } from '../model/pin.ts';
import { decodeEntry } from '../model/report.ts';
import { type InstrumentationEvent, type Life, Lives } from './lives.ts';
import { type PinEvent, Pins } from './pins.ts';
import { integer, onFile, openFile, type Row, type Schema, text } from './sqlite.ts';
import { StoreBrokenError, StoreDamagedError } from './store-errors.ts';

const SCHEMA: Schema = {
  applicationId: 0x54474c43,
  version: 1,
  synchronous: 'FULL',
  sql: `
    CREATE TABLE position (id INTEGER PRIMARY KEY CHECK (id = 1), log TEXT NOT NULL, next_offset INTEGER NOT NULL) STRICT;
    CREATE TABLE lives (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL) STRICT;
    CREATE TABLE host (
      host TEXT PRIMARY KEY,
      first_offset INTEGER NOT NULL,
      online_second INTEGER NOT NULL,
      metrics TEXT NOT NULL
    ) STRICT;
  `,
};
/** First byte of an entry that carries a control event (docs/REPORT_FORMAT.md). */
const CONTROL_BYTE = 2;
/** Entries after which the position is committed though nothing changed: what a restart reads again. */
const POSITION_ENTRIES = 1024;
/** Hosts whose metrics are remembered; past that the one that came online longest ago goes. */
const HOSTS_MAX = SOURCES_MAX;
/** Events that could not be taken, with the reason. */
const FAULTS_MAX = 64;

export interface HostRecord {
  readonly host: string;
  /** When its instrumenter last came online. */
  readonly onlineSecond: number;
  readonly metrics: readonly MetricDescription[];
}

/** Two hosts describe one metric differently: the first description is kept. */
export interface MetricConflict {
  readonly metric: string;
  readonly keptFrom: string;
  readonly host: string;
}

export interface CatalogueFault {
  readonly offset: number;
  readonly text: string;
}

export interface Catalogue {
  /** The next entry to fold after a restart: entries below are committed, and not needed any more. */
  readonly resumeOffset: number;
  /** Commits what changed. After a failed commit it is broken: open it anew. */
  fold(entries: readonly LogEntry[]): void;
  /** Living ones, in the order in which they began; the same array until something changes. */
  instrumentations(): readonly Instrumentation[];
  /** Expired ones whose history lasts, with the second at which they expired. */
  expired(): readonly { readonly instrumentation: Instrumentation; readonly expiredSecond: number }[];
  /** In the order in which they were made; the same array until something changes. */
  pins(): readonly Pin[];
  /** Names of the ones dropped last. */
  dropped(): readonly string[];
  /** What any host offers, by name; the same array until something changes. */
  metrics(): readonly MetricDescription[];
  conflicts(): readonly MetricConflict[];
  hosts(): readonly HostRecord[];
  /** The newest events that could not be taken. */
  faults(): readonly CatalogueFault[];
  /** A write failed: it answers what it knew, and takes no more. Open it anew. */
  readonly broken: boolean;
  close(): void;
}

/** Throws StoreVersionError, StoreDamagedError. Another log is folded from its first entry. */
export function openCatalogue(path: string, logIdentity = ''): Catalogue {
  const db = openFile(path, SCHEMA, { readonly: false });
  try {
    return new SqliteCatalogue(path, db, logIdentity);
  } catch (error) {
    db.close();
    throw error;
  }
}

const livesBody = Type.Object({
  lives: Type.Array(
    Type.Object({
      instrumentation: Type.Unsafe<Instrumentation>(Type.Object({ id: Type.String() })),
      expiredSecond: Type.Optional(Type.Integer()),
    }),
  ),
  dropped: Type.Array(Type.String()),
  pins: Type.Optional(Type.Array(Type.Unsafe<Pin>(Type.Object({ id: Type.String() })))),
});
const metricsBody = Type.Array(Type.Unsafe<MetricDescription>(Type.Object({ name: Type.String() })));

interface Offered {
  readonly metrics: readonly MetricDescription[];
  readonly conflicts: readonly MetricConflict[];
}

class SqliteCatalogue implements Catalogue {
  readonly #path: string;
  readonly #db: Database.Database;
  readonly #logIdentity: string;
  readonly #lives: Lives;
  readonly #pins: Pins;
  /** In the order in which they first came. */
  readonly #hosts = new Map<string, HostRecord>();
  readonly #faults: CatalogueFault[] = [];
  #nextOffset: number;
  #committedOffset: number;
  #living: readonly Instrumentation[];
  #pinned: readonly Pin[];
  #offered: Offered | undefined;
  #broken: unknown;

  constructor(path: string, db: Database.Database, logIdentity: string) {
    this.#path = path;
    this.#db = db;
    this.#logIdentity = logIdentity;
    const position = this.#rows('SELECT log, next_offset FROM position')[0];
    const sameLog = position !== undefined && text(position[0]) === logIdentity;
    this.#nextOffset = sameLog ? integer(position[1]) : 0;
    this.#committedOffset = this.#nextOffset;
    const lives = this.#rows('SELECT body FROM lives')[0];
    const body = lives && this.#decode(livesBody, text(lives[0]));
    this.#pins = new Pins(body?.pins);
    this.#lives = new Lives(body, (id) => this.#pins.of(id).length > 0);
    this.#living = this.#lives.living();
    this.#pinned = this.#pins.all();
    for (const row of this.#rows(
      'SELECT host, online_second, metrics FROM host ORDER BY first_offset, host',
    )) {
      const host = text(row[0]);
      const metrics = this.#decode(metricsBody, text(row[2]));
      this.#hosts.set(host, { host, onlineSecond: integer(row[1]), metrics });
    }
  }

  get resumeOffset(): number {
    return this.#committedOffset;
  }

  fold(entries: readonly LogEntry[]): void {
    const events = entries.filter((e) => e.offset >= this.#nextOffset && e.payload[0] === CONTROL_BYTE);
    const last = entries.at(-1);
    if (last !== undefined) this.#nextOffset = Math.max(this.#nextOffset, last.offset + 1);
    const idle = events.length === 0 && this.#nextOffset - this.#committedOffset < POSITION_ENTRIES;
    if (!idle) this.#commit(events);
  }

  instrumentations(): readonly Instrumentation[] {
    return this.#living;
  }

  expired(): readonly { readonly instrumentation: Instrumentation; readonly expiredSecond: number }[] {
    return this.#lives
      .all()
      .flatMap(({ instrumentation, expiredSecond }: Life) =>
        expiredSecond === undefined ? [] : [{ instrumentation, expiredSecond }],
      );
  }

  pins(): readonly Pin[] {
    return this.#pinned;
  }

  dropped(): readonly string[] {
    return this.#lives.state().dropped;
  }

  metrics(): readonly MetricDescription[] {
    return this.#offer().metrics;
  }

  conflicts(): readonly MetricConflict[] {
    return this.#offer().conflicts;
  }

  hosts(): readonly HostRecord[] {
    return [...this.#hosts.values()];
  }

  faults(): readonly CatalogueFault[] {
    return this.#faults;
  }

  get broken(): boolean {
    return this.#broken !== undefined;
  }

  close(): void {
    this.#db.close();
  }

  #commit(events: readonly LogEntry[]): void {
    if (this.#broken !== undefined) throw new StoreBrokenError(this.#path, { cause: this.#broken });
    try {
      onFile(this.#path, () => this.#db.transaction(() => this.#write(events)).immediate());
    } catch (error) {
      this.#broken = error;
      throw error;
    }
    this.#committedOffset = this.#nextOffset;
  }

  #write(events: readonly LogEntry[]): void {
    for (const entry of events) this.#take(entry);
    if (events.length > 0) {
      const body = JSON.stringify({ ...this.#lives.state(), pins: this.#pins.state() });
      this.#db.prepare('INSERT OR REPLACE INTO lives (id, body) VALUES (1, ?)').run(body);
    }
    this.#db
      .prepare('INSERT OR REPLACE INTO position (id, log, next_offset) VALUES (1, ?, ?)')
      .run(this.#logIdentity, this.#nextOffset);
  }

  #take(entry: LogEntry): void {
    let event: ControlEvent;
    try {
      const view = decodeEntry(entry.payload);
      if (view.kind !== 'control') return;
      event = view.event;
    } catch (error) {
      if (!(error instanceof ControlEventError)) throw error;
      return this.#fault(entry.offset, error.message);
    }
    const second = Math.floor(entry.arrivedMs / 1000);
    switch (event.kind) {
      case 'instrumenter-online':
        return this.#online({ host: event.host, onlineSecond: second, metrics: event.metrics }, entry.offset);
      case 'source-offline':
      case 'space-reclaimed':
        return;
      case 'range-pinned':
      case 'range-unpinned':
        return this.#pin(event, entry.offset);
      case 'instrumentation-created':
      case 'instrumentation-changed':
      case 'instrumentation-paused':
      case 'instrumentation-resumed':
      case 'instrumentation-expired':
      case 'instrumentation-dropped':
        return this.#change(event, second, entry.offset);
    }
  }

  #change(event: InstrumentationEvent, second: number, offset: number): void {
    const { gone, refused } = this.#lives.apply(event, second);
    this.#pins.forget([...gone, ...this.#lives.forgetExpired(second)]);
    this.#living = this.#lives.living();
    this.#pinned = this.#pins.all();
    if (refused !== undefined) this.#fault(offset, `Cannot take "${event.kind}": ${refused}`);
  }

  #pin(event: PinEvent, offset: number): void {
    const refused = this.#pins.apply(event, (id) => this.#lives.get(id) !== undefined);
    this.#pinned = this.#pins.all();
    if (refused !== undefined) this.#fault(offset, `Cannot take "${event.kind}": ${refused}`);
  }

  #online(record: HostRecord, offset: number): void {
    if (!this.#hosts.has(record.host) && this.#hosts.size >= HOSTS_MAX) {
      const oldest = [...this.#hosts.values()].reduce((a, b) => (b.onlineSecond < a.onlineSecond ? b : a));
      this.#hosts.delete(oldest.host);
      this.#db.prepare('DELETE FROM host WHERE host = ?').run(oldest.host);
    }
    this.#hosts.set(record.host, record);
    this.#offered = undefined;
    this.#db
      .prepare(
        `INSERT INTO host (host, first_offset, online_second, metrics) VALUES (?, ?, ?, ?)
         ON CONFLICT (host) DO UPDATE SET online_second = excluded.online_second, metrics = excluded.metrics`,
      )
      .run(record.host, offset, record.onlineSecond, JSON.stringify(record.metrics));
  }

  #fault(offset: number, what: string): void {
    this.#faults.push({ offset, text: what });
    if (this.#faults.length > FAULTS_MAX) this.#faults.shift();
  }

  #offer(): Offered {
    return (this.#offered ??= offer([...this.#hosts.values()]));
  }

  #rows(sql: string): Row[] {
    return onFile(this.#path, () => this.#db.prepare<[], Row>(sql).raw().all());
  }

  #decode<T extends Type.TSchema>(schema: T, json: string): Static<T> {
    let value: unknown;
    try {
      value = JSON.parse(json);
    } catch (cause) {
      throw new StoreDamagedError(this.#path, 'its state is no JSON', { cause });
    }
    if (Value.Check(schema, value)) return value;
    throw new StoreDamagedError(this.#path, 'its state does not fit');
  }
}

/** The union of what hosts offer; of a metric the description of the host that came first. */
function offer(hosts: readonly HostRecord[]): Offered {
  const first = new Map<string, { readonly metric: MetricDescription; readonly host: string }>();
  const conflicts: MetricConflict[] = [];
  for (const { host, metrics } of hosts) {
    for (const metric of metrics) {
      const kept = first.get(metric.name);
      if (kept === undefined) first.set(metric.name, { metric, host });
      else if (!sameDescription(kept.metric, metric))
        conflicts.push({ metric: metric.name, keptFrom: kept.host, host });
    }
  }
  const metrics = [...first.values()].map(({ metric }) => metric);
  return { metrics: metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1)), conflicts };
}

/** What a person is told of the cost may differ: it is an estimate of the host at hand. */
function sameDescription(a: MetricDescription, b: MetricDescription): boolean {
  const shape = (m: MetricDescription): string =>
    JSON.stringify([
      [m.label, m.unit, m.amount ?? null, m.scope],
      m.fields.map((f) => [f.name, f.label, f.type]),
    ]);
  return shape(a) === shape(b);
}
