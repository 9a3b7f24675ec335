import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MEMORY_KINDS } from '../../../src/ingest/proc/memory-files.ts';
import { PROC_METRICS } from '../../../src/ingest/proc/metrics.ts';
import { parseMounts } from '../../../src/ingest/proc/mounts.ts';
import { TCP_EVENTS } from '../../../src/ingest/proc/network-files.ts';
import { parseProcess, PROCESS } from '../../../src/ingest/proc/processes.ts';
import { SampleBuilder } from '../../../src/ingest/proc/sample.ts';
import { Scanner } from '../../../src/ingest/proc/scanner.ts';
import { TEXT_SUBJECTS } from '../../../src/ingest/proc/subjects.ts';
import { CPU_MODES, DISK, NIC, STAT } from '../../../src/ingest/proc/text-files.ts';
import { FIELD_NAME, fieldOf, isNumeric, METRIC_NAME } from '../../../src/model/metric.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const kernels = ['linux-3.10', 'linux-6.18'];
const fixture = (kernel: string, name: string): string =>
  readFileSync(join(fixtures, kernel, 'proc', name), 'utf8');

type TextSubjectName = keyof typeof TEXT_SUBJECTS;
type Numbers = Record<string, number[]>;

/** The numbers of each thing, from the text of the subject's file `file`. */
function parsed(subject: TextSubjectName, text: string, file = 0): Numbers {
  const { columns, files } = TEXT_SUBJECTS[subject];
  const into = new SampleBuilder(columns);
  files[file]!.parse(new Scanner().over(Buffer.from(text)), into);
  return Object.fromEntries([...into.things].map(([key, { numbers }]) => [key, [...numbers]]));
}

const at = (numbers: Numbers, thing: string, column: number): number | undefined => numbers[thing]?.[column];

