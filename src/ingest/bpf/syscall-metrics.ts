/** System calls, and what they do to files. */
import type { BpfMetric, FieldSpec, Names } from './metric.ts';
import type { Host } from './host.ts';
import { errnoNames, tableNames } from './names.ts';
import { fileFields, fileValues, IS_REGULAR, openFile } from './open-file.ts';
import { syscallNames, syscallTable } from './syscalls.ts';
import { discrete, size, TEXT_BYTES, time } from './task-fields.ts';

const ENTER = 'tracepoint:raw_syscalls:sys_enter';
const EXIT = 'tracepoint:raw_syscalls:sys_exit';
const RAW = [
  { kind: 'tracepoint', name: 'raw_syscalls/sys_enter' },
  { kind: 'tracepoint', name: 'raw_syscalls/sys_exit' },
] as const;
const RAW_COST =
  'every system call on the machine takes 0.3 to 0.5 us longer, one that is counted 1 to 1.5 us; ends by itself ' +
  'where its instrumenter stands still';

const LATENCY: FieldSpec = { field: time('latency'), kind: 'int' };
const ERRNO: FieldSpec = { field: discrete('errno', 'error'), kind: 'int', names: errnoNames };
const errnoOf = (result: string): string => `(${result} < 0 ? 0 - ${result} : 0)`;

const READS = ['read', 'pread64', 'readv', 'preadv', 'preadv2'];
const WRITES = ['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'];
const RECEIVES = ['recvfrom', 'recvmsg'];
const SENDS = ['sendto', 'sendmsg', 'sendfile', 'copy_file_range', 'splice'];
const SYNCS = ['fsync', 'fdatasync'];
const POSITIONED = ['pread64', 'pwrite64', 'preadv', 'pwritev', 'preadv2', 'pwritev2'];

export function syscallMetrics(host: Host): readonly BpfMetric[] {
  const numbers = new Map([...syscallTable(host.arch)].map(([id, name]) => [name, id]));
  const any = (names: readonly string[]): string =>
    names
      .flatMap((name) => numbers.get(name) ?? [])
      .map((id) => `args->id == ${id}`)
      .join(' || ') || '0';
  return [
    {
      description: host.describe('syscall.ops', 'system calls', 'calls', RAW_COST),
      // These never return.
      starts: [
        {
          probe: ENTER,
          when: `!(${any(['exit', 'exit_group'])})`,
          key: 'tid',
          task: true,
          values: { syscall: 'args->id' },
        },
      ],
      ends: [
        { probe: EXIT, key: 'tid', task: true, values: { syscall: 'args->id', errno: errnoOf('args->ret') } },
      ],
      fields: {
        syscall: { field: discrete('syscall', 'system call'), kind: 'int', names: syscallNames(host.arch) },
        errno: ERRNO,
        latency: LATENCY,
      },
      needs: RAW,
      expensive: true,
    },
    {
      description: {
        ...host.describe('syscall.rw_bytes', 'bytes read and written by system calls', 'B', RAW_COST),
        amount: 'size',
      },
      starts: [],
      ends: [
        {
          probe: EXIT,
          when: `args->ret > 0 && (${any([...READS, ...WRITES, ...RECEIVES, ...SENDS])})`,
          task: true,
          values: { syscall: 'args->id', operation: 'args->id' },
        },
      ],
      amount: 'args->ret',
      fields: {
        syscall: { field: discrete('syscall', 'system call'), kind: 'int', names: syscallNames(host.arch) },
        operation: {
          field: discrete('operation'),
          kind: 'int',
          names: operationNames(numbers, { read: [...READS, ...RECEIVES], write: [...WRITES, ...SENDS] }),
        },
      },
      needs: [RAW[1]],
      expensive: true,
    },
    fsOps(host, numbers, any),
    fsSync(host),
    fsOpens(host),
  ];
}

