/** The files of a cgroup, of version 1 and 2, and which hierarchy has them on a host. Pure. */
import type { Mount } from './mounts.ts';
import type { Scanner } from './scanner.ts';
import { TICK_NS } from './units.ts';

/** The first are counters: times in us, then bytes and operations; then the bytes of memory, and the tasks. */
export const CGROUP = {
  user: 0,
  system: 1,
  throttled: 2,
  bytesRead: 3,
  bytesWritten: 4,
  reads: 5,
  writes: 6,
  memory: 7,
  tasks: 8,
} as const;
export const CGROUP_COLUMNS = 9;
export const CGROUP_COUNTERS = 7;

type Parse = (text: Scanner, numbers: Float64Array) => void;

/** A file of each cgroup of a hierarchy, and the columns that it fills. */
interface CgroupFile {
  /** As version 1 mounts it. */
  readonly controller: string;
  readonly file: string;
  readonly columns: readonly number[];
  readonly parse: Parse;
  /** Its numbers are without the children's. */
  readonly isOwn: boolean;
}

export interface CgroupPart extends CgroupFile {
  readonly mountPoint: string;
}

const TICK_US = TICK_NS / 1000;
const TIMES = [CGROUP.user, CGROUP.system];
const IO = [CGROUP.bytesRead, CGROUP.bytesWritten, CGROUP.reads, CGROUP.writes];

function cgroupFile(controller: string, file: string, columns: readonly number[], parse: Parse): CgroupFile {
  return { controller, file, columns, parse, isOwn: false };
}

const tasks = cgroupFile('pids', 'pids.current', [CGROUP.tasks], single(CGROUP.tasks));
const BYTES_FILE = 'blkio.throttle.io_service_bytes';
const OPERATIONS_FILE = 'blkio.throttle.io_serviced';

const VERSION_1: readonly CgroupFile[] = [
  cgroupFile(
    'cpuacct',
    'cpuacct.stat',
    TIMES,
    named({ user: [CGROUP.user, TICK_US], system: [CGROUP.system, TICK_US] }),
  ),
  {
    ...cgroupFile('cpu', 'cpu.stat', [CGROUP.throttled], named({ throttled_time: [CGROUP.throttled, 1e-3] })),
    isOwn: true,
  },
  cgroupFile('memory', 'memory.usage_in_bytes', [CGROUP.memory], single(CGROUP.memory)),
  {
    ...cgroupFile('blkio', BYTES_FILE, IO.slice(0, 2), byDevice(CGROUP.bytesRead, CGROUP.bytesWritten)),
    isOwn: true,
  },
  {
    ...cgroupFile('blkio', OPERATIONS_FILE, IO.slice(2), byDevice(CGROUP.reads, CGROUP.writes)),
    isOwn: true,
  },
  tasks,
];

const VERSION_2: readonly CgroupFile[] = [
  cgroupFile(
    'cpuacct',
    'cpu.stat',
    TIMES,
    named({ user_usec: [CGROUP.user, 1], system_usec: [CGROUP.system, 1] }),
  ),
  {
    ...cgroupFile('cpu', 'cpu.stat', [CGROUP.throttled], named({ throttled_usec: [CGROUP.throttled, 1] })),
    isOwn: true,
  },
  cgroupFile('memory', 'memory.current', [CGROUP.memory], single(CGROUP.memory)),
  cgroupFile('blkio', 'io.stat', IO, parseIoStat),
  tasks,
];

/** A controller that version 1 has mounted is counted there, the others in version 2. */
export function partsOf(mounts: readonly Mount[]): CgroupPart[] {
  const unified = mounts.find(({ fstype }) => fstype === 'cgroup2')?.path;
  const mounted = (controller: string): string | undefined =>
    mounts.find(({ fstype, options }) => fstype === 'cgroup' && options.includes(controller))?.path;
  const first = VERSION_1.flatMap((file) => {
    const mountPoint = mounted(file.controller);
    return mountPoint === undefined ? [] : [{ ...file, mountPoint }];
  });
  if (unified === undefined) return first;
  const second = VERSION_2.filter(({ controller }) => mounted(controller) === undefined);
  return [...first, ...second.map((file) => ({ ...file, mountPoint: unified }))];
}

/** Lines of a name and a number, by the column and what one unit of it is in the column's. */
function named(columns: Readonly<Record<string, readonly [column: number, scale: number]>>): Parse {
  const entries = Object.entries(columns);
  return (text, numbers) => {
    while (text.nextLine()) {
      const name = text.word();
      for (const [known, [column, scale]] of entries) {
        if (known === name) numbers[column] = Math.round(text.number() * scale);
      }
    }
  };
}

function single(column: number): Parse {
  return (text, numbers) => {
    if (text.nextLine()) numbers[column] = text.number();
  };
}

/** `8:0 Read 4096`, summed over devices. None where nothing was read or written yet. */
function byDevice(read: number, write: number): Parse {
  return (text, numbers) => {
    numbers[read] = numbers[write] = 0;
    while (text.nextLine()) {
      text.skip();
      const operation = text.word();
      const column = operation === 'Read' ? read : operation === 'Write' ? write : undefined;
      if (column !== undefined) numbers[column]! += text.number() || 0;
    }
  };
}

const IO_STAT: Readonly<Record<string, number>> = {
  rbytes: CGROUP.bytesRead,
  wbytes: CGROUP.bytesWritten,
  rios: CGROUP.reads,
  wios: CGROUP.writes,
};

/** `8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..`, summed over devices. */
function parseIoStat(text: Scanner, numbers: Float64Array): void {
  for (const column of IO) numbers[column] = 0;
  while (text.nextLine()) {
    text.skip();
    for (let name = text.before('='); name !== undefined; name = text.before('=')) {
      const value = text.number();
      const column = Object.hasOwn(IO_STAT, name) ? IO_STAT[name] : undefined;
      if (column !== undefined) numbers[column]! += value || 0;
    }
  }
}
