import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DriverError } from '../../src/ingest/driver.ts';
import {
  type Instrumenter,
  type InstrumenterOptions,
  startInstrumenter,
  startWith,
} from '../../src/ingest/instrumenter.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { ControlEvent } from '../../src/model/control.ts';
import { ScriptedDriver } from './scripted-driver.ts';
import { RecordingLog, unavailable } from './recording-log.ts';
import { eventually, TestProgram } from './node/test-program.ts';
import { withDirectory } from './temporary-directory.ts';
import { ManualClock } from '../arbitrary/manual-clock.ts';
import { asked } from './asked.ts';

interface World {
  readonly log: RecordingLog;
  readonly events: ControlEvent[];
  readonly start: (more?: Partial<InstrumenterOptions>) => Promise<Instrumenter>;
  readonly socketPath: string;
}

async function inWorld(use: (world: World) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const log = new RecordingLog();
    const events: ControlEvent[] = [];
    const socketPath = join(directory, 'node.sock');
    const start = (more: Partial<InstrumenterOptions> = {}): Promise<Instrumenter> =>
      startInstrumenter({
        ...more,
        host: 'h',
        log,
        spoolDirectory: join(directory, 'spool'),
        socketPath,
        clock: systemClock,
        random: Math.random,
        onEvent: (event) => events.push(event),
      });
    await use({ log, events, start, socketPath });
  });
}

/** Lets time pass until `done`. It stands still while a file is read or written, however long the disk takes. */
async function passUntil(clock: ManualClock, done: Promise<void>): Promise<void> {
  let ended = false;
  void done.then(() => (ended = true));
  for (let i = 0; i < 1000 && !ended; i++) {
    await eventually(() => !process.getActiveResourcesInfo().some((one) => one.startsWith('FSReq')), 'files');
    await clock.advance(10);
  }
  expect(ended).toBe(true);
}

