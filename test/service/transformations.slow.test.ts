/** Names of keys: reverse DNS against a server of our own on loopback, and tables from files. */
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/model/clock.ts';
import { LookupTable } from '../../src/service/transform/lookup-table.ts';
import { openTransformations } from '../../src/service/transform/open.ts';
import { ReverseDns } from '../../src/service/transform/reverse-dns.ts';
import { MovableClock, openHouse, START_SECOND } from './house.ts';

/** A server that names 10.0.0.N "host-N.test", and knows no other address. Counts what it is asked. */
class NameServer {
  readonly #socket: Socket = createSocket('udp4');
  asked = 0;

  async listen(): Promise<string> {
    this.#socket.on('message', (query, { port, address }) => {
      this.asked++;
      this.#socket.send(answerTo(query), port, address);
    });
    await new Promise<void>((resolve) => this.#socket.bind(0, '127.0.0.1', resolve));
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): void {
    this.#socket.close();
  }
}

function answerTo(query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const first = query.toString('latin1', 13, 13 + query[12]!);
  const isKnown = query.includes(Buffer.from('\x010\x010\x0210\x07in-addr', 'latin1'));
  const head = Buffer.from(query.subarray(0, end));
  head.writeUInt16BE(isKnown ? 0x8180 : 0x8183, 2);
  head.writeUInt16BE(isKnown ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  if (!isKnown) return head;
  const host = `host-${first}`;
  const name = Buffer.from(`${String.fromCharCode(host.length)}${host}\x04test\0`, 'latin1');
  const record = Buffer.from([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0, name.length]);
  return Buffer.concat([head, record, name]);
}

const server = new NameServer();
const resolver = new Resolver();
beforeAll(async () => resolver.setServers([await server.listen()]));
afterAll(() => server.close());

class Time {
  ms = 0;
  nowMs(): number {
    return this.ms;
  }
  sleep(): Promise<void> {
    throw new Error('nothing waits here');
  }
}

function dnsAt(time: Time, namesMax?: number): ReverseDns {
  return new ReverseDns(resolver, time as never, namesMax);
}

describe('reverse DNS', () => {
  it('answers at once, and knows the name the next time', async () => {
    const dns = dnsAt(new Time());
    expect(dns.named(['10.0.0.7', 'no address'])).toEqual({
      names: { 'no address': null },
      pending: ['10.0.0.7'],
    });
    await dns.settled();
    expect(dns.named(['10.0.0.7'])).toEqual({ names: { '10.0.0.7': 'host-7.test' }, pending: [] });
  });

  it('asks once for a name that lives, also for that there is none', async () => {
    const time = new Time();
    const dns = dnsAt(time);
    const addresses = ['10.0.0.8', '192.0.2.1'];
    dns.named([...addresses, ...addresses]);
    await dns.settled();
    const before = server.asked;
    expect(dns.named(addresses)).toEqual({
      names: { '10.0.0.8': 'host-8.test', '192.0.2.1': null },
      pending: [],
    });
    await dns.settled();
    expect(server.asked).toBe(before);
    time.ms = 7_200_000;
    // What is old is shown while it is asked for again.
    expect(dns.named(addresses).pending).toEqual([]);
    await dns.settled();
    expect(server.asked).toBe(before + 2);
  });

  it('forgets what was wanted longest ago, and asks for so many at a time', async () => {
    const dns = dnsAt(new Time(), 2);
    for (const address of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) {
      dns.named([address]);
      await dns.settled();
    }
    expect(dns.named(['10.0.0.3', '10.0.0.2', '10.0.0.1']).pending).toEqual(['10.0.0.1']);
    await dns.settled();
    const before = server.asked;
    dnsAt(new Time()).named(Array.from({ length: 100 }, (_, i) => `10.0.0.${i + 20}`));
    await expect.poll(() => server.asked).toBe(before + 32);
  });
});

describe('a lookup table', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-lookup-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const file = (text: string): string => {
    const path = join(directory, 'table.csv');
    writeFileSync(path, text);
    return path;
  };

  const open = (path: string, clock = new MovableClock(0), notices: string[] = []): LookupTable =>
    new LookupTable({ name: 'teams', path, clock, notice: (line) => void notices.push(line) });

  it('names values by the rows of a file', () => {
    const table = open(file('/cart,"Shop, cart"\r\n"/a ""b""",Odd\n\n'));
    expect(table.named(['/cart', '/a "b"', '/x'])).toEqual({
      names: { '/cart': 'Shop, cart', '/a "b"': 'Odd', '/x': null },
      pending: [],
    });
  });

  it('is read anew when the file changes, and goes on as it was where it cannot be', async () => {
    const clock = new MovableClock(0);
    const notices: string[] = [];
    const table = open(file('/cart,old\n'), clock, notices);
    const later = async (): Promise<unknown> => {
      clock.ms += 10_000;
      table.named([]);
      await table.settled();
      return table.named(['/cart']).names['/cart'];
    };
    file('/cart,"a new name"\n');
    expect(table.named(['/cart']).names['/cart']).toBe('old');
    expect(await later()).toBe('a new name');
    const path = file('no name\n');
    expect(await later()).toBe('a new name');
    expect(notices).toEqual([
      `Cannot read the lookup table "${path}": row 1 has 1 column, expected a value and its name; the one before goes on to answer`,
    ]);
    file('/cart,third\n');
    expect(await later()).toBe('third');
  });

  it('says what is wrong with a file', () => {
    expect(() => open(file('/cart\n'))).toThrow(/row 1 has 1 column, expected a value and its name$/);
    expect(() => open(join(directory, 'none.csv'))).toThrow(/Cannot read the lookup table/);
  });
});

