/** Parsers of the kernel's text files: text in, readings out. Pure. A line that has another form than expected is
 *  left out, so that a newer kernel's additions do no harm. Values are in the file's own units: a counter in ns
 *  would soon leave the integers that a double holds, so what it gained is scaled and not the counter. */
import type { Reading } from './counters.ts';

const CPU_MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;
const PSI_KINDS = ['some', 'full'];
const LOAD_WINDOWS = ['1m', '5m', '15m'];

/** /proc/stat: time by CPU and mode, in ticks. A guest's time is within user's and nice's. */
export function parseCpuTime(text: string): Reading[] {
  return lines(text).flatMap((line) => {
    const words = line.split(/\s+/);
    if (!/^cpu\d+$/.test(words[0]!)) return [];
    const cpu = words[0]!.slice(3);
    return CPU_MODES.flatMap((mode, i) => reading({ cpu, mode }, words[i + 1]));
  });
}

/** /proc/stat: the line `name` of one number. */
export function parseStatLine(text: string, name: 'ctxt' | 'processes'): Reading[] {
  const line = lines(text).find((l) => l.startsWith(`${name} `));
  return line === undefined ? [] : reading({}, line.split(' ')[1]);
}

/** The place of a disk's counters in its line of /proc/diskstats, from 0 after the name. */
const DISK_OPS = { read: 0, write: 4, discard: 11, flush: 15 };
const DISK_SECTORS = { read: 2, write: 6, discard: 13 };
const DISK_BUSY_MS = 9;

export function parseDiskOps(text: string): Reading[] {
  return diskReadings(text, DISK_OPS);
}

/** In sectors of 512 bytes, whatever the disk has. */
export function parseDiskSectors(text: string): Reading[] {
  return diskReadings(text, DISK_SECTORS);
}

/** Time in which a disk had something to do, in ms. */
export function parseDiskBusy(text: string): Reading[] {
  return disks(text).flatMap(({ disk, numbers }) => reading({ disk }, numbers[DISK_BUSY_MS]));
}

function diskReadings(text: string, places: Readonly<Record<string, number>>): Reading[] {
  return disks(text).flatMap(({ disk, numbers }) =>
    Object.entries(places).flatMap(([op, place]) => reading({ disk, op }, numbers[place])),
  );
}

/** Disks that do work of their own. Partitions (their name continues another disk's with a number), device
 *  mappers, arrays and loops would count the same work again; RAM disks do none. */
function disks(text: string): { disk: string; numbers: string[] }[] {
  const all = lines(text)
    .map((line) => line.split(/\s+/))
    .filter((words) => words.length >= 14 && !/^(loop|ram|zram|md|dm-)\d+$/.test(words[2]!))
    .map((words) => ({ disk: words[2]!, numbers: words.slice(3) }));
  const names = new Set(all.map((d) => d.disk));
  return all.filter(({ disk }) => {
    const parent = /^(.*\d)p\d+$/.exec(disk)?.[1] ?? /^(.*\D)\d+$/.exec(disk)?.[1];
    return parent === undefined || !names.has(parent);
  });
}

/** The place of a counter in a line of /proc/net/dev, from 0 after the colon: receive, transmit. */
const NIC_PLACES = { bytes: [0, 8], packets: [1, 9], errors: [2, 10], drops: [3, 11] } as const;

export function parseNic(text: string, counter: keyof typeof NIC_PLACES): Reading[] {
  const [receive, transmit] = NIC_PLACES[counter];
  return lines(text).flatMap((line) => {
    const [, nic, rest] = /^\s*(\S+):\s*(.*)$/.exec(line) ?? [];
    if (nic === undefined || rest === undefined) return [];
    const numbers = rest.trim().split(/\s+/);
    return [
      ...reading({ nic, direction: 'receive' }, numbers[receive]),
      ...reading({ nic, direction: 'transmit' }, numbers[transmit]),
    ];
  });
}

/** What is counted of TCP in /proc/net/snmp, by the name that it gets here. */
const TCP_EVENTS: Readonly<Record<string, string>> = {
  ActiveOpens: 'connect',
  PassiveOpens: 'accept',
  AttemptFails: 'connect_failed',
  EstabResets: 'reset',
  RetransSegs: 'retransmit',
  InErrs: 'bad_segment',
  OutRsts: 'reset_sent',
};

export function parseTcpEvents(text: string): Reading[] {
  const [names, values] = lines(text)
    .filter((line) => line.startsWith('Tcp: '))
    .map((line) => line.split(' '));
  if (names === undefined || values === undefined) return [];
  return names.flatMap((name, i) =>
    Object.hasOwn(TCP_EVENTS, name) ? reading({ event: TCP_EVENTS[name]! }, values[i]) : [],
  );
}

/** /proc/pressure/<resource>: time in which some task, or all, waited for it, in microseconds. */
export function parsePressure(text: string, resource: string): Reading[] {
  return lines(text).flatMap((line) => {
    const [, kind, total] = /^(\w+) .*\btotal=(\d+)$/.exec(line) ?? [];
    if (kind === undefined || !PSI_KINDS.includes(kind)) return [];
    return reading({ resource, kind }, total);
  });
}

/** /proc/loadavg, in hundredths. */
export function parseLoad(text: string): Reading[] {
  const words = text.split(' ');
  return LOAD_WINDOWS.flatMap((window, i) => {
    const [, whole, part] = /^(\d+)\.(\d\d)$/.exec(words[i] ?? '') ?? [];
    return whole === undefined || part === undefined ? [] : reading({ window }, whole + part);
  });
}

/** /proc/meminfo, as kinds that add up to the memory of the machine: what no other kind names is "other". */
export function parseMemory(text: string): Reading[] {
  const sizes = new Map(
    lines(text).flatMap((line): [string, number][] => {
      const [, name, kib] = /^(\w+):\s+(\d+) kB$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(kib) * 1024]];
    }),
  );
  const of = (name: string): number => sizes.get(name) ?? 0;
  if (!sizes.has('MemTotal')) return [];
  const kinds: Record<string, number> = {
    free: of('MemFree'),
    buffers: of('Buffers'),
    cached: Math.max(0, of('Cached') + of('SwapCached') - of('Shmem')),
    shared: of('Shmem'),
    anonymous: of('AnonPages'),
    slab: of('Slab'),
    kernel: of('KernelStack') + of('PageTables'),
  };
  const named = Object.values(kinds).reduce((sum, size) => sum + size, 0);
  kinds['other'] = Math.max(0, of('MemTotal') - named);
  return Object.entries(kinds).map(([kind, value]) => ({ fields: { kind }, value }));
}

/** How busy each CPU was, from what its modes gained: one reading a CPU, at its percentage. */
export function cpuBusy(gains: readonly Reading[]): Reading[] {
  const cpus = new Map<string, { busy: number; all: number }>();
  for (const { fields, value } of gains) {
    const sums = cpus.get(fields['cpu']!) ?? { busy: 0, all: 0 };
    sums.all += value;
    if (fields['mode'] !== 'idle' && fields['mode'] !== 'iowait') sums.busy += value;
    cpus.set(fields['cpu']!, sums);
  }
  return [...cpus].flatMap(([cpu, { busy, all }]) =>
    all === 0 ? [] : [{ fields: { cpu }, value: 1, at: { utilization: Math.round((100 * busy) / all) } }],
  );
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** None where the word is no counter. */
function reading(fields: Readonly<Record<string, string>>, word: string | undefined): Reading[] {
  return word === undefined || !/^\d+$/.test(word) ? [] : [{ fields, value: Number(word) }];
}
