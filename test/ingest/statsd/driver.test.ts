import { createSocket } from 'node:dgram';
import { StatsD } from 'hot-shots';
import { describe, expect, it } from 'vitest';
import { StatsdDriver } from '../../../src/ingest/statsd/driver.ts';
import { bucketIndex, LL5 } from '../../../src/model/grid.ts';
import type { MetricDescription } from '../../../src/model/metric.ts';
import { decodeBatch, readBatch } from '../../../src/model/report.ts';
import { CellsBuffer } from '../../../src/model/series.ts';
import { ManualClock } from '../../arbitrary/manual-clock.ts';
import { eventually } from '../node/test-program.ts';
import { asked } from '../asked.ts';

interface World {
  readonly driver: StatsdDriver;
  readonly clock: ManualClock;
  readonly port: number;
  readonly notes: string[];
  readonly seen: MetricDescription[];
  /** Sends datagrams in this order, and resolves when all were taken. */
  readonly send: (...datagrams: string[]) => Promise<void>;
  /** Ends the second, and gives what was counted in it: by instrumentation, then "key bucket". */
  readonly second: () => Promise<Record<string, Record<string, number>>>;
}

async function inWorld(use: (world: World) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const driver = new StatsdDriver({
    host: 'h',
    address: { host: '127.0.0.1', port: 0 },
    clock,
    random: () => 0,
  });
  const [notes, seen]: [string[], MetricDescription[]] = [[], []];
  await driver.start({
    late: () => {},
    offline: () => {},
    note: (text) => notes.push(text),
    seen: (metrics) => seen.push(...metrics),
  });
  const port = driver.port!;
  const socket = createSocket('udp4');
  const send = async (...datagrams: string[]): Promise<void> => {
    const before = driver.received;
    for (const each of datagrams)
      await new Promise((resolve) => socket.send(each, port, '127.0.0.1', resolve));
    await eventually(() => driver.received === before + datagrams.length, 'all datagrams are taken');
  };
  const second: World['second'] = async () => {
    await clock.advance(1000);
    const { batches } = await driver.collect(clock.second - 1);
    const counted: Record<string, Record<string, number>> = {};
    for (const { bytes } of batches) {
      for (const report of readBatch(decodeBatch(bytes), () => new CellsBuffer()).reports) {
        const of = (counted[report.instrumentation] ??= {});
        for (const { key, histogram } of report.rows) {
          histogram.buckets.forEach((bucket, i) => {
            const name = [...key, ...(report.grid.kind === 'count' ? [] : [bucket])].join(' ');
            of[name] = (of[name] ?? 0) + histogram.counts[i]!;
          });
        }
      }
    }
    return counted;
  };
  try {
    await use({ driver, clock, port, notes, seen, send, second });
  } finally {
    socket.close();
    await driver.close();
  }
}

const ms = (value: number): number => bucketIndex(LL5, value * 1e6);