describe('what the settings ask for', () => {
  it.each([
    ['teams', /expected NAME=FILE$/],
    ['dns=/dev/null', /"dns" is taken, expected another name$/],
  ])('refuses %s', (lookup, message) => {
    expect(() => openTransformations({ lookup: [lookup], geo: '' }, systemClock, () => {})).toThrow(message);
  });
});

/** When what it asks measures already. */
const SECOND = START_SECOND + 2;

describe('a statement that names keys', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tailglow-names-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('has the names in every form of its answer, those that had to be looked up the next time', async () => {
    const path = join(directory, 'shops.csv');
    writeFileSync(path, '10.0.0.7,till\n');
    const dns = new ReverseDns(resolver, systemClock);
    const house = await openHouse({
      transformations: [dns, new LookupTable({ name: 'shops', path, clock: systemClock, notice: () => {} })],
    });
    try {
      const id = await house.instrument('instrument http.requests by route, latency');
      await house.report(SECOND, id, { '10.0.0.7': [1e6, 2e6], '192.0.2.1': [3e6] });
      const from = new Date(SECOND * 1000).toISOString();
      const to = new Date((SECOND + 1) * 1000).toISOString();
      const ask = async (rest: string, accept: string) => {
        const q = `http.requests by route, latency from ${from} to ${to} ${rest}`;
        const reply = await house.gateway.inject({ url: '/api/v1/query', query: { q }, headers: { accept } });
        expect([reply.statusCode, reply.body]).toEqual([200, reply.body]);
        return reply;
      };
      const json = async (rest: string) =>
        (await ask(rest, 'application/json')).json() as Record<string, never[]>;

      const first = await json('name route by dns');
      expect(first['hues']).toMatchObject([
        { key: ['10.0.0.7'], names: [null] },
        { key: ['192.0.2.1'], names: [null] },
      ]);
      expect(first['notes']).toEqual([expect.stringContaining('2 names are still looked up')]);
      await dns.settled();
      const next = await json('name route by dns');
      expect(next['hues']).toMatchObject([
        { key: ['10.0.0.7'], names: ['host-7.test'] },
        { key: ['192.0.2.1'], names: [null] },
      ]);
      expect(next['notes']).toEqual([]);
      expect(next['alt']).toContain('host-7.test (10.0.0.7) 67 %');

      const shops = 'name route by shops';
      expect((await ask(shops, 'text/plain')).body).toContain('till (10.0.0.7) 2');
      expect((await ask(shops, 'text/csv')).body).toContain('\r\n'.concat(`${SECOND},`));
      expect((await ask(shops, 'text/csv')).body.split('\r\n')[0]).toBe(
        'second,low,high,route,route name,count',
      );
      expect((await ask(shops, 'text/csv')).body).toMatch(/,10\.0\.0\.7,till,/);
      const pictures = await Promise.all(
        ['', shops].map(async (rest) => (await ask(rest, 'image/png')).rawPayload),
      );
      expect(pictures[0]!.equals(pictures[1]!)).toBe(false);
      expect((await ask(`${shops} | top 1 by count`, 'application/jsonl')).body.split('\n')[0]).toBe(
        '{"route":"10.0.0.7","route name":"till","count":2}',
      );
      expect((await json(`${shops} | percentiles 50`))['series']).toMatchObject([
        { name: 'till (10.0.0.7) p50', names: ['till'] },
        { name: '192.0.2.1 p50', names: [null] },
      ]);
      const cell = await json(`${shops} | cell at ${from}`);
      expect(cell['rankings']).toMatchObject([
        { rows: [{ key: ['10.0.0.7'], names: ['till'] }, { names: [null] }] },
      ]);
      expect((await ask(`${shops} | cell at ${from}`, 'text/plain')).body).toContain('till (10.0.0.7)');
      expect(await json(`${shops} | diff route "10.0.0.7", "192.0.2.1"`)).toMatchObject({
        a: { label: 'till (10.0.0.7)' },
        b: { label: '192.0.2.1' },
      });
      const q = `explain http.requests by route, latency from ${from} to ${to} ${shops}`;
      const explained = await house.gateway.inject({ url: '/api/v1/query', query: { q } });
      expect(explained.json()).toMatchObject({ rows: expect.arrayContaining([['names', 'route by shops']]) });
    } finally {
      await house.close();
    }
  });

  it('is refused where there is no such name, field or value to show', async () => {
    const house = await openHouse({ transformations: [new ReverseDns(resolver, systemClock)] });
    const faults = async (text: string) => {
      const reply = await house.gateway.inject({
        method: 'POST',
        url: '/api/v1/query/check',
        payload: { q: text },
      });
      return (reply.json() as { diagnostics: { message: string }[] }).diagnostics.map(
        ({ message }) => message,
      );
    };
    expect(await faults('http.requests by route name route by dsn')).toEqual([
      'Cannot find the transformation "dsn": did you mean "dns"',
    ]);
    expect(
      await faults('http.requests by route, latency name route by dns, route by dns, latency by dns'),
    ).toEqual([
      'Cannot name "route" again: it is named once before',
      'Cannot name the values of "latency": it is numeric, and only values of a key have names',
    ]);
    expect(await faults('http.requests by route name method by dns')).toEqual([
      'Cannot name "method": the answer shows the values of "route"',
    ]);
    expect(await faults('http.requests by latency name route by dns | diff offset 1h')).toEqual([
      'Cannot name "route" here: two times against each other show no keys',
    ]);
    await house.close();
  });
});
