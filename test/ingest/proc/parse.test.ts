import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldsText, type Reading } from '../../../src/ingest/proc/counters.ts';
import { PROC_METRICS } from '../../../src/ingest/proc/metrics.ts';
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
} from '../../../src/ingest/proc/parse.ts';
import { FIELD_NAME, fieldOf, METRIC_NAME } from '../../../src/model/metric.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const kernels = ['linux-3.10', 'linux-6.18'];
const fixture = (kernel: string, name: string): string => readFileSync(join(fixtures, kernel, name), 'utf8');

/** {cpu: '0', mode: 'user'} as "0 user". */
const plain = (readings: readonly Reading[]): Record<string, number> =>
  Object.fromEntries(readings.map(({ fields, value }) => [Object.values(fields).join(' '), value]));

describe('the parsers of /proc', () => {
  it('read an old kernel with fewer columns', () => {
    expect(plain(parseCpuTime(fixture('linux-3.10', 'stat')))).toEqual({
      '0 user': 600,
      '0 nice': 10,
      '0 system': 200,
      '0 idle': 4000,
      '0 iowait': 30,
      '0 irq': 1,
      '0 softirq': 1,
      '1 user': 400,
      '1 nice': 10,
      '1 system': 100,
      '1 idle': 5000,
      '1 iowait': 20,
      '1 irq': 0,
      '1 softirq': 1,
    });
    expect(plain(parseStatLine(fixture('linux-3.10', 'stat'), 'ctxt'))).toEqual({ '': 98765 });
    expect(plain(parseStatLine(fixture('linux-3.10', 'stat'), 'processes'))).toEqual({ '': 4321 });
  });

  it('count each disk once: no partitions, mappers, arrays, loops, and no line that is cut', () => {
    const text = fixture('linux-3.10', 'diskstats');
    expect(plain(parseDiskOps(text))).toEqual({
      'sda read': 100,
      'sda write': 200,
      'nvme0n1 read': 11,
      'nvme0n1 write': 22,
    });
    expect(plain(parseDiskSectors(text))).toEqual({
      'sda read': 4000,
      'sda write': 8000,
      'nvme0n1 read': 88,
      'nvme0n1 write': 176,
    });
    expect(plain(parseDiskBusy(text))).toEqual({ sda: 120, nvme0n1: 12 });
    expect(Object.keys(plain(parseDiskOps(fixture('linux-6.18', 'diskstats')))).toSorted()).toEqual([
      'vda discard',
      'vda flush',
      'vda read',
      'vda write',
    ]);
  });

  it('read interfaces, also where the name touches the number', () => {
    const text = fixture('linux-3.10', 'net/dev');
    expect(plain(parseNic(text, 'bytes'))).toEqual({
      'eth0 receive': 4294967000,
      'eth0 transmit': 777,
      'br-lan.1 receive': 10,
      'br-lan.1 transmit': 20,
    });
    expect(plain(parseNic(text, 'errors'))['eth0 transmit']).toBe(3);
    expect(plain(parseNic(text, 'drops'))['eth0 receive']).toBe(2);
    expect(plain(parseNic(text, 'packets'))['eth0 receive']).toBe(1234);
  });

  it('read TCP by the names of its header', () => {
    const events = plain(parseTcpEvents(fixture('linux-6.18', 'net/snmp')));
    expect(Object.keys(events).toSorted()).toEqual([
      'accept',
      'bad_segment',
      'connect',
      'connect_failed',
      'reset',
      'reset_sent',
      'retransmit',
    ]);
    expect(plain(parseTcpEvents('Tcp: RetransSegs toString ActiveOpens\nTcp: 5 6 7\n'))).toEqual({
      retransmit: 5,
      connect: 7,
    });
    expect(parseTcpEvents('Udp: InDatagrams\nUdp: 5\n')).toEqual([]);
  });

  it('read pressure and load', () => {
    const text =
      'some avg10=7.76 avg60=2.01 avg300=0.75 total=10837705\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=12\n';
    expect(plain(parsePressure(text, 'io'))).toEqual({ 'io some': 10837705, 'io full': 12 });
    expect(plain(parseLoad(fixture('linux-3.10', 'loadavg')))).toEqual({ '1m': 1234, '5m': 5, '15m': 10000 });
  });

  it('split memory into kinds that add up to all of it', () => {
    expect(plain(parseMemory(fixture('linux-3.10', 'meminfo')))).toEqual({
      free: 102400,
      buffers: 10240,
      cached: 256000,
      shared: 51200,
      anonymous: 204800,
      slab: 40960,
      kernel: 10240,
      other: 1024 * (1000 - 660),
    });
    for (const kernel of kernels) {
      const text = fixture(kernel, 'meminfo');
      const total = Number(/MemTotal: +(\d+)/.exec(text)![1]) * 1024;
      expect(Object.values(plain(parseMemory(text))).reduce((a, b) => a + b, 0)).toBe(total);
    }
  });

  it('tell how busy each CPU was', () => {
    const gains = parseCpuTime('cpu0 50 0 25 20 5\ncpu1 0 0 0 100 0\ncpu2 0 0 0 0 0\n');
    expect(cpuBusy(gains)).toEqual([
      { fields: { cpu: '0' }, value: 1, at: { utilization: 75 } },
      { fields: { cpu: '1' }, value: 1, at: { utilization: 0 } },
    ]);
  });

  it('make of any text readings that are counters, and no error', () => {
    const parsers = PROC_METRICS.map((metric) => metric.parse);
    const words = fc.stringMatching(/^[a-zA-Z0-9:. =\n-]{0,60}$/);
    const broken = fc
      .tuple(
        fc.constantFrom('stat', 'diskstats', 'net/dev', 'net/snmp', 'meminfo', 'loadavg', 'pressure/io'),
        fc.nat(),
        words,
      )
      .map(([name, at, word]) => {
        const text = fixture('linux-6.18', name);
        const place = at % (text.length + 1);
        return text.slice(0, place) + word + text.slice(place + (at % 7));
      });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), words, broken), (text) => {
        for (const parse of parsers) {
          for (const { value } of parse(text, 'pressure/io'))
            expect(Number.isInteger(value) && value >= 0).toBe(true);
        }
      }),
    );
  });
});

describe('the metrics of /proc', () => {
  it.each(PROC_METRICS.map((metric) => [metric.description.name, metric] as const))(
    '%s names its fields, and fills no others',
    (name, { description, files, parse, between }) => {
      expect(name).toMatch(METRIC_NAME);
      for (const field of description.fields) expect(field.name).toMatch(FIELD_NAME);
      const sample = files.flatMap((file) => parse(fixture('linux-6.18', file), file));
      expect(sample.length).toBeGreaterThan(0);
      expect(new Set(sample.map(fieldsText)).size).toBe(sample.length);
      const later = sample.map((reading) => ({ ...reading, value: reading.value + 5 }));
      const counted = between === 'level' ? sample : between(sample, later);
      expect(counted.length).toBeGreaterThan(0);
      for (const { fields, at } of counted) {
        const filled = ['host', ...Object.keys(fields), ...Object.keys(at ?? {})];
        expect(filled.toSorted()).toEqual(description.fields.map((field) => field.name).toSorted());
        for (const field of filled) expect(fieldOf(description, field)).toBeDefined();
      }
    },
  );
});
