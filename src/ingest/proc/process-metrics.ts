/** Metrics of processes, cgroups and file systems. A table, no behaviour. */
import type { Field } from '../../model/metric.ts';
import { CGROUP } from './cgroup-files.ts';
import { FILE_SYSTEM } from './file-systems.ts';
import { PROCESS } from './processes.ts';
import { TICK_NS } from './units.ts';
import {
  BYTES,
  SECONDS,
  field,
  gain,
  level,
  percent,
  split,
  sum,
  things,
  type ProcMetric,
} from './proc-metric.ts';

const op = field('op', 'operation');
const kind = field('kind');
const size = (name: string, label: string): Field => field(name, label, 'size');
const time = (name: string, label: string): Field => field(name, label, 'time');
const number = (name: string, label: string): Field => field(name, label, 'number');
const utilization = field('utilization', 'utilization', 'percent');

const PROCESS_FIELDS = [
  field('execname', 'program'),
  field('pid', 'process', 'integer'),
  field('ppid', 'parent', 'integer'),
  field('uid', 'user', 'integer'),
];
const CPU_TIME = [PROCESS.user, PROCESS.system];

export const PROCESS_METRICS: readonly ProcMetric[] = [
  things('process.processes', {
    label: 'processes',
    unit: 'processes',
    fields: [
      ...PROCESS_FIELDS,
      field('state'),
      size('rss', 'resident memory'),
      number('threads', 'threads'),
      time('cputime', 'CPU time in a second'),
      utilization,
    ],
    from: 'processes',
    present: [PROCESS.threads],
    measured: {
      rss: level([PROCESS.resident]),
      threads: level([PROCESS.threads]),
      cputime: gain(CPU_TIME, TICK_NS),
      utilization: gain(CPU_TIME),
    },
  }),
  sum('process.cpu_time', {
    label: 'CPU time of processes',
    ...SECONDS,
    fields: [...PROCESS_FIELDS, field('mode')],
    from: 'processes',
    amounts: split('mode', { user: PROCESS.user, system: PROCESS.system }, TICK_NS),
  }),
  sum('process.faults', {
    label: 'page faults of processes',
    unit: 'faults',
    fields: [...PROCESS_FIELDS, kind],
    from: 'processes',
    amounts: split('kind', { minor: PROCESS.minorFaults, major: PROCESS.majorFaults }),
  }),
  sum(
    'process.rss',
    {
      label: 'resident memory of processes',
      ...BYTES,
      fields: PROCESS_FIELDS,
      from: 'processes',
      amounts: [{ fields: {}, column: PROCESS.resident, scale: 1 }],
    },
    'level',
  ),
  sum(
    'process.threads',
    {
      label: 'threads',
      unit: 'threads',
      fields: PROCESS_FIELDS,
      from: 'processes',
      amounts: [{ fields: {}, column: PROCESS.threads, scale: 1 }],
    },
    'level',
  ),
];

const cgroup = [field('cgroup'), field('container')];
const US_NS = 1000;
const CGROUP_TIMES = [CGROUP.user, CGROUP.system];

export const CGROUP_METRICS: readonly ProcMetric[] = [
  sum('cgroup.cpu_time', {
    label: 'CPU time of cgroups, each without its children',
    ...SECONDS,
    fields: [...cgroup, field('mode')],
    from: 'cgroups',
    amounts: split('mode', { user: CGROUP.user, system: CGROUP.system }, US_NS),
  }),
  sum('cgroup.throttled', {
    label: 'time in which the CPU limit of a cgroup held it',
    ...SECONDS,
    fields: cgroup,
    from: 'cgroups',
    amounts: [{ fields: {}, column: CGROUP.throttled, scale: US_NS }],
  }),
  sum('cgroup.io_bytes', {
    label: 'bytes of block devices, by cgroup',
    ...BYTES,
    fields: [...cgroup, op],
    from: 'cgroups',
    amounts: split('op', { read: CGROUP.bytesRead, write: CGROUP.bytesWritten }),
  }),
  sum('cgroup.io_ops', {
    label: 'operations of block devices, by cgroup',
    unit: 'operations',
    fields: [...cgroup, op],
    from: 'cgroups',
    amounts: split('op', { read: CGROUP.reads, write: CGROUP.writes }),
  }),
  sum(
    'cgroup.memory',
    {
      label: 'memory of cgroups, each without its children',
      ...BYTES,
      fields: cgroup,
      from: 'cgroups',
      amounts: [{ fields: {}, column: CGROUP.memory, scale: 1 }],
    },
    'level',
  ),
  things('cgroup.cgroups', {
    label: 'cgroups, each without its children',
    unit: 'cgroups',
    fields: [
      ...cgroup,
      time('cputime', 'CPU time in a second'),
      utilization,
      time('throttled', 'time held by its limit'),
      size('memory', 'memory'),
      size('bytes_read', 'bytes read'),
      size('bytes_write', 'bytes written'),
      number('tasks', 'tasks'),
    ],
    from: 'cgroups',
    present: [CGROUP.user, CGROUP.memory],
    measured: {
      cputime: gain(CGROUP_TIMES, US_NS),
      utilization: gain(CGROUP_TIMES, 1 / 10_000),
      throttled: gain([CGROUP.throttled], US_NS),
      memory: level([CGROUP.memory]),
      bytes_read: gain([CGROUP.bytesRead]),
      bytes_write: gain([CGROUP.bytesWritten]),
      tasks: level([CGROUP.tasks]),
    },
  }),
];

const fileSystem = [field('mount', 'mount point'), field('device'), field('fstype', 'type')];
const { used, free, reserved, inodesUsed, inodesFree } = FILE_SYSTEM;

export const FILE_SYSTEM_METRICS: readonly ProcMetric[] = [
  sum(
    'fs.bytes',
    {
      label: 'space of file systems',
      ...BYTES,
      fields: [...fileSystem, kind],
      from: 'fileSystems',
      amounts: split('kind', { used, free, reserved }),
    },
    'level',
  ),
  sum(
    'fs.inodes',
    {
      label: 'inodes of file systems',
      unit: 'inodes',
      fields: [...fileSystem, kind],
      from: 'fileSystems',
      amounts: split('kind', { used: inodesUsed, free: inodesFree }),
    },
    'level',
  ),
  things('fs.filesystems', {
    label: 'file systems by how full they are',
    unit: 'file systems',
    fields: [
      ...fileSystem,
      size('size', 'size'),
      size('used', 'used'),
      size('free', 'free'),
      utilization,
      field('inode_utilization', 'inodes used', 'percent'),
    ],
    from: 'fileSystems',
    present: [used],
    measured: {
      size: level([used, free, reserved]),
      used: level([used]),
      free: level([free]),
      utilization: percent([used], [free]),
      inode_utilization: percent([inodesUsed], [inodesFree]),
    },
  }),
];