/** One name for the system calls that do the same. */
function operationNames(
  numbers: ReadonlyMap<string, number>,
  operations: Readonly<Record<string, readonly string[]>>,
): Names {
  const table = new Map<number, string>();
  for (const [operation, calls] of Object.entries(operations)) {
    for (const call of calls) if (numbers.has(call)) table.set(numbers.get(call)!, operation);
  }
  return tableNames('operation', table);
}

function fsOps(
  host: Host,
  numbers: ReadonlyMap<string, number>,
  any: (names: readonly string[]) => string,
): BpfMetric {
  return {
    description: host.describe(
      'fs.ops',
      'operations on open files, as programs ask for them',
      'operations',
      RAW_COST,
    ),
    starts: [
      {
        probe: ENTER,
        when: any([...READS, ...WRITES, ...SYNCS]),
        prepare: openFile('args->args[0]'),
        check: IS_REGULAR,
        key: 'tid',
        task: true,
        values: {
          ...fileValues,
          operation: 'args->id',
          offset: `((${any(POSITIONED)}) ? (int64)args->args[3] : (int64)$f->f_pos)`,
        },
      },
    ],
    ends: [
      {
        probe: EXIT,
        key: 'tid',
        task: true,
        values: {
          operation: 'args->id',
          errno: errnoOf('args->ret'),
          size: `(args->ret > 0 ? args->ret : 0)`,
        },
      },
    ],
    fields: {
      operation: {
        field: discrete('operation'),
        kind: 'int',
        names: operationNames(numbers, { read: READS, write: WRITES, sync: SYNCS }),
      },
      errno: ERRNO,
      ...fileFields(host.names),
      latency: LATENCY,
      size: { field: size('size'), kind: 'int' },
      offset: { field: size('offset', 'offset in the file'), kind: 'int' },
    },
    needs: [...RAW, { kind: 'btf' }],
    expensive: true,
  };
}

function fsSync(host: Host): BpfMetric {
  const calls = ['fsync', 'fdatasync'];
  return {
    description: host.describe(
      'fs.fsync',
      'files synchronized to disk',
      'calls',
      'about a microsecond for each',
    ),
    starts: calls.map((call) => ({
      probe: `tracepoint:syscalls:sys_enter_${call}`,
      prepare: openFile('args->fd'),
      key: 'tid',
      task: true as const,
      values: fileValues,
    })),
    ends: calls.map((call, i) => ({
      probe: `tracepoint:syscalls:sys_exit_${call}`,
      key: 'tid',
      task: true as const,
      values: { operation: String(i), errno: errnoOf('args->ret') },
    })),
    fields: {
      operation: {
        field: discrete('operation'),
        kind: 'int',
        names: tableNames('operation', new Map(calls.map((call, i) => [i, call]))),
      },
      errno: ERRNO,
      ...fileFields(host.names),
      latency: LATENCY,
    },
    needs: [
      ...calls.map((call) => ({ kind: 'tracepoint' as const, name: `syscalls/sys_enter_${call}` })),
      { kind: 'btf' },
    ],
  };
}

function fsOpens(host: Host): BpfMetric {
  return {
    description: host.describe(
      'fs.opens',
      'files opened, by the path asked for',
      'calls',
      'about a microsecond for each',
    ),
    starts: [
      {
        probe: 'tracepoint:syscalls:sys_enter_openat',
        key: 'tid',
        task: true,
        save: { path: 'args->filename' },
      },
    ],
    ends: [
      {
        probe: 'tracepoint:syscalls:sys_exit_openat',
        key: 'tid',
        task: true,
        values: { path: 'str(uptr(@r_path[tid]))', errno: errnoOf('args->ret') },
      },
    ],
    fields: {
      path: { field: discrete('path'), kind: 'text', bytes: TEXT_BYTES },
      errno: ERRNO,
      latency: LATENCY,
    },
    needs: [{ kind: 'tracepoint', name: 'syscalls/sys_enter_openat' }],
  };
}
