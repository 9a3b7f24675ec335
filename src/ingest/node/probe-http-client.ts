/** The probe of requests that the program makes, by node:http and by fetch. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Literal } from '../../model/predicate.ts';
import { elapsedNs, listen, type Listener, type Probe } from './probe.ts';

const START = Symbol('tailglow.start');

interface Marked {
  [START]?: number | undefined;
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
export const httpClient: Probe = (fixed, emit, onFault) => {
  let current: ClientMessage | UndiciMessage;
  let peer: string | undefined;
  let status = 0;
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => {
    switch (field) {
      case 'latency':
        return latencyNs;
      case 'peer':
        return (peer ??= peerOf(current.request));
      case 'method':
        return typeof current.request.method === 'string' ? current.request.method : '';
      case 'status':
        return status;
      default:
        return fixed.get(field);
    }
  };
  const start: Listener = (message) => {
    (message as UndiciMessage).request[START] = performance.now();
  };
  const end = (message: ClientMessage | UndiciMessage, endedStatus: unknown): void => {
    const startMs = message.request[START];
    if (startMs === undefined) return;
    const endMs = performance.now();
    message.request[START] = undefined; // an error after the head is not another request
    current = message;
    peer = undefined;
    status = typeof endedStatus === 'number' ? endedStatus : 0;
    latencyNs = elapsedNs(startMs, endMs);
    emit(endMs, read);
  };
  const nodeEnd: Listener = (message) => {
    end(message as ClientMessage, (message as ClientMessage).response?.statusCode);
  };
  const undiciEnd: Listener = (message) => {
    end(message as UndiciMessage, (message as UndiciMessage).response?.statusCode);
  };
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

function peerOf(request: ClientMessage['request'] | UndiciMessage['request']): string {
  if ('origin' in request) return String(request.origin).replace(/^https?:\/\//, '');
  const sent = request as ClientRequest;
  const named = sent.getHeader('host');
  return typeof named === 'string' ? named : sent.host;
}
