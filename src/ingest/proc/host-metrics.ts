/** Metrics of the whole host: CPUs, pressure, load, memory, disks. A table, no behaviour. */
import type { Field } from '../../model/metric.ts';
import { MEMORY_KINDS, SWAP, VM_EVENTS } from './memory-files.ts';
import { CPU_MODES, DISK, LOAD_WINDOWS, PRESSURE, STAT } from './text-files.ts';
import { SECTOR_BYTES, TICK_NS } from './units.ts';
import {
  BYTES,
  SECONDS,
  field,
  gain,
  inOrder,
  percent,
  split,
  sum,
  things,
  total,
  type ProcMetric,
} from './proc-metric.ts';

const cpu = field('cpu', 'CPU');
const disk = field('disk');
const op = field('op', 'operation');
const event = field('event');
const kind = field('kind');
const size = (name: string, label: string): Field => field(name, label, 'size');
const time = (name: string, label: string): Field => field(name, label, 'time');
const number = (name: string, label: string): Field => field(name, label, 'number');
const utilization = field('utilization', 'utilization', 'percent');

const mode = (name: string): number => STAT.modes + CPU_MODES.indexOf(name as (typeof CPU_MODES)[number]);
const BUSY = ['user', 'nice', 'system', 'irq', 'softirq', 'steal'].map(mode);

export const CPU_METRICS: readonly ProcMetric[] = [
  sum('cpu.time', {
    label: 'CPU time',
    ...SECONDS,
    fields: [cpu, field('mode')],
    from: 'stat',
    amounts: inOrder('mode', CPU_MODES, TICK_NS),
  }),
  things('cpu.cpus', {
    label: 'CPUs by utilization',
    unit: 'CPUs',
    fields: [cpu, utilization],
    from: 'stat',
    present: BUSY,
    measured: { utilization: percent(BUSY, ['idle', 'iowait'].map(mode), true) },
  }),
  sum('cpu.switches', {
    label: 'context switches',
    unit: 'switches',
    fields: [],
    from: 'stat',
    amounts: [{ fields: {}, column: STAT.switches, scale: 1 }],
  }),
  sum('cpu.interrupts', {
    label: 'interrupts',
    unit: 'interrupts',
    fields: [],
    from: 'stat',
    amounts: [{ fields: {}, column: STAT.interrupts, scale: 1 }],
  }),
  sum('cpu.softirqs', {
    label: 'softirqs',
    unit: 'softirqs',
    fields: [cpu, field('softirq')],
    from: 'softirqs',
    amounts: [{ fields: {}, column: 0, scale: 1 }],
  }),
  sum('process.forks', {
    label: 'processes and threads created',
    unit: 'forks',
    fields: [],
    from: 'stat',
    amounts: [{ fields: {}, column: STAT.forks, scale: 1 }],
  }),
  sum('psi.stall', {
    label: 'time stalled for a resource',
    ...SECONDS,
    fields: [field('resource'), kind],
    from: 'pressure',
    amounts: split('kind', PRESSURE, 1000),
  }),
  sum(
    'load.average',
    {
      label: 'load average',
      unit: '',
      amount: 'hundredths',
      fields: [field('window')],
      from: 'load',
      amounts: inOrder('window', LOAD_WINDOWS),
    },
    'level',
  ),
];

const OPERATIONS = [DISK.reads, DISK.writes, DISK.discards, DISK.flushes];
const DISK_MS = [DISK.readMs, DISK.writeMs, DISK.discardMs, DISK.flushMs];
const MS_NS = 1_000_000;

export const DISK_METRICS: readonly ProcMetric[] = [
  sum('disk.ops', {
    label: 'disk operations',
    unit: 'operations',
    fields: [disk, op],
    from: 'disks',
    amounts: split('op', {
      read: DISK.reads,
      write: DISK.writes,
      discard: DISK.discards,
      flush: DISK.flushes,
    }),
  }),
  sum('disk.bytes', {
    label: 'disk bytes',
    ...BYTES,
    fields: [disk, op],
    from: 'disks',
    amounts: split(
      'op',
      { read: DISK.sectorsRead, write: DISK.sectorsWritten, discard: DISK.sectorsDiscarded },
      SECTOR_BYTES,
    ),
  }),
  sum('disk.time', {
    label: 'time that disk operations took',
    ...SECONDS,
    fields: [disk, op],
    from: 'disks',
    amounts: split(
      'op',
      { read: DISK.readMs, write: DISK.writeMs, discard: DISK.discardMs, flush: DISK.flushMs },
      MS_NS,
    ),
  }),
  sum('disk.busy', {
    label: 'time in which a disk was busy',
    ...SECONDS,
    fields: [disk],
    from: 'disks',
    amounts: [{ fields: {}, column: DISK.busyMs, scale: MS_NS }],
  }),
  things('disk.disks', {
    label: 'disks by what they do in a second',
    unit: 'disks',
    fields: [
      disk,
      number('iops', 'operations'),
      number('iops_read', 'reads'),
      number('iops_write', 'writes'),
      size('bytes', 'bytes'),
      size('bytes_read', 'bytes read'),
      size('bytes_write', 'bytes written'),
      time('busytime', 'time busy'),
      utilization,
      time('latency', 'mean latency'),
      field('queue', 'mean queue', 'hundredths'),
    ],
    from: 'disks',
    present: [DISK.reads],
    measured: {
      iops: gain(OPERATIONS),
      iops_read: gain([DISK.reads]),
      iops_write: gain([DISK.writes]),
      bytes: gain([DISK.sectorsRead, DISK.sectorsWritten], SECTOR_BYTES),
      bytes_read: gain([DISK.sectorsRead], SECTOR_BYTES),
      bytes_write: gain([DISK.sectorsWritten], SECTOR_BYTES),
      busytime: gain([DISK.busyMs], MS_NS),
      utilization: gain([DISK.busyMs], 1 / 10),
      latency: {
        columns: [...OPERATIONS, ...DISK_MS],
        gained: true,
        of: (gains) => (total(gains, DISK_MS) * MS_NS) / (total(gains, OPERATIONS) || Number.NaN),
      },
      // Milliseconds of waiting in a second, in hundredths of what waited on average.
      queue: gain([DISK.queueMs], 1 / 10),
    },
  }),
];

export const MEMORY_METRICS: readonly ProcMetric[] = [
  sum(
    'memory.bytes',
    { label: 'memory', ...BYTES, fields: [kind], from: 'memory', amounts: inOrder('kind', MEMORY_KINDS) },
    'level',
  ),
  sum(
    'memory.swap',
    { label: 'swap space', ...BYTES, fields: [kind], from: 'memory', amounts: split('kind', SWAP) },
    'level',
  ),
  sum('memory.events', {
    label: 'faults, swapping and reclaim',
    unit: 'events',
    fields: [event],
    from: 'vm',
    amounts: inOrder(
      'event',
      VM_EVENTS.map(({ event: name }) => name),
    ),
  }),
];
