/** The probes of lookups and sockets, on real ones of this process. */
import dns, { lookup } from 'node:dns';
import { lookup as lookupPromise } from 'node:dns/promises';
import { createServer as createHttpServer, get } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, Socket } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { LL5 } from '../../../src/model/grid.ts';
import { asked } from '../asked.ts';
import { nextSecond, sealed, sealedAll, start } from './measured.ts';
import { OWN_SOCKET, peerOf } from '../../../src/ingest/node/probe-net.ts';

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const listening = async (server: Server): Promise<Server> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });

describe('name lookups', () => {
  it('are counted by name, kind and error, however they are asked; and nothing is left in place', async () => {
    const untouched = [dns.lookup, dns.promises.lookup, dns.resolve4, lookup];
    const { measuring } = start();
    await measuring.want([
      asked('net.lookups', { by: ['name', 'kind', 'error'], numeric: 'latency', grid: LL5 }),
    ]);
    await nextSecond(measuring);
    await new Promise((resolve) => dns.lookup('localhost', resolve));
    await dns.promises.lookup('localhost');
    await lookupPromise('localhost'); // the binding of an ES module
    expect(await promisify(dns.lookup)('localhost', { family: 4 })).toEqual({
      address: '127.0.0.1',
      family: 4,
    });
    const server = await listening(createHttpServer((_request, response) => response.end()));
    await new Promise((resolve) => {
      get({ host: 'localhost', family: 4, port: portOf(server), agent: false }, (response) => {
        response.resume().on('end', resolve);
      });
    });
    await new Promise((resolve) => server.close(resolve));
    await expect(dns.promises.lookup('no..name')).rejects.toThrow('ENOTFOUND');
    expect(() => dns.lookup('localhost', 5 as never)).toThrow('callback');
    expect(sealed(measuring, 'net_lookups')).toEqual({
      counts: { 'localhost lookup ': 5, 'no..name lookup ENOTFOUND': 1 },
      dropped: 0,
    });
    await measuring.want([]);
    expect([dns.lookup, dns.promises.lookup, dns.resolve4, lookup]).toEqual(untouched);
  });
});

describe('sockets', () => {
  it('are counted when they connect or fail to, and when they close, with what they carried', async () => {
    const { measuring } = start();
    const connecting = (): unknown => Object.getOwnPropertyDescriptor(Socket.prototype, 'connect')?.value;
    const untouched = connecting();
    await measuring.want([
      asked('net.connects', { by: ['peer', 'error'], numeric: 'latency', grid: LL5 }),
      asked('net.sockets', { by: ['side', 'error'], numeric: 'lifetime', grid: LL5 }),
      asked('net.sockets', {
        id: 'five',
        by: ['side'],
        where: { op: 'eq', field: 'received', value: 5 },
      }),
    ]);
    await nextSecond(measuring);
    const server = await listening(createServer((socket) => socket.end('12345')));
    const port = portOf(server);
    for (let i = 0; i < 3; i++) await closed(connect(port, '127.0.0.1'));
    await closed(connect({ port, host: '127.0.0.1' }));
    await closed(Object.assign(new Socket(), { [OWN_SOCKET]: true }).connect(port, '127.0.0.1'));
    await new Promise((resolve) => server.close(resolve));
    await closed(connect({ port, host: '127.0.0.1' }));
    const peer = `127.0.0.1:${port}`;
    const batches = sealedAll(measuring);
    expect(batches.get('net_connects')?.counts).toEqual({ [`${peer} `]: 4, [`${peer} ECONNREFUSED`]: 1 });
    expect(batches.get('net_sockets')?.counts).toEqual({
      'client ': 4,
      'client ECONNREFUSED': 1,
      'server ': 5,
    });
    expect(batches.get('five')?.counts).toEqual({ client: 4 });
    await measuring.want([]);
    expect(connecting()).toBe(untouched);
  });

  it('are named by whom they connect to, in every form of the arguments', () => {
    expect(peerOf([80])).toBe('localhost:80');
    expect(peerOf(['80', 'web'])).toBe('web:80');
    expect(peerOf([443, '::1', () => {}])).toBe('[::1]:443');
    expect(peerOf(['/run/x.sock'])).toBe('/run/x.sock');
    expect(peerOf([{ path: '/run/x.sock' }])).toBe('/run/x.sock');
    expect(peerOf([[{ port: 5432, host: 'db' }, null]])).toBe('db:5432');
  });
});
