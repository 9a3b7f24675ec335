/** The probe of requests that the program serves, with Node's own server: by the route that a framework names. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Literal } from '../../model/predicate.ts';
import { elapsedNs, listen, type Probe } from './probe.ts';
import { routeOfPath } from './route.ts';

const START = Symbol('tailglow.start');
const ROUTE = Symbol('tailglow.route');

interface Marked {
  [START]?: number | undefined;
  [ROUTE]?: string | undefined;
}

interface ServerMessage {
  readonly request: IncomingMessage & Marked & { readonly baseUrl?: unknown; readonly route?: unknown };
  readonly response: ServerResponse;
}

/** A request counts when its response is finished, or when its client has cut it off: then its status is 0. */
export const httpRequests: Probe = (fixed, emit, onFault) => {
  let request: ServerMessage['request'];
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
  const end = (ended: ServerMessage['request'], endedStatus: number): void => {
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
        if (typeof url === 'string' && fastify?.raw !== undefined) fastify.raw[ROUTE] = url;
      },
      'http.server.response.finish': (message) => {
        const finished = message as ServerMessage;
        end(finished.request, finished.response.statusCode);
      },
    },
    onFault,
  );
  return {
    flush: () => {},
    stop: () => {
      running = false;
      stop();
    },
  };
};

interface FastifyMessage {
  readonly request?: {
    readonly raw?: Marked;
    readonly routeOptions?: { readonly url?: unknown };
  };
}

/** Express has no channel, but leaves the matched route on the request. */
function expressRoute(request: ServerMessage['request']): string | undefined {
  const { route, baseUrl } = request;
  if (typeof route !== 'object' || route === null || !('path' in route)) return undefined;
  if (typeof route.path !== 'string') return undefined;
  return (typeof baseUrl === 'string' ? baseUrl : '') + route.path;
}