describe('the parsers of /proc', () => {
  it('read an old kernel with fewer columns', () => {
    const stat = parsed('stat', fixture('linux-3.10', 'stat'));
    const modes = (cpu: string): number[] => stat[cpu]!.slice(0, CPU_MODES.length);
    expect(modes('0')).toEqual([600, 10, 200, 4000, 30, 1, 1, Number.NaN]);
    expect(modes('1')).toEqual([400, 10, 100, 5000, 20, 0, 1, Number.NaN]);
    expect(at(stat, '', STAT.switches)).toBe(98765);
    expect(at(stat, '', STAT.forks)).toBe(4321);
    expect(Object.keys(stat).toSorted()).toEqual(['', '0', '1']);
  });

  it('count each disk once: no partitions, mappers, arrays, loops, and no line that is cut', () => {
    const disks = parsed('disks', fixture('linux-3.10', 'diskstats'));
    expect(Object.keys(disks)).toEqual(['sda', 'nvme0n1']);
    const read = (column: number): (number | undefined)[] =>
      ['sda', 'nvme0n1'].map((d) => at(disks, d, column));
    expect(read(DISK.reads)).toEqual([100, 11]);
    expect(read(DISK.writes)).toEqual([200, 22]);
    expect(read(DISK.sectorsRead)).toEqual([4000, 88]);
    expect(read(DISK.sectorsWritten)).toEqual([8000, 176]);
    expect(read(DISK.busyMs)).toEqual([120, 12]);
    expect(read(DISK.flushes)).toEqual([Number.NaN, Number.NaN]);
    expect(
      at(parsed('disks', fixture('linux-6.18', 'diskstats')), 'vda', DISK.flushes),
    ).toBeGreaterThanOrEqual(0);
  });

  it('read interfaces, also where the name touches the number', () => {
    const nics = parsed('nics', fixture('linux-3.10', 'net/dev'));
    const read = (nic: string): (number | undefined)[] =>
      [NIC.bytesIn, NIC.bytesOut].map((column) => at(nics, nic, column));
    expect(Object.keys(nics)).toEqual(['eth0', 'br-lan.1']);
    expect(read('eth0')).toEqual([4294967000, 777]);
    expect(read('br-lan.1')).toEqual([10, 20]);
    expect(at(nics, 'eth0', NIC.errorsOut)).toBe(3);
    expect(at(nics, 'eth0', NIC.dropsIn)).toBe(2);
    expect(at(nics, 'eth0', NIC.packetsIn)).toBe(1234);
  });

  it('read protocols by the names of their headers, also when these change', () => {
    const event = (numbers: Numbers, name: string): number | undefined => at(numbers, '', TCP_EVENTS[name]!);
    const real = parsed('protocols', fixture('linux-6.18', 'net/snmp'));
    for (const name of [
      'accept',
      'connect',
      'connect_failed',
      'reset',
      'reset_sent',
      'retransmit',
      'bad_segment',
    ])
      expect(event(real, name), name).toBeGreaterThanOrEqual(0);
    const odd = parsed('protocols', 'Tcp: RetransSegs toString ActiveOpens\nTcp: 5 6 7\n');
    expect([event(odd, 'retransmit'), event(odd, 'connect'), event(odd, 'accept')]).toEqual([
      5,
      7,
      Number.NaN,
    ]);
    const other = parsed('protocols', 'Tcp: ActiveOpens RetransSegs\nTcp: 8 9\n');
    expect([event(other, 'retransmit'), event(other, 'connect')]).toEqual([9, 8]);
    expect(parsed('protocols', 'Icmp: InMsgs\nIcmp: 5\n')).toEqual({});
    const extended = parsed('protocols', fixture('linux-6.18', 'net/netstat'), 1);
    expect(event(extended, 'listen_overflow')).toBeGreaterThanOrEqual(0);
    expect(event(extended, 'retransmit')).toBeNaN();
  });

  it('read sockets, softirqs and what the management of memory did', () => {
    const text =
      'sockets: used 30\nTCP: inuse 12 orphan 1 tw 8 alloc 13 mem 226\nUDP: inuse 2 mem 3\nRAW: inuse 0\n';
    const sockets = parsed('sockets', text);
    expect(sockets['tcp']).toEqual([12, 1, 8, 13, 226]);
    expect(sockets['udp']).toEqual([2, Number.NaN, Number.NaN, Number.NaN, 3]);
    const softirqs = parsed(
      'softirqs',
      '                    CPU0       CPU1\n   HI:  1 2\n NET_RX:  29897  31285\n',
    );
    expect(softirqs).toEqual({ 'hi 0': [1], 'hi 1': [2], 'net_rx 0': [29897], 'net_rx 1': [31285] });
    const vm = parsed('vm', 'pgfault 10\npgsteal_kswapd 3\npgsteal_direct 4\nnr_free_pages 5\n');
    expect(vm['']!.filter((value) => !Number.isNaN(value))).toEqual([10, 7]);
  });

  it('read pressure and load', () => {
    const text =
      'some avg10=7.76 avg60=2.01 avg300=0.75 total=10837705\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n';
    expect(parsed('pressure', text, 1)).toEqual({ io: [10837705, 12] });
    expect(parsed('load', fixture('linux-3.10', 'loadavg'))).toEqual({ '': [1234, 5, 10000] });
  });

  it('split memory into kinds that add up to all of it', () => {
    const kinds = (text: string): number[] => parsed('memory', text)['']!.slice(0, MEMORY_KINDS.length);
    expect(kinds(fixture('linux-3.10', 'meminfo'))).toEqual(
      [100, 10, 250, 50, 200, 40, 10, 1000 - 660].map((kib) => kib * 1024),
    );
    for (const kernel of kernels) {
      const text = fixture(kernel, 'meminfo');
      const total = Number(/MemTotal: +(\d+)/.exec(text)![1]) * 1024;
      expect(kinds(text).reduce((a, b) => a + b, 0)).toBe(total);
    }
  });

  it('read a process whatever its name is', () => {
    const line = (name: string): string =>
      `4242 (${name}) S 17 1 1 0 -1 4194560 100 9 3 9 140 139 361 24693 20 0 13 0 987 52240384 50 18446744073709551615\n`;
    fc.assert(
      fc.property(fc.string({ maxLength: 15 }), (name) => {
        const { start, fields, numbers } = parseProcess(line(name), 4096)!;
        expect([start, fields]).toEqual(['987', { execname: name, state: 'S', ppid: 17 }]);
        expect(numbers[PROCESS.user]).toBe(140);
        expect(numbers[PROCESS.system]).toBe(139);
        expect(numbers[PROCESS.minorFaults]).toBe(100);
        expect(numbers[PROCESS.majorFaults]).toBe(3);
        expect(numbers[PROCESS.threads]).toBe(13);
        expect(numbers[PROCESS.resident]).toBe(50 * 4096);
      }),
    );
    expect(parseProcess('4242 (cut) S 17 1', 4096)).toBeUndefined();
    expect(parseProcess('', 4096)).toBeUndefined();
  });

  it('read mounts with spaces and backslashes in their paths', () => {
    const mounts = parseMounts('/dev/sda1 /mnt/a\\040b\\134c ext4 rw,noatime 0 0\nnonsense\n');
    expect(mounts).toEqual([
      { device: '/dev/sda1', path: '/mnt/a b\\c', fstype: 'ext4', options: ['rw', 'noatime'] },
    ]);
  });

  it('make of any text counters or nothing, and no error', () => {
    const known = Object.entries(TEXT_SUBJECTS).flatMap(([, { files }]) => files);
    const texts = ['stat', 'diskstats', 'meminfo', 'net/dev', 'net/snmp', 'loadavg', 'pressure/io'].map(
      (name) => fixture('linux-6.18', name),
    );
    const mutated = fc
      .tuple(fc.constantFrom(...texts), fc.nat(4000), fc.string(), fc.nat(40))
      .map(([text, place, inserted, cut]) => text.slice(0, place) + inserted + text.slice(place + cut));
    fc.assert(
      fc.property(fc.oneof(fc.string(), mutated), (text) => {
        for (const { parse } of known) {
          const into = new SampleBuilder(20);
          parse(new Scanner().over(Buffer.from(text)), into);
          for (const { numbers } of into.things.values())
            for (const value of numbers) expect(Number.isNaN(value) || value >= 0).toBe(true);
        }
      }),
    );
  });
});

describe('the table of metrics', () => {
  it('describes each metric once, with the fields that are counted', () => {
    const names = PROC_METRICS.map(({ description }) => description.name);
    expect(new Set(names).size).toBe(names.length);
    for (const { description, counts } of PROC_METRICS) {
      expect(description.name).toMatch(METRIC_NAME);
      expect(description.fields[0]!.name).toBe('host');
      for (const { name } of description.fields) expect(name).toMatch(FIELD_NAME);
      const numeric = description.fields.filter(isNumeric).map(({ name }) => name);
      expect(numeric.toSorted()).toEqual(
        counts.kind === 'things' ? Object.keys(counts.measured).toSorted() : [],
      );
      if (counts.kind === 'things') continue;
      for (const { fields } of counts.amounts)
        for (const field of Object.keys(fields)) expect(fieldOf(description, field)).toBeDefined();
    }
  });
});
