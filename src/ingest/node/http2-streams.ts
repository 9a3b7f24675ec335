/** Sees the requests of Node's HTTP/2, of which it publishes nothing before Node 24: each stream that a server is asked
 *  on, and each that a client asks on. Owns: finding the classes, which Node does not export, and waiting until the
 *  program has loaded HTTP/2, as loading it takes milliseconds that a program without it need not pay. */
import { EventEmitter } from 'node:events';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  ServerHttp2Stream,
} from 'node:http2';
import { Duplex } from 'node:stream';
import type { OnFault } from './probe.ts';
import { tapMethod } from './tap.ts';

export interface Http2Watch {
  /** Begins where the program has loaded HTTP/2 since it was asked last. */
  look(): void;
  stop(): void;
}

export type TakeServed = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
export type TakeAsked = (stream: ClientHttp2Stream) => void;

/** Tells of each stream that a client opened, before the program hears of it. */
export function watchServedStreams(take: TakeServed, onFault: OnFault): Http2Watch {
  const onEmit = (_self: unknown, args: unknown[]): undefined => {
    if (args[0] === 'stream') take(args[1] as ServerHttp2Stream, args[2] as IncomingHttpHeaders);
  };
  return watch((http2) => {
    const classes = serverClasses(http2);
    const stops = classes.map((one) => tapMethod(one, 'emit', onEmit, onFault, EventEmitter.prototype));
    return () => {
      for (const stop of stops) stop();
    };
  });
}

/** Tells of each request, once it is made. */
export function watchAskedStreams(take: TakeAsked, onFault: OnFault): Http2Watch {
  return watch((http2) =>
    tapMethod(
      clientClass(http2),
      'request',
      (self) => {
        // What undici asks it publishes itself.
        if (isOfUndici(self as ClientHttp2Session)) return undefined;
        return {
          returned: (stream) => {
            try {
              take(stream as ClientHttp2Stream);
            } catch (error) {
              onFault(error);
            }
            return stream;
          },
          threw: () => {},
        };
      },
      onFault,
    ),
  );
}

type Http2 = ReturnType<typeof http2Module>;

function http2Module() {
  return process.getBuiltinModule('node:http2');
}

function watch(begin: (http2: Http2) => () => void): Http2Watch {
  let end: (() => void) | undefined;
  let stopped = false;
  const look = (): void => {
    if (end === undefined && !stopped && isLoaded()) end = begin(http2Module());
  };
  look();
  return {
    look,
    stop: () => {
      stopped = true;
      end?.();
    },
  };
}

/** Where Node does not say what is loaded, it may be. */
function isLoaded(): boolean {
  const { moduleLoadList } = process as { readonly moduleLoadList?: readonly string[] };
  return moduleLoadList?.includes('NativeModule http2') ?? true;
}

/** By servers that never listen. */
function serverClasses(http2: Http2): object[] {
  return [http2.createServer(), http2.createSecureServer({})].map(
    (server) => Object.getPrototypeOf(server) as object,
  );
}

/** By a session over nothing, ended before it says a word. */
function clientClass(http2: Http2): object {
  const nothing = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const session = http2.connect('http://localhost', { createConnection: () => nothing });
  session.on('error', () => {});
  session.destroy();
  return Object.getPrototypeOf(session) as object;
}

function isOfUndici(session: ClientHttp2Session): boolean {
  return Object.getOwnPropertySymbols(session).some(({ description }) => description === 'client');
}
