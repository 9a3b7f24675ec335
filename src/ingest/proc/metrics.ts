/** What /proc offers: each metric with the files it is read from and the way from their text to readings. A table,
 *  no behaviour. Field values beside the host's come from the parsers. */
import type { Field, MetricDescription } from '../../model/metric.ts';
import { gainedReadings, type Reading } from './counters.ts';
import {
  cpuBusy,
  parseCpuTime,
  parseDiskBusy,
  parseDiskOps,
  parseDiskSectors,
  parseLoad,
  parseMemory,
  parseNic,
  parsePressure,
  parseStatLine,
  parseTcpEvents,
} from './parse.ts';

export interface ProcMetric {
  readonly description: MetricDescription;
  /** Below /proc. Where one is missing the others are read; where all are, the metric cannot be had. */
  readonly files: readonly string[];
  readonly parse: (text: string, file: string) => readonly Reading[];
  /** From one sample, or two of adjacent seconds, to what is counted. A level needs no sample before. */
  readonly between: ((before: readonly Reading[], now: readonly Reading[]) => readonly Reading[]) | 'level';
  /** What one unit of the file is in the metric's base unit. */
  readonly scale: number;
  /** Said where no file is there. */
  readonly absent?: string;
}

/** The kernel tells user space times in 1/100 s (USER_HZ) on every architecture that Node runs on. */
const TICK_NS = 10_000_000;

const host: Field = { name: 'host', label: 'host', type: 'string' };
const discrete = (name: string, label = name): Field => ({ name, label, type: 'string' });

function counter(
  name: string,
  label: string,
  unit: string,
  fields: readonly Field[],
  amount?: 'size' | 'time',
): MetricDescription {
  return {
    name,
    label,
    unit,
    ...(amount === undefined ? {} : { amount }),
    scope: 'interval',
    fields: [host, ...fields],
    cost: 'next to nothing: a file of /proc is read once a second',
  };
}

function level(description: MetricDescription): MetricDescription {
  return { ...description, scope: 'point' };
}

const cpu = discrete('cpu', 'CPU');
const disk = discrete('disk');
const op = discrete('op', 'operation');
const nic = [discrete('nic', 'network interface'), discrete('direction')];
const utilization: Field = { name: 'utilization', label: 'utilization', type: 'percent' };

function nicMetric(stat: 'bytes' | 'packets' | 'errors' | 'drops', label: string): ProcMetric {
  const unit = stat === 'bytes' ? 'B' : stat;
  return {
    description: counter(`nic.${stat}`, label, unit, nic, stat === 'bytes' ? 'size' : undefined),
    files: ['net/dev'],
    parse: (text) => parseNic(text, stat),
    between: gainedReadings,
    scale: 1,
  };
}

export const PROC_METRICS: readonly ProcMetric[] = [
  {
    description: counter('cpu.time', 'CPU time', 's', [cpu, discrete('mode')], 'time'),
    files: ['stat'],
    parse: parseCpuTime,
    between: gainedReadings,
    scale: TICK_NS,
  },
  {
    description: level(counter('cpu.cpus', 'CPUs by utilization', 'CPUs', [cpu, utilization])),
    files: ['stat'],
    parse: parseCpuTime,
    between: (before, now) => cpuBusy(gainedReadings(before, now)),
    scale: 1,
  },
  {
    description: counter('cpu.switches', 'context switches', 'switches', []),
    files: ['stat'],
    parse: (text) => parseStatLine(text, 'ctxt'),
    between: gainedReadings,
    scale: 1,
  },
  {
    description: counter('process.forks', 'processes and threads created', 'forks', []),
    files: ['stat'],
    parse: (text) => parseStatLine(text, 'processes'),
    between: gainedReadings,
    scale: 1,
  },
  {
    description: counter('disk.ops', 'disk operations', 'operations', [disk, op]),
    files: ['diskstats'],
    parse: parseDiskOps,
    between: gainedReadings,
    scale: 1,
  },
  {
    description: counter('disk.bytes', 'disk bytes', 'B', [disk, op], 'size'),
    files: ['diskstats'],
    parse: parseDiskSectors,
    between: gainedReadings,
    scale: 512,
  },
  {
    description: counter('disk.busy', 'time in which a disk was busy', 's', [disk], 'time'),
    files: ['diskstats'],
    parse: parseDiskBusy,
    between: gainedReadings,
    scale: 1_000_000,
  },
  nicMetric('bytes', 'network bytes'),
  nicMetric('packets', 'network packets'),
  nicMetric('errors', 'network errors'),
  nicMetric('drops', 'network packets dropped'),
  {
    description: counter('tcp.events', 'TCP events', 'events', [discrete('event')]),
    files: ['net/snmp'],
    parse: parseTcpEvents,
    between: gainedReadings,
    scale: 1,
  },
  {
    description: counter(
      'psi.stall',
      'time stalled for a resource',
      's',
      [discrete('resource'), discrete('kind')],
      'time',
    ),
    files: ['pressure/cpu', 'pressure/io', 'pressure/memory'],
    parse: (text, file) => parsePressure(text, file.slice('pressure/'.length)),
    between: gainedReadings,
    scale: 1000,
    absent: 'this kernel tells no pressure (it may need psi=1 at boot)',
  },
  {
    description: level({ ...counter('memory.bytes', 'memory', 'B', [discrete('kind')]), amount: 'size' }),
    files: ['meminfo'],
    parse: parseMemory,
    between: 'level',
    scale: 1,
  },
  {
    description: level({
      ...counter('load.average', 'load average', '', [discrete('window')]),
      amount: 'hundredths',
    }),
    files: ['loadavg'],
    parse: parseLoad,
    between: 'level',
    scale: 1,
  },
];
