/** The probes: how a metric's events are seen inside a running Node program. Owns: what is subscribed to, and the
 *  reading of each event's fields. Does not: count, know seconds.
 *  Invariants: nothing is subscribed while a probe is not started; a probe never throws into the program; an
 *  event builds no object: its fields are read on demand off one record that the next event overwrites. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { constants, performance, PerformanceObserver } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import type { FieldReader, Literal } from '../../model/predicate.ts';
import { routeOfPath } from './route.ts';

/** Takes an event that ended at a reading of performance.now(). Never throws. */
export type Emit = (endMs: number, read: FieldReader) => void;

export interface RunningProbe {
  /** Hands over what the runtime holds back. */
  flush(): void;
  stop(): void;
}

/** The values that are the same for all events of the program. */
export type FixedFields = ReadonlyMap<string, Literal>;
export type Probe = (fixed: FixedFields, emit: Emit, onFault: (error: unknown) => void) => RunningProbe;

const NS_PER_MS = 1e6;
const START = Symbol('tailglow.start');
const ROUTE = Symbol('tailglow.route');

interface Marked {
  [START]?: number | undefined;
  [ROUTE]?: string | undefined;
}

type Listener = (message: unknown) => void;

/** Subscribes all, or none; a listener that throws tells `onFault` and not the program. */
function listen(
  listeners: Readonly<Record<string, Listener>>,
  onFault: (error: unknown) => void,
): () => void {
  const guarded = Object.entries(listeners).map(([name, listener]): [string, Listener] => [
    name,
    (message) => {
      try {
        listener(message);
      } catch (error) {
        onFault(error);
      }
    },
  ]);
  for (const [name, listener] of guarded) subscribe(name, listener);
  return () => {
    for (const [name, listener] of guarded) unsubscribe(name, listener);
  };
}

interface ServerMessage {
  readonly request: IncomingMessage & Marked & { readonly baseUrl?: unknown; readonly route?: unknown };
  readonly response: ServerResponse;
}

/** A request counts when its response is finished; one that is cut off by its client is not seen. */
const httpRequests: Probe = (fixed, emit, onFault) => {
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
  const stop = listen(
    {
      'http.server.request.start': (message) => {
        (message as ServerMessage).request[START] = performance.now();
      },
      'tracing:fastify.request.handler:start': (message) => {
        const { request: fastify } = message as FastifyMessage;
        const url = fastify?.routeOptions?.url;
        if (typeof url === 'string' && fastify?.raw !== undefined) fastify.raw[ROUTE] = url;
      },
      'http.server.response.finish': (message) => {
        const finished = message as ServerMessage;
        const startMs = finished.request[START];
        if (startMs === undefined) return;
        const endMs = performance.now();
        request = finished.request;
        status = finished.response.statusCode;
        latencyNs = Math.round((endMs - startMs) * NS_PER_MS);
        emit(endMs, read);
      },
    },
    onFault,
  );
  return { flush: () => {}, stop };
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

interface ClientMessage {
  readonly request: ClientRequest & Marked;
  readonly response?: IncomingMessage;
}

interface UndiciMessage {
  readonly request: Marked & { readonly origin?: unknown; readonly method?: unknown };
  readonly response?: { readonly statusCode?: unknown };
}

/** A request made counts when the head of its response is there, or when it failed: then its status is 0. */
const httpClient: Probe = (fixed, emit, onFault) => {
  let peer: () => string;
  let method = '';
  let status = 0;
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => {
    switch (field) {
      case 'latency':
        return latencyNs;
      case 'peer':
        return peer();
      case 'method':
        return method;
      case 'status':
        return status;
      default:
        return fixed.get(field);
    }
  };
  let current: ClientMessage | UndiciMessage;
  const nodePeer = (): string => peerOf((current as ClientMessage).request);
  const undiciPeer = (): string =>
    String((current as UndiciMessage).request.origin).replace(/^https?:\/\//, '');
  const start: Listener = (message) => {
    (message as UndiciMessage).request[START] = performance.now();
  };
  const end = (
    message: ClientMessage | UndiciMessage,
    ended: { status: unknown; peer: () => string },
  ): void => {
    const startMs = message.request[START];
    if (startMs === undefined) return;
    const endMs = performance.now();
    message.request[START] = undefined; // an error after the head is not another request
    current = message;
    peer = ended.peer;
    method = typeof message.request.method === 'string' ? message.request.method : '';
    status = typeof ended.status === 'number' ? ended.status : 0;
    latencyNs = Math.round((endMs - startMs) * NS_PER_MS);
    emit(endMs, read);
  };
  const nodeEnd: Listener = (message) =>
    end(message as ClientMessage, {
      status: (message as ClientMessage).response?.statusCode,
      peer: nodePeer,
    });
  const undiciEnd: Listener = (message) =>
    end(message as UndiciMessage, {
      status: (message as UndiciMessage).response?.statusCode,
      peer: undiciPeer,
    });
  const stop = listen(
    {
      'http.client.request.start': start,
      'http.client.response.finish': nodeEnd,
      'http.client.request.error': nodeEnd,
      'undici:request:create': start,
      'undici:request:headers': undiciEnd,
      'undici:request:error': undiciEnd,
    },
    onFault,
  );
  return { flush: () => {}, stop };
};

function peerOf(request: ClientRequest): string {
  const named = request.getHeader('host');
  return typeof named === 'string' ? named : request.host;
}

/** A timer due every 20 ms: how late it comes is how long a request would have waited for the loop. */
const LOOP_INTERVAL_MS = 20;

const nodeLoop: Probe = (fixed, emit, onFault) => {
  let dueMs = performance.now() + LOOP_INTERVAL_MS;
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => (field === 'latency' ? latencyNs : fixed.get(field));
  const timer = setTimeout(() => {
    try {
      const nowMs = performance.now();
      latencyNs = Math.max(0, Math.round((nowMs - dueMs) * NS_PER_MS));
      emit(nowMs, read);
      dueMs = nowMs + LOOP_INTERVAL_MS;
      timer.refresh();
    } catch (error) {
      onFault(error);
    }
  }, LOOP_INTERVAL_MS).unref();
  return { flush: () => {}, stop: () => clearTimeout(timer) };
};

const GC_KINDS: ReadonlyMap<unknown, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weak callbacks'],
]);

interface GcEntry {
  readonly startTime: number;
  readonly duration: number;
  readonly detail?: unknown;
}

const nodeGc: Probe = (fixed, emit, onFault) => {
  let kind = '';
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => {
    if (field === 'latency') return latencyNs;
    return field === 'kind' ? kind : fixed.get(field);
  };
  const take = (entries: readonly GcEntry[]): void => {
    try {
      for (const entry of entries) {
        const detail = entry.detail as { readonly kind?: unknown } | undefined;
        kind = GC_KINDS.get(detail?.kind) ?? 'other';
        latencyNs = Math.round(entry.duration * NS_PER_MS);
        emit(entry.startTime + entry.duration, read);
      }
    } catch (error) {
      onFault(error);
    }
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  return { flush: () => take(observer.takeRecords()), stop: () => observer.disconnect() };
};

export const PROBES: ReadonlyMap<string, Probe> = new Map([
  ['http.requests', httpRequests],
  ['http.client', httpClient],
  ['node.loop', nodeLoop],
  ['node.gc', nodeGc],
]);
