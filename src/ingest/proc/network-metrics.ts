/** Metrics of the network: interfaces, TCP, UDP, sockets. A table, no behaviour. */
import type { Field } from '../../model/metric.ts';
import {
  SOCKET_PAGES,
  SOCKET_STATES,
  TCP_ESTABLISHED,
  TCP_EVENTS,
  TCP_SEGMENTS,
  UDP_EVENTS,
} from './network-files.ts';
import { NIC } from './text-files.ts';
import { BYTES, field, gain, inOrder, split, sum, things, type ProcMetric } from './proc-metric.ts';

const nic = field('nic', 'network interface');
const direction = field('direction');
const event = field('event');
const size = (name: string, label: string): Field => field(name, label, 'size');
const number = (name: string, label: string): Field => field(name, label, 'number');

type NicCounter = 'bytes' | 'packets' | 'errors' | 'drops';

function nicSum(counter: NicCounter, label: string): ProcMetric {
  return sum(`nic.${counter}`, {
    label,
    ...(counter === 'bytes' ? BYTES : { unit: counter }),
    fields: [nic, direction],
    from: 'nics',
    amounts: split('direction', { receive: NIC[`${counter}In`], transmit: NIC[`${counter}Out`] }),
  });
}

export const NETWORK_METRICS: readonly ProcMetric[] = [
  nicSum('bytes', 'network bytes'),
  nicSum('packets', 'network packets'),
  nicSum('errors', 'network errors'),
  nicSum('drops', 'network packets dropped'),
  things('nic.nics', {
    label: 'network interfaces by what they do in a second',
    unit: 'interfaces',
    fields: [
      nic,
      size('bytes', 'bytes'),
      size('bytes_read', 'bytes received'),
      size('bytes_write', 'bytes sent'),
      number('packets', 'packets'),
      number('packets_in', 'packets received'),
      number('packets_out', 'packets sent'),
    ],
    from: 'nics',
    present: [NIC.bytesIn],
    measured: {
      bytes: gain([NIC.bytesIn, NIC.bytesOut]),
      bytes_read: gain([NIC.bytesIn]),
      bytes_write: gain([NIC.bytesOut]),
      packets: gain([NIC.packetsIn, NIC.packetsOut]),
      packets_in: gain([NIC.packetsIn]),
      packets_out: gain([NIC.packetsOut]),
    },
  }),
  sum('tcp.events', {
    label: 'TCP events',
    unit: 'events',
    fields: [event],
    from: 'protocols',
    amounts: split('event', TCP_EVENTS),
  }),
  sum('tcp.segments', {
    label: 'TCP segments',
    unit: 'segments',
    fields: [direction],
    from: 'protocols',
    amounts: split('direction', TCP_SEGMENTS),
  }),
  sum(
    'tcp.connections',
    {
      label: 'TCP connections that are established',
      unit: 'connections',
      fields: [],
      from: 'protocols',
      amounts: [{ fields: {}, column: TCP_ESTABLISHED, scale: 1 }],
    },
    'level',
  ),
  sum('udp.events', {
    label: 'UDP datagrams and what went wrong with them',
    unit: 'events',
    fields: [event],
    from: 'protocols',
    amounts: split('event', UDP_EVENTS),
  }),
  sum(
    'socket.sockets',
    {
      label: 'sockets',
      unit: 'sockets',
      fields: [field('protocol'), field('state')],
      from: 'sockets',
      amounts: inOrder('state', SOCKET_STATES),
    },
    'level',
  ),
  sum(
    'socket.pages',
    {
      label: 'memory of sockets',
      unit: 'pages',
      fields: [field('protocol')],
      from: 'sockets',
      amounts: [{ fields: {}, column: SOCKET_PAGES, scale: 1 }],
    },
    'level',
  ),
];
