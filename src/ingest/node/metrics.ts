/** What the node driver offers, as both its sides know it: the probe inside a program and the server beside it. */
import type { Field, MetricDescription } from '../../model/metric.ts';

const host: Field = { name: 'host', label: 'host', type: 'string' };
const app: Field = { name: 'app', label: 'application', type: 'string' };
const pid: Field = { name: 'pid', label: 'process', type: 'integer' };
const method: Field = { name: 'method', label: 'method', type: 'string' };
const status: Field = { name: 'status', label: 'status', type: 'integer' };
const latency: Field = { name: 'latency', label: 'latency', type: 'time' };

const peer: Field = { name: 'peer', label: 'peer', type: 'string' };
const error: Field = { name: 'error', label: 'error', type: 'string' };
/** Which program, and which thread of it: 0 is the main one. */
const program: readonly Field[] = [host, app, pid, { name: 'thread', label: 'thread', type: 'integer' }];

export const NODE_METRICS: readonly MetricDescription[] = [
  {
    name: 'http.requests',
    label: 'HTTP requests served',
    unit: 'requests',
    scope: 'interval',
    fields: [...program, { name: 'route', label: 'route', type: 'string' }, method, status, latency],
    cost: 'about 4 microseconds of CPU a request in the measured program; nothing while not enabled',
    // What `npm run bench -- node-probe` says of whole programs.
    costNs: 4000,
  },
  {
    name: 'http.client',
    label: 'HTTP requests made, to the head of the response',
    unit: 'requests',
    scope: 'interval',
    fields: [...program, peer, method, status, latency],
    cost: 'as much is done a request as for one served, and it was not measured by itself; nothing while not enabled',
  },
  {
    name: 'db.queries',
    label: 'database queries made',
    unit: 'queries',
    scope: 'interval',
    fields: [
      ...program,
      { name: 'system', label: 'system', type: 'string' },
      peer,
      { name: 'database', label: 'database', type: 'string' },
      { name: 'query', label: 'query', type: 'string' },
      error,
      latency,
    ],
    cost: 'a few microseconds of CPU a query in the measured program; nothing while not enabled',
  },
  {
    name: 'net.lookups',
    label: 'name lookups',
    unit: 'lookups',
    scope: 'interval',
    fields: [
      ...program,
      { name: 'name', label: 'name', type: 'string' },
      { name: 'kind', label: 'kind', type: 'string' },
      error,
      latency,
    ],
    cost: 'a microsecond or two of CPU a lookup in the measured program; nothing while not enabled',
  },
  {
    name: 'net.connects',
    label: 'connections made, name lookup included',
    unit: 'connections',
    scope: 'interval',
    fields: [...program, peer, error, latency],
    cost: 'a few microseconds of CPU a connection in the measured program; nothing while not enabled',
  },
  {
    name: 'net.sockets',
    label: 'sockets closed',
    unit: 'sockets',
    scope: 'interval',
    fields: [
      ...program,
      { name: 'side', label: 'side', type: 'string' },
      peer,
      { name: 'port', label: 'port', type: 'integer' },
      error,
      { name: 'lifetime', label: 'lifetime', type: 'time' },
      { name: 'received', label: 'received', type: 'size' },
      { name: 'sent', label: 'sent', type: 'size' },
    ],
    cost: 'a few microseconds of CPU a socket in the measured program; nothing while not enabled',
  },
  {
    name: 'node.loop',
    label: 'event-loop delays, tried 50 times a second',
    unit: 'delays',
    scope: 'interval',
    fields: [...program, latency],
    cost: 'a timer that fires 50 times a second in the measured program',
  },
  {
    name: 'node.gc',
    label: 'garbage collections',
    unit: 'collections',
    scope: 'interval',
    fields: [...program, { name: 'kind', label: 'kind', type: 'string' }, latency],
    cost: 'next to nothing: an entry a collection in the measured program',
  },
];
