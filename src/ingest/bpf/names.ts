/** Names of the kernel's small numbers: errors, signals, thread states, and so on. Tables, no behaviour. */
import { constants } from 'node:os';
import type { Names } from './metric.ts';

/** A number without a name is shown as a number, and may be asked for as one. */
export function tableNames(what: string, table: ReadonlyMap<number, string>): Names {
  const byName = new Map<string, number[]>();
  for (const [id, name] of table) byName.set(name, [...(byName.get(name) ?? []), id]);
  return {
    what,
    text: (id) => table.get(id) ?? String(id),
    ids: (text) => byName.get(text) ?? (/^\d{1,9}$/.test(text) ? [Number(text)] : []),
  };
}

/** What no error is called: a name, so that every comparison with it is true or false. */
export const NO_ERROR = 'none';

function constantsTable(values: Readonly<Record<string, number>>): Map<number, string> {
  const table = new Map<number, string>();
  // Of two names of one number (EAGAIN, EWOULDBLOCK) the first is the common one.
  for (const [name, id] of Object.entries(values)) if (!table.has(id)) table.set(id, name);
  return table;
}

/** What the kernel gives to itself, and never to a program: a call that is begun again. */
const RESTARTS: readonly (readonly [number, string])[] = [
  [512, 'ERESTARTSYS'],
  [513, 'ERESTARTNOINTR'],
  [514, 'ERESTARTNOHAND'],
  [516, 'ERESTART_RESTARTBLOCK'],
];

export const errnoNames: Names = tableNames(
  'error',
  new Map([[0, NO_ERROR], ...constantsTable(constants.errno), ...RESTARTS]),
);

export const signalNames: Names = tableNames(
  'signal',
  new Map([[0, 'none'], ...constantsTable(constants.signals as unknown as Record<string, number>)]),
);

/** include/linux/sched.h, as the sched_switch tracepoint has it. */
export const stateNames: Names = tableNames(
  'thread state',
  new Map([
    [0, 'runnable'],
    [256, 'preempted'],
    [1, 'sleeping'],
    [2, 'disk'],
    [4, 'stopped'],
    [8, 'traced'],
    [16, 'dead'],
    [32, 'zombie'],
    [64, 'parked'],
    [128, 'idle'],
  ]),
);

/** include/net/tcp_states.h. */
export const tcpStateNames: Names = tableNames(
  'TCP state',
  new Map(
    [
      'ESTABLISHED',
      'SYN_SENT',
      'SYN_RECV',
      'FIN_WAIT1',
      'FIN_WAIT2',
      'TIME_WAIT',
      'CLOSE',
      'CLOSE_WAIT',
      'LAST_ACK',
      'LISTEN',
      'CLOSING',
      'NEW_SYN_RECV',
    ].map((name, i) => [i + 1, name]),
  ),
);

/** include/linux/interrupt.h. */
export const softirqNames: Names = tableNames(
  'softirq',
  new Map(
    ['hi', 'timer', 'net_tx', 'net_rx', 'block', 'irq_poll', 'tasklet', 'sched', 'hrtimer', 'rcu'].map(
      (name, i) => [i, name],
    ),
  ),
);

/** What getaddrinfo returns, <netdb.h>. */
export const lookupErrorNames: Names = tableNames(
  'error',
  new Map([
    [0, NO_ERROR],
    [-1, 'EAI_BADFLAGS'],
    [-2, 'EAI_NONAME'],
    [-3, 'EAI_AGAIN'],
    [-4, 'EAI_FAIL'],
    [-5, 'EAI_NODATA'],
    [-6, 'EAI_FAMILY'],
    [-7, 'EAI_SOCKTYPE'],
    [-8, 'EAI_SERVICE'],
    [-10, 'EAI_MEMORY'],
    [-11, 'EAI_SYSTEM'],
    [-12, 'EAI_OVERFLOW'],
  ]),
);

/** include/uapi/linux/magic.h: what a file system says that it is. ext2 and ext3 say what ext4 does. */
export const fileSystemNames: Names = tableNames(
  'file system',
  new Map([
    [0xef53, 'ext4'],
    [0x58465342, 'xfs'],
    [0x9123683e, 'btrfs'],
    [0x2fc12fc1, 'zfs'],
    [0x01021994, 'tmpfs'],
    [0x858458f6, 'ramfs'],
    [0x794c7630, 'overlay'],
    [0x6969, 'nfs'],
    [0xff534d42, 'cifs'],
    [0x65735546, 'fuse'],
    [0xf2f52010, 'f2fs'],
    [0x73717368, 'squashfs'],
    [0x9660, 'iso9660'],
    [0x4d44, 'vfat'],
    [0xca451a4e, 'bcachefs'],
    [0x01021997, '9p'],
    [0x9fa0, 'proc'],
    [0x62656572, 'sysfs'],
    [0x63677270, 'cgroup2'],
    [0x27e0eb, 'cgroup'],
    [0x64626720, 'debugfs'],
    [0x74726163, 'tracefs'],
  ]),
);
