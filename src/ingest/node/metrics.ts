/** What the node driver offers, as both its sides know it: the probe inside a program and the server beside it. */
import type { Field, MetricDescription } from '../../model/metric.ts';

const host: Field = { name: 'host', label: 'host', type: 'string' };
const app: Field = { name: 'app', label: 'application', type: 'string' };
const pid: Field = { name: 'pid', label: 'process', type: 'integer' };
const method: Field = { name: 'method', label: 'method', type: 'string' };
const status: Field = { name: 'status', label: 'status', type: 'integer' };
const latency: Field = { name: 'latency', label: 'latency', type: 'time' };

export const NODE_METRICS: readonly MetricDescription[] = [
  {
    name: 'http.requests',
    label: 'HTTP requests served',
    unit: 'requests',
    scope: 'interval',
    fields: [host, app, pid, { name: 'route', label: 'route', type: 'string' }, method, status, latency],
    cost: 'a microsecond or two of CPU a request in the measured program; nothing while not enabled',
    costNs: 2000,
  },
  {
    name: 'http.client',
    label: 'HTTP requests made, to the head of the response',
    unit: 'requests',
    scope: 'interval',
    fields: [host, app, pid, { name: 'peer', label: 'peer', type: 'string' }, method, status, latency],
    cost: 'as much CPU a request as one served costs; nothing while not enabled',
    costNs: 2000,
  },
  {
    name: 'node.loop',
    label: 'event-loop delays, tried 50 times a second',
    unit: 'delays',
    scope: 'interval',
    fields: [host, app, pid, latency],
    cost: 'a timer that fires 50 times a second in the measured program',
  },
  {
    name: 'node.gc',
    label: 'garbage collections',
    unit: 'collections',
    scope: 'interval',
    fields: [host, app, pid, { name: 'kind', label: 'kind', type: 'string' }, latency],
    cost: 'next to nothing: an entry a collection in the measured program',
  },
];
