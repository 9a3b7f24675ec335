/** The probes by the name of their metric. */
import type { Probe } from './probe.ts';
import { dnsLookups } from './probe-dns.ts';
import { httpClient } from './probe-http-client.ts';
import { httpRequests } from './probe-http-server.ts';
import { netConnects, netSockets } from './probe-net.ts';
import { dbQueries } from './probe-queries.ts';
import { nodeGc, nodeLoop } from './probe-runtime.ts';

export const PROBES: ReadonlyMap<string, Probe> = new Map([
  ['http.requests', httpRequests],
  ['http.client', httpClient],
  ['db.queries', dbQueries],
  ['net.lookups', dnsLookups],
  ['net.connects', netConnects],
  ['net.sockets', netSockets],
  ['node.loop', nodeLoop],
  ['node.gc', nodeGc],
]);
