/** The config role goes on after what would end it: a log that was made anew, a catalogue whose write failed. */
import Database from 'better-sqlite3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NODE_METRICS } from '../../src/ingest/node/metrics.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { type Clock, systemClock } from '../../src/model/clock.ts';
import { type LogReader, LogReplacedError, type LogWriter } from '../../src/model/log.ts';
import { Configuration } from '../../src/service/configuration.ts';
import { draftOf } from '../../src/service/statements.ts';
import { openCatalogue } from '../../src/store/catalogue.ts';

/** What is tried again every second is tried again at once. */
const clock: Clock = { ...systemClock, sleep: (_ms, signal) => systemClock.sleep(1, signal) };

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tailglow-config-'));
  path = join(directory, 'catalogue.db');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function start(log: { reader: LogReader; writer: LogWriter; identity: string }) {
  const said: string[] = [];
  const configuration = Configuration.start({
    catalogue: openCatalogue(path, log.identity),
    reopen: (identity) => openCatalogue(path, identity),
    writer: log.writer,
    reader: log.reader,
    clock,
    onChange: () => {},
    onFault: (error) => said.push(error instanceof Error ? error.message : String(error)),
    onHealed: () => said.push('healed'),
  });
  const create = async (statement: string): Promise<void> => {
    await configuration.create(draftOf(statement, configuration));
  };
  const names = (): string[] => configuration.instrumentations().map((i) => i.id);
  return { configuration, said, create, names };
}

it('a log that was made anew is followed from its first entry, and what lived lives on', async () => {
  const [old, made] = [new MemoryLog(), new MemoryLog()];
  let current = old;
  const replaced = new AbortController();
  const reader: LogReader = {
    async *read(from, signal) {
      const ends = current === old ? AbortSignal.any([signal, replaced.signal]) : signal;
      yield* current.reader().read(from, ends);
      if (!signal.aborted) throw new LogReplacedError('Cannot go on reading: the log is another one');
    },
    seek: (arrivedMs) => current.reader().seek(arrivedMs),
    identity: () => Promise.resolve(current.identity),
    end: () => current.reader().end(),
    close: () => Promise.resolve(),
  };
  const append = (payload: Uint8Array): Promise<void> => current.writer(clock).append(payload);
  const writer = { ...old.writer(clock), append };
  const { configuration, said, create, names } = start({ reader, writer, identity: old.identity });
  await configuration.announce('web1', NODE_METRICS);
  await create('instrument http.requests by route, latency as before');
  current = made;
  replaced.abort();
  await create('instrument http.requests by method, latency as after');
  expect(names()).toEqual(['before', 'after']);
  expect(said).toEqual(['Cannot go on reading: the log is another one', 'healed']);
  expect(configuration.fault).toBeUndefined();
  await configuration.close();
  const again = openCatalogue(path, made.identity);
  expect(again.instrumentations().map((i) => i.id)).toEqual(['before', 'after']);
  expect(again.resumeOffset).toBe(1);
  again.close();
});

it('a catalogue whose write failed is opened anew until it takes the event', async () => {
  const log = new MemoryLog();
  const { identity } = log;
  const { configuration, said, create, names } = start({
    reader: log.reader(),
    writer: log.writer(clock),
    identity,
  });
  await configuration.announce('web1', NODE_METRICS);
  await create('instrument http.requests by route, latency as before');
  const disk = new Database(path);
  disk.exec(
    "CREATE TRIGGER full BEFORE INSERT ON lives BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
  );
  const created = create('instrument http.requests by method, latency as after');
  while (said.length === 0) await systemClock.sleep(1);
  expect(configuration.fault).toContain('database or disk is full');
  expect(names()).toContain('before');
  disk.exec('DROP TRIGGER full');
  disk.close();
  await created;
  expect(names()).toEqual(['before', 'after']);
  expect(said).toEqual([expect.stringContaining('database or disk is full'), 'healed']);
  await configuration.close();
});
