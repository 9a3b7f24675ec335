/** The text files of /proc that speak of the whole system, and the columns that each subject has. Parsers only, no
 *  behaviour: text in, numbers out. */
import type { Literal } from '../../model/predicate.ts';
import type { SampleBuilder } from './sample.ts';
import type { Scanner } from './scanner.ts';
import type { TextFiles } from './text-subject.ts';

const NO_FIELDS = (): Readonly<Record<string, Literal>> => ({});

/** Fills `numbers` from column `from` with the next `count` words of the line. */
function fill(text: Scanner, numbers: Float64Array, from: number, count: number): void {
  for (let i = from; i < from + count; i++) numbers[i] = text.number();
}

/** /proc/stat. The CPUs have their modes, in ticks (a guest's time is within user's and nice's); the thing '' has what is
 *  counted of all together. */
export const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;
export const STAT = { modes: 0, switches: 8, forks: 9, interrupts: 10 } as const;
const STAT_LINES = { ctxt: STAT.switches, processes: STAT.forks, intr: STAT.interrupts };

function parseStat(text: Scanner, into: SampleBuilder): void {
  while (text.nextLine()) {
    if (text.takes('cpu ')) continue; // all of them together
    if (text.takes('cpu')) {
      const cpu = text.number();
      if (Number.isNaN(cpu)) continue;
      const numbers = into.numbersOf(String(cpu), () => ({ cpu: String(cpu) }));
      fill(text, numbers, STAT.modes, CPU_MODES.length);
      continue;
    }
    for (const [name, column] of Object.entries(STAT_LINES)) {
      if (text.takes(`${name} `)) into.numbersOf('', NO_FIELDS)[column] = text.number();
    }
  }
}

export const STAT_FILES: TextFiles = {
  files: [{ name: 'stat', parse: parseStat }],
  columns: 11,
  counters: 11,
};

/** /proc/softirqs: a thing for each softirq on each CPU. */
function parseSoftirqs(text: Scanner, into: SampleBuilder): void {
  if (!text.nextLine()) return;
  const cpus: string[] = [];
  for (let word = text.word(); word.startsWith('CPU'); word = text.word()) cpus.push(word.slice(3));
  while (text.nextLine()) {
    const softirq = text.before(':')?.toLowerCase();
    if (softirq === undefined) continue;
    for (const cpu of cpus) {
      const count = text.number();
      if (Number.isNaN(count)) break;
      into.numbersOf(`${softirq} ${cpu}`, () => ({ softirq, cpu }))[0] = count;
    }
  }
}

export const SOFTIRQ_FILES: TextFiles = {
  files: [{ name: 'softirqs', parse: parseSoftirqs }],
  columns: 1,
  counters: 1,
};

/** /proc/diskstats: the columns are those of the file's line, after the name. */
export const DISK = {
  reads: 0,
  sectorsRead: 2,
  readMs: 3,
  writes: 4,
  sectorsWritten: 6,
  writeMs: 7,
  busyMs: 9,
  queueMs: 10,
  discards: 11,
  sectorsDiscarded: 13,
  discardMs: 14,
  flushes: 15,
  flushMs: 16,
} as const;
const DISK_COLUMNS = 17;
/** Fewer say nothing of time. */
const DISK_COLUMNS_MIN = 11;

/** Disks that do work of their own. Partitions (their name continues another disk's with a number), device mappers,
 *  arrays and loops would count the same work again; RAM disks do none. */
function parseDisks(text: Scanner, into: SampleBuilder): void {
  while (text.nextLine()) {
    text.skip(2);
    const disk = text.word();
    if (disk === '' || /^(loop|ram|zram|md|dm-)\d+$/.test(disk)) continue;
    const parent = /^(.*\d)p\d+$/.exec(disk)?.[1] ?? /^(.*\D)\d+$/.exec(disk)?.[1];
    if (parent !== undefined && into.things.has(parent)) continue;
    const numbers = into.numbersOf(disk, () => ({ disk }));
    fill(text, numbers, 0, DISK_COLUMNS);
    if (numbers.subarray(0, DISK_COLUMNS_MIN).some(Number.isNaN)) into.things.delete(disk);
  }
}

export const DISK_FILES: TextFiles = {
  files: [{ name: 'diskstats', parse: parseDisks }],
  columns: DISK_COLUMNS,
  counters: DISK_COLUMNS,
};

/** /proc/net/dev: the columns are those of the file's line, after the colon. */
export const NIC = {
  bytesIn: 0,
  packetsIn: 1,
  errorsIn: 2,
  dropsIn: 3,
  bytesOut: 8,
  packetsOut: 9,
  errorsOut: 10,
  dropsOut: 11,
} as const;
const NIC_COLUMNS = 16;

function parseNics(text: Scanner, into: SampleBuilder): void {
  while (text.nextLine()) {
    const nic = text.before(':');
    if (nic !== undefined)
      fill(
        text,
        into.numbersOf(nic, () => ({ nic })),
        0,
        NIC_COLUMNS,
      );
  }
}

export const NIC_FILES: TextFiles = {
  files: [{ name: 'net/dev', parse: parseNics }],
  columns: NIC_COLUMNS,
  counters: NIC_COLUMNS,
};

/** /proc/pressure: time in which some task, or all, waited for the resource, in microseconds. */
export const PRESSURE = { some: 0, full: 1 } as const;

function parsePressure(resource: string): (text: Scanner, into: SampleBuilder) => void {
  return (text, into) => {
    while (text.nextLine()) {
      const kind = text.word();
      if (kind !== 'some' && kind !== 'full') continue;
      text.skip(3);
      const total = text.word();
      if (!/^total=\d+$/.test(total)) continue;
      into.numbersOf(resource, () => ({ resource }))[PRESSURE[kind]] = Number(total.slice('total='.length));
    }
  };
}

export const PRESSURE_FILES: TextFiles = {
  files: ['cpu', 'io', 'memory'].map((resource) => ({
    name: `pressure/${resource}`,
    parse: parsePressure(resource),
  })),
  columns: 2,
  counters: 2,
  absent: 'this kernel tells no pressure',
};

/** /proc/loadavg, in hundredths. */
export const LOAD_WINDOWS = ['1m', '5m', '15m'] as const;

function parseLoad(text: Scanner, into: SampleBuilder): void {
  if (!text.nextLine()) return;
  for (const i of LOAD_WINDOWS.keys()) {
    const [, whole, part] = /^(\d+)\.(\d\d)$/.exec(text.word()) ?? [];
    if (whole !== undefined) into.numbersOf('', NO_FIELDS)[i] = Number(`${whole}${part}`);
  }
}

export const LOAD_FILES: TextFiles = {
  files: [{ name: 'loadavg', parse: parseLoad }],
  columns: LOAD_WINDOWS.length,
  counters: 0,
};
