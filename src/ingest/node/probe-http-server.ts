/** The probe of requests that the program serves, with Node's own servers, HTTP/1 and HTTP/2: by the route that a
 *  framework names. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { Literal } from '../../model/predicate.ts';
import { type TakeServed, watchServedStreams } from './http2-streams.ts';
import { elapsedNs, guarded, listen, type Probe } from './probe.ts';
import { routeOfPath } from './route.ts';

const START = Symbol('tailglow.start');
const ROUTE = Symbol('tailglow.route');
const REQUEST = Symbol('tailglow.request');

interface Marked {
  [START]?: number | undefined;
  [ROUTE]?: string | undefined;
}

interface Request extends Marked {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly baseUrl?: unknown;
  readonly route?: unknown;
}

interface ServerMessage {
  readonly request: IncomingMessage & Request;
  readonly response: ServerResponse;
}

/** A request counts when its response is finished, or when its client has cut it off: then its status is 0. */
export const httpRequests: Probe = (fixed, emit, onFault) => {
  let request: Request;
  let status = 0;
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => {
    switch (field) {
      case 'latency':
        return latencyNs;
      case 'route':
        return (request[ROUTE] ??= expressRoute(request) ?? routeOfPath(request.url ?? ''));
      case 'method':
        return request.method ?? '';
      case 'status':
        return status;
      default:
        return fixed.get(field);
    }
  };
  let running = true;
  const end = (ended: Request, endedStatus: number): void => {
    const startMs = ended[START];
    if (startMs === undefined || !running) return;
    const endMs = performance.now();
    ended[START] = undefined;
    request = ended;
    status = endedStatus;
    latencyNs = elapsedNs(startMs, endMs);
    emit(endMs, read);
  };
  // One function for all requests; what is finished comes here too, and has ended before.
  function closed(this: ServerResponse): void {
    try {
      end(this.req, 0);
    } catch (error) {
      onFault(error);
    }
  }
  const served: TakeServed = (stream, headers) => {
    const asked: Request = { method: headers[':method'], url: headers[':path'], [START]: performance.now() };
    (stream as Carrier)[REQUEST] = asked;
    const finish = guarded(() => end(asked, statusOf(stream)), onFault);
    stream.once('finish', finish);
    stream.once('close', finish);
  };
  const http2 = watchServedStreams(served, onFault);
  const stop = listen(
    {
      'http.server.request.start': (message) => {
        const started = message as ServerMessage;
        started.request[START] = performance.now();
        started.response.on('close', closed);
      },
      'tracing:fastify.request.handler:start': (message) => {
        const { request: fastify } = message as FastifyMessage;
        const url = fastify?.routeOptions?.url;
        if (typeof url === 'string' && fastify?.raw !== undefined) named(fastify.raw)[ROUTE] = url;
      },
      'http.server.response.finish': (message) => {
        const finished = message as ServerMessage;
        end(finished.request, finished.response.statusCode);
      },
    },
    onFault,
  );
  return {
    flush: () => http2.look(),
    stop: () => {
      running = false;
      http2.stop();
      stop();
    },
  };
};

/** A stream of HTTP/2 that carries a request. */
type Carrier = ServerHttp2Stream & { [REQUEST]?: Request };

/** One that was cut off is written to its end too, but not in good order. */
function statusOf({ rstCode, sentHeaders }: ServerHttp2Stream): number {
  return rstCode === 0 ? Number(sentHeaders?.[':status'] ?? 0) : 0;
}

/** What is counted of a request as frameworks know it. */
function named(raw: Marked & { readonly stream?: Carrier }): Marked {
  return raw.stream?.[REQUEST] ?? raw;
}

interface FastifyMessage {
  readonly request?: {
    readonly raw?: Marked & { readonly stream?: Carrier };
    readonly routeOptions?: { readonly url?: unknown };
  };
}

/** Express has no channel, but leaves the matched route on the request. */
function expressRoute(request: Request): string | undefined {
  const { route, baseUrl } = request;
  if (typeof route !== 'object' || route === null || !('path' in route)) return undefined;
  if (typeof route.path !== 'string') return undefined;
  return (typeof baseUrl === 'string' ? baseUrl : '') + route.path;
}
