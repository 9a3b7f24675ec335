/** Disks and TCP. What completes there does so in whatever task was on the CPU: whose it is, is taken where it began. */
import type { Host } from './host.ts';
import type { BpfMetric, Block, FieldSpec } from './metric.ts';
import { errnoNames, tableNames, tcpStateNames } from './names.ts';
import { openFile } from './open-file.ts';
import { discrete, integer, size, time } from './task-fields.ts';

const latency: FieldSpec = { field: time('latency'), kind: 'int' };
const SET_STATE = 'tracepoint:sock:inet_sock_set_state';
const TCP = 'args->protocol == 6';
const COST = 'about a microsecond for each';

/** An IPv4 address is shown as such where the kernel has it as IPv6. */
const shown = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');
const raddr: FieldSpec = { field: discrete('raddr', 'remote address'), kind: 'inet', shown };
const rport: FieldSpec = { field: integer('rport', 'remote port'), kind: 'int' };
const lport: FieldSpec = { field: integer('lport', 'local port'), kind: 'int' };
const peer = { raddr: 'ntop(args->daddr_v6)', rport: 'args->dport', lport: 'args->sport' } as const;
const NEED_STATE = { kind: 'tracepoint', name: 'sock/inet_sock_set_state' } as const;

export function ioMetrics(host: Host): readonly BpfMetric[] {
  return [
    diskIo(host),
    {
      description: host.describe(
        'tcp.connects',
        'TCP connections made, and tried in vain',
        'connections',
        COST,
      ),
      starts: [{ probe: SET_STATE, when: `args->newstate == 2 && ${TCP}`, key: 'args->skaddr', task: true }],
      ends: [
        {
          probe: SET_STATE,
          when: 'args->oldstate == 2',
          key: 'args->skaddr',
          values: { ...peer, outcome: '(args->newstate == 1 ? 0 : 1)' },
        },
      ],
      fields: {
        raddr,
        rport,
        outcome: {
          field: discrete('outcome'),
          kind: 'int',
          names: tableNames(
            'outcome',
            new Map([
              [0, 'connected'],
              [1, 'failed'],
            ]),
          ),
        },
        latency,
      },
      needs: [NEED_STATE],
    },
    {
      description: host.describe('tcp.accepts', 'TCP connections accepted', 'connections', COST),
      starts: [],
      ends: ['accept', 'accept4'].flatMap((call) => [accepted(call, 'inet'), accepted(call, 'inet6')]),
      fields: { raddr, rport, lport },
      needs: [{ kind: 'tracepoint', name: 'syscalls/sys_exit_accept4' }, { kind: 'btf' }],
    },
    {
      description: host.describe(
        'tcp.lifetimes',
        'TCP connections closed, by how long they lived',
        'connections',
        COST,
        false,
      ),
      starts: [{ probe: SET_STATE, when: `args->newstate == 1 && ${TCP}`, key: 'args->skaddr' }],
      ends: [{ probe: SET_STATE, when: 'args->newstate == 7', key: 'args->skaddr', values: peer }],
      fields: { raddr, rport, lport, latency: { ...latency, field: time('latency', 'lifetime') } },
      needs: [NEED_STATE],
    },
    {
      description: host.describe('tcp.retransmits', 'TCP segments sent again', 'segments', COST, false),
      starts: [],
      ends: [{ probe: 'tracepoint:tcp:tcp_retransmit_skb', values: { ...peer, state: 'args->state' } }],
      fields: { raddr, rport, lport, state: { field: discrete('state'), kind: 'int', names: tcpStateNames } },
      needs: [{ kind: 'tracepoint', name: 'tcp/tcp_retransmit_skb' }],
    },
  ];
}

/** Up to Linux 6.4 the tracepoints of block accounting are missing; those of requests stand in. */
function diskIo(host: Host): BpfMetric {
  const accounting = host.hasTracepoint('block/block_io_start');
  const [start, end] = accounting
    ? ['block_io_start', 'block_io_done']
    : ['block_rq_issue', 'block_rq_complete'];
  const begins: Block = {
    probe: `tracepoint:block:${start}`,
    key: 'args->dev, args->sector',
    task: true,
    prepare:
      '$o = 0; if (strncmp(args->rwbs, "R", 1) == 0) { $o = 1; } if (strncmp(args->rwbs, "W", 1) == 0) { $o = 2; } ' +
      'if (strncmp(args->rwbs, "D", 1) == 0) { $o = 3; } if (strncmp(args->rwbs, "F", 1) == 0) { $o = 4; }',
    values: {
      operation: '$o',
      size: 'args->bytes',
      offset: 'args->sector * 512',
    },
  };
  const operations = ['other', 'read', 'write', 'discard', 'flush'];
  return {
    description: host.describe(
      'disk.io',
      'disk operations, from when the kernel took them on',
      'operations',
      COST,
    ),
    starts: [begins],
    ends: [
      {
        probe: `tracepoint:block:${end}`,
        key: 'args->dev, args->sector',
        values: {
          disk: 'args->dev',
          ...(accounting ? {} : { error: '(args->error < 0 ? 0 - args->error : 0)' }),
        },
      },
    ],
    fields: {
      disk: { field: discrete('disk'), kind: 'int', names: host.names.disks },
      operation: {
        field: discrete('operation'),
        kind: 'int',
        names: tableNames('operation', new Map(operations.map((name, i) => [i, name]))),
      },
      ...(accounting ? {} : { error: { field: discrete('error'), kind: 'int' as const, names: errnoNames } }),
      latency,
      size: { field: size('size'), kind: 'int' },
      offset: { field: size('offset', 'offset on the disk'), kind: 'int' },
    },
    needs: [start, end].map((name) => ({ kind: 'tracepoint', name: `block/${name}` })),
  };
}

/** The socket of the descriptor that accept returned. The two families keep the address in places of their own. */
function accepted(call: string, family: 'inet' | 'inet6'): Block {
  return {
    probe: `tracepoint:syscalls:sys_exit_${call}`,
    when: 'args->ret >= 0',
    prepare: `${openFile('args->ret')} $k = ((struct socket *)kptr($f->private_data))->sk; $n = $k->__sk_common.skc_dport;`,
    check: `$k->__sk_common.skc_family == ${family === 'inet' ? 2 : 10}`,
    task: true,
    values: {
      raddr:
        family === 'inet'
          ? 'ntop($k->__sk_common.skc_daddr)'
          : 'ntop($k->__sk_common.skc_v6_daddr.in6_u.u6_addr8)',
      rport: '(($n >> 8) | (($n & 255) << 8))',
      lport: '$k->__sk_common.skc_num',
    },
  };
}
