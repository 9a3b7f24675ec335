/** Requests over HTTP/2, with Node's own servers and sessions in this process. */
import { once } from 'node:events';
import http2, {
  type ClientHttp2Session,
  type Http2Server,
  type Http2Stream,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { describe, expect, it } from 'vitest';
import { LL5 } from '../../../src/model/grid.ts';
import { asked } from '../asked.ts';
import type { Measuring } from '../../../src/ingest/node/measuring.ts';
import { nextSecond, sealedAll, start } from './measured.ts';

const SERVED = asked('http.requests', {
  by: ['route', 'method', 'status'],
  numeric: 'latency',
  grid: LL5,
});
const ASKED = asked('http.client', { by: ['peer', 'method', 'status'] });

/** Also where it is an error. */
const closed = (stream: Http2Stream): Promise<void> =>
  new Promise((resolve) => stream.on('close', () => resolve()));

interface Talk {
  readonly session: ClientHttp2Session;
  readonly peer: string;
  /** Until it is closed: how it ended. */
  readonly request: (path: string, headers?: Record<string, string>) => Promise<number>;
}

async function talking(server: Http2Server, use: (talk: Talk) => Promise<void>): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const peer = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const session = http2.connect(`http://${peer}`);
  const request = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
    const stream = session.request({ ':path': path, ...headers });
    stream.on('error', () => {});
    await closed(stream.resume());
    return stream.rstCode ?? 0;
  };
  try {
    await use({ session, peer, request });
  } finally {
    session.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Answers as its path says. */
function serve(stream: ServerHttp2Stream, path: string): void {
  stream.on('error', () => {});
  if (path === '/empty') stream.respond({ ':status': 204 }, { endStream: true });
  else if (path === '/reset') stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
  else if (path === '/file') stream.respondWithFile(new URL(import.meta.url).pathname);
  else if (path === '/trailers') {
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end('x');
  } else if (path === '/waits') {
    stream.respond({ ':status': 200 });
    stream.write('half');
  } else {
    stream.respond({ ':status': 201 });
    stream.end('x'.repeat(100_000));
  }
}

/** What both metrics count, added up until it is `expected`. */
async function countsBecome(measuring: Measuring, expected: Record<string, unknown>): Promise<void> {
  const all: Record<string, Record<string, number>> = {};
  await expect
    .poll(() => {
      for (const [id, { counts }] of sealedAll(measuring)) {
        const sums = (all[id] ??= {});
        for (const [key, count] of Object.entries(counts)) sums[key] = (sums[key] ?? 0) + count;
      }
      return all;
    })
    .toEqual(expected);
}

describe('requests over HTTP/2', () => {
  it('are counted once each, however they are answered, by both sides', async () => {
    const { measuring } = start();
    const server = http2.createServer();
    server.on('stream', (stream, headers) => serve(stream, headers[':path']!));
    await talking(server, async ({ request, session, peer }) => {
      await measuring.want([SERVED, ASKED]);
      await nextSecond(measuring);
      for (const path of ['/empty', '/file', '/trailers', '/users/1234', '/users/5678']) {
        expect([path, await request(path)]).toEqual([path, 0]);
      }
      await request('/reset', { ':method': 'PUT' });
      const cut = session.request({ ':path': '/waits' });
      cut.on('error', () => {});
      await once(cut, 'response');
      cut.close(http2.constants.NGHTTP2_CANCEL);
      await closed(cut);
      await countsBecome(measuring, {
        http_requests: {
          '/empty GET 204': 1,
          '/file GET 200': 1,
          '/trailers GET 200': 1,
          '/users/:id GET 201': 2,
          '/reset PUT 0': 1,
          '/waits GET 0': 1,
        },
        http_client: {
          [`${peer} GET 204`]: 1,
          [`${peer} GET 200`]: 3,
          [`${peer} GET 201`]: 2,
          [`${peer} PUT 0`]: 1,
        },
      });
    });
  });

  it('are counted by the routes of a framework', async () => {
    const { measuring } = start();
    const app = fastify({ http2: true });
    app.get('/:shop/cart', (_request, reply) => reply.code(202).send('ok'));
    await app.ready();
    await talking(app.server, async ({ request }) => {
      await measuring.want([SERVED]);
      await nextSecond(measuring);
      for (const path of ['/a/cart', '/b/cart', '/c/nothing']) await request(path);
      await countsBecome(measuring, {
        http_requests: { '/:shop/cart GET 202': 2, '/c/nothing GET 404': 1 },
      });
    });
    await app.close();
  });

  it('leave nothing in place when nobody measures', async () => {
    const { measuring } = start();
    const server = http2.createServer();
    const secure = http2.createSecureServer({});
    await talking(server, async ({ session }) => {
      const classes = [server, secure, session].map((one) => Object.getPrototypeOf(one) as object);
      const methods = (): unknown[] => [
        ...classes.map((one) => Object.getOwnPropertyDescriptor(one, 'emit')?.value as unknown),
        Object.getOwnPropertyDescriptor(classes[2]!, 'request')?.value as unknown,
      ];
      const untouched = methods();
      expect(untouched.slice(0, 3)).toEqual([undefined, undefined, undefined]);
      await measuring.want([SERVED, ASKED]);
      expect(methods().map((method, i) => method === untouched[i])).toEqual([false, false, true, false]);
      await measuring.want([]);
      expect(methods()).toEqual(untouched);
    });
  });
});
