/** The probe of requests that the program makes, by node:http, node:http2 and fetch. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { ClientHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import type { Literal } from '../../model/predicate.ts';
import { type TakeAsked, watchAskedStreams } from './http2-streams.ts';
import { elapsedNs, guarded, listen, type Listener, type Probe } from './probe.ts';

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

interface Http2Message {
  readonly request: Marked & { readonly stream: ClientHttp2Stream };
}

type Message = ClientMessage | UndiciMessage | Http2Message;

/** A request made counts when the head of its response is there, or when it failed: then its status is 0. */
export const httpClient: Probe = (fixed, emit, onFault) => {
  let running = true;
  let current: Message;
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
        return methodOf(current.request);
      case 'status':
        return status;
      default:
        return fixed.get(field);
    }
  };
  const start: Listener = (message) => {
    (message as UndiciMessage).request[START] = performance.now();
  };
  const end = (message: Message, endedStatus: unknown): void => {
    const startMs = message.request[START];
    if (startMs === undefined || !running) return;
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
  const asked: TakeAsked = (stream) => {
    const message: Http2Message = { request: { stream, [START]: performance.now() } };
    const finish = guarded((status?: unknown) => end(message, status), onFault);
    stream.once('response', (headers) => finish(headers[':status']));
    stream.once('close', () => finish());
  };
  const http2 = watchAskedStreams(asked, onFault);
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
  return {
    flush: () => http2.look(),
    stop: () => {
      running = false;
      http2.stop();
      stop();
    },
  };
};

function methodOf(request: Message['request']): string {
  const method = isOfHttp2(request) ? request.stream.sentHeaders?.[':method'] : request.method;
  return typeof method === 'string' ? method : '';
}

function isOfHttp2(request: Message['request']): request is Http2Message['request'] {
  return 'stream' in request;
}

function peerOf(request: Message['request']): string {
  if (isOfHttp2(request)) return String(request.stream.sentHeaders?.[':authority'] ?? '');
  if ('origin' in request) return String(request.origin).replace(/^https?:\/\//, '');
  const sent = request as ClientRequest;
  const named = sent.getHeader('host');
  return typeof named === 'string' ? named : sent.host;
}