describe('the statsd driver', () => {
  it('counts what a real client sends, by its tags, with what its samples stand for', async () => {
    await inWorld(async ({ driver, port, second, seen }) => {
      const timers = { numeric: 'latency', grid: LL5 };
      await driver.enable(asked('statsd.shop_checkout', { ...timers, by: ['route'] }));
      await driver.enable(asked('statsd.shop_payload_bytes', { by: ['host'], numeric: 'size', grid: LL5 }));
      await driver.enable(asked('statsd.shop_orders', { by: ['env'] }));
      await driver.enable(asked('statsd.lines', { by: ['outcome'] }));
      await second();
      const client = new StatsD({ host: '127.0.0.1', port, prefix: 'shop.', globalTags: { env: 'prod' } });
      for (let i = 0; i < 3; i++) client.timing('checkout', 48, 1, { route: '/pay' });
      client.timing('checkout', 2, 1, ['route:/cart']);
      client.distribution('payload.bytes', 1500);
      client.increment('orders', 5);
      client.set('users', 'anna');
      client.gauge('queue', 12);
      client.event('deployed');
      await new Promise<void>((resolve) => client.close(() => resolve()));
      await eventually(() => driver.received >= 9, 'all that the client sent is taken');
      const counted = await second();
      expect(counted['statsd_shop_checkout']).toEqual({ [`/pay ${ms(48)}`]: 3, [`/cart ${ms(2)}`]: 1 });
      expect(counted['statsd_shop_payload_bytes']).toEqual({ [`h ${bucketIndex(LL5, 1500)}`]: 1 });
      expect(counted['statsd_shop_orders']).toEqual({ prod: 5 });
      expect(counted['statsd_lines']).toEqual({ taken: 7, set: 1, event: 1 });
      const checkout = seen.find(({ name }) => name === 'statsd.shop_checkout')!;
      expect(checkout.fields.map(({ name, type }) => [name, type])).toEqual([
        ['host', 'string'],
        ['env', 'string'],
        ['route', 'string'],
        ['latency', 'time'],
      ]);
    });
  });

  it('weighs samples, unpacks values, filters, and counts nothing that is not asked for', async () => {
    await inWorld(async ({ driver, send, second }) => {
      const where = { op: 'eq', field: 'route', value: '/pay' } as const;
      await driver.enable(asked('statsd.t', { numeric: 'latency', grid: LL5, where }));
      await second();
      await send(
        't:1:2|ms|@0.1|#route:/pay\nt:3|ms|#route:/other\nt:4|ms\n',
        'u:1|ms',
        't:5|ms|@0.3|#route:/pay',
      );
      expect(await second()).toEqual({ statsd_t: { [ms(1)]: 10, [ms(2)]: 10, [ms(5)]: 3 } });
      // What was cut off is carried: 3.33 events each.
      await send('t:5|ms|@0.3|#route:/pay', 't:5|ms|@0.3|#route:/pay');
      expect(await second()).toEqual({ statsd_t: { [ms(5)]: 7 } });
      expect(await second()).toEqual({ statsd_t: {} });
    });
  });

  it('keeps a gauge where it stands, moves it by steps, and forgets it in the end', async () => {
    await inWorld(async ({ driver, clock, send, second }) => {
      await driver.enable(asked('statsd.queue', { by: ['q'], scope: 'point' }));
      await second();
      await send('queue:12.5|g|#q:a', 'queue:3|g|#q:b', 'queue:+4|g|#q:b');
      const stand = { statsd_queue: { a: 1250, b: 700 } };
      expect(await second()).toEqual(stand);
      expect(await second()).toEqual(stand);
      await send('queue:-7|g|#q:b');
      expect(await second()).toEqual({ statsd_queue: { a: 1250 } });
      await clock.jump(700_000);
      await second();
      expect(await second()).toEqual({ statsd_queue: {} });
    });
  });

  it('reads units from the ends of names, and keeps what a name was first', async () => {
    await inWorld(async ({ driver, send, second, seen, notes }) => {
      const by = { numeric: 'latency', grid: LL5 };
      await driver.enable(asked('statsd.job_seconds', by));
      await driver.enable(asked('statsd.load', { numeric: 'value', grid: LL5 }));
      await second();
      await send(
        'job.seconds:0.25|h',
        'job_seconds:3|ms',
        'load:0.5|d',
        'load:7|c',
        'load:9|ms',
        'datagrams:1|c',
      );
      const counted = await second();
      expect(counted['statsd_job_seconds']).toEqual({ [ms(250)]: 1, [ms(3)]: 1 });
      expect(counted['statsd_load']).toEqual({ [bucketIndex(LL5, 50)]: 1 });
      expect(seen.map(({ name }) => name)).toEqual([
        'statsd.job_seconds',
        'statsd.load',
        'statsd.datagrams_',
      ]);
      const told = notes.filter((note) => note.includes('not taken'));
      expect(told).toEqual([
        'statsd: 2 lines not taken (refused), the first was "load:7|c": it comes as |c, and was |d before',
      ]);
    });
  });

  it('tells lines that it cannot read, with the first of them', async () => {
    await inWorld(async ({ driver, send, second, notes }) => {
      await driver.enable(asked('statsd.lines', { by: ['outcome'] }));
      await second();
      await send('a:x|ms', 'b:1|ms\nnonsense');
      expect(await second()).toEqual({ statsd_lines: { malformed: 2, taken: 1 } });
      expect(notes.at(-1)).toBe(
        'statsd: 2 lines not taken (malformed), the first was "a:x|ms": value is "x", expected a number',
      );
    });
  });

  it('says a second only of what measured it whole', async () => {
    await inWorld(async ({ driver, send, second }) => {
      await driver.enable(asked('statsd.a'));
      expect(driver.states('statsd_a')[0]!.state).toEqual({ state: 'enabling' });
      await send('a:1|c');
      expect(await second()).toEqual({});
      await send('a:2|c');
      expect(await second()).toEqual({ statsd_a: { '': 2 } });
      expect(driver.states('statsd_a')[0]!.state).toMatchObject({ state: 'enabled' });
      await driver.disable('statsd_a');
      expect(await second()).toEqual({});
      expect(driver.sources()).toEqual([]);
    });
  });

  it('refuses an address that is taken, and says it', async () => {
    await inWorld(async ({ port, clock }) => {
      const other = new StatsdDriver({
        host: 'h',
        address: { host: '127.0.0.1', port },
        clock,
        random: () => 0,
      });
      const starting = other.start({ late: () => {}, offline: () => {}, note: () => {} });
      await expect(starting).rejects.toMatchObject({ code: 'SOCKET' });
      await other.close();
    });
  });
});
