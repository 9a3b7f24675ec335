/** The probes of stream sockets, TCP and unix: how long connecting takes, and what a closed one lived and carried.
 *  Connecting is seen at Socket.prototype.connect, because the channels leave out what TLS and database drivers
 *  make; what is accepted, by its channel. Our own socket is none of the program's. */
import { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Literal } from '../../model/predicate.ts';
import { elapsedNs, errorText, listen, type OnFault, type Probe } from './probe.ts';
import { tapMethod } from './tap.ts';

/** Marks the socket to the instrumenter. */
export const OWN_SOCKET = Symbol('tailglow.own');

type Ended = Socket & { readonly errored?: unknown };

/** Tells of each socket that begins to connect, and to whom. */
function onConnecting(take: (socket: Ended, peer: string) => void, onFault: OnFault): () => void {
  return tapMethod(
    Socket.prototype,
    'connect',
    (self, args) => {
      if (self instanceof Socket && !(OWN_SOCKET in self)) take(self, peerOf(args));
      return undefined;
    },
    onFault,
  );
}

/** Of any form of arguments that connect takes; an array where net.connect has sorted them before. */
export function peerOf(args: readonly unknown[]): string {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  if (typeof first === 'object' && first !== null) {
    const { path, host, port } = first as { path?: unknown; host?: unknown; port?: unknown };
    return typeof path === 'string' ? path : addressText(host, port);
  }
  const isPort = typeof first === 'number' || /^\d+$/.test(String(first));
  return isPort ? addressText(second, first) : String(first);
}

function addressText(host: unknown, port: unknown): string {
  const name = typeof host === 'string' && host !== '' ? host : 'localhost';
  return `${name.includes(':') ? `[${name}]` : name}:${String(port)}`;
}

/** A socket that cannot connect counts when it is given up, with the error. */
export const netConnects: Probe = (fixed, emit, onFault) => {
  let peer = '';
  let error = '';
  let latencyNs = 0;
  const read = (field: string): Literal | undefined => {
    switch (field) {
      case 'latency':
        return latencyNs;
      case 'peer':
        return peer;
      case 'error':
        return error;
      default:
        return fixed.get(field);
    }
  };
  let running = true;
  const take = (socket: Ended, asked: string): void => {
    const startMs = performance.now();
    const end = (connected: boolean): void => {
      socket.off('connect', onConnect);
      socket.off('close', onClose);
      if (!running) return;
      const endMs = performance.now();
      peer = asked;
      error = connected ? '' : errorText(socket.errored) || 'closed';
      latencyNs = elapsedNs(startMs, endMs);
      try {
        emit(endMs, read);
      } catch (fault) {
        onFault(fault);
      }
    };
    const onConnect = (): void => end(true);
    const onClose = (): void => end(false);
    socket.on('connect', onConnect);
    socket.on('close', onClose);
  };
  const stopTap = onConnecting(take, onFault);
  return {
    flush: () => {},
    stop: () => {
      running = false;
      stopTap();
    },
  };
};

interface Life {
  readonly side: 'client' | 'server';
  readonly peer: string;
  readonly port: number;
  readonly startMs: number;
}

/** Counts a socket when it is closed; those that were open before the probe ran are not seen. */
export const netSockets: Probe = (fixed, emit, onFault) => {
  let life: Life;
  let ended: Ended;
  let lifetimeNs = 0;
  const read = (field: string): Literal | undefined => {
    switch (field) {
      case 'lifetime':
        return lifetimeNs;
      case 'side':
      case 'peer':
      case 'port':
        return life[field];
      case 'received':
        return ended.bytesRead;
      case 'sent':
        return ended.bytesWritten;
      case 'error':
        return errorText(ended.errored);
      default:
        return fixed.get(field);
    }
  };
  let running = true;
  const follow = (socket: Ended, of: Life): void => {
    socket.once('close', () => {
      if (!running) return;
      try {
        const endMs = performance.now();
        [life, ended, lifetimeNs] = [of, socket, elapsedNs(of.startMs, endMs)];
        emit(endMs, read);
      } catch (error) {
        onFault(error);
      }
    });
  };
  const stopTap = onConnecting((socket, peer) => {
    const port = Number(/:(\d+)$/.exec(peer)?.[1] ?? 0);
    follow(socket, { side: 'client', peer, port, startMs: performance.now() });
  }, onFault);
  const stopListening = listen(
    {
      'net.server.socket': (message) => {
        const { socket } = message as { readonly socket: Ended };
        const { remoteAddress = '', localPort = 0 } = socket;
        follow(socket, {
          side: 'server',
          peer: remoteAddress,
          port: localPort,
          startMs: performance.now(),
        });
      },
    },
    onFault,
  );
  return {
    flush: () => {},
    stop: () => {
      running = false;
      stopTap();
      stopListening();
    },
  };
};