describe('the instrumenter', () => {
  it('estimates at every source what measuring would cost, and measures nothing for it', async () => {
    await inWorld(async ({ start }) => {
      const instrumenter = await start({ drivers: ['proc', 'node'], cpuShareMax: 0.2 });
      expect(instrumenter.estimates(asked('http.requests'))).toEqual([
        {
          source: 'h/node',
          measurable: false,
          reason: expect.stringContaining('no Node program is attached'),
          remedy: expect.stringContaining('node --import'),
        },
      ]);
      const cpu = asked('cpu.time', { by: ['mode'] });
      const alone = { source: 'h/proc', measurable: true, cpuShareNow: 0, cpuShareMax: 0.2 };
      expect(instrumenter.estimates(cpu)).toEqual([alone]);
      expect(instrumenter.states(cpu.id)).toEqual([]);
      await instrumenter.enable(cpu);
      expect(instrumenter.estimates({ ...cpu })).toEqual([
        expect.objectContaining({ ...alone, sharedWith: cpu.id, cpuShare: 0 }),
      ]);
      expect(instrumenter.estimates(asked('nobody.has_it'))).toEqual([]);
      await instrumenter.close();
    });
  });

  it('lists what all drivers offer, each metric once', async () => {
    await inWorld(async ({ start }) => {
      const instrumenter = await start();
      const names = instrumenter.metrics().map((metric) => metric.name);
      expect(names).toContain('cpu.time');
      expect(names).toContain('http.requests');
      expect(new Set(names).size).toBe(names.length);
      await instrumenter.close();
    });
  });

  it('brings what a program and the kernel say into one entry a second, and acknowledges it', async () => {
    await inWorld(async ({ start, log, events, socketPath }) => {
      const instrumenter = await start();
      await instrumenter.enable(asked('load.average', { scope: 'point' }));
      await instrumenter.enable(asked('http.requests'));
      await instrumenter.enable(asked('no.such_metric'));
      expect(instrumenter.states('no_such_metric')).toEqual([]);
      const program = new TestProgram(socketPath);
      program.hello();
      await eventually(() => program.heard.length === 2, 'greeting');
      const second = Math.floor(Date.now() / 1000) + 1;
      program.enabled('http_requests', second);
      program.batch(0, second);
      await eventually(() => program.acknowledged().length === 1, 'acknowledged');
      await eventually(
        () => log.batches().some((b) => b.second === second && b.source.driver === 'proc'),
        'appended',
      );
      const sources = log
        .batches()
        .filter((b) => b.second === second)
        .map((b) => b.source.driver);
      expect(sources.toSorted()).toEqual([`node:shop[${process.pid}]`, 'proc']);
      expect(instrumenter.states('http_requests')).toEqual([
        { source: `h/node:shop[${process.pid}]`, state: { state: 'enabled', sinceSecond: second } },
      ]);
      program.say({ kind: 'bye' });
      program.socket.end();
      await eventually(() => events.length === 1, 'offline');
      expect(events[0]).toEqual({
        kind: 'source-offline',
        host: 'h',
        driver: `node:shop[${process.pid}]`,
        second: second + 1,
      });
      await instrumenter.disable('http_requests');
      await instrumenter.disable('load_average');
      expect(instrumenter.states('load_average')).toEqual([]);
      expect(instrumenter.health().every((check) => check.ok)).toBe(true);
      await instrumenter.close();
      expect(events[1]).toMatchObject({ kind: 'source-offline', driver: 'proc' });
    });
  });

  it('says of each metric of each driver whether it can be had here', async () => {
    await inWorld(async ({ start, socketPath }) => {
      const instrumenter = await start();
      const offer = (): unknown => instrumenter.offers().find(({ metric }) => metric === 'http.requests');
      expect(instrumenter.offers().map(({ metric }) => metric)).toEqual(
        instrumenter.metrics().map(({ name }) => name),
      );
      expect(offer()).toMatchObject({
        driver: 'node',
        available: false,
        reason: expect.stringContaining('no Node program is attached'),
        remedy: expect.stringContaining('--import'),
      });
      const program = new TestProgram(socketPath);
      program.hello();
      await eventually(() => instrumenter.sources().length === 1, 'attached');
      expect(offer()).toEqual({ driver: 'node', metric: 'http.requests', available: true });
      program.socket.end();
      await instrumenter.close();
    });
  });

  it('measures what it comes to know of by what is sent', async () => {
    await inWorld(async ({ start, log }) => {
      const notes: string[] = [];
      const seen: string[] = [];
      const instrumenter = await start({
        drivers: ['statsd'],
        statsd: { host: '127.0.0.1', port: 0 },
        note: (text) => notes.push(text),
        onSeen: (driver, metrics) => seen.push(...metrics.map(({ name }) => `${driver} ${name}`)),
      });
      const socket = createSocket('udp4');
      const port = Number(/:(\d+)$/.exec(notes[0]!)![1]);
      const send = (): void => socket.send('shop.pay:48|ms', port, '127.0.0.1');
      send();
      await eventually(() => seen.length > 0, 'seen');
      expect(seen).toEqual(['statsd statsd.shop_pay']);
      const known = instrumenter.offers(['statsd.shop_pay', 'trace.spans']).map(({ metric }) => metric);
      expect(known).toContain('statsd.shop_pay');
      expect(known).not.toContain('trace.spans');
      await instrumenter.enable(asked('statsd.shop_pay'));
      await eventually(() => instrumenter.states('statsd_shop_pay')[0]?.state.state === 'enabled', 'enabled');
      send();
      const counted = (): boolean =>
        log.batches().some(({ reports }) => reports.some(({ rowCount }) => rowCount > 0));
      await eventually(counted, 'counted');
      socket.close();
      await instrumenter.close();
    });
  });

  it('speaks of nothing beyond its limits, and says so', async () => {
    await inWorld(async ({ start, socketPath }) => {
      const uid = process.getuid!();
      const foreign = { cgroups: [], uids: [uid + 1], containers: [] };
      const instrumenter = await start({ limits: foreign });
      const program = new TestProgram(socketPath);
      program.hello();
      await eventually(() => program.closed, 'cut');
      expect(program.heard.map(({ kind }) => kind)).toEqual(['welcome']);
      expect(instrumenter.sources()).toEqual([]);
      await instrumenter.enable(asked('cpu.time'));
      expect(instrumenter.states('cpu_time')).toMatchObject([
        { state: { state: 'failed', reason: expect.stringContaining('has no field "uid"') } },
      ]);
      const offers = new Map(instrumenter.offers().map((offer) => [offer.metric, offer]));
      expect(offers.get('cpu.time')).toMatchObject({
        available: false,
        remedy: expect.stringContaining('--only'),
      });
      expect(offers.get('process.rss')).toMatchObject({ available: true });
      await instrumenter.close();
      const own = await start({ limits: { ...foreign, uids: [uid] } });
      const ours = new TestProgram(socketPath);
      ours.hello();
      await eventually(() => own.sources().length === 1, 'admitted');
      await own.close();
    });
  });

  it('keeps a refusal as a state with its reason', async () => {
    await withDirectory(async (directory) => {
      const clock = new ManualClock(1_000_000_000);
      const driver = new ScriptedDriver('scripted', clock, Math.random);
      const metric = { name: 'a.b', label: '', unit: '', scope: 'interval' as const, fields: [], cost: '' };
      Object.assign(driver, { metrics: [metric] });
      driver.enable = () => Promise.reject(new DriverError('UNAVAILABLE', 'Cannot read "/x": no'));
      const options = {
        host: 'h',
        log: new RecordingLog(),
        spoolDirectory: directory,
        socketPath: '',
        clock,
      };
      const instrumenter = await startWith([driver], { ...options, random: Math.random, onEvent: () => {} });
      await instrumenter.enable(asked('a.b'));
      expect(instrumenter.states('a_b')).toEqual([
        { source: 'h/scripted', state: { state: 'failed', reason: 'Cannot read "/x": no' } },
      ]);
      driver.enable = () => Promise.resolve();
      await instrumenter.enable(asked('a.b'));
      expect(instrumenter.states('a_b')).toEqual([]);
      await passUntil(clock, instrumenter.close());
    });
  });

  it('sends after the next start what the log did not take before, the same bytes in the same order', async () => {
    await withDirectory(async (directory) => {
      const clock = new ManualClock(1_000_000_000);
      const started = async (log: RecordingLog, name: string): Promise<Instrumenter> => {
        const driver = new ScriptedDriver(name, clock, () => 0.25);
        const options = { host: 'h', log, spoolDirectory: directory, socketPath: '', clock };
        return startWith([driver], { ...options, random: () => 0.25, onEvent: () => {} });
      };
      const away = new RecordingLog();
      away.fault = unavailable;
      const first = await started(away, 'first');
      await clock.advance(5_500);
      expect(first.health().find(({ name }) => name === 'log')).toMatchObject({ ok: false });
      await passUntil(clock, first.close());
      expect(away.taken).toEqual([]);
      const log = new RecordingLog();
      const second = await started(log, 'second');
      for (let i = 0; i < 1000 && log.batches().length < 6; i++) await clock.advance(10);
      expect(
        log
          .batches()
          .map((b) => [b.source.driver, b.sequence])
          .slice(0, 6),
      ).toEqual([
        ['first', 0],
        ['first', 1],
        ['first', 2],
        ['first', 3],
        ['first', 4],
        ['second', 0],
      ]);
      await passUntil(clock, second.close());
      expect((await readdir(directory)).length).toBeLessThanOrEqual(1);
    });
  });

  it('closes in time though the log never answers', async () => {
    await withDirectory(async (directory) => {
      const log = new RecordingLog();
      log.append = () => new Promise(() => {});
      const clock = new ManualClock(1_000_000_000);
      const options = { host: 'h', log, spoolDirectory: directory, socketPath: '', clock };
      const driver = new ScriptedDriver('a', clock, Math.random);
      const instrumenter = await startWith([driver], { ...options, random: Math.random, onEvent: () => {} });
      await clock.advance(3_000);
      await passUntil(clock, instrumenter.close());
      expect(clock.nowMs()).toBeLessThan(1_000_000_000 + 3_000 + 4_000);
    });
  });

  it('starts no half of itself', async () => {
    await withDirectory(async (directory) => {
      await mkdir(join(directory, 'place'));
      await writeFile(join(directory, 'place', 'file'), '');
      const socketPath = join(directory, 'place', 'file', 'node.sock');
      const options = {
        host: 'h',
        log: new RecordingLog(),
        spoolDirectory: directory,
        socketPath,
        clock: systemClock,
      };
      await expect(
        startInstrumenter({ ...options, random: Math.random, onEvent: () => {} }),
      ).rejects.toBeInstanceOf(DriverError);
    });
  });
});
